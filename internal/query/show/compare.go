package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Compare prints for people what changed between two times.
func Compare(out io.Writer, a query.CompareAnswer, o Options) error {
	o = o.normal()
	if len(a.Rows) == 0 {
		if _, err := fmt.Fprintln(out, "No flows were counted in either time."); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return notes(out, o.Width, compareNotes(&a))
	}
	t := &table{}
	by := a.Question.Question.By
	for _, d := range by {
		t.columns = append(t.columns, column{title: d.Title(), most: 32})
	}
	t.columns = append(t.columns,
		column{title: "Before", right: true}, column{title: "95 %", drop: 4}, column{title: "Share", right: true},
		column{title: "After", right: true}, column{title: "95 %", drop: 3}, column{title: "Share", right: true},
		column{title: "Change", right: true, drop: 2}, column{title: "Ratio", right: true, drop: 1}, column{title: "Points", right: true},
		column{title: "", drop: 5})
	for i := range a.Rows {
		r := &a.Rows[i]
		var line []string
		for _, d := range by {
			line = append(line, r.Label(d, o.PlaceName))
		}
		line = append(line, side(&r.Before)...)
		line = append(line, side(&r.After)...)
		t.add(append(line, difference(r)...)...)
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	return notes(out, o.Width, compareNotes(&a))
}

func side(s *query.CompareSide) []string {
	switch {
	case s.Suppressed:
		return []string{withheld, "", ""}
	case s.BytesUp == 0:
		return []string{estimated(0, s.BytesUpInterval), "", percent(s.ShareUp)}
	}
	return []string{Bytes(s.BytesUp), within(s.BytesUp, s.BytesUpInterval), percent(s.ShareUp)}
}

// difference are the last four cells of a comparison's line.
func difference(r *query.CompareRow) []string {
	if r.Before.Suppressed || r.After.Suppressed {
		return []string{"", "", "", ""}
	}
	sign, amount := "+", uint64(max(r.DifferenceUp, 0))
	if r.DifferenceUp < 0 {
		sign, amount = "−", uint64(-r.DifferenceUp)
	}
	ratio, mark := "", ""
	if r.RatioUp != nil {
		ratio = fmt.Sprintf("× %.2f", *r.RatioUp)
	}
	if r.Outside || r.OutsideShare {
		mark = "*"
	}
	return []string{sign + Bytes(amount), ratio, points(r.DifferenceShareUp), mark}
}

// points is a difference of shares.
func points(d float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f", 100*d), "-", "−", 1)
}

func compareNotes(a *query.CompareAnswer) []string {
	lines := []string{
		"Before: " + period(a.Before.Basis) + ". " + completenessLine(summaries(a.Before.Buckets)),
		"After: " + period(a.After.Basis) + ". " + completenessLine(summaries(a.After.Buckets)),
	}
	for i, answer := range []*query.ResidencyAnswer{&a.Before, &a.After} {
		for _, line := range changes(answer) {
			lines = append(lines, []string{"Before: ", "After: "}[i]+line)
		}
	}
	if slices.ContainsFunc(a.Rows, func(r query.CompareRow) bool { return r.Outside || r.OutsideShare }) {
		lines = append(lines, "* more than sampling explains: bytes or share lie outside of each other's 95 % intervals.")
	}
	for _, w := range slices.Concat(a.Warnings, a.Before.Warnings, a.After.Warnings) {
		lines = append(lines, "Note: "+w)
	}
	return lines
}

func period(b query.Basis) string { return moment(b.Since) + " to " + moment(b.Until) }

// CompareCSV writes a comparison with exact figures.
func CompareCSV(out io.Writer, a query.CompareAnswer) error {
	by := a.Question.Question.By
	var header []string
	for _, d := range by {
		header = append(header, d.Columns()...)
	}
	for _, name := range []string{"before_", "after_"} {
		for _, f := range slices.Concat(figureNames, []string{"share_up", "share_up_low", "share_up_high", "suppressed"}) {
			header = append(header, name+f)
		}
	}
	w := newSheet(out, append(header, "difference_up", "difference_up_low", "difference_up_high", "ratio_up", "outside", "outside_share",
		"difference_share_up", "difference_share_up_low", "difference_share_up_high"))
	for i := range a.Rows {
		r := &a.Rows[i]
		var line []string
		for _, d := range by {
			line = append(line, r.Values(d)...)
		}
		line = append(line, sideCells(&r.Before)...)
		line = append(line, sideCells(&r.After)...)
		if r.Before.Suppressed || r.After.Suppressed {
			w.line(append(line, make([]string, 9)...))
			continue
		}
		ratio := ""
		if r.RatioUp != nil {
			ratio = fraction(*r.RatioUp)
		}
		w.line(append(line, fmt.Sprint(r.DifferenceUp), whole(r.DifferenceUpInterval.Low, false), whole(r.DifferenceUpInterval.High, true),
			ratio, fmt.Sprint(r.Outside), fmt.Sprint(r.OutsideShare),
			fraction(r.DifferenceShareUp), fraction(r.DifferenceShareUpInterval.Low), fraction(r.DifferenceShareUpInterval.High)))
	}
	return w.end()
}

func sideCells(s *query.CompareSide) []string {
	if s.Suppressed {
		return append(make([]string, len(figureNames)+3), "true")
	}
	return append(figureCells(&s.Figures), fraction(s.ShareUp), fraction(s.ShareUpInterval.Low), fraction(s.ShareUpInterval.High), "false")
}
