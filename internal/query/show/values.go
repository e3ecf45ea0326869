package show

import (
	"fmt"
	"io"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Values prints the values that a dimension has, the most bytes up first.
func Values(out io.Writer, a query.ValuesAnswer, o Options) error {
	o = o.normal()
	if len(a.Rows) == 0 {
		_, err := fmt.Fprintln(out, "No flows were counted for this question.")
		return err
	}
	t := &table{columns: []column{{title: "Value", most: 60}, {title: "Name", drop: 1, most: 40}, {title: "Up", right: true}}}
	for _, v := range a.Rows {
		name := v.Text
		if name == v.Value {
			name = ""
		}
		t.add(v.Value, name, Bytes(v.BytesUp))
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	var lines []string
	if a.More {
		lines = append(lines, fmt.Sprintf("These are the first %s; there are more.", number(uint64(len(a.Rows)))))
	}
	for _, w := range a.Warnings {
		lines = append(lines, "Note: "+w)
	}
	return notes(out, o.Width, lines)
}

// ValuesCSV writes the values that a dimension has.
func ValuesCSV(out io.Writer, rows []query.Value) error {
	w := newSheet(out, []string{"value", "text", "bytes_up"})
	for _, v := range rows {
		w.line([]string{v.Value, v.Text, digits(v.BytesUp)})
	}
	return w.end()
}
