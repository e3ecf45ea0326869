package query

import (
	"context"
	"fmt"
	"time"
)

// The oldest bucket that a rollup has, and the oldest that the one by the day has. The order key
// begins with the bucket, so this reads a few rows.
const keptSQL = `SELECT (SELECT r.bucket FROM $database.$table AS r WHERE $where ORDER BY r.bucket LIMIT 1) AS here,
       (SELECT r.bucket FROM $database.residency_day AS r WHERE $where ORDER BY r.bucket LIMIT 1) AS ever`

func (c *Client) keptStatement(table string) *statement {
	s := c.statement("oldest bucket", table)
	s.write(c.database, keptSQL)
	return s
}

// keptWarning says so if the rollup no longer has all of the time since.
func (c *Client) keptWarning(ctx context.Context, s *statement, table string, since time.Time) (warnings []string, err error) {
	var here, ever *time.Time
	err = c.ask(ctx, s, []any{&here, &ever}, func() error {
		if ever == nil || here != nil && !ever.Before(here.UTC().Truncate(day)) {
			return nil // nothing has been dropped yet
		}
		switch {
		case here == nil:
			warnings = append(warnings, fmt.Sprintf("%s keeps nothing any more: the answer is empty; figures by the day begin %s", table, ever.UTC().Format(time.DateOnly)))
		case since.Before(*here):
			warnings = append(warnings, fmt.Sprintf("%s is kept from %s on only: what was before is missing in the answer; figures by the day begin %s",
				table, here.UTC().Format(time.RFC3339), ever.UTC().Format(time.DateOnly)))
		}
		return nil
	})
	return warnings, err
}
