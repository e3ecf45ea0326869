package estimate

import "math"

// Level is the level of confidence of every interval here: two-sided, 2.5 % on each side.
const Level = 0.95

// LargestPacket is the largest IP packet of an access network, in octets, where nobody says otherwise.
const LargestPacket = 1500

// An Interval holds the true value in at least 95 % of the cases. Low ≤ estimate ≤ High; Low = High if
// nothing was sampled. The unit is that of the estimate.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Exact reports whether the value was counted and not estimated.
func (i Interval) Exact() bool { return i.Low == i.High }

// A Sum is what a rollup holds of the bytes of one direction. Sums add up field by field.
type Sum struct {
	Total               uint64  // Σ N·B over flows with B octets observed in P packets at 1 in N
	VarianceLow         float64 // Σ N(N−1)·B²/P, bytes²
	VarianceHighPerByte float64 // Σ N(N−1)·B, bytes; times the largest packet it is bytes²
}

// Bytes returns the interval of a total of bytes, which has the sums of Sum. Flows that were not
// sampled (N = 1) add to the total only.
//
// samplingMax is the largest N in force where something of the total could have been seen, whether
// anything was or not: an exporter at 1 in 10,000 that shows nothing may still have passed 55 MB. With
// the largest N of what was seen in its place, intervals cover too little where such an exporter carries
// little. 0 and 1 mean that nothing is sampled; the interval is then the total.
//
// largestPacket is the size in octets that no packet exceeds; 0 means LargestPacket. Flows that show
// larger ones on average raise it.
func Bytes(total uint64, varianceLow, varianceHighPerByte float64, samplingMax uint32, largestPacket float64) Interval {
	return Sum{total, varianceLow, varianceHighPerByte}.normal(samplingMax, largestPacket).hard()
}

// Packets returns the interval of a total of packets. total is Σ N·P, variance Σ N(N−1)·P; samplingMax
// is as for Bytes.
func Packets(total uint64, variance float64, samplingMax uint32) Interval {
	return sampled{total: float64(total), variance: variance, observed: variance, n: float64(samplingMax), largest: 1}.hard()
}

// sampled is a total in any unit.
type sampled struct {
	total    float64
	variance float64 // of its sampled part
	observed float64 // Σ N(N−1)·(what was observed)
	n        float64 // largest N
	largest  float64 // the most that one packet has
}

func (s Sum) normal(samplingMax uint32, largestPacket float64) sampled {
	if math.IsNaN(largestPacket) || largestPacket <= 0 {
		largestPacket = LargestPacket
	}
	if s.VarianceHighPerByte > 0 {
		// Jumbo frames: a mean size above the setting refutes it.
		largestPacket = max(largestPacket, s.VarianceLow/s.VarianceHighPerByte)
	}
	return sampled{
		total:    float64(s.Total),
		variance: max(s.VarianceLow, largestPacket*s.VarianceHighPerByte),
		observed: s.VarianceHighPerByte,
		n:        float64(samplingMax),
		largest:  largestPacket,
	}
}

// soft is the gamma interval.
func (s sampled) soft() Interval {
	if s.n <= 1 {
		return Interval{s.total, s.total}
	}
	// Such that nothing observed has the exact bound; √(N(N−1)) times the largest to within 2 %.
	weight := -s.largest / math.Log1p(-1/s.n)
	if s.variance <= 0 {
		return Interval{s.total, s.total + gammaQuantile(weight, weight*weight, upperTail)}
	}
	// How much of the total was sampled is not in the sums; Σ N(N−1)·B bounds it. The smaller the
	// sampled part of one variance, the more skewed the distribution: the upper end is computed with
	// the least that it can be. The lower end is lowest where all of the total was sampled.
	least := min(s.observed/(s.n-1), s.total)
	return Interval{
		Low:  min(s.total, gammaQuantile(s.total, s.variance, lowerTail)),
		High: max(s.total, s.total-least+gammaQuantile(least+weight, s.variance+weight*weight, upperTail)),
	}
}

// hard is the same, but not below what was seen itself.
func (s sampled) hard() Interval {
	i := s.soft()
	i.Low = max(i.Low, s.seen())
	return i
}

// seen is the least that was observed: at least a part in N.
func (s sampled) seen() float64 { return s.total / max(1, s.n) }
