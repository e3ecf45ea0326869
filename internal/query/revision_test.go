package query_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func revise(t *testing.T, db *chtest.Server, number int, since, until time.Time, state string) {
	t.Helper()
	exec(t, db.Conn(t), "INSERT INTO revisions (revision, since, until, state, changed) VALUES (?, ?, ?, ?, now64(3))", number, since, until, state)
}

// correct writes a revision's own rows, as a reprocess does.
func correct(t *testing.T, db *chtest.Server, number int, start time.Time, vendor string, up uint64) {
	t.Helper()
	for table, bucket := range map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour} {
		exec(t, db.Conn(t), "INSERT INTO residency_"+table+" (bucket, operator, site, handset_side, vendor, revision, flows, bytes_up, last_change) VALUES (?, 'test', 'test', 'source', ?, ?, 1, ?, now())",
			start.Truncate(bucket), vendor, number, up)
	}
	exec(t, db.Conn(t), "INSERT INTO data_set_day (bucket, operator, site, data_sets, revision, flows) VALUES (?, 'test', 'test', ?, ?, 1)",
		start.Truncate(24*time.Hour), fmt.Sprint("city ", number), number)
}

// Of a day the rows of its revision in force count, and those that came in after it was cut off.
func TestRevisions(t *testing.T) {
	db, config := flowstest.Start(t)
	tuesday, wednesday := monday.AddDate(0, 0, 1), monday.AddDate(0, 0, 2)
	planned := monday.AddDate(0, 0, 1).Add(time.Minute)
	generation := func(n uint16) func(time.Time, time.Time) uint16 {
		return func(time.Time, time.Time) uint16 { return n }
	}
	flowstest.InsertPlanned(t, config, "0", planned, generation(0), flow(monday, "first", "CN", "", 1), flow(tuesday, "first", "CN", "", 10), flow(wednesday, "first", "CN", "", 100))
	flowstest.InsertPlanned(t, config, "1", planned, generation(1), flow(monday, "later", "CN", "", 1000))
	flowstest.InsertPlanned(t, config, "2", planned.AddDate(0, 0, 5), generation(2), flow(tuesday, "latest", "CN", "", 10_000))
	correct(t, db, 1, monday, "first", 2)
	correct(t, db, 2, monday, "first", 3)
	correct(t, db, 2, tuesday, "first", 30)
	correct(t, db, 3, monday, "first", 5)
	correct(t, db, 4, monday, "first", 7)
	revise(t, db, 3, monday, tuesday, "abandoned")
	revise(t, db, 4, monday, tuesday, "building")
	c := query.New(db.Conn(t), db.Database, query.Options{})
	number := func(n uint16) *uint16 { return &n }

	check := func(what string, revision *uint16, want ...uint64) query.ResidencyAnswer {
		t.Helper()
		a := ask(t, c, query.Residency{Bucket: query.BucketDay, Revision: revision})
		var got []uint64
		for _, r := range a.Rows {
			got = append(got, r.BytesUp)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		for _, bucket := range []query.Bucket{query.BucketHour, query.BucketMinute, query.BucketWeek} {
			a := ask(t, c, query.Residency{Bucket: bucket, Revision: revision})
			var sum, all uint64
			for _, r := range a.Rows {
				sum += r.BytesUp
			}
			for _, v := range want {
				all += v
			}
			if sum != all {
				t.Errorf("%s by the %s: %d, want %d", what, bucket, sum, all)
			}
		}
		return a
	}
	a := check("before any", nil, 1001, 10_010, 100)
	if a.Buckets[0].Revision != 0 || a.Buckets[0].LastChange != planned.Truncate(time.Second) || a.Buckets[0].Late {
		t.Errorf("monday is %+v", a.Buckets[0])
	}
	if !a.Buckets[1].Late {
		t.Errorf("tuesday is %+v", a.Buckets[1])
	}
	revise(t, db, 1, monday, tuesday, "active")
	check("with 1", nil, 1002, 10_010, 100)
	revise(t, db, 2, monday, wednesday, "active")
	a = check("with 2", nil, 3, 10_030, 100)
	if a.Buckets[0].Revision != 2 || a.Buckets[1].Revision != 2 || a.Buckets[2].Revision != 0 || a.Buckets[0].Mixed || !a.Buckets[0].Late {
		t.Errorf("buckets are %+v", a.Buckets)
	}
	week := ask(t, c, query.Residency{Bucket: query.BucketWeek})
	if b := week.Buckets[0]; b.Revision != 2 || !b.Mixed {
		t.Errorf("week is %+v", b)
	}
	sets := map[string]uint64{}
	for _, s := range week.DataSets {
		sets[s.Versions] = s.Flows
	}
	if len(sets) != 2 || sets["city 2"] != 2 || sets["city 2.3.1, asn 2.3.2"] != 2 {
		t.Errorf("data sets are %v", sets)
	}
	check("as of 1", number(1), 1002, 10_010, 100)
	check("as of 0", number(0), 1001, 10_010, 100)
	for n, say := range map[uint16]string{3: "is abandoned", 4: "is building", 9: "no revision 9"} {
		_, err := c.Residency(t.Context(), query.Residency{Revision: number(n)})
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), say) {
			t.Errorf("revision %d: %v", n, err)
		}
	}
}

// An answer from a rollup that has forgotten the begin of its time says so.
func TestRetentionWarns(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	flowstest.Insert(t, config, "all", flow(monday, "a", "CN", "", 1), flow(monday.AddDate(0, 0, 40), "a", "CN", "", 1))
	c := query.New(conn, db.Database, query.Options{})
	hours := func(q query.Residency) []string {
		q.Bucket = query.BucketHour
		return ask(t, c, q).Warnings
	}
	if w := hours(query.Residency{}); len(w) != 0 {
		t.Errorf("nothing is dropped, and %q", w)
	}
	exec(t, conn, "ALTER TABLE residency_hour DROP PARTITION 202603")
	for _, q := range []query.Residency{{}, {Since: monday}} {
		if w := hours(q); len(w) != 1 || !strings.Contains(w[0], "residency_hour is kept from 2026-04-11T00:00:00Z on only") {
			t.Errorf("%+v: %q", q, w)
		}
	}
	if w := hours(query.Residency{Since: monday.AddDate(0, 0, 40)}); len(w) != 0 {
		t.Errorf("of the time that is kept: %q", w)
	}
	if a := ask(t, c, query.Residency{Bucket: query.BucketDay}); len(a.Warnings) != 0 {
		t.Errorf("by the day: %q", a.Warnings)
	}
	exec(t, conn, "TRUNCATE TABLE residency_hour")
	if w := hours(query.Residency{}); len(w) != 1 || !strings.Contains(w[0], "has nothing") {
		t.Errorf("all dropped: %q", w)
	}
}

// An answer says of its data sets what is recorded of them, and nothing where nothing is.
func TestDataSetsWithTheirLicences(t *testing.T) {
	db, config := flowstest.Start(t)
	flowstest.Insert(t, config, "one", flowstest.Flow{Start: monday, Side: 1, Vendor: "Xiaomi", OctetsUp: 1, PacketsUp: 1, SamplingInterval: 1})
	for _, row := range [][]any{{"city", "2.3.1", "aa", "CC-BY-4.0", "npm", "DB-IP"}, {"city", "2.3.2", "bb", "other", "", ""}, {"asn 2.3.2", "", "", "no such", "", ""}} {
		exec(t, db.Conn(t), "INSERT INTO data_sets (name, version, sha256, license, source, credit) VALUES (?, ?, ?, ?, ?, ?)", row...)
	}
	c := query.New(db.Conn(t), db.Database, query.Options{})
	want := []query.DataSets{{Versions: flowstest.DataSets, Flows: 1, Sets: []query.DataSet{
		{Name: "city", Version: "2.3.1", SHA256: "aa", License: "CC-BY-4.0", Source: "npm", Credit: "DB-IP"},
	}}}
	r, err := c.Residency(t.Context(), query.Residency{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Endpoints(t.Context(), query.Endpoints{})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range [][]query.DataSets{r.DataSets, e.DataSets} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("data sets (-want +got):\n%s", diff)
		}
	}
}
