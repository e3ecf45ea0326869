package query_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// entry is a row of the ledger.
type entry struct {
	at                        time.Time
	operator, site, collector string // "": test
	exporter, protocol        string // exporter "": none; protocol "": ipfix
	what                      string
	amount                    uint64
}

func exec(t *testing.T, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func ledger(t *testing.T, conn driver.Conn, entries ...entry) {
	t.Helper()
	for _, e := range entries {
		exporter := "::"
		if e.exporter != "" {
			exporter = "::ffff:" + e.exporter
		}
		exec(t, conn, "INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			e.at, cmp.Or(e.operator, "test"), cmp.Or(e.site, "test"), cmp.Or(e.collector, "c1"), exporter, cmp.Or(e.protocol, "ipfix"), e.what, e.amount)
	}
}

// heard is an exporter that sends a datagram of ten flows in every hour of [from, to).
func heard(exporter string, from, to time.Time) (all []entry) {
	for t := from; t.Before(to); t = t.Add(time.Hour) {
		all = append(all, entry{at: t, exporter: exporter, what: "datagrams", amount: 1}, entry{at: t, exporter: exporter, what: "flows", amount: 10})
	}
	return all
}

func completeness(t *testing.T, c *query.Client, q query.Completeness) query.CompletenessAnswer {
	t.Helper()
	a, err := c.Completeness(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return a
}

// What exporters say they sent comes from their sequence numbers: flows, or datagrams with as many
// flows in each as in those that arrived.
func TestCompleteness(t *testing.T) {
	db, _ := flowstest.Start(t)
	conn := db.Conn(t)
	noon := monday.Add(12 * time.Hour)
	v9 := func(at time.Time, what string, n uint64) entry {
		return entry{at: at, exporter: "192.0.2.9", protocol: "netflow_v9", what: what, amount: n}
	}
	ipfix := func(at time.Time, what string, n uint64) entry {
		return entry{at: at, exporter: "192.0.2.1", what: what, amount: n}
	}
	ledger(t, conn,
		ipfix(noon, "datagrams", 10), ipfix(noon, "datagram_bytes", 12345), ipfix(noon.Add(time.Minute), "flows", 90), ipfix(noon, "lost_flows", 15),
		ipfix(noon, "template_missing", 3),
		// Late in the next hour: five of the fifteen had not been lost.
		ipfix(noon.Add(time.Hour), "datagrams", 1), ipfix(noon.Add(time.Hour), "late_flows", 5), ipfix(noon.Add(time.Hour), "flows", 5),
		// 2 of 10 datagrams lost: 40 flows stand for 50.
		v9(noon, "datagrams", 8), v9(noon, "flows", 40), v9(noon, "lost_datagrams", 3), v9(noon, "late_datagrams", 1),
		// Nothing lost, at another ratio of flows to datagrams.
		v9(noon.Add(time.Hour), "datagrams", 100), v9(noon.Add(time.Hour), "flows", 100),
		// Lost by the collector, of a known exporter and of none.
		v9(noon.Add(time.Hour), "spool_lost_flows", 100),
		entry{at: noon, what: "spool_lost_flows", amount: 7}, entry{at: noon, what: "dropped_kernel", amount: 2}, entry{at: noon, collector: "c2", what: "dropped_kernel", amount: 1},
	)
	c := query.New(conn, db.Database, query.Options{})
	share := func(counted, sent float64) *float64 { v := counted / sent; return &v }
	a := completeness(t, c, query.Completeness{Since: noon, Until: noon.Add(2 * time.Hour)})
	ignore := cmpopts.IgnoreFields(query.ExporterCompleteness{}, "Operator", "Site")
	want := []query.ExporterCompleteness{
		{Exporter: "192.0.2.1", ExportProtocol: "ipfix", Sent: 105, Counted: 95, Share: share(95, 105), Losses: []query.Loss{{What: "late_flows", Amount: 5}, {What: "lost_flows", Amount: 15}, {What: "template_missing", Amount: 3}}},
		{Exporter: "192.0.2.9", ExportProtocol: "netflow_v9", Sent: 250, Counted: 140, Share: share(140, 250), Estimated: true, Losses: []query.Loss{{What: "late_datagrams", Amount: 1}, {What: "lost_datagrams", Amount: 3}, {What: "spool_lost_flows", Amount: 100}}},
	}
	if diff := gocmp.Diff(want, a.Rows, ignore); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(a.Collectors) != 2 || a.Collectors[0].Collector != "c1" || len(a.Collectors[0].Losses) != 2 || a.Collectors[1].Losses[0] != (query.Loss{What: "dropped_kernel", Amount: 1}) {
		t.Errorf("collectors: %+v", a.Collectors)
	}
	// What the collector lost of an exporter that it does not know counts against all.
	if b := a.Buckets; len(b) != 1 || b[0].Counted != 228 || b[0].Sent != 355 || !b[0].Estimated || b[0].ExportersHeard != 2 || b[0].ExportersExpected != 2 || b[0].ExportersSilent != 0 {
		t.Errorf("total: %+v", b)
	}
	// Hours come to the same.
	hours := completeness(t, c, query.Completeness{Bucket: query.BucketHour, Exporters: []string{"192.0.2.9"}, Since: noon, Until: noon.Add(2 * time.Hour)})
	if len(hours.Rows) != 2 || hours.Rows[0].Sent != 50 || hours.Rows[1].Sent != 200 || hours.Rows[1].Counted != 100 {
		t.Errorf("hours: %+v", hours.Rows)
	}
	// The summary that goes with residency is the same.
	r := ask(t, c, query.Residency{Since: noon, Until: noon.Add(2 * time.Hour)})
	if diff := gocmp.Diff(a.Buckets[0].CompletenessSummary, r.Buckets[0].Completeness); diff != "" {
		t.Errorf("summary beside residency (-ledger +residency):\n%s", diff)
	}
}

// An exporter is expected for seven days after it was heard. The hour that is not over does not count.
func TestSilentExporters(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	hour := func(n int) time.Time { return monday.Add(time.Duration(n) * time.Hour) }
	var all []entry
	all = append(all, heard("192.0.2.1", hour(0), hour(48))...)
	all = append(all, heard("192.0.2.2", hour(0), hour(10))...) // dies, comes back
	all = append(all, heard("192.0.2.2", hour(13), hour(48))...)
	all = append(all, heard("192.0.2.3", hour(-1), hour(0))...)      // heard once before
	all = append(all, heard("192.0.2.4", hour(-150), hour(-149))...) // expected for 18 hours more
	all = append(all, heard("192.0.2.6", hour(-168), hour(-167))...) // too long ago
	all = append(all, heard("192.0.2.5", hour(30), hour(48))...)     // new
	ledger(t, conn, all...)
	flowstest.Insert(t, config, "flows", flow(hour(11).Add(time.Minute), "a", "CN", "", 1), flow(hour(31), "a", "CN", "", 1))
	c := query.New(conn, db.Database, query.Options{})
	c.At(hour(47).Add(30 * time.Minute))
	a := completeness(t, c, query.Completeness{Bucket: query.BucketDay, Since: monday, Until: hour(48)})
	var got []string
	for _, b := range a.Buckets {
		text := fmt.Sprintf("%s %d of %d", b.Bucket.Format("02"), b.ExportersHeard, b.ExportersExpected)
		for _, s := range b.Silent {
			text += fmt.Sprintf(", %s %dh from %s", s.Exporter, s.Hours, s.Since.Format("02 15:04"))
		}
		got = append(got, text)
	}
	want := []string{
		"02 2 of 4, 192.0.2.3 24h from 02 00:00, 192.0.2.4 18h from 02 00:00, 192.0.2.2 3h from 02 10:00",
		"03 3 of 4, 192.0.2.3 23h from 03 00:00",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	silent := 0
	for _, r := range a.Rows {
		silent += r.SilentHours
	}
	if silent != 24+18+3+23 {
		t.Errorf("%d silent hours in the rows: %+v", silent, a.Rows)
	}
	// A figure from an hour with a dead exporter says so; one by the minute has its hour's.
	r := ask(t, c, query.Residency{Bucket: query.BucketMinute, Since: hour(11), Until: hour(12)})
	if len(r.Buckets) != 1 || r.Buckets[0].Completeness.ExportersSilent != 3 || r.Buckets[0].Completeness.Silent[0].Hours != 1 || *r.Buckets[0].Completeness.Share != 1 {
		t.Errorf("minute: %+v", r.Buckets)
	}
	// A time of which the ledger knows nothing is not complete.
	flowstest.Insert(t, config, "old", flow(hour(-1000), "a", "CN", "", 1))
	r = ask(t, c, query.Residency{Bucket: query.BucketDay, Until: hour(-900)})
	if len(r.Buckets) != 1 || r.Buckets[0].Completeness.Share != nil {
		t.Errorf("unknown: %+v", r.Buckets)
	}
}
