package aggregator

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// maxOrigins bounds the origins that are remembered for a partition: (collector, epoch) pairs, so a
// restart of a collector counts. Those used least lately are forgotten.
const maxOrigins = 200

// seen is what was counted of a partition up to some offset. Sources only rise in a partition, and
// so does the sequence of each origin; "not above the last one" therefore means "seen before".
type seen struct {
	source  int64    // highest offset of the source partition; -1: none
	origins []origin // the one used last comes last
}

type origin struct {
	id       uint64 // hash of collector and epoch
	sequence uint64
}

func newSeen() seen { return seen{source: -1} }

func (s *seen) clone() seen { return seen{s.source, slices.Clone(s.origins)} }

// add notes a batch of an origin. If it was seen before, add returns by what it is known. straight
// says that the batch was put back into this topic from the dead letters: its source is old and says
// nothing.
func (s *seen) add(id uint64, p *landfallv1.EnrichedBatch, straight bool) (duplicate string) {
	at := slices.IndexFunc(s.origins, func(o origin) bool { return o.id == id })
	// Whatever the sources up to the highest held of an origin is not above its last sequence. What
	// is above it comes from a topic that was made anew, whose offsets begin at 0 again.
	if !straight && p.Source.Offset <= s.source && (at < 0 || p.Origin.Sequence <= s.origins[at].sequence) {
		return reasonSource
	}
	if !straight {
		s.source = p.Source.Offset
	}
	if at < 0 {
		if len(s.origins) == maxOrigins {
			s.origins = slices.Delete(s.origins, 0, 1)
		}
		s.origins = append(s.origins, origin{id, p.Origin.Sequence})
		return ""
	}
	o := s.origins[at]
	if p.Origin.Sequence <= o.sequence {
		duplicate = reasonOrigin
	} else {
		o.sequence = p.Origin.Sequence
	}
	s.origins = append(slices.Delete(s.origins, at, at+1), o)
	return duplicate
}

// originID names the origin of a batch; mark is that of a message that is a dead letter replayed.
func originID(o *landfallv1.Origin, mark string) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(o.Collector) // a Digest does not fail
	var epoch [9]byte                 // the zero byte before it ends the name
	for i := range 8 {
		epoch[1+i] = byte(o.Epoch >> (8 * i))
	}
	_, _ = d.Write(epoch[:])
	_, _ = d.WriteString(mark)
	return d.Sum64()
}
