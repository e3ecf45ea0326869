package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Level is a table's sums of one day, in one comparison. Difference is what it has more than the
// first of the comparison's levels.
type Level struct {
	Table      string     `json:"table"`
	Sums       Sums       `json:"sums"`
	Difference Difference `json:"difference,omitzero"`
	FlowsOnly  bool       `json:"flows_only,omitzero"` // the table has no bytes and packets
}

// Difference is one level less another.
type Difference struct {
	Flows       int64 `json:"flows"`
	BytesUp     int64 `json:"bytes_up"`
	BytesDown   int64 `json:"bytes_down"`
	PacketsUp   int64 `json:"packets_up"`
	PacketsDown int64 `json:"packets_down"`
}

func (l *Level) less(o *Level) Difference {
	d := Difference{Flows: int64(l.Sums.Flows - o.Sums.Flows)}
	if !l.FlowsOnly && !o.FlowsOnly {
		d.BytesUp = int64(l.Sums.BytesUp - o.Sums.BytesUp)
		d.BytesDown = int64(l.Sums.BytesDown - o.Sums.BytesDown)
		d.PacketsUp = int64(l.Sums.PacketsUp - o.Sums.PacketsUp)
		d.PacketsDown = int64(l.Sums.PacketsDown - o.Sums.PacketsDown)
	}
	return d
}

// Comparison is the tables that must agree on one day, in one respect.
type Comparison struct {
	Day time.Time `json:"day"`
	// What is compared: "as inserted" (all rows but those of revisions), "by arrival" (exporter_day
	// has the day of arrival), "endpoints" (flows with a handset side and a remote address),
	// "revision N" (its own rows), "after revision N" (the rows that count beside them), "ledger" (the
	// sum of all its counts, in the place of flows).
	What   string  `json:"what"`
	State  State   `json:"state"`
	Levels []Level `json:"levels"` // those that keep the day whole

	newest time.Time
}

// State is what a comparison came to.
type State string

// The states of a comparison.
const (
	Equal   State = "equal"
	Differs State = "differs"
	// Moving: inserts were under way in every reading.
	Moving State = "moving"
)

func (c *Comparison) equal() bool {
	return !slices.ContainsFunc(c.Levels, func(l Level) bool { return l.Difference != Difference{} })
}

func (c *Comparison) sameDifferences(o *Comparison) bool {
	return slices.EqualFunc(c.Levels, o.Levels, func(a, b Level) bool { return a.Table == b.Table && a.Difference == b.Difference })
}

const day = 24 * time.Hour

// The levels of a comparison, the most detailed first.
var (
	byStart    = []string{"flows", "residency_minute", "residency_hour", "residency_day", "place_day", "destination_day", "data_set_day"}
	byArrival  = []string{"flows", "exporter_day"}
	ofEndpoint = []string{"flows", "endpoint_day"}
	ofLedger   = []string{"ledger_minute", "ledger_hour"}
)

// slack keeps away from days that are about to be forgotten.
const slack = time.Hour

// whole reports whether a table keeps all of the day at that time.
func (o *Options) whole(table string, day time.Time, arrival bool, now time.Time, kept map[string]time.Duration) bool {
	keep := kept[table]
	if keep == 0 {
		return true
	}
	oldest := day
	if table == "flows" && !arrival {
		oldest = day.Add(-o.Ahead) // a flow may have arrived before it began, by its exporter's clock
	}
	return oldest.Add(keep).After(now.Add(slack))
}

// compare makes all comparisons of the days that the reading is of.
func (o *Options) compare(r *reading, kept map[string]time.Duration, active []Revision) []Comparison {
	type key struct {
		day  time.Time
		what string
	}
	type found struct {
		levels map[string]*Sums
		newest time.Time
		names  []string
	}
	all := make(map[key]*found)
	add := func(c *cell, of time.Time, what string, names []string) {
		f := all[key{of, what}]
		if f == nil {
			f = &found{levels: make(map[string]*Sums), names: names}
			all[key{of, what}] = f
		}
		if f.levels[c.table] == nil {
			f.levels[c.table] = &Sums{}
		}
		f.levels[c.table].Add(c.sums)
		if c.newest.After(f.newest) {
			f.newest = c.newest
		}
	}
	inside := func(t time.Time) bool { return !t.Before(o.Since) && t.Before(o.Until) }
	for i := range r.cells {
		c := &r.cells[i]
		if (c.table == "flows" || c.table == "exporter_day") && inside(c.received) {
			add(c, c.received, "by arrival", byArrival)
		}
		if c.table == "exporter_day" || !inside(c.day) {
			continue
		}
		if c.table == "ledger_minute" || c.table == "ledger_hour" {
			add(c, c.day, "ledger", ofLedger)
			continue
		}
		if c.endpoint {
			add(c, c.day, "endpoints", ofEndpoint)
		}
		if c.table == "endpoint_day" {
			continue
		}
		if c.revision == 0 {
			add(c, c.day, "as inserted", byStart)
		}
		for place, a := range active {
			if !a.Covers(c.day) {
				continue
			}
			own, after := c.revision == a.Revision, c.revision == 0 && c.generation >= a.Revision
			if c.table == "flows" {
				// Cutoffs rise with the revisions' places in active.
				after = int(c.after) > place
				own = !after
			}
			if own {
				add(c, c.day, fmt.Sprint("revision ", a.Revision), byStart)
			}
			if after {
				add(c, c.day, fmt.Sprint("after revision ", a.Revision), byStart)
			}
		}
	}
	var out []Comparison
	for k, f := range all {
		c := Comparison{Day: k.day, What: k.what, newest: f.newest}
		for _, table := range f.names {
			if !o.whole(table, k.day, k.what == "by arrival", r.at, kept) {
				continue
			}
			l := Level{Table: table, FlowsOnly: table == "data_set_day" || k.what == "ledger"}
			if s := f.levels[table]; s != nil {
				l.Sums = *s
			}
			if len(c.Levels) > 0 {
				l.Difference = l.less(&c.Levels[0])
			}
			c.Levels = append(c.Levels, l)
		}
		if len(c.Levels) < 2 {
			continue // nothing to compare it with
		}
		c.State = Equal
		if !c.equal() {
			c.State = Moving
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Comparison) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.What, b.What))
	})
	return out
}
