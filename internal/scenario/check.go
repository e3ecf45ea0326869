package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Result is what a comparison with the truth found.
type Result struct {
	FlowsSent    uint64   `json:"flows_sent"`
	FlowsCounted uint64   `json:"flows_counted"`
	BytesSent    uint64   `json:"bytes_sent"`
	BytesCounted uint64   `json:"bytes_counted"`
	Cells        int      `json:"cells"`       // of the truth
	CellsWrong   int      `json:"cells_wrong"` // missing, extra, different or counted in two rows
	Wrong        []string `json:"wrong"`       // the first of these, in words
}

// OK tells whether nothing differs.
func (r Result) OK() bool {
	return r.CellsWrong == 0 && r.FlowsSent == r.FlowsCounted && r.BytesSent == r.BytesCounted
}

// maxWrong is how many cells a result describes.
const maxWrong = 20

type cellKey struct{ vendor, place, week string }

func (c Cell) key() cellKey { return cellKey{c.Vendor, c.Place, c.Week} }

// Check compares the rows that a system counted with the truth, cell by cell and both ways. A row of
// zeros is as good as none.
func Check(truth Truth, rows []Cell) Result {
	r := Result{FlowsSent: truth.FlowsSent, BytesSent: truth.BytesSent, Cells: len(truth.Cells), Wrong: []string{}}
	var faults []fault
	counted := make(map[cellKey]Cell, len(rows))
	for _, row := range rows {
		r.FlowsCounted += row.Flows
		r.BytesCounted += row.BytesUp + row.BytesDown
		if _, twice := counted[row.key()]; twice {
			faults = append(faults, fault{row.key(), "is in more than one row"})
			continue
		}
		counted[row.key()] = row
	}
	for _, want := range truth.Cells {
		got, ok := counted[want.key()]
		delete(counted, want.key())
		switch {
		case !ok:
			faults = append(faults, fault{want.key(), "is missing: sent " + want.amounts()})
		case got != want:
			faults = append(faults, fault{want.key(), differences(want, got)})
		}
	}
	for key, got := range counted {
		if got != (Cell{Vendor: got.Vendor, Place: got.Place, Week: got.Week}) {
			faults = append(faults, fault{key, "is extra: nothing was sent, counted " + got.amounts()})
		}
	}
	slices.SortStableFunc(faults, func(a, b fault) int {
		return cmp.Or(strings.Compare(a.cell.vendor, b.cell.vendor), strings.Compare(a.cell.place, b.cell.place), strings.Compare(a.cell.week, b.cell.week))
	})
	r.CellsWrong = len(faults)
	for _, f := range faults[:min(len(faults), maxWrong)] {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s to %s in the week of %s %s", f.cell.vendor, f.cell.place, f.cell.week, f.what))
	}
	return r
}

type fault struct {
	cell cellKey
	what string
}

func (c Cell) amounts() string {
	return fmt.Sprintf("%d flows, %d bytes up, %d down, %d packets up, %d down", c.Flows, c.BytesUp, c.BytesDown, c.PacketsUp, c.PacketsDown)
}

func differences(want, got Cell) string {
	var words []string
	for _, n := range []struct {
		name      string
		want, got uint64
	}{
		{"flows", want.Flows, got.Flows},
		{"bytes up", want.BytesUp, got.BytesUp},
		{"bytes down", want.BytesDown, got.BytesDown},
		{"packets up", want.PacketsUp, got.PacketsUp},
		{"packets down", want.PacketsDown, got.PacketsDown},
	} {
		if n.want != n.got {
			words = append(words, fmt.Sprintf("%s: sent %d, counted %d (%+d)", n.name, n.want, n.got, int64(n.got-n.want)))
		}
	}
	return "differs: " + strings.Join(words, "; ")
}
