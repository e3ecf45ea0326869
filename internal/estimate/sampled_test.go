package estimate

import (
	"math"
	"math/rand/v2"
)

// traffic is what was really sent past one exporter: runs of packets of one flow and one size.
type traffic struct {
	sampling uint32 // one packet in this many is seen
	runs     []run
	packets  uint64
	bytes    uint64
}

type run struct {
	flow    int
	size    uint64 // octets of each packet
	packets uint64
}

// Shares of the packet sizes of a flow, by what it does: uploads of full packets, acknowledgements,
// calls and messages, and a mixture with a few large among many small packets.
var kinds = []map[uint64]float64{
	{1500: 0.9, 576: 0.05, 52: 0.05},
	{40: 0.5, 52: 0.45, 1500: 0.05},
	{200: 0.7, 90: 0.2, 400: 0.1},
	{40: 0.9, 1500: 0.1},
}

// Sizes in the order in which they are drawn; a map has none.
var sizes = []uint64{40, 52, 90, 200, 400, 576, 1500}

// maxFlows bounds the flows of one exporter; there are then more packets in each.
const maxFlows = 500

// newTraffic returns flows with packets in total, whose lengths have the distribution of length.
func newTraffic(r *rand.Rand, sampling uint32, packets float64, length func(*rand.Rand) float64) traffic {
	t := traffic{sampling: sampling}
	var lengths []float64
	sum := 0.0
	for len(lengths) < maxFlows && (sum < packets || sum == 0) {
		l := length(r)
		lengths = append(lengths, l)
		sum += l
	}
	for flow, l := range lengths {
		kind := kinds[r.IntN(len(kinds))]
		left := uint64(max(1, math.Round(l*packets/sum)))
		n := left
		for _, size := range sizes {
			part := min(left, uint64(math.Ceil(kind[size]*float64(n))))
			if part > 0 {
				t.runs = append(t.runs, run{flow, size, part})
				t.packets += part
				t.bytes += part * size
				left -= part
			}
		}
	}
	return t
}

func pareto(r *rand.Rand) float64    { return 3 * math.Pow(1-r.Float64(), -1/1.2) }
func lognormal(r *rand.Rand) float64 { return math.Exp(1.5 + 2*r.NormFloat64()) }

// sums are what a rollup holds.
type sums struct {
	bytes, packets                          uint64
	varianceLow, varianceHigh, variancePkts float64
}

func (s *sums) sum() Sum { return Sum{s.bytes, s.varianceLow, s.varianceHigh} }

func (s *sums) interval(inForce uint32) Interval {
	return Bytes(s.bytes, s.varianceLow, s.varianceHigh, inForce, LargestPacket)
}

// observe adds what an exporter sees of the traffic that draws each packet with probability 1/N.
func (t *traffic) observe(r *rand.Rand, s *sums) {
	n := uint64(t.sampling)
	if n == 1 {
		s.bytes += t.bytes
		s.packets += t.packets
		return
	}
	log := math.Log1p(-1 / float64(n))
	skip := func() uint64 { return uint64(math.Log(1-r.Float64()) / log) } // geometric
	weight := float64(n) * float64(n-1)
	var octets, packets uint64
	flow := -1
	end := func() {
		if packets > 0 {
			s.bytes += n * octets
			s.packets += n * packets
			s.varianceLow += weight * float64(octets) * float64(octets) / float64(packets)
			s.varianceHigh += weight * float64(octets)
			s.variancePkts += weight * float64(packets)
		}
		octets, packets = 0, 0
	}
	next := skip() // packets until the next that is seen
	for _, run := range t.runs {
		if run.flow != flow {
			end()
			flow = run.flow
		}
		left := run.packets
		for next < left {
			octets += run.size
			packets++
			left -= next + 1
			next = skip()
		}
		next -= left
	}
	end()
}
