package query

import (
	"math"
	"testing"
)

// A comparison's others are told apart by what the shares are of, where one of their group is told.
func TestOthersOfAComparison(t *testing.T) {
	key := func(vendor, place string) Key { return Key{Vendor: vendor, Place: place} }
	of := func(vendor, place string, up uint64) cell {
		return cell{key: key(vendor, place), handsets: up, sums: sums{bytesUp: up, bytesDown: 2 * up}}
	}
	before := []cell{of("a", "X", 100), of("a", "Y", 10), of("b", "X", 5), of("c", "X", 1)}
	after := []cell{of("a", "Z", 40), of("b", "X", 1), of("b", "Y", 9)}
	q := Compare{Question: Residency{By: []Dimension{ByVendor, ByPlace}, ShareOf: []Dimension{ByVendor}, Top: 1}}
	keys, most := q.keys(before, after)
	if keys[0] != key("a", "X") || most != 1 {
		t.Fatalf("%d of %+v", most, keys)
	}
	want := map[Key][2]uint64{key("a", "X"): {100, 0}, key("a", Other): {10, 40}, key(Other, Other): {6, 10}}
	for side, cells := range [][]cell{before, after} {
		got := q.Question.align(cells, keys, most)
		if len(got) != len(want) {
			t.Errorf("%+v", got)
		}
		for _, c := range got {
			if c.sums.bytesUp != want[c.key][side] || c.out.Unobserved != (want[c.key][side] == 0) {
				t.Errorf("side %d: %+v, want %d", side, c, want[c.key][side])
			}
			if other := c.key != keys[0]; c.key.IsOther(q.Question.By) != other {
				t.Errorf("%+v is said to be other: %v", c.key, !other)
			}
		}
	}
	// b moved from X to Y: nine tenths of b; c lost all.
	q.Order = OrderShift
	if keys, _ = q.keys(before, after); keys[0] != key("a", "Z") || keys[1] != key("c", "X") || keys[2] != key("a", "X") {
		t.Errorf("by shift: %+v", keys)
	}
}

func TestShareOfDown(t *testing.T) {
	cells := []*cell{{sums: sums{bytesUp: 1, bytesDown: 30, samplingMax: 1}}, {sums: sums{bytesUp: 3, bytesDown: 10, samplingMax: 1}}, {}}
	shares(cells, 0, 0)
	for i, want := range [][2]float64{{0.25, 0.75}, {0.75, 0.25}, {0, 0}} {
		c := cells[i].out
		if c.ShareUp != want[0] || c.ShareDown != want[1] || math.Abs(c.ShareDownInterval.Low-want[1]) > 1e-9 || math.Abs(c.ShareDownInterval.High-want[1]) > 1e-9 {
			t.Errorf("cell %d: %+v, want %v", i, c, want)
		}
	}
	nothingUp := []*cell{{sums: sums{bytesDown: 5}}}
	if shares(nothingUp, 0, 0); nothingUp[0].out.ShareUp != 0 || nothingUp[0].out.ShareDown != 1 {
		t.Errorf("%+v", nothingUp[0].out)
	}
}

// An answer withholds within what its shares are of: b's share tells the total of b.
func TestWithheldWithinWhatSharesAreOf(t *testing.T) {
	of := func(vendor, place string, handsets, up uint64) cell {
		return cell{key: Key{Vendor: vendor, Place: place}, handsets: handsets, sums: sums{flows: 1, bytesUp: up}}
	}
	a := ResidencyAnswer{Question: Residency{Bucket: BucketTotal, By: []Dimension{ByVendor, ByPlace}, ShareOf: []Dimension{ByVendor}, MinHandsets: 5}}
	a.assemble(gathered{cells: []cell{of("a", "X", 9, 1), of("a", "Y", 9, 50), of("b", "X", 1, 10), of("b", "Y", 9, 20), of("b", "Z", 9, 30)}}, 0)
	want := map[Key]bool{{Vendor: "b", Place: "X"}: true, {Vendor: "b", Place: "Y"}: true}
	for _, r := range a.Rows {
		if r.Suppressed != want[r.Key] {
			t.Errorf("%+v withheld: %v", r.Key, r.Suppressed)
		}
	}
}
