package query

import "github.com/landfall-telemetry/landfall/internal/estimate"

// suppress withholds the cells of one bucket that are of fewer than k handsets, and what would give
// them away, and reports whether the bucket's total would. The groups are those that shares are of.
//
// Whoever knows the total of a group (from the share of any of its cells that is told) can work out the
// sum of its withheld cells, so that sum must not be of fewer than k handsets either. How many distinct
// handsets several cells have together is not known, but it is at least as many as the largest of them
// has. So one cell of k or more is withheld with the small ones: that with the fewest bytes. Where there is
// none, all cells are withheld, and no share tells the group's total.
//
// Whoever knows the bucket's total can work out the sum of all such groups likewise. So one group that has
// a cell of k or more is withheld with them, whole: if a cell of it were told, its share would tell the
// rest. Where there is none, the total is not to be told.
//
// A cell of which nothing was observed is nobody's, and stays.
func suppress(groups [][]*cell, k uint64) (totalWithheld bool) {
	var cover []*cell
	var least uint64
	small, covered := false, false
	for _, g := range groups {
		if withhold(g, k) {
			small = true
			continue
		}
		var bytes uint64
		observed, told := false, false
		for _, c := range g {
			bytes += c.bytes()
			observed = observed || c.handsets >= k && !c.out.Unobserved
			told = told || !c.out.Suppressed && !c.out.Unobserved
		}
		covered = covered || observed && !told
		if observed && (cover == nil || bytes < least) {
			cover, least = g, bytes
		}
	}
	if small && !covered {
		for _, c := range cover {
			if !c.out.Unobserved {
				c.out = Cell{Suppressed: true}
			}
		}
	}
	for _, g := range groups {
		hideTotal(g)
	}
	return small && !covered && cover == nil
}

func (c *cell) bytes() uint64 { return c.sums.bytesUp + c.sums.bytesDown }

// withhold does so within one group, and reports whether the group's total would give small cells away.
func withhold(cells []*cell, k uint64) bool {
	var cover *cell
	small := false
	for _, c := range cells {
		switch {
		case c.out.Unobserved:
		case c.handsets < k:
			c.out, small = Cell{Suppressed: true}, true
		case cover == nil || c.bytes() < cover.bytes():
			cover = c
		}
	}
	if small && cover != nil {
		cover.out = Cell{Suppressed: true}
	}
	return small && cover == nil
}

// hideTotal leaves open what share an unobserved cell may have, where all others of its group are withheld:
// the interval's end tells their sum.
func hideTotal(cells []*cell) {
	withheld := false
	for _, c := range cells {
		if !c.out.Suppressed && !c.out.Unobserved {
			return
		}
		withheld = withheld || c.out.Suppressed
	}
	for _, c := range cells {
		if withheld && c.out.Unobserved {
			c.out.ShareUpInterval, c.out.ShareDownInterval = estimate.Interval{High: 1}, estimate.Interval{High: 1}
		}
	}
}
