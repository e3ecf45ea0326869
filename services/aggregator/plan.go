package aggregator

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// plan is what is committed to Kafka along with an offset a: what was seen before a, and, if an
// insert of the messages [a, next) has been planned, where it ends, when it was planned and of what.
//
// As metadata it is base64 (no padding) of
//
//	byte    version, 2
//	byte    1: the planned insert was refused, and its message goes to the dead letters
//	uvarint messages of the planned insert, next − a; 0: none is planned, and the next two are left out
//	8 bytes   when it was planned, milliseconds since 1970, little endian
//	8 bytes   hash of the batches in it, little endian
//	varint  source offset high-water mark
//	        for each origin, the one used last comes first:
//	8 bytes   hash of collector and epoch, little endian
//	uvarint   last sequence
type plan struct {
	next     int64     // 0: none is planned
	planned  time.Time // to the millisecond
	identity uint64    // of the batches in the range
	refused  bool      // the server refused it for good: its message goes to the dead letters
	seen     seen
}

const planVersion = 2

// maxMetadata keeps a commit below Kafka's offset.metadata.max.bytes, 4096 by default.
const maxMetadata = 3900

// maxOriginBytes is the room for origins: what base64 can hold, less two bytes, two varints, the time and the hash.
const maxOriginBytes = maxMetadata/4*3 - 2 - 2*binary.MaxVarintLen64 - 16

// fit forgets the origins that a commit has no room for, the ones used least lately first. It is
// done before messages are read against what was seen, so that a repetition after a crash, which
// has only what was committed, finds the same duplicates.
func (s *seen) fit() {
	size := 0
	var buf [binary.MaxVarintLen64]byte
	for i, o := range slices.Backward(s.origins) {
		size += 8 + binary.PutUvarint(buf[:], o.sequence)
		if size > maxOriginBytes {
			s.origins = slices.Delete(s.origins, 0, i+1)
			return
		}
	}
}

var errPlanVersion = errors.New("the commit was written by another version of Landfall")

// encode writes the plan for offset. What was seen must fit.
func (p *plan) encode(offset int64) string {
	b := make([]byte, 0, maxMetadata)
	b = append(b, planVersion, 0)
	if p.refused {
		b[1] = 1
	}
	length := int64(0)
	if p.next > 0 {
		length = p.next - offset
	}
	b = binary.AppendUvarint(b, uint64(length))
	if length > 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(p.planned.UnixMilli()))
		b = binary.LittleEndian.AppendUint64(b, p.identity)
	}
	b = binary.AppendVarint(b, p.seen.source)
	for _, o := range slices.Backward(p.seen.origins) {
		b = binary.LittleEndian.AppendUint64(b, o.id)
		b = binary.AppendUvarint(b, o.sequence)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// decodePlan reads the metadata that was committed with offset. Empty metadata is the beginning.
func decodePlan(offset int64, metadata string) (plan, error) {
	p := plan{seen: newSeen()}
	if metadata == "" {
		return p, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(metadata)
	if err != nil {
		return plan{}, fmt.Errorf("%w: %w", errPlanVersion, err)
	}
	if len(b) == 0 || b[0] != planVersion {
		return plan{}, errPlanVersion
	}
	if len(b) < 2 || b[1] > 1 {
		return plan{}, errors.New("the committed plan is cut short")
	}
	p.refused = b[1] == 1
	b = b[2:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > 1<<40 {
		return plan{}, errors.New("the committed plan has no length")
	}
	b = b[n:]
	if length > 0 {
		if len(b) < 16 {
			return plan{}, errors.New("the committed plan has no time")
		}
		p.next = offset + int64(length)
		p.planned = time.UnixMilli(int64(binary.LittleEndian.Uint64(b))).UTC()
		p.identity = binary.LittleEndian.Uint64(b[8:])
		b = b[16:]
	}
	if p.seen.source, n = binary.Varint(b); n <= 0 || p.seen.source < -1 {
		return plan{}, errors.New("the committed plan has no source offset")
	}
	b = b[n:]
	for len(b) > 0 {
		if len(b) < 9 || len(p.seen.origins) == maxOrigins {
			return plan{}, errors.New("the committed plan has a broken origin")
		}
		o := origin{id: binary.LittleEndian.Uint64(b)}
		if o.sequence, n = binary.Uvarint(b[8:]); n <= 0 {
			return plan{}, errors.New("the committed plan has a broken origin")
		}
		p.seen.origins = append(p.seen.origins, o)
		b = b[8+n:]
	}
	// Written with the one used last first, kept with it last.
	slices.Reverse(p.seen.origins)
	return p, nil
}
