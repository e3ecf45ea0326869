package query

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// pivotColumns is how many values of a dimension get a column of their own; the rest share one.
const pivotColumns = 6

// WriteTable prints an answer for people: bytes in decimal units, shares in percent. An answer by
// one dimension over time has a line for each bucket and a column for each of the largest values;
// any other has a line for each row. placeName gives the display name of a place or country code;
// nil: the code itself.
func WriteTable(w io.Writer, a ResidencyAnswer, placeName func(code string) string) error {
	if placeName == nil {
		placeName = func(code string) string { return code }
	}
	if len(a.Rows) == 0 {
		_, err := fmt.Fprintln(w, "No flows were counted for this question.")
		return err
	}
	if len(a.Question.By) == 1 && a.Question.Bucket != BucketTotal {
		return writePivot(w, &a, placeName)
	}
	return writeLong(w, &a, placeName)
}

func newTable(w io.Writer, left, columns int) *tablewriter.Table {
	align := make(tw.Alignment, columns)
	for i := range align {
		align[i] = tw.AlignRight
		if i < left {
			align[i] = tw.AlignLeft
		}
	}
	cells := tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: align}, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off}}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off}},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells, Footer: cells}))
}

func writeLong(w io.Writer, a *ResidencyAnswer, placeName func(string) string) error {
	var header []string
	if a.Question.Bucket != BucketTotal {
		header = append(header, bucketTitle(a.Question.Bucket))
	}
	for _, d := range a.Question.By {
		header = append(header, title(d))
	}
	left := len(header)
	header = append(header, "Up", "Share", "Down", "Flows")
	table := newTable(w, left, len(header))
	table.Header(header)
	for i := range a.Rows {
		r := &a.Rows[i]
		var line []string
		if a.Question.Bucket != BucketTotal {
			line = append(line, bucketLabel(a.Question.Bucket, r.Bucket))
		}
		for _, d := range a.Question.By {
			line = append(line, label(r, d, placeName))
		}
		line = append(line, Bytes(r.BytesUp), percent(r.ShareUp), Bytes(r.BytesDown), strconv.FormatUint(r.Flows, 10))
		if err := table.Append(line); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// writePivot has a line for each bucket, whose cells are bytes up and their share of the bucket.
func writePivot(w io.Writer, a *ResidencyAnswer, placeName func(string) string) error {
	by := a.Question.By[0]
	// Two codes may have the same display name, so columns are told apart by code.
	code := func(r *ResidencyRow) string { return label(r, by, func(code string) string { return code }) }
	title := make(map[string]string)
	total := make(map[string]uint64)
	for i := range a.Rows {
		r := &a.Rows[i]
		if !r.IsOther(a.Question.By) {
			total[code(r)] += r.BytesUp
			title[code(r)] = label(r, by, placeName)
		}
	}
	names := make([]string, 0, len(total))
	for name := range total {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(total[y], total[x]), cmp.Compare(x, y)) })
	names = names[:min(len(names), pivotColumns)]
	column := make(map[string]int)
	for i, name := range names {
		column[name] = i
	}

	type line struct {
		bucket time.Time
		cells  []uint64 // one for each name, then other, then the sum
	}
	width := len(names) + 2
	var lines []line
	sum := make([]uint64, width)
	for i := range a.Rows {
		r := &a.Rows[i]
		if len(lines) == 0 || !lines[len(lines)-1].bucket.Equal(r.Bucket) {
			lines = append(lines, line{r.Bucket, make([]uint64, width)})
		}
		at, ok := column[code(r)]
		if !ok || r.IsOther(a.Question.By) {
			at = len(names)
		}
		for _, cells := range [][]uint64{lines[len(lines)-1].cells, sum} {
			cells[at] += r.BytesUp
			cells[width-1] += r.BytesUp
		}
	}
	others := sum[len(names)] > 0
	text := func(first string, cells []uint64) []string {
		out := []string{first}
		for i, v := range cells {
			switch {
			case i == len(names) && !others:
			case i == width-1:
				out = append(out, Bytes(v))
			case v == 0:
				out = append(out, "–")
			default:
				out = append(out, fmt.Sprintf("%s %6s", Bytes(v), percent(float64(v)/float64(cells[width-1]))))
			}
		}
		return out
	}
	header := []string{bucketTitle(a.Question.Bucket)}
	for _, name := range names {
		header = append(header, title[name])
	}
	if others {
		header = append(header, "Other")
	}
	header = append(header, "All")
	table := newTable(w, 1, len(header))
	table.Header(header)
	for _, l := range lines {
		if err := table.Append(text(bucketLabel(a.Question.Bucket, l.bucket), l.cells)); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	table.Footer(text("All", sum))
	if err := table.Render(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// label is the value of a dimension as people read it.
func label(r *ResidencyRow, d Dimension, placeName func(string) string) string {
	switch d {
	case ByPlace:
		return named(r.Place, placeName)
	case ByCountry:
		return named(r.Country, placeName)
	case ByASN:
		if r.ASN == 0 {
			return cmp.Or(r.ASOrganization, Unknown)
		}
		return fmt.Sprintf("AS%d %s", r.ASN, r.ASOrganization)
	case ByCloudRegion:
		if r.CloudProvider == r.CloudRegion || r.CloudProvider == "" {
			return r.CloudRegion
		}
		return r.CloudProvider + " " + r.CloudRegion
	}
	return cmp.Or(*columns([]Dimension{d})[0].text(&r.Key), "–")
}

func named(code string, placeName func(string) string) string {
	if code == Other || code == Unknown {
		return code
	}
	return cmp.Or(placeName(code), code)
}

func title(d Dimension) string {
	known, _ := d.find()
	return known.title
}

func bucketTitle(b Bucket) string {
	switch b {
	case BucketWeek:
		return "Week of"
	case BucketDay:
		return "Day"
	}
	return "UTC"
}

func bucketLabel(b Bucket, t time.Time) string {
	if b == BucketWeek || b == BucketDay {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// Bytes writes a number of bytes with three figures and a decimal unit: "12.3 GB".
func Bytes(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	value, unit := float64(n), -1
	// 999.5 would round to 1000 of its unit.
	for value >= 999.5 {
		value /= 1000
		unit++
	}
	digits := 2
	switch {
	case value >= 99.95:
		digits = 0
	case value >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}[max(unit, 0)]
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + "%" }
