package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// A column of a table for people.
type column struct {
	title string
	right bool
	// drop is the order in which columns go where the line is too short for all; 0: never.
	drop int
	// most is the most that a cell may take before it is cut; 0: any. Where the line is too short, it
	// is cut to least at the worst.
	most int
}

// least is what is left of a text that is cut to fit.
const least = 18

// table is lines of cells. A column without any text in it is left out.
type table struct {
	columns []column
	rows    [][]string
	foot    []string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// gap is what stands around each column.
const gap = 2

// write prints the table in lines of at most width cells of a terminal, if that can be.
func (t *table) write(out io.Writer, width int) error {
	kept := t.fit(width)
	pick := func(row []string) []string {
		var out []string
		for _, i := range kept {
			out = append(out, row[i])
		}
		return out
	}
	align := make(tw.Alignment, len(kept))
	header := make([]string, len(kept))
	for at, i := range kept {
		align[at], header[at] = tw.AlignLeft, t.columns[i].title
		if t.columns[i].right {
			align[at] = tw.AlignRight
		}
	}
	cells := tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: align}, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off}}
	w := tablewriter.NewTable(out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off}},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells, Footer: cells}))
	w.Header(header)
	for _, row := range t.rows {
		if err := w.Append(pick(row)); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if t.foot != nil {
		w.Footer(pick(t.foot))
	}
	if err := w.Render(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// fit cuts texts and leaves columns out until the rest has room, and returns which are left.
func (t *table) fit(width int) []int {
	widths := make([]int, len(t.columns))
	var kept []int
	for i, c := range t.columns {
		for _, row := range append(t.rows, t.foot) {
			if i < len(row) {
				widths[i] = max(widths[i], cellsOf(row[i]))
			}
		}
		if c.most > 0 {
			widths[i] = min(widths[i], c.most)
		}
		if widths[i] > 0 || c.drop == 0 {
			kept = append(kept, i)
		}
		widths[i] = max(widths[i], cellsOf(c.title))
	}
	// What the columns take, at the least that those of cuttable text can be.
	over := func(shortest bool) int {
		sum := -width
		for _, i := range kept {
			w := widths[i]
			if shortest && t.columns[i].most > 0 {
				w = min(w, least)
			}
			sum += w + gap
		}
		return sum
	}
	for over(true) > 0 {
		first := -1
		for at, i := range kept {
			if drop := t.columns[i].drop; drop > 0 && (first < 0 || drop < t.columns[kept[first]].drop) {
				first = at
			}
		}
		if first < 0 {
			break
		}
		kept = slices.Delete(kept, first, first+1)
	}
	for over(false) > 0 {
		longest := -1
		for _, i := range kept {
			if t.columns[i].most > 0 && widths[i] > least && (longest < 0 || widths[i] > widths[longest]) {
				longest = i
			}
		}
		if longest < 0 {
			break
		}
		widths[longest]--
	}
	for _, row := range t.rows {
		for i, c := range t.columns {
			if c.most > 0 {
				row[i] = clip(row[i], widths[i])
			}
		}
	}
	return kept
}

// clip cuts a text to a number of cells.
func clip(s string, most int) string {
	if cellsOf(s) <= most {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && cellsOf(string(r)) > most-1 {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}

// paragraph breaks a text into lines of at most width cells, the second and further ones indented.
func paragraph(out io.Writer, width int, text string) error {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		w := cellsOf(word)
		switch {
		case i == 0:
		case at+1+w > width:
			b.WriteString("\n  ")
			at = 2
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += w
	}
	b.WriteByte('\n')
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// without takes a column out.
func (t *table) without(i int) {
	t.columns = slices.Delete(t.columns, i, i+1)
	for r := range t.rows {
		t.rows[r] = slices.Delete(t.rows[r], i, i+1)
	}
	if t.foot != nil {
		t.foot = slices.Delete(t.foot, i, i+1)
	}
}

// cellsOf is how much of a line a text takes.
func cellsOf(s string) int { return twwidth.Width(s) }
