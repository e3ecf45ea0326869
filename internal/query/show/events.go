package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Events prints for people what happened, the earliest first.
func Events(out io.Writer, a query.EventsAnswer, o Options) error {
	o = o.normal()
	if len(a.Rows) == 0 {
		none := "No data set or policy changed, and no exporter was silent for an hour."
		if len(a.Question.Kinds) > 0 {
			none = "Nothing of the kind happened."
		}
		_, err := fmt.Fprintln(out, none)
		return err
	}
	t := &table{columns: []column{{title: "From"}, {title: "To", drop: 3}, {title: "Kind", drop: 1}, {title: "What"}, {title: "More", drop: 2, most: 120}}}
	for i := range a.Rows {
		e := &a.Rows[i]
		until := ""
		if !e.End.IsZero() {
			until = moment(e.End)
		}
		if e.Ongoing {
			until = "still"
		}
		t.add(moment(e.Time), until, strings.ReplaceAll(string(e.Kind), "_", " "), e.Title, e.Text)
	}
	return t.write(out, o.Width)
}

// EventsCSV writes what happened, times as in RFC 3339, tags with spaces between.
func EventsCSV(out io.Writer, rows []query.Event) error {
	w := newSheet(out, []string{"kind", "time", "end", "ongoing", "title", "text", "tags"})
	for i := range rows {
		e := &rows[i]
		w.line([]string{string(e.Kind), instant(e.Time), instant(e.End), fmt.Sprint(e.Ongoing), e.Title, e.Text, strings.Join(e.Tags, " ")})
	}
	return w.end()
}
