package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// revision is a row of the table of corrections: the days in [since, until) were computed anew.
type revision struct {
	number       uint16
	since, until time.Time
	state        string
}

const revisionsSQL = `SELECT r.revision, r.since, r.until, toString(r.state)
FROM $database.$table AS r FINAL
ORDER BY r.revision`

// revisions reads all of them. They are of days and not of operators, so no scope applies.
func (c *Client) revisions(ctx context.Context) ([]revision, *statement, error) {
	s := &statement{purpose: "revisions", table: "revisions"}
	s.write(c.database, revisionsSQL)
	var all []revision
	var r revision
	err := c.ask(ctx, s, []any{&r.number, &r.since, &r.until, &r.state}, func() error {
		all = append(all, revision{r.number, r.since.UTC(), r.until.UTC(), r.state})
		return nil
	})
	return all, s, err
}

// A segment is a time in which one revision is in force; a zero time is open.
type segment struct {
	since, until time.Time
	revision     uint16
}

// inForce cuts [since, until) into segments, in order. In force is the highest active revision that
// is not above asked (nil: any), 0 where there is none.
func inForce(all []revision, asked *uint16, since, until time.Time) ([]segment, error) {
	if asked != nil && *asked > 0 {
		i := slices.IndexFunc(all, func(r revision) bool { return r.number == *asked })
		if i < 0 {
			return nil, invalid("there is no revision %d", *asked)
		}
		if all[i].state != "active" {
			return nil, invalid("revision %d is %s: it never was in force", *asked, all[i].state)
		}
	}
	var counts []revision
	borders := []time.Time{since}
	for _, r := range all {
		if r.state != "active" || asked != nil && r.number > *asked {
			continue
		}
		counts = append(counts, r)
		for _, t := range []time.Time{r.since, r.until} {
			if t.After(since) && (until.IsZero() || t.Before(until)) {
				borders = append(borders, t)
			}
		}
	}
	slices.SortFunc(borders, time.Time.Compare)
	borders = slices.CompactFunc(borders, time.Time.Equal)
	var out []segment
	for i, from := range borders {
		s := segment{since: from, until: until}
		if i+1 < len(borders) {
			s.until = borders[i+1]
		}
		for _, r := range counts {
			if !r.since.After(from) && r.until.After(from) {
				s.revision = max(s.revision, r.number)
			}
		}
		if n := len(out); n > 0 && out[n-1].revision == s.revision {
			out[n-1].until = s.until
		} else {
			out = append(out, s)
		}
	}
	return out, nil
}

// revised keeps the rows that count: those of the revision in force, and those that came in after it
// was cut off, which have its number or a higher one as their generation.
func (s *statement) revised(segments []segment) {
	parts := make([]string, len(segments))
	for i, g := range segments {
		var all []string
		if i > 0 {
			all = append(all, fmt.Sprintf("r.bucket >= toDateTime(%d, 'UTC')", g.since.Unix()))
		}
		if i < len(segments)-1 {
			all = append(all, fmt.Sprintf("r.bucket < toDateTime(%d, 'UTC')", g.until.Unix()))
		}
		if g.revision == 0 {
			all = append(all, "r.revision = 0")
		} else {
			all = append(all, fmt.Sprintf("(r.revision = %d OR r.revision = 0 AND r.generation >= %d)", g.revision, g.revision))
		}
		parts[i] = strings.Join(all, " AND ")
	}
	if len(parts) == 1 {
		s.and(parts[0])
		return
	}
	s.and("(" + strings.Join(parts, "\n    OR ") + ")")
}

// of returns the highest revision in force within [since, until), and whether there are others.
func revisionOf(segments []segment, since, until time.Time) (highest uint16, mixed bool) {
	first := true
	for _, g := range segments {
		if !g.until.IsZero() && !g.until.After(since) || !until.IsZero() && !g.since.Before(until) {
			continue
		}
		if !first && g.revision != highest {
			mixed = true
		}
		highest = max(highest, g.revision)
		first = false
	}
	return highest, mixed
}
