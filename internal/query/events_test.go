package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

func events(t *testing.T, c *query.Client, q query.Events) query.EventsAnswer {
	t.Helper()
	a, err := c.Events(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return a
}

// span is what a test compares of an event.
type span struct {
	Title     string
	Time, End time.Time
	Ongoing   bool
}

func spans(a query.EventsAnswer) (all []span) {
	for _, e := range a.Rows {
		all = append(all, span{e.Title, e.Time, e.End, e.Ongoing})
	}
	return all
}

// An outage is an hour of the clock and more without a datagram; it begins and ends to the minute.
func TestOutages(t *testing.T) {
	db, _ := flowstest.Start(t)
	conn := db.Conn(t)
	at := func(hour, minute int) time.Time {
		return monday.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	say := func(exporter string, times ...time.Time) {
		for _, x := range times {
			ledger(t, conn, entry{at: x, exporter: exporter, what: "datagrams", amount: 1})
		}
	}
	say("192.0.2.1", at(8, 0), at(8, 17), at(11, 42), at(12, 5), at(13, 5), at(14, 5), at(15, 0)) // away from 8:18 to 11:42
	say("192.0.2.2", at(9, 1), at(10, 59), at(12, 0), at(13, 0), at(14, 0), at(15, 0))            // from 11:00 to 12:00; the hour of 9:01 is followed by the next
	say("192.0.2.3", at(13, 30))                                                                  // silent since
	say("192.0.2.4", at(-24*8, 30))                                                               // given up a week later
	ledger(t, conn, entry{at: at(0, 0), what: "dropped_kernel", amount: 1})
	c := query.New(conn, db.Database, query.Options{})
	c.At(at(16, 20))

	all := []span{
		{"Exporter 192.0.2.4 silent", at(-24*8, 31), at(-24, 0), false},
		{"Exporter 192.0.2.1 silent", at(8, 18), at(11, 42), false},
		{"Exporter 192.0.2.2 silent", at(11, 0), at(12, 0), false},
		{"Exporter 192.0.2.3 silent", at(13, 31), at(16, 0), true},
	}
	a := events(t, c, query.Events{Kinds: []query.EventKind{query.EventOutage}})
	if diff := cmp.Diff(all, spans(a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e := a.Rows[1]
	if diff := cmp.Diff([]string{"outage", "test", "test", "192.0.2.1"}, e.Tags); diff != "" {
		t.Error(diff)
	}
	if want := "Nothing came from 192.0.2.1 (test/test) for 3 h 24 min, from 2026-03-02 08:18 to 2026-03-02 11:42 UTC."; e.Text != want {
		t.Errorf("says %q, want %q", e.Text, want)
	}
	if !strings.Contains(a.Rows[0].Text, "no longer expected") || !strings.Contains(a.Rows[3].Text, "silent still") {
		t.Errorf("says %q and %q", a.Rows[0].Text, a.Rows[3].Text)
	}
	for name, test := range map[string]struct {
		q    query.Events
		want []span
	}{
		"within the longest":   {query.Events{Since: at(9, 0), Until: at(10, 0)}, all[1:2]},
		"at its end":           {query.Events{Since: at(11, 42), Until: at(11, 50)}, all[2:3]},
		"up to its begin":      {query.Events{Since: at(7, 0), Until: at(8, 18)}, nil},
		"one exporter":         {query.Events{Exporters: []string{"192.0.2.3"}}, all[3:]},
		"another site":         {query.Events{Sites: []string{"oslo"}}, nil},
		"of a past time":       {query.Events{Since: at(13, 0), Until: at(14, 0)}, all[3:]},
		"while it is given up": {query.Events{Since: at(-30, 0), Until: at(-20, 0)}, all[:1]},
	} {
		if diff := cmp.Diff(test.want, spans(events(t, c, test.q))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	// Where the minutes are gone, the hours are left.
	exec(t, conn, "TRUNCATE TABLE ledger_minute")
	hours := []span{
		{"Exporter 192.0.2.1 silent", at(9, 0), at(11, 0), false}, {"Exporter 192.0.2.2 silent", at(11, 0), at(12, 0), false},
	}
	if diff := cmp.Diff(hours, spans(events(t, c, query.Events{Since: at(8, 0), Until: at(13, 0)}))); diff != "" {
		t.Errorf("without minutes (-want +got):\n%s", diff)
	}
}

// A change is on the day on which most flows of a site are judged by another version, or when that is
// known to have come; a few late flows are no change.
func TestChanges(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	c := query.New(conn, db.Database, query.Options{})
	day := func(n int) time.Time { return monday.AddDate(0, 0, n) }
	judged := func(n int, site, sets string, flows int) {
		fs := make([]flowstest.Flow, flows)
		for i := range fs {
			fs[i] = flow(day(n).Add(time.Duration(i)*time.Minute), "Xiaomi", "CN", "CN-BJ", 1)
			fs[i].Operator, fs[i].Site, fs[i].DataSets = "north", site, sets
		}
		flowstest.Insert(t, config, strings.Join([]string{day(n).Format(time.DateOnly), site, sets}, " "), fs...)
	}
	for n := range 6 {
		for _, site := range []string{"a", "b"} {
			sets := []string{"city 1, asn 7, policy 2026-01", "city 2, asn 7, policy 2026-01", "city 2, asn 7, policy 2026-02"}[n/2]
			judged(n, site, sets, 5)
			if n == 1 {
				judged(n, site, "city 2, asn 7, policy 2026-01", 2) // late on the day
			}
			if n == 3 {
				judged(n, site, "city 1, asn 7, policy 2026-01", 3) // late flows
			}
		}
	}
	judged(5, "c", "city 9", 1) // which began then
	exec(t, conn, "INSERT INTO data_sets (name, version, sha256, in_force_from, first_used) VALUES ('city', '2', 'x', ?, ?)", day(1).Add(18*time.Hour), day(2).Add(48*time.Hour))

	all := []span{
		{"Data set city 2", day(1).Add(18 * time.Hour), time.Time{}, false},
		{"Policy 2026-02", day(4), time.Time{}, false},
	}
	a := events(t, c, query.Events{})
	if diff := cmp.Diff(all, spans(a)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	want := "Flows are judged by version 2 of the data set city, no longer by 1, from 2026-03-03 18:00 UTC. Sites: north/a, north/b."
	if a.Rows[0].Text != want {
		t.Errorf("says %q, want %q", a.Rows[0].Text, want)
	}
	if diff := cmp.Diff([][]string{{"data_set", "city"}, {"policy"}}, [][]string{a.Rows[0].Tags, a.Rows[1].Tags}); diff != "" {
		t.Error(diff)
	}
	for name, test := range map[string]struct {
		q    query.Events
		want []span
	}{
		"policies":           {query.Events{Kinds: []query.EventKind{query.EventPolicy}}, all[1:]},
		"data sets":          {query.Events{Kinds: []query.EventKind{query.EventDataSet, query.EventOutage}}, all[:1]},
		"late on the day":    {query.Events{Since: day(1).Add(17 * time.Hour), Until: day(1).Add(19 * time.Hour)}, all[:1]},
		"after that":         {query.Events{Since: day(1).Add(19 * time.Hour), Until: day(4)}, nil},
		"from the policy on": {query.Events{Since: day(4)}, all[1:]},
		"another site":       {query.Events{Sites: []string{"c"}}, nil},
	} {
		if diff := cmp.Diff(test.want, spans(events(t, c, test.q))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// Days that were computed anew are judged by what the revision has.
	exec(t, conn, "INSERT INTO data_set_day (bucket, operator, site, revision, data_sets, flows) SELECT bucket, operator, site, 1, 'city 2, asn 7, policy 2026-02', sum(flows) FROM data_set_day WHERE site != 'c' GROUP BY ALL")
	exec(t, conn, "INSERT INTO revisions (revision, since, until, state, changed) VALUES (1, ?, ?, 'active', ?)", day(0), day(6), day(9))
	if got := spans(events(t, c, query.Events{})); len(got) != 0 {
		t.Errorf("after a reprocess: %v", got)
	}
}

func TestEventFaults(t *testing.T) {
	c := query.New(nil, "x", query.Options{})
	for want, q := range map[string]query.Events{
		`"flood"`:            {Kinds: []query.EventKind{"flood"}},
		`"router"`:           {Exporters: []string{"router"}},
		"filter by exporter": {Kinds: []query.EventKind{query.EventPolicy}, Exporters: []string{"192.0.2.1"}},
		"not before":         {Since: monday, Until: monday},
	} {
		_, err := c.Events(context.Background(), q)
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a fault with %s", err, want)
		}
	}
}
