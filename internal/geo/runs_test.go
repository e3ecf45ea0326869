package geo

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naive is a list of ranges searched from end to end, by the rule that nested
// states.
type naive[K key[K]] []span[K]

func (n naive[K]) find(a K) uint32 {
	best := -1
	for i, s := range n {
		if a.compare(s.from) < 0 || a.compare(s.to) > 0 {
			continue
		}
		if best >= 0 {
			if c := s.from.compare(n[best].from); c < 0 || (c == 0 && s.to.compare(n[best].to) > 0) {
				continue
			}
		}
		best = i
	}
	if best < 0 {
		return 0
	}
	return n[best].value
}

func (r runs[K]) find(a K) uint32 {
	i, found := slices.BinarySearchFunc(r.start, a, func(s, a K) int { return s.compare(a) })
	if !found {
		i--
	}
	return r.value[i]
}

// near4 draws addresses that often lie on or beside each other.
var near4 = rapid.OneOf(
	rapid.Map(rapid.Uint32Range(0, 40), func(v uint32) key4 { return key4(v) }),
	rapid.Map(rapid.Uint32Range(0, 40), func(v uint32) key4 { return key4(math.MaxUint32 - v) }),
	rapid.Map(rapid.Uint32Range(0, 40), func(v uint32) key4 { return key4(0x0a0ffff0 + v) }), // across a jump bucket's edge
	rapid.Map(rapid.Uint32(), func(v uint32) key4 { return key4(v) }),
)

var near6 = rapid.Custom(func(t *rapid.T) key6 {
	hi := rapid.OneOf(
		rapid.SampledFrom([]uint64{0, 1, 0x1fffffffffffffff, 0x2000000000000000, 0x200000ffffffffff, 0x2000010000000000, 0x3fffffffffffffff, 0x4000000000000000, math.MaxUint64}),
		rapid.Uint64Range(0x2400000000000000, 0x2400000000000003), rapid.Uint64(),
	).Draw(t, "hi")
	lo := rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Uint64Range(math.MaxUint64-5, math.MaxUint64), rapid.Uint64()).Draw(t, "lo")
	return key6{hi, lo}
})

func spans[K key[K]](t *rapid.T, near *rapid.Generator[K]) []span[K] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) span[K] {
		a, b := near.Draw(t, "a"), near.Draw(t, "b")
		if b.compare(a) < 0 {
			a, b = b, a
		}
		return span[K]{a, b, rapid.Uint32Range(1, 5).Draw(t, "value")}
	}), 0, 12).Draw(t, "spans")
}

// edges gives every address where something can change, and its neighbours.
func edges[K key[K]](lists ...[]span[K]) []K {
	var all []K
	for _, list := range lists {
		for _, s := range list {
			all = append(all, s.from, s.to)
			if n, ok := s.to.next(); ok {
				all = append(all, n)
			}
			if n, ok := s.from.next(); ok {
				all = append(all, n)
			}
		}
	}
	return all
}

func checkShape[K key[K]](t *rapid.T, r runs[K]) {
	var zero K
	if r.start[0] != zero || len(r.start) != len(r.value) {
		t.Fatalf("runs begin at %v: %d starts, %d values", r.start[0], len(r.start), len(r.value))
	}
	for i := 1; i < len(r.start); i++ {
		if r.start[i].compare(r.start[i-1]) <= 0 || r.value[i] == r.value[i-1] {
			t.Fatalf("run %d: %v=%d after %v=%d", i, r.start[i], r.value[i], r.start[i-1], r.value[i-1])
		}
	}
}

func TestNestedIsTheNaiveList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := spans(t, near4)
		want := naive[key4](slices.Clone(list))
		r := (&nested[key4]{list}).flatten()
		checkShape(t, r)
		index := newIndex4(r)
		for _, a := range append(edges(list), near4.Draw(t, "probe")) {
			if got := index.find(uint32(a)); got != want.find(a) || got != r.find(a) {
				t.Fatalf("%v: index %d, runs %d, naive %d", a, got, r.find(a), want.find(a))
			}
		}
	})
}

func TestNestedIPv6IsTheNaiveList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := spans(t, near6)
		want := naive[key6](slices.Clone(list))
		r := (&nested[key6]{list}).flatten()
		checkShape(t, r)
		index := newIndex6(r)
		for _, a := range append(edges(list), near6.Draw(t, "probe")) {
			if got := index.find(a.hi, a.lo); got != want.find(a) {
				t.Fatalf("%v: index %d, naive %d", a, got, want.find(a))
			}
		}
	})
}

func TestSortedRefusesDisorder(t *testing.T) {
	var b sorted[key4]
	for _, s := range []span[key4]{{5, 9, 1}, {10, 10, 1}, {20, math.MaxUint32, 2}} {
		if err := b.add(s.from, s.to, s.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.add(30, 40, 3); err == nil {
		t.Error("a range behind the end of the space")
	}
	want := runs[key4]{start: []key4{0, 5, 11, 20}, value: []uint32{0, 1, 0, 2}}
	if got := b.done(); !slices.Equal(got.start, want.start) || !slices.Equal(got.value, want.value) {
		t.Errorf("got %v", got)
	}
	for _, s := range []span[key4]{{8, 12, 1}, {3, 4, 1}, {12, 11, 1}} {
		var b sorted[key4]
		if err := b.add(5, 9, 1); err != nil {
			t.Fatal(err)
		}
		if err := b.add(s.from, s.to, s.value); err == nil {
			t.Errorf("%v was taken after 5-9", s)
		}
	}
}

func TestOverlayAgreesWithItsParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := spans(t, near4), spans(t, near4), spans(t, near4)
		ra, rb, rc := (&nested[key4]{slices.Clone(a)}).flatten(), (&nested[key4]{slices.Clone(b)}).flatten(), (&nested[key4]{slices.Clone(c)}).flatten()
		all := overlay(ra, rb, rc, func(a, b, c uint32) uint32 { return a*100 + b*10 + c })
		checkShape(t, all)
		for _, at := range edges(a, b, c) {
			if got, want := all.find(at), ra.find(at)*100+rb.find(at)*10+rc.find(at); got != want {
				t.Fatalf("%v: %d, want %d", at, got, want)
			}
		}
	})
}

// TestASNTableIsTheNaiveList goes the whole way: a random AS file through the
// parser and the table, against a walk over its lines.
func TestASNTableIsTheNaiveList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := spans(t, near4)
		slices.SortStableFunc(list, func(a, b span[key4]) int { return cmp.Compare(a.from, b.from) })
		var csv strings.Builder
		for _, s := range list {
			fmt.Fprintf(&csv, "%s,%s,%d,Org %d\n", addr4(s.from), addr4(s.to), s.value, s.value)
		}
		csv.WriteString("2001::,2001::1,9,Nine\n")
		file, err := parseASN(newFile("random.csv", nil), []byte(csv.String()))
		if err != nil {
			t.Fatal(err)
		}
		index := newIndex4(file.v4)
		for _, a := range edges(list) {
			var got uint32
			if v := index.find(uint32(a)); v != 0 {
				got = file.systems[v-1].Number
			}
			if want := naive[key4](list).find(a); got != want {
				t.Fatalf("%s: AS%d, want AS%d\n%s", addr4(a), got, want, csv.String())
			}
		}
	})
}

func addr4(k key4) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)})
}

// TestIndex6AcrossNodes asks for every edge of a table of three levels, whose
// neighbours differ in either half of the address.
func TestIndex6AcrossNodes(t *testing.T) {
	var b sorted[key6]
	for i := range uint64(3*fan6*fan6 + 7) {
		from := key6{0x2400_0000_0000_0000 + i/3, i % 3 << 60}
		if err := b.add(from, key6{from.hi, from.lo + 1<<40}, uint32(i%7+1)); err != nil {
			t.Fatal(err)
		}
	}
	r := b.done()
	index := newIndex6(r)
	for i, s := range r.start {
		if got := index.find(s.hi, s.lo); got != r.value[i] {
			t.Errorf("run %d begins with %d, want %d", i, got, r.value[i])
		}
		if i > 0 && s.lo > 0 {
			if got := index.find(s.hi, s.lo-1); got != r.value[i-1] {
				t.Errorf("run %d ends with %d, want %d", i-1, got, r.value[i-1])
			}
		}
	}
}
