package geo

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// key4 and key6 are addresses as numbers, in the order of the addresses.
type key4 uint32

type key6 struct{ hi, lo uint64 }

func key4Of(a netip.Addr) key4 {
	b := a.As4()
	return key4(binary.BigEndian.Uint32(b[:]))
}

func key6Of(a netip.Addr) key6 {
	b := a.As16()
	return key6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (k key4) compare(o key4) int {
	switch {
	case k < o:
		return -1
	case k > o:
		return 1
	}
	return 0
}

func (k key4) next() (key4, bool) { return k + 1, k != math.MaxUint32 }

func (k key6) compare(o key6) int {
	switch {
	case k.hi < o.hi, k.hi == o.hi && k.lo < o.lo:
		return -1
	case k == o:
		return 0
	}
	return 1
}

func (k key6) next() (key6, bool) {
	if k.lo != math.MaxUint64 {
		return key6{k.hi, k.lo + 1}, true
	}
	return key6{k.hi + 1, 0}, k.hi != math.MaxUint64
}

// key is an address of one family. next gives false behind the last one.
type key[K any] interface {
	key4 | key6
	compare(K) int
	next() (K, bool)
}

// runs cuts the whole address space of a family into runs of one value: run i
// is start[i] up to the address before start[i+1], the last one up to the end
// of the space. start[0] is the first address. The value 0 is "nothing known".
// Neighbours have different values.
type runs[K key[K]] struct {
	start []K
	value []uint32
}

// set says that from start on the value holds. Starts must not fall; a second
// call with the same start replaces the first.
func (r *runs[K]) set(start K, value uint32) {
	if n := len(r.start); n == 0 {
		var zero K
		if start != zero {
			r.start, r.value = append(r.start, zero), append(r.value, 0)
		}
	} else if r.start[n-1] == start {
		r.start, r.value = r.start[:n-1], r.value[:n-1]
	}
	if n := len(r.value); n > 0 && r.value[n-1] == value {
		return
	}
	r.start, r.value = append(r.start, start), append(r.value, value)
}

func (r *runs[K]) grow(n int) {
	r.start, r.value = slices.Grow(r.start, n), slices.Grow(r.value, n)
}

// sorted builds runs from ranges that come in ascending order without
// overlap.
type sorted[K key[K]] struct {
	runs  runs[K]
	after K    // first address behind the last range
	full  bool // the last range ended the space
}

func (b *sorted[K]) add(from, to K, value uint32) error {
	if to.compare(from) < 0 {
		return fmt.Errorf("the range ends before it begins")
	}
	if b.full || from.compare(b.after) < 0 {
		return fmt.Errorf("the range overlaps the one before it, or is out of order")
	}
	b.runs.set(from, value)
	if next, ok := to.next(); ok {
		b.after = next
		b.runs.set(next, 0)
	} else {
		b.full = true
	}
	return nil
}

// done gives the runs; they cover the space even when nothing was added.
func (b *sorted[K]) done() runs[K] {
	if len(b.runs.start) == 0 {
		var zero K
		b.runs.set(zero, 0)
	}
	return b.runs
}

// span is a range with a value, both ends included.
type span[K key[K]] struct {
	from, to K
	value    uint32
}

// nested builds runs from blocks in any order that may lie within each other,
// as prefixes do, or overlap. Where two do, the one that begins later wins; of
// two that begin together the shorter one; of two that are the same the one
// added later.
type nested[K key[K]] struct{ spans []span[K] }

func (b *nested[K]) flatten() runs[K] {
	slices.SortStableFunc(b.spans, func(x, y span[K]) int {
		if c := x.from.compare(y.from); c != 0 {
			return c
		}
		return y.to.compare(x.to)
	})
	var out runs[K]
	var zero K
	out.set(zero, 0)
	var open []span[K]
	// closeBefore ends the blocks that end before an address; with nil, all.
	closeBefore := func(limit *K) {
		for len(open) > 0 {
			inner := open[len(open)-1]
			if limit != nil && inner.to.compare(*limit) >= 0 {
				return
			}
			// Those that end with it or before it end too.
			for len(open) > 0 && open[len(open)-1].to.compare(inner.to) <= 0 {
				open = open[:len(open)-1]
			}
			var outer uint32
			if len(open) > 0 {
				outer = open[len(open)-1].value
			}
			if next, ok := inner.to.next(); ok {
				out.set(next, outer)
			}
		}
	}
	for _, s := range b.spans {
		closeBefore(&s.from)
		out.set(s.from, s.value)
		open = append(open, s)
	}
	closeBefore(nil)
	return out
}

// overlay walks three lists of runs at once and gives the runs of what
// combine makes of their values.
func overlay[K key[K]](a, b, c runs[K], combine func(a, b, c uint32) uint32) runs[K] {
	most := max(len(a.start), len(b.start), len(c.start))
	out := runs[K]{start: make([]K, 0, most+most/8), value: make([]uint32, 0, most+most/8)}
	var i, j, k int
	var at K
	for {
		out.set(at, combine(a.value[i], b.value[j], c.value[k]))
		found := false
		var nearest K
		look := func(r runs[K], n int) {
			if n+1 < len(r.start) && (!found || r.start[n+1].compare(nearest) < 0) {
				nearest, found = r.start[n+1], true
			}
		}
		look(a, i)
		look(b, j)
		look(c, k)
		if !found {
			return out
		}
		at = nearest
		step := func(r runs[K], n int) int {
			if n+1 < len(r.start) && r.start[n+1] == at {
				return n + 1
			}
			return n
		}
		i, j, k = step(a, i), step(b, j), step(c, k)
	}
}
