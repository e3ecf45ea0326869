package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// Options say how tables are written.
type Options struct {
	Width     int                      // cells of a line; 0: 120
	PlaceName func(code string) string // display name of a place or country code; nil: the code itself
}

func (o Options) normal() Options {
	if o.Width <= 0 {
		o.Width = 120
	}
	if o.PlaceName == nil {
		o.PlaceName = func(code string) string { return code }
	}
	return o
}

// withheld stands for the figures of too few handsets.
const withheld = "withheld"

// Residency prints an answer for people: bytes in decimal units with their 95 % intervals, shares in
// percent, and under the table what the figures rest on. An answer by one dimension over time has a
// line for each bucket and a column for each of the largest values, as many as fit; any other has a
// line for each row.
func Residency(out io.Writer, a query.ResidencyAnswer, o Options) error {
	o = o.normal()
	var err error
	switch {
	case len(a.Rows) == 0:
		_, err = fmt.Fprintln(out, "No flows were counted for this question.")
	case len(a.Question.By) == 1 && a.Question.Bucket != query.BucketTotal:
		err = pivot(&a, o).write(out, o.Width)
	default:
		err = long(&a, o).write(out, o.Width)
	}
	if err != nil {
		return err
	}
	return notes(out, o.Width, residencyNotes(&a))
}

func long(a *query.ResidencyAnswer, o Options) *table {
	t := &table{}
	if a.Question.Bucket != query.BucketTotal {
		t.columns = append(t.columns, column{title: bucketTitle(a.Question.Bucket)})
	}
	for _, d := range a.Question.By {
		t.columns = append(t.columns, column{title: d.Title(), most: 32})
	}
	t.columns = append(t.columns,
		column{title: "Up", right: true}, column{title: "95 %", drop: 6}, column{title: "Share", right: true}, column{title: "95 %", drop: 2},
		column{title: "Down", right: true}, column{title: "95 %", drop: 1}, column{title: "Flows", right: true, drop: 4},
		column{title: "Handsets", right: true, drop: 5})
	for i := range a.Rows {
		r := &a.Rows[i]
		var line []string
		if a.Question.Bucket != query.BucketTotal {
			line = append(line, bucketLabel(a.Question.Bucket, r.Bucket))
		}
		for _, d := range a.Question.By {
			line = append(line, r.Label(d, o.PlaceName))
		}
		t.add(append(line, figures(&r.Cell)...)...)
	}
	return t
}

// figures are the cells of long's last eight columns.
func figures(c *query.Cell) []string {
	switch {
	case c.Suppressed:
		return []string{withheld, "", "", "", withheld, "", "", ""}
	case c.Unobserved:
		return []string{below(c.BytesUpInterval.High), "", "–", "", below(c.BytesDownInterval.High), "", "0", ""}
	}
	handsets := ""
	if c.Handsets > 0 {
		handsets = number(c.Handsets)
	}
	return []string{
		estimated(c.BytesUp, c.BytesUpInterval), beside(c.BytesUp, c.BytesUpInterval), percent(c.ShareUp), shareRange(c.ShareUpInterval),
		estimated(c.BytesDown, c.BytesDownInterval), beside(c.BytesDown, c.BytesDownInterval), number(c.Flows), handsets,
	}
}

// estimated is a figure; where nothing was seen, the most that may have been sent.
func estimated(value uint64, i estimate.Interval) string {
	if value == 0 && !i.Exact() {
		return below(i.High)
	}
	return Bytes(value)
}

func beside(value uint64, i estimate.Interval) string {
	if value == 0 {
		return ""
	}
	return within(value, i)
}

// shareRange are the ends of a share's interval, in percent.
func shareRange(i estimate.Interval) string {
	if i.High-i.Low < 1e-9 {
		return ""
	}
	return fmt.Sprintf("%.1f–%.1f", 100*i.Low, 100*i.High)
}

// pivotMost is how many values of a dimension get a column of their own at most; the rest share one.
const pivotMost = 6

// pivotLine is one bucket: a cell for each name, then other, then the sum.
type pivotLine struct {
	bucket time.Time
	cells  []pivotCell
}

type pivotCell struct {
	bytes    uint64
	interval estimate.Interval
	seen     int // rows in it
	withheld bool
}

func (c *pivotCell) add(r *query.Cell) {
	c.seen++
	c.bytes += r.BytesUp
	c.interval = r.BytesUpInterval
	c.withheld = c.withheld || r.Suppressed
}

// pivot has a line for each bucket, whose cells are bytes up with their interval and their share of the
// bucket.
func pivot(a *query.ResidencyAnswer, o Options) *table {
	names := largest(a)
	for most := min(len(names), pivotMost); ; most-- {
		t := pivotOf(a, names[:most], o)
		// Nothing is dropped from a pivot: values go to "Other" until the lines fit.
		sum := 0
		for i := range t.columns {
			widest := cellsOf(t.columns[i].title)
			for _, row := range append(t.rows, t.foot) {
				widest = max(widest, cellsOf(row[i]))
			}
			sum += widest + gap
		}
		if sum <= o.Width || most <= 1 {
			return t
		}
	}
}

// value is a code of a pivot's dimension. Two codes may have the same display name, so columns are told
// apart by code.
func value(r *query.ResidencyRow, d query.Dimension) string {
	return r.Label(d, func(code string) string { return code })
}

// largest are the values with the most bytes up over the whole time, most first.
func largest(a *query.ResidencyAnswer) []string {
	by := a.Question.By[0]
	total := make(map[string]uint64)
	for i := range a.Rows {
		if r := &a.Rows[i]; !r.IsOther(a.Question.By) {
			total[value(r, by)] += r.BytesUp
		}
	}
	names := make([]string, 0, len(total))
	for name := range total {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(total[y], total[x]), cmp.Compare(x, y)) })
	return names
}

func pivotOf(a *query.ResidencyAnswer, names []string, o Options) *table {
	by := a.Question.By[0]
	column := pivotColumns(a, names, o)
	width := len(names) + 2
	var lines []pivotLine
	sum := make([]pivotCell, width)
	for i := range a.Rows {
		r := &a.Rows[i]
		if len(lines) == 0 || !lines[len(lines)-1].bucket.Equal(r.Bucket) {
			lines = append(lines, pivotLine{r.Bucket, make([]pivotCell, width)})
		}
		at := slices.Index(names, value(r, by))
		if at < 0 || r.IsOther(a.Question.By) {
			at = len(names)
		}
		for _, cells := range [][]pivotCell{lines[len(lines)-1].cells, sum} {
			cells[at].add(&r.Cell)
			cells[width-1].add(&r.Cell)
		}
	}
	t := &table{columns: column}
	for i := range lines {
		t.add(pivotText(a, bucketLabel(a.Question.Bucket, lines[i].bucket), lines[i].cells)...)
	}
	// The intervals of the foot are not known: those of its parts do not add up.
	for i := range sum {
		sum[i].interval = estimate.Interval{}
		sum[i].seen = 2
	}
	t.foot = pivotText(a, "All", sum)
	if sum[len(names)].bytes == 0 && !sum[len(names)].withheld {
		t.without(len(names) + 1)
	}
	return t
}

func pivotColumns(a *query.ResidencyAnswer, names []string, o Options) []column {
	by := a.Question.By[0]
	title := make(map[string]string)
	for i := range a.Rows {
		title[value(&a.Rows[i], by)] = a.Rows[i].Label(by, o.PlaceName)
	}
	columns := []column{{title: bucketTitle(a.Question.Bucket)}}
	for _, name := range names {
		columns = append(columns, column{title: clip(title[name], 20), right: true})
	}
	return append(columns, column{title: "Other", right: true}, column{title: "All", right: true})
}

func pivotText(a *query.ResidencyAnswer, first string, cells []pivotCell) []string {
	all := cells[len(cells)-1]
	out := []string{first}
	for i, c := range cells {
		switch {
		case c.withheld && i == len(cells)-1:
			out = append(out, "")
		case c.withheld:
			out = append(out, withheld)
		case i == len(cells)-1 && c.bytes > 0:
			out = append(out, Bytes(c.bytes))
		case c.bytes == 0 && c.seen == 1 && !c.interval.Exact():
			out = append(out, below(c.interval.High))
		case c.bytes == 0 && c.seen == 0 && a.UpperBoundOfZero != nil && a.UpperBoundOfZero.Bytes > 0 && i < len(cells)-2:
			out = append(out, below(a.UpperBoundOfZero.Bytes))
		case c.bytes == 0:
			out = append(out, "–")
		default:
			text := Bytes(c.bytes)
			if c.seen == 1 { // several intervals do not add up
				if with := within(c.bytes, c.interval); with != "" {
					text += " " + with
				}
			}
			if !all.withheld && all.bytes > 0 {
				text += fmt.Sprintf(" %6s", percent(float64(c.bytes)/float64(all.bytes)))
			}
			out = append(out, text)
		}
	}
	return out
}

func bucketTitle(b query.Bucket) string {
	switch b {
	case query.BucketWeek:
		return "Week of"
	case query.BucketDay:
		return "Day"
	}
	return "UTC"
}

func bucketLabel(b query.Bucket, t time.Time) string {
	if b == query.BucketWeek || b == query.BucketDay {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}
