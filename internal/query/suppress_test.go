package query

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// Who knows every figure that is told, the total of every group of which a share is told, and the bucket's
// total unless it is withheld, can work out the sum of the withheld cells of each such group, and that of
// all other groups together, and nothing else: each must be of at least two cells and of k handsets.
func TestNothingWithheldCanBeWorkedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.Uint64Range(1, 12).Draw(t, "k")
		groups := make([][]*cell, rapid.IntRange(1, 4).Draw(t, "groups"))
		for g := range groups {
			for range rapid.IntRange(1, 5).Draw(t, "cells") {
				up := rapid.Uint64Range(0, 1000).Draw(t, "bytes")
				c := &cell{handsets: rapid.Uint64Range(0, 20).Draw(t, "handsets"), sums: sums{bytesUp: up, flows: 1}}
				c.out = Cell{Figures: Figures{BytesUp: up, Flows: 1}, ShareUp: 0.5, Handsets: c.handsets}
				if rapid.IntRange(0, 5).Draw(t, "unobserved") == 0 {
					*c = cell{out: Cell{Unobserved: true, ShareUpInterval: estimate.Interval{High: 0.3}}}
				}
				groups[g] = append(groups[g], c)
			}
		}
		totalWithheld := suppress(groups, k)
		type sum struct {
			cells    int
			handsets uint64
		}
		add := func(s *sum, c *cell) { s.cells, s.handsets = s.cells+1, max(s.handsets, c.handsets) }
		var rest sum
		withheldAny := false
		for _, g := range groups {
			var withheld sum
			open := false
			for _, c := range g {
				switch {
				case c.out.Unobserved:
				case c.out.Suppressed:
					if c.out != (Cell{Suppressed: true}) {
						t.Fatalf("a cell is withheld and has figures: %+v", c.out)
					}
					add(&withheld, c)
					withheldAny = true
				default:
					if c.handsets < k {
						t.Fatalf("a cell of %d handsets is told", c.handsets)
					}
					open = true
				}
			}
			for _, c := range g {
				if c.out.Unobserved && !open && withheld.cells > 0 && (c.out.ShareUpInterval.High < 1 || c.out.ShareDownInterval.High < 1) {
					t.Fatalf("an unobserved cell tells the total of its group: %+v", c.out)
				}
			}
			switch {
			case withheld.cells == 0:
			case open:
				if withheld.cells < 2 || withheld.handsets < k {
					t.Fatalf("%+v can be worked out from the shares of its group", withheld)
				}
			default:
				rest.cells += withheld.cells
				rest.handsets = max(rest.handsets, withheld.handsets)
			}
		}
		if rest.cells > 0 && !totalWithheld && (rest.cells < 2 || rest.handsets < k) {
			t.Fatalf("%+v can be worked out from the bucket's total", rest)
		}
		if totalWithheld && rest.handsets >= k {
			t.Fatalf("the total is withheld, and would give nothing away: %+v", rest)
		}
		if !withheldAny && totalWithheld {
			t.Fatal("the total is withheld for nothing")
		}
	})
}
