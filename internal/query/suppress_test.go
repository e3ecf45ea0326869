package query

import (
	"testing"

	"pgregory.net/rapid"
)

// Who knows every figure that is told, and the bucket's total unless it is withheld, can work out the
// sum of the withheld cells and nothing else: it must be of at least two cells and of k handsets.
func TestNothingWithheldCanBeWorkedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.Uint64Range(1, 12).Draw(t, "k")
		n := rapid.IntRange(1, 12).Draw(t, "cells")
		cells := make([]*cell, n)
		handsets := make([]uint64, n)
		for i := range cells {
			handsets[i] = rapid.Uint64Range(0, 20).Draw(t, "handsets")
			up := rapid.Uint64Range(0, 1000).Draw(t, "bytes")
			cells[i] = &cell{handsets: handsets[i], sums: sums{bytesUp: up, flows: 1}, out: Cell{Figures: Figures{BytesUp: up, Flows: 1}, ShareUp: 0.5, Handsets: handsets[i]}}
		}
		totalWithheld := suppress(cells, k)
		withheld, most := 0, uint64(0)
		for i, c := range cells {
			if !c.out.Suppressed {
				if handsets[i] < k {
					t.Fatalf("cell %d of %d handsets is told", i, handsets[i])
				}
				continue
			}
			if c.out != (Cell{Suppressed: true}) {
				t.Fatalf("cell %d is withheld and has figures: %+v", i, c.out)
			}
			withheld++
			most = max(most, handsets[i])
		}
		// The sum of withheld cells is of at least as many handsets as the largest of them.
		if withheld > 0 && !totalWithheld && (withheld < 2 || most < k) {
			t.Fatalf("%d cells withheld, of %d handsets, can be worked out from the total", withheld, most)
		}
		if totalWithheld && withheld < n {
			t.Fatalf("the total is withheld, and %d of %d cells told", n-withheld, n)
		}
		if withheld == 0 && totalWithheld {
			t.Fatal("the total is withheld for nothing")
		}
	})
}
