package show

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Overtakes prints which value of a dimension got ahead of which, the latest first, and under the
// table what the answer that they were found in rests on.
func Overtakes(out io.Writer, all []query.Overtake, by query.Dimension, a query.ResidencyAnswer, o Options) error {
	o = o.normal()
	if len(all) == 0 {
		if _, err := fmt.Fprintln(out, "No one got ahead of another and stayed there until the end."); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return notes(out, o.Width, residencyNotes(&a))
	}
	t := &table{columns: []column{
		{title: "Ahead", most: 32},
		{title: "Share", right: true, drop: 2},
		{title: "Behind", most: 32},
		{title: "Share", right: true, drop: 2},
		{title: "Since"},
		{title: "Beyond sampling since", drop: 1},
	}}
	for i := range all {
		x := &all[i]
		certain := "–"
		if !x.Certain.IsZero() {
			certain = bucketLabel(a.Question.Bucket, x.Certain)
		}
		t.add(x.Ahead.Label(by, o.PlaceName), percent(x.AheadShare), x.Behind.Label(by, o.PlaceName), percent(x.BehindShare), bucketLabel(a.Question.Bucket, x.Since), certain)
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	return notes(out, o.Width, residencyNotes(&a))
}

// OvertakesCSV writes overtakes, times as in RFC 3339.
func OvertakesCSV(out io.Writer, all []query.Overtake, by query.Dimension) error {
	var header []string
	for _, side := range []string{"ahead_", "behind_"} {
		for _, name := range by.Columns() {
			header = append(header, side+name)
		}
	}
	w := newSheet(out, append(header, "since", "certain", "ahead_share", "behind_share"))
	for i := range all {
		x := &all[i]
		w.line(slices.Concat(x.Ahead.Values(by), x.Behind.Values(by), []string{
			x.Since.UTC().Format(time.RFC3339), instant(x.Certain), fraction(x.AheadShare), fraction(x.BehindShare),
		}))
	}
	return w.end()
}
