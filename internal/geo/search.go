package geo

import (
	"math"
	"math/bits"
	"slices"
)

// index4 finds the run of an IPv4 address: a jump by the top bits, then a
// binary search among the few runs there.
type index4 struct {
	runs []run4
	jump []uint32 // top bits → the run that holds the first address with them
}

// run4 keeps both together: the value is then in the cache line that the
// search ended in.
type run4 struct{ start, value uint32 }

// jumpBits4 is a compromise, measured on the full table: 4 MB of jump table
// leave 3 or 4 runs to search.
const jumpBits4 = 20

func newIndex4(r runs[key4]) index4 {
	x := index4{runs: make([]run4, len(r.start))}
	for i, s := range r.start {
		x.runs[i] = run4{uint32(s), r.value[i]}
	}
	x.jump = make([]uint32, 1<<jumpBits4+1)
	run := 0
	for top := range x.jump {
		if top == 1<<jumpBits4 {
			x.jump[top] = uint32(len(x.runs) - 1)
			break
		}
		first := uint32(top) << (32 - jumpBits4)
		for run+1 < len(x.runs) && x.runs[run+1].start <= first {
			run++
		}
		x.jump[top] = uint32(run)
	}
	return x
}

func (x *index4) find(a uint32) uint32 {
	top := a >> (32 - jumpBits4)
	// The run of a is between the run of this bucket's first address and that
	// of the next bucket's.
	lo, hi := x.jump[top], x.jump[top+1]+1
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if x.runs[mid].start <= a {
			lo = mid
		} else {
			hi = mid
		}
	}
	return x.runs[lo].value
}

// index6 does it for IPv6, where the runs are spread too unevenly to jump by
// bits: a static tree over the upper halves of the addresses, of which a node's
// keys fill two cache lines. Nearly all runs begin at a zero lower half; the few
// upper halves that are cut within have an index of their own.
type index6 struct {
	levels [][]uint64 // from the root down; levels[i][j] is the first key of node j of the next level; padded to whole nodes
	leaves []leaf6
	inner  []inner6
}

// leaf6 is the runs of up to eight upper halves in one cache line, as most
// lookups wait for memory. The first begins at the leaf's key in the level
// above, the others at so many steps of 2^shift behind it.
type leaf6 [8]struct {
	steps uint32 // of the first: the shift
	value uint32 // with inside6, an index into inner
}

// inner6 is the runs within one upper half. starts[0] is 0.
type inner6 struct {
	starts []uint64
	values []uint32
}

const (
	fan6    = 16
	inside6 = 1 << 31
)

func newIndex6(r runs[key6]) index6 {
	var x index6
	keys := make([]uint64, 0, len(r.start)/6)
	x.leaves = make([]leaf6, 0, len(r.start)/6)
	var pending []uint64
	var values []uint32
	flush := func() {
		if len(pending) > 0 {
			keys, x.leaves = append(keys, pending[0]), append(x.leaves, newLeaf6(pending, values))
			pending, values = pending[:0], values[:0]
		}
	}
	put := func(hi uint64, value uint32) {
		if pending = append(pending, hi); len(pending) > len(leaf6{}) || !fits(pending) {
			pending = pending[:len(pending)-1]
			flush()
			pending = append(pending, hi)
		}
		values = append(values, value)
	}
	var before uint32 // value of the run before i
	for i := 0; i < len(r.start); {
		hi := r.start[i].hi
		if r.start[i].lo == 0 && (i+1 == len(r.start) || r.start[i+1].hi != hi) {
			before = r.value[i]
			put(hi, before)
			i++
			continue
		}
		var in inner6
		if r.start[i].lo != 0 {
			in.starts, in.values = []uint64{0}, []uint32{before}
		}
		for ; i < len(r.start) && r.start[i].hi == hi; i++ {
			before = r.value[i]
			in.starts, in.values = append(in.starts, r.start[i].lo), append(in.values, before)
		}
		put(hi, inside6|uint32(len(x.inner)))
		x.inner = append(x.inner, in)
		if hi != math.MaxUint64 && (i == len(r.start) || r.start[i].hi != hi+1) {
			put(hi+1, before)
		}
	}
	flush()
	for {
		for len(keys)%fan6 != 0 {
			keys = append(keys, math.MaxUint64)
		}
		x.levels = append(x.levels, slices.Clip(keys))
		if len(keys) == fan6 {
			break
		}
		above := make([]uint64, 0, len(keys)/fan6+fan6)
		for i := 0; i < len(keys); i += fan6 {
			above = append(above, keys[i])
		}
		keys = above
	}
	slices.Reverse(x.levels)
	return x
}

func (x *index6) find(hi, lo uint64) uint32 {
	at := 0
	for _, level := range x.levels {
		at = min(at, len(level)/fan6-1) // the last address is not below the padding
		at = at*fan6 + below((*[fan6]uint64)(level[at*fan6:]), hi)
	}
	at = min(at, len(x.leaves)-1)
	value := x.leaves[at].find(hi - x.levels[len(x.levels)-1][at])
	if value&inside6 == 0 {
		return value
	}
	in := &x.inner[value&^inside6]
	from, end := 0, len(in.starts)
	for end-from > 1 {
		mid := int(uint(from+end) / 2)
		if in.starts[mid] <= lo {
			from = mid
		} else {
			end = mid
		}
	}
	return in.values[from]
}

// shift6 is the number of zero bits that the distances of all keys from the
// first end in.
func shift6(keys []uint64) int {
	var all uint64
	for _, k := range keys {
		all |= k - keys[0]
	}
	return bits.TrailingZeros64(all) & 63
}

// fits reports whether keys can be in one leaf.
func fits(keys []uint64) bool {
	return (keys[len(keys)-1]-keys[0])>>shift6(keys) <= math.MaxUint32
}

func newLeaf6(keys []uint64, values []uint32) leaf6 {
	var l leaf6
	shift := shift6(keys)
	for i := range l {
		k := min(i, len(keys)-1) // what comes behind the last key is found like it
		l[i].steps, l[i].value = uint32((keys[k]-keys[0])>>shift), values[k]
	}
	l[0].steps = uint32(shift)
	return l
}

// find gives the value at a distance from the leaf's key.
func (l *leaf6) find(distance uint64) uint32 {
	steps := distance >> (l[0].steps & 63)
	n := uint64(0)
	for i := 1; i < len(l); i++ {
		_, above := bits.Sub64(steps, uint64(l[i].steps), 0)
		n += above ^ 1
	}
	return l[n%8].value
}

// below gives the last key of a node that is not above k. The first never is.
// It reckons with the borrow of a subtraction: branches would be guessed wrong
// every other time.
func below(node *[fan6]uint64, k uint64) int {
	_, above := bits.Sub64(k, node[8], 0)
	n := (above ^ 1) << 3
	_, above = bits.Sub64(k, node[(n+4)%fan6], 0)
	n += (above ^ 1) << 2
	_, above = bits.Sub64(k, node[(n+2)%fan6], 0)
	n += (above ^ 1) << 1
	_, above = bits.Sub64(k, node[(n+1)%fan6], 0)
	return int(n + (above ^ 1))
}
