package geo

import "slices"

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
// bits: every stride6th run's start is kept apart, in an array small enough to
// stay in the cache, and only one stride is searched in the large ones.
type index6 struct {
	samples []key6
	hi, lo  []uint64
	value   []uint32
}

const stride6 = 32

func newIndex6(r runs[key6]) index6 {
	x := index6{hi: make([]uint64, len(r.start)), lo: make([]uint64, len(r.start)), value: slices.Clip(r.value)}
	for i, s := range r.start {
		x.hi[i], x.lo[i] = s.hi, s.lo
		if i%stride6 == 0 {
			x.samples = append(x.samples, s)
		}
	}
	return x
}

func (x *index6) find(hi, lo uint64) uint32 {
	from, end := 0, len(x.samples)
	for end-from > 1 {
		mid := int(uint(from+end) / 2)
		if s := &x.samples[mid]; s.hi < hi || (s.hi == hi && s.lo <= lo) {
			from = mid
		} else {
			end = mid
		}
	}
	from *= stride6
	end = min(from+stride6, len(x.hi))
	for end-from > 1 {
		mid := int(uint(from+end) / 2)
		if h := x.hi[mid]; h < hi || (h == hi && x.lo[mid] <= lo) {
			from = mid
		} else {
			end = mid
		}
	}
	return x.value[from]
}
