package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Options say which days are compared, and how patiently.
type Options struct {
	// Since and Until (excluded) are whole days, UTC.
	Since, Until time.Time
	// Ahead is how long after its arrival a flow may begin (aggregator.max_flow_ahead).
	Ahead time.Duration
	// Readings are how often tables that differ are read; Pause waits between. An insert shows in one
	// table a moment before the next.
	Readings int
	Pause    func(context.Context) error
	// Settle is how old the newest insert of a day must be for a difference that stays to be one that
	// will stay.
	Settle time.Duration
}

// DefaultOptions waits for inserts under way for about ten seconds.
func DefaultOptions() Options {
	return Options{Ahead: day, Readings: 6, Pause: pause, Settle: 30 * time.Second}
}

// Report is what an audit found.
type Report struct {
	Since       time.Time    `json:"since"`
	Until       time.Time    `json:"until"`
	Equal       int          `json:"equal"`
	Differs     int          `json:"differs"`
	Moving      int          `json:"moving"`
	Comparisons []Comparison `json:"comparisons"`
}

// Run compares the tables. Comparisons that differ are read again, until they agree, or differ in the
// same way although nothing moves any more, or Readings is over.
func Run(ctx context.Context, conn driver.Conn, o Options) (*Report, error) {
	if !o.Since.Before(o.Until) || o.Since.Truncate(day) != o.Since || o.Until.Truncate(day) != o.Until {
		return nil, fmt.Errorf("compare days from %s to %s: not whole days in their order", o.Since, o.Until)
	}
	kept, err := Retention(ctx, conn)
	if err != nil {
		return nil, err
	}
	revisions, err := Revisions(ctx, conn)
	if err != nil {
		return nil, err
	}
	active, cutoffs := activeByCutoff(revisions)
	first, err := read(ctx, conn, o.Since, o.Until, o.Ahead, cutoffs)
	if err != nil {
		return nil, err
	}
	report := &Report{Since: o.Since, Until: o.Until, Comparisons: o.compare(first, kept, active)}
	open := pending(report.Comparisons)
	seen := make(map[*Comparison][]Comparison) // the readings of those that differ
	note := func(c *Comparison) { seen[c] = append(seen[c], *c) }
	for _, c := range open {
		note(c)
	}
	for n := 1; n < o.Readings && len(open) > 0; n++ {
		if err := o.Pause(ctx); err != nil {
			return nil, err
		}
		some := o
		some.Since, some.Until = open[0].Day, open[len(open)-1].Day.Add(day)
		again, err := read(ctx, conn, some.Since, some.Until, o.Ahead, cutoffs)
		if err != nil {
			return nil, err
		}
		now := some.compare(again, kept, active)
		for _, c := range open {
			i := slices.IndexFunc(now, func(x Comparison) bool { return x.Day.Equal(c.Day) && x.What == c.What })
			if i < 0 {
				c.State = Moving // it was forgotten meanwhile
				continue
			}
			*c = now[i]
			note(c)
			c.State = o.judge(seen[c], again.at)
		}
		open = slices.DeleteFunc(open, func(c *Comparison) bool { return c.State != Moving })
	}
	for _, c := range report.Comparisons {
		switch c.State {
		case Equal:
			report.Equal++
		case Differs:
			report.Differs++
		case Moving:
			report.Moving++
		}
	}
	return report, nil
}

// stable is in how many readings in a row a difference has to be the same.
const stable = 3

// judge says what the readings of a comparison come to, the last of which was made at that time.
func (o *Options) judge(readings []Comparison, at time.Time) State {
	last := &readings[len(readings)-1]
	if last.equal() {
		return Equal
	}
	if len(readings) < stable {
		return Moving
	}
	tail := readings[len(readings)-stable:]
	for i := range tail[1:] {
		if !tail[i].sameDifferences(last) {
			return Moving
		}
	}
	// The same difference, although inserts came and went; or no insert that could still be under way.
	if !tail[0].newest.Equal(last.newest) || last.newest.Add(o.Settle).Before(at) {
		return Differs
	}
	return Moving
}

func pending(all []Comparison) []*Comparison {
	var out []*Comparison
	for i := range all {
		if all[i].State != Equal {
			out = append(out, &all[i])
		}
	}
	return out
}

// activeByCutoff gives the active revisions and their cutoffs, in the order of the cutoffs.
func activeByCutoff(all []Revision) ([]Revision, []time.Time) {
	active := slices.DeleteFunc(slices.Clone(all), func(r Revision) bool { return r.State != "active" })
	slices.SortStableFunc(active, func(a, b Revision) int { return a.Cutoff.Compare(b.Cutoff) })
	cutoffs := make([]time.Time, len(active))
	for i, r := range active {
		cutoffs[i] = r.Cutoff
	}
	return active, cutoffs
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
