package query

// suppress withholds the cells of one bucket that are of fewer than k handsets, and what would give
// them away, and reports whether the bucket's total would.
//
// Whoever knows the bucket's total can work out the sum of all withheld cells, so that sum must not
// be of fewer than k handsets either. How many distinct handsets several cells have together is not
// known, but it is at least as many as the largest of them has. So one cell of k or more is withheld
// with the small ones: that with the fewest bytes. Where there is none, all cells are withheld, and
// the total is not to be told.
func suppress(cells []*Cell, k uint64) (totalWithheld bool) {
	var cover *Cell
	small := false
	for _, c := range cells {
		switch {
		case c.Handsets < k:
			c.Suppressed, small = true, true
		case cover == nil || c.BytesUp+c.BytesDown < cover.BytesUp+cover.BytesDown:
			cover = c
		}
	}
	if small && cover != nil {
		cover.Suppressed = true
	}
	for _, c := range cells {
		if c.Suppressed {
			*c = Cell{Suppressed: true}
		}
	}
	return small && cover == nil
}
