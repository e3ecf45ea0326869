package query

import (
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// sumsSQL are the measures that every rollup has, summed over the rollup r, in the order of
// sums.destinations.
const sumsSQL = `sum(r.flows) AS answer_flows,
       sum(r.bytes_up) AS answer_bytes_up,
       sum(r.bytes_down) AS answer_bytes_down,
       sum(r.packets_up) AS answer_packets_up,
       sum(r.packets_down) AS answer_packets_down,
       sum(r.variance_low_up) AS answer_variance_low_up,
       sum(r.variance_low_down) AS answer_variance_low_down,
       sum(r.variance_high_up) AS answer_variance_high_up,
       sum(r.variance_high_down) AS answer_variance_high_down,
       sum(r.variance_packets_up) AS answer_variance_packets_up,
       sum(r.variance_packets_down) AS answer_variance_packets_down,
       max(r.sampling_interval_max) AS answer_sampling_interval_max,
       max(r.last_change) AS answer_last_change`

// sums are the measures of a row, and what its intervals are computed from.
type sums struct {
	flows                                  uint64
	bytesUp, bytesDown                     uint64
	packetsUp, packetsDown                 uint64
	varianceLowUp, varianceLowDown         float64 // bytes²
	varianceHighUp, varianceHighDown       float64 // bytes; times the largest packet: bytes²
	variancePacketsUp, variancePacketsDown float64
	samplingMax                            uint32
	lastChange                             time.Time
}

func (s *sums) destinations() []any {
	return []any{
		&s.flows, &s.bytesUp, &s.bytesDown, &s.packetsUp, &s.packetsDown,
		&s.varianceLowUp, &s.varianceLowDown, &s.varianceHighUp, &s.varianceHighDown,
		&s.variancePacketsUp, &s.variancePacketsDown, &s.samplingMax, &s.lastChange,
	}
}

func (s *sums) add(o *sums) {
	s.flows += o.flows
	s.bytesUp += o.bytesUp
	s.bytesDown += o.bytesDown
	s.packetsUp += o.packetsUp
	s.packetsDown += o.packetsDown
	s.varianceLowUp += o.varianceLowUp
	s.varianceLowDown += o.varianceLowDown
	s.varianceHighUp += o.varianceHighUp
	s.varianceHighDown += o.varianceHighDown
	s.variancePacketsUp += o.variancePacketsUp
	s.variancePacketsDown += o.variancePacketsDown
	s.samplingMax = max(s.samplingMax, o.samplingMax)
	if o.lastChange.After(s.lastChange) {
		s.lastChange = o.lastChange
	}
}

// up is what estimate takes of the bytes up, and down of those down.
func (s *sums) up() estimate.Sum {
	return estimate.Sum{Total: s.bytesUp, VarianceLow: s.varianceLowUp, VarianceHighPerByte: s.varianceHighUp}
}

func (s *sums) down() estimate.Sum {
	return estimate.Sum{Total: s.bytesDown, VarianceLow: s.varianceLowDown, VarianceHighPerByte: s.varianceHighDown}
}

// figures are the sums with their intervals. inForce is the largest sampling interval where something
// could have been seen, whether anything was or not.
func (s *sums) figures(largestPacket float64, inForce uint32) Figures {
	n := max(s.samplingMax, inForce)
	up, down := s.up(), s.down()
	return Figures{
		Flows: s.flows, BytesUp: s.bytesUp, BytesDown: s.bytesDown, PacketsUp: s.packetsUp, PacketsDown: s.packetsDown,
		BytesUpInterval:     estimate.Bytes(up.Total, up.VarianceLow, up.VarianceHighPerByte, n, largestPacket),
		BytesDownInterval:   estimate.Bytes(down.Total, down.VarianceLow, down.VarianceHighPerByte, n, largestPacket),
		PacketsUpInterval:   estimate.Packets(s.packetsUp, s.variancePacketsUp, n),
		PacketsDownInterval: estimate.Packets(s.packetsDown, s.variancePacketsDown, n),
	}
}

// zero is what may have been sent where nothing was observed, with sampling intervals up to inForce.
func zero(inForce uint32, largestPacket float64) UpperBound {
	return UpperBound{
		Bytes:   estimate.Bytes(0, 0, 0, inForce, largestPacket).High,
		Packets: estimate.Packets(0, 0, inForce).High,
	}
}

// shares sets the shares of cells that are the whole together.
func shares(cells []*cell, largestPacket float64, inForce uint32) {
	var all sums
	for _, c := range cells {
		all.add(&c.sums)
	}
	n := max(all.samplingMax, inForce)
	for _, c := range cells {
		c.out.ShareUp, c.out.ShareUpInterval = share(c.sums.up(), all.up(), n, largestPacket)
		c.out.ShareDown, c.out.ShareDownInterval = share(c.sums.down(), all.down(), n, largestPacket)
	}
}

// share is part/(part+rest) of two sums over different flows, which were sampled independently:
// estimate.Share has its interval from both. Where there is nothing to have a share of, it is 0.
func share(part, all estimate.Sum, n uint32, largestPacket float64) (float64, estimate.Interval) {
	if all.Total == 0 {
		return 0, estimate.Interval{}
	}
	rest := estimate.Sum{
		Total: all.Total - part.Total,
		// Rounding must not make what is left of a sum negative.
		VarianceLow:         max(0, all.VarianceLow-part.VarianceLow),
		VarianceHighPerByte: max(0, all.VarianceHighPerByte-part.VarianceHighPerByte),
	}
	return float64(part.Total) / float64(all.Total), estimate.Share(part, rest, n, largestPacket)
}

// groups are the cells of one bucket by what their shares are of.
func groups(cells []*cell, of []Dimension) [][]*cell {
	at := make(map[Key]int)
	var out [][]*cell
	for _, c := range cells {
		k := c.key.part(of)
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}
