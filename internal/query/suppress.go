package query

// suppress withholds the cells of one bucket that are of fewer than k handsets, and what would give
// them away, and reports whether the bucket's total would.
//
// Whoever knows the bucket's total can work out the sum of all withheld cells, so that sum must not
// be of fewer than k handsets either. How many distinct handsets several cells have together is not
// known, but it is at least as many as the largest of them has. So one cell of k or more is withheld
// with the small ones: that with the fewest bytes. Where there is none, all cells are withheld, and
// the total is not to be told.
//
// A cell of which nothing was observed is nobody's, and stays.
func suppress(cells []*cell, k uint64) (totalWithheld bool) {
	var cover *cell
	small := false
	bytes := func(c *cell) uint64 { return c.sums.bytesUp + c.sums.bytesDown }
	for _, c := range cells {
		switch {
		case c.out.Unobserved:
		case c.handsets < k:
			c.out, small = Cell{Suppressed: true}, true
		case cover == nil || bytes(c) < bytes(cover):
			cover = c
		}
	}
	if small && cover != nil {
		cover.out = Cell{Suppressed: true}
	}
	return small && cover == nil
}
