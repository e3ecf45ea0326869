package query

import (
	"context"
	"fmt"
	"time"
)

// The oldest bucket that a table has, and the oldest that the rollup by the day has. The order key
// begins with the bucket, so this reads a few rows.
const keptSQL = `SELECT (SELECT r.bucket FROM $database.$table AS r WHERE $where ORDER BY r.bucket LIMIT 1) AS here,
       (SELECT r.bucket FROM $database.residency_day AS r WHERE $where ORDER BY r.bucket LIMIT 1) AS ever`

// kept is the answer: nil where there is nothing.
type kept struct{ here, ever *time.Time }

func (c *Client) keptStatement(table string) *statement {
	s := c.statement("oldest bucket", table)
	s.write(c.database, keptSQL)
	return s
}

func (c *Client) kept(ctx context.Context, s *statement) (k kept, err error) {
	err = c.ask(ctx, s, []any{&k.here, &k.ever}, func() error { return nil })
	return k, err
}

// begin is when the history begins; zero: there is none.
func (k kept) begin() time.Time {
	if k.ever == nil {
		return time.Time{}
	}
	return k.ever.UTC()
}

// warnings say so if the table no longer has all of the time since.
func (k kept) warnings(table string, since time.Time) []string {
	if k.ever == nil || k.here != nil && !k.ever.Before(k.here.UTC().Truncate(day)) {
		return nil // nothing has been dropped yet
	}
	if k.here == nil {
		return []string{fmt.Sprintf("%s has nothing: the answer is empty, although figures by the day begin %s", table, k.begin().Format(time.DateOnly))}
	}
	if since.Before(*k.here) {
		return []string{fmt.Sprintf("%s is kept from %s on only: what was before is missing in the answer; figures by the day begin %s",
			table, k.here.UTC().Format(time.RFC3339), k.begin().Format(time.DateOnly))}
	}
	return nil
}
