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

// Bytes returns the interval of a total of bytes.
//
// total is Σ N·B over the flows with B octets observed in P packets at 1 in N; varianceLow is
// Σ N(N−1)·B²/P, in bytes²; varianceHighPerByte is Σ N(N−1)·B, in bytes. Flows that were not sampled
// (N = 1) add to the total only. samplingMax is the largest N of them, or where total is 0 the largest
// N in force where something could have been seen; 0 and 1 mean that nothing was sampled.
// largestPacket is the size in octets that no packet exceeds; 0 means LargestPacket. Flows that show
// larger ones on average raise it.
func Bytes(total uint64, varianceLow, varianceHighPerByte float64, samplingMax uint32, largestPacket float64) Interval {
	if !(largestPacket > 0) {
		largestPacket = LargestPacket
	}
	if varianceHighPerByte > 0 {
		// Jumbo frames: a mean size above the setting refutes it.
		largestPacket = max(largestPacket, varianceLow/varianceHighPerByte)
	}
	return interval(total, max(varianceLow, largestPacket*varianceHighPerByte), varianceHighPerByte, samplingMax, largestPacket)
}

// Packets returns the interval of a total of packets. total is Σ N·P, variance Σ N(N−1)·P; the rest is
// as for Bytes.
func Packets(total uint64, variance float64, samplingMax uint32) Interval {
	return interval(total, variance, variance, samplingMax, 1)
}

// interval has the total, the variance of its sampled part, Σ N(N−1)·(what was observed), the largest
// N, and the largest thing that one observed packet can add.
func interval(total uint64, variance, high float64, samplingMax uint32, largest float64) Interval {
	y := float64(total)
	if samplingMax <= 1 {
		return Interval{y, y}
	}
	n := float64(samplingMax)
	weight := math.Sqrt(n*(n-1)) * largest
	if !(variance > 0) {
		return Interval{y, y + gammaQuantile(weight, weight*weight, upperTail)}
	}
	// How much of the total was sampled is not in the sums; Σ N(N−1)·B bounds it. The smaller the
	// sampled part of one variance, the more skewed the distribution: the upper end is computed with
	// the least that it can be. The lower end is lowest where all of the total was sampled.
	least := min(high/(n-1), y)
	return Interval{
		// What was seen was sent: at least a part in N.
		Low:  min(y, max(y/n, gammaQuantile(y, variance, lowerTail))),
		High: max(y, y-least+gammaQuantile(least+weight, variance+weight*weight, upperTail)),
	}
}

// Share returns the interval of the share part/(part+rest), between 0 and 1, from the intervals of
// both, which must come from different packets. The ends are those shares p for which the interval of
// (1−p)·part − p·rest has 0 at its end, the variances being recovered from the intervals (Zou and
// Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
// Medicine 27 (2008) 1693–1702).
func Share(part uint64, ofPart Interval, rest uint64, ofRest Interval) Interval {
	a, b := float64(part), float64(rest)
	return Interval{
		Low:  lowestShare(a, ofPart.Low, b, ofRest.High),
		High: 1 - lowestShare(b, ofRest.Low, a, ofPart.High),
	}
}

// lowestShare returns the lower end of a/(a+b), whose a is at least low and whose b at most high.
func lowestShare(a, low, b, high float64) float64 {
	if low <= 0 {
		return 0
	}
	// a − r·b = √((a − low)² + r²·(high − b)²) for the ratio r; the form below has no division by a
	// difference, and holds where high − b exceeds b.
	down, up := a*a-(a-low)*(a-low), b*b-(high-b)*(high-b)
	ratio := down / (a*b + math.Sqrt(max(0, a*a*b*b-down*up)))
	if math.IsInf(ratio, 1) || math.IsNaN(ratio) {
		return 1
	}
	return ratio / (1 + ratio)
}
