package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// policySet is the name that the policy has among the data sets.
const policySet = "policy"

// changesFrom is how long before the time is looked for what judged before.
const changesFrom = 35 * day

const judgedSQL = `SELECT r.bucket, toString(r.operator), toString(r.site), toString(r.data_sets), sum(r.flows)
FROM $database.$table AS r
WHERE $where
GROUP BY r.bucket, r.operator, r.site, r.data_sets
ORDER BY r.operator, r.site, r.bucket
LIMIT {limit:UInt64}`

// The table is of data sets and not of operators, so no scope applies; only what is named is asked for.
const setTimesSQL = `SELECT toString(r.name), r.version, r.in_force_from, min(r.first_used)
FROM $database.$table AS r
WHERE concat(r.name, ' ', r.version) IN {data_sets:Array(String)}
GROUP BY r.name, r.version, r.in_force_from`

// A change is of one data set at some sites.
type change struct {
	name, from, to string
	day            time.Time
}

// changes are the days on which most flows of a site were judged by another version of a data set than
// on the last day before. A few flows that come late, or early ones of another exporter, change
// nothing.
func (c *Client) changes(ctx context.Context, q Events) ([]Event, []Statement, error) {
	all, revisions, err := c.revisions(ctx)
	if err != nil {
		return nil, nil, err
	}
	since, until := widen(q.Since, q.Until, day)
	if !until.IsZero() {
		until = until.Add(day) // a change late on a day shows on the next
	}
	if !since.IsZero() {
		since = later(since.Add(-changesFrom), earliest)
	}
	segments, err := inForce(all, nil, since, until)
	if err != nil {
		return nil, nil, err
	}
	s := c.statement("what judged the flows", "data_set_day")
	s.in("r.operator", "operators", q.Operators)
	s.in("r.site", "sites", q.Sites)
	s.span(since, until)
	s.revised(segments)
	s.set("limit", uint64(10*c.maxRows+1))
	s.write(c.database, judgedSQL)
	times := &statement{purpose: "times of the data sets", table: "data_sets"}
	times.write(c.database, setTimesSQL)
	statements := []Statement{s.public(), revisions.public(), times.public()}
	found, err := c.changed(ctx, s)
	if err != nil || len(found) == 0 {
		return nil, statements, err
	}
	known, err := c.setTimes(ctx, times, found)
	if err != nil {
		return nil, nil, err
	}
	var out []Event
	for _, f := range slices.SortedFunc(maps.Keys(found), change.compare) {
		e := f.event(found[f], known[f.name+" "+f.to])
		if q.wants(e.Kind) && !e.Time.Before(q.Since) && (q.Until.IsZero() || e.Time.Before(q.Until)) {
			out = append(out, e)
		}
	}
	return out, statements, nil
}

// judged counts the flows of one site and day by data set and version.
type judged map[string]map[string]uint64

// most are the versions that judged the most flows; of as many, the higher.
func (j judged) most() map[string]string {
	out := make(map[string]string, len(j))
	for name, versions := range j {
		best := ""
		for _, v := range slices.Sorted(maps.Keys(versions)) {
			if best == "" || versions[v] >= versions[best] {
				best = v
			}
		}
		out[name] = best
	}
	return out
}

// changed gives the sites of every change.
func (c *Client) changed(ctx context.Context, s *statement) (map[change][]string, error) {
	out := make(map[change][]string)
	var bucket, at time.Time
	var operator, site, sets, where string
	var flows uint64
	before, today := map[string]string{}, judged{}
	over := func() { // the day is
		for name, version := range today.most() {
			if last, ok := before[name]; ok && last != version {
				f := change{name, last, version, at}
				out[f] = append(out[f], where)
			}
			before[name] = version
		}
		today = judged{}
	}
	n := 0
	err := c.ask(ctx, s, []any{&bucket, &operator, &site, &sets, &flows}, func() error {
		if n++; n > 10*c.maxRows {
			return invalid("data sets changed too often: ask for a shorter time")
		}
		if here := location(operator, site); here != where || !bucket.Equal(at) {
			over()
			if here != where {
				before = map[string]string{}
			}
			where, at = here, bucket.UTC()
		}
		for one := range strings.SplitSeq(sets, ", ") {
			if name, version, ok := strings.Cut(one, " "); ok {
				if today[name] == nil {
					today[name] = make(map[string]uint64)
				}
				today[name][version] += flows
			}
		}
		return nil
	})
	over()
	return out, err
}

// setTimes are the times from which versions judge, and at which they were first seen to.
func (c *Client) setTimes(ctx context.Context, s *statement, found map[change][]string) (map[string][]time.Time, error) {
	var names []string
	for f := range found {
		names = append(names, f.name+" "+f.to)
	}
	slices.Sort(names)
	out := make(map[string][]time.Time)
	var name, version string
	var inForce, used time.Time
	err := c.ask(ctx, s.on("data_sets", slices.Compact(names)), []any{&name, &version, &inForce, &used}, func() error {
		key := name + " " + version
		out[key] = append(out[key], inForce.UTC(), used.UTC())
		return nil
	})
	return out, err
}

func (f change) compare(g change) int {
	return strings.Compare(f.day.Format(time.DateOnly)+f.name+" "+f.to+" "+f.from, g.day.Format(time.DateOnly)+g.name+" "+g.to+" "+g.from)
}

// event places a change in its day, or late on the day before, where the version is known to have
// come into force or use then.
func (f change) event(sites []string, known []time.Time) Event {
	e := Event{Kind: EventDataSet, Time: f.day, Title: fmt.Sprintf("Data set %s %s", f.name, f.to)}
	what := "the data set " + f.name
	if f.name == policySet {
		e.Kind, e.Title, what = EventPolicy, "Policy "+f.to, "the policy"
	}
	var latest time.Time
	for _, t := range known {
		if !t.Before(f.day.Add(-day)) && t.Before(f.day.Add(day)) && t.After(latest) {
			latest = t
		}
	}
	precision := "the day on which most flows are judged by it"
	if !latest.IsZero() {
		e.Time, precision = latest, latest.Format("2006-01-02 15:04")+" UTC"
	}
	slices.Sort(sites)
	sites = slices.Compact(sites)
	e.Text = fmt.Sprintf("Flows are judged by version %s of %s, no longer by %s, from %s. Sites: %s.",
		f.to, what, f.from, precision, several(sites))
	if e.Tags = tags(e.Kind); e.Kind == EventDataSet {
		e.Tags = tags(e.Kind, f.name)
	}
	return e
}

// several names the first few of many.
func several(all []string) string {
	const most = 5
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}
