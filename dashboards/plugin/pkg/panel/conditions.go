package panel

import (
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// where are the filters of a query for which a question has no field of its own.
func (q *Query) where(dimensions ...query.Dimension) []query.Condition {
	var out []query.Condition
	for _, l := range q.lists() {
		for _, d := range dimensions {
			if l.dimension == d && len(*l.values) > 0 {
				out = append(out, query.Condition{Dimension: d, Values: *l.values})
			}
		}
	}
	for _, a := range q.Filters {
		c := query.Condition{Dimension: query.Dimension(a.Key), Not: strings.HasPrefix(a.Operator, "!")}
		switch {
		case strings.HasSuffix(a.Operator, "~"):
			c.Match = a.Value
		case strings.HasSuffix(a.Operator, "|") && len(a.Values) > 0:
			c.Values = a.Values
		default:
			c.Values = []string{a.Value}
		}
		out = append(out, c)
	}
	return out
}
