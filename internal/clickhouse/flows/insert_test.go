package flows_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

var epoch = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday

// An insert that is tried three times counts once at each level, although its rows lie in several
// months; and what goes in as one block is one part a partition.
func TestInsertCountsOnceAtEveryLevel(t *testing.T) {
	db, config := flowstest.Start(t)
	const n = 180_000 // more groups than the server's default block size
	random := flowstest.Random(rand.New(rand.NewPCG(1, 2)), n, epoch, epoch.AddDate(0, 0, 84))
	var want flowstest.Totals
	want.Add(random...)

	block := flows.NewBlock(flowstest.Clock)
	for i := range uint64(3) {
		block.Append(flowstest.Batch("c", i+1, 5, epoch.AddDate(0, 0, 90), random[i*n/3:(i+1)*n/3]...), 3, 5)
	}
	block.Seal(epoch.AddDate(0, 0, 91), nil)
	conn := db.Conn(t)
	for _, table := range append(flowstest.Tables, "endpoint_seen", "data_set_day", "ledger_minute") {
		if err := conn.Exec(t.Context(), "SYSTEM STOP MERGES "+table); err != nil {
			t.Fatal(err)
		}
	}
	for try := range 3 {
		flowstest.InsertBlock(t, config, "landfall.enriched/3/0-6", block)
		for table, got := range flowstest.Levels(t, conn) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s after try %d (-want +got):\n%s", table, try+1, diff)
			}
		}
		for table, want := range map[string]uint64{"flows": 1, "residency_minute": 3, "residency_hour": 3, "residency_day": 3, "endpoint_day": 3, "endpoint_seen": 1, "data_set_day": 3, "exporter_day": 1, "ledger_minute": 3} {
			var parts uint64
			if err := conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE database = currentDatabase() AND active AND table = ?", table).Scan(&parts); err != nil {
				t.Fatal(err)
			}
			if parts != want {
				t.Errorf("%s has %d parts after try %d, want %d: a block was cut", table, parts, try+1, want)
			}
		}
	}
	flowstest.InsertBlock(t, config, "landfall.enriched/3/6-7", block)
	for table, got := range flowstest.Levels(t, conn) {
		if got.Flows != 2*n {
			t.Errorf("%s has %d flows after the same rows under another token, want %d", table, got.Flows, 2*n)
		}
	}
}

// The flows table has what the batches say of each flow's place, name and data sets.
func TestFlowsHaveTheirEvidence(t *testing.T) {
	db, config := flowstest.Start(t)
	random := flowstest.Random(rand.New(rand.NewPCG(5, 6)), 3000, epoch, epoch.AddDate(0, 0, 7))
	want := make(map[string]int)
	for i := range random {
		f := &random[i]
		sets := f.DataSets
		if sets == "" {
			sets = "city 2.3.1, asn 2.3.2"
		}
		source := []string{"none", "exporter", "dns", "dns_ambiguous"}[f.HostSource]
		want[strings.Join([]string{f.Country, f.Jurisdiction, f.Confidence, f.Alternatives, source, sets}, ";")]++
	}
	flowstest.Insert(t, config, "one", random...)
	rows, err := db.Conn(t).Query(t.Context(), "SELECT arrayStringConcat([country_code, jurisdiction, confidence, place_alternatives, domain_source, data_sets], ';') AS k, count() FROM flows GROUP BY k")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := make(map[string]int)
	for rows.Next() {
		var key string
		var n uint64
		if err := rows.Scan(&key, &n); err != nil {
			t.Fatal(err)
		}
		got[key] = int(n)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 30 {
		t.Errorf("%d kinds of flows (-want +got):\n%s", len(want), diff)
	}
}
