package flows

import (
	"math/bits"
	"math/rand/v2"
)

// groups numbers the distinct keys of a block, from 0 in the order of their first use. It keeps its
// memory over a reset.
type groups[K comparable] struct {
	slots []slot // a power of two, at most half full
	keys  []K
}

type slot struct{ hash, next uint32 } // next: the key's number and 1; 0: free

// find returns the key's number, and whether the key is new.
func (g *groups[K]) find(hash uint64, key K) (uint32, bool) {
	if 2*len(g.keys) >= len(g.slots) {
		g.slots = rehashed(g.slots)
	}
	short, mask := uint32(hash>>32), uint32(len(g.slots)-1)
	for at := short & mask; ; at = (at + 1) & mask {
		s := &g.slots[at]
		if s.next == 0 {
			g.keys = append(g.keys, key)
			*s = slot{short, uint32(len(g.keys))}
			return s.next - 1, true
		}
		if s.hash == short && g.keys[s.next-1] == key {
			return s.next - 1, false
		}
	}
}

// rehashed returns twice as many slots for the same keys.
func rehashed(was []slot) []slot {
	slots := make([]slot, max(1<<10, 2*len(was)))
	mask := uint32(len(slots) - 1)
	for _, s := range was {
		if s.next == 0 {
			continue
		}
		at := s.hash & mask
		for slots[at].next != 0 {
			at = (at + 1) & mask
		}
		slots[at] = s
	}
	return slots
}

func (g *groups[K]) reset() {
	clear(g.slots)
	g.keys = g.keys[:0]
}

// seeds key the hashes, for the far end of a flow may choose its address. Numbers and order of the
// groups do not depend on them.
type seeds [3]uint64

func newSeeds() seeds {
	return seeds{rand.Uint64(), rand.Uint64(), rand.Uint64()} //nolint:gosec // ChaCha8, seeded by the system: nothing from outside sees its numbers
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func (s *seeds) one(a uint64) uint64 { return mix(a^s[0], s[1]) }

func (s *seeds) three(a, b, c uint64) uint64 { return mix(mix(a^s[0], b^s[1])^c, s[2]) }

func (s *seeds) cell(k *cellKey) uint64 {
	return s.three(pair(k.scope, k.vendor), pair(k.place, k.network), uint64(k.side)<<16|uint64(k.verdict))
}
