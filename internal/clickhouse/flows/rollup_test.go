package flows_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

const (
	residencyKeys = "operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider, cloud_region, " +
		"asn, as_organization, place_method, confidence, jurisdiction, verdict"
	endpointKeys = "operator, site, vendor, remote_address, asn, as_organization, country_code, subdivision_code, cloud_provider, cloud_region, " +
		"place_method, confidence, place_alternatives, jurisdiction, verdict"
	placeKeys       = "bucket, generation, operator, site, handset_side, vendor, country_code, subdivision_code, jurisdiction, verdict"
	destinationKeys = "bucket, generation, operator, site, handset_side, country_code, subdivision_code, jurisdiction, verdict"
	// What the measures are of flows, by the definition.
	ofFlows = `toFloat64(count()), toFloat64(sum(octets_up * sampling_interval)), toFloat64(sum(octets_down * sampling_interval)),
toFloat64(sum(packets_up * sampling_interval)), toFloat64(sum(packets_down * sampling_interval)),
sum(if(packets_up = 0, 0, n * (n - 1) * pow(octets_up, 2) / packets_up)), sum(if(packets_down = 0, 0, n * (n - 1) * pow(octets_down, 2) / packets_down)),
sum(n * (n - 1) * octets_up), sum(n * (n - 1) * octets_down), sum(n * (n - 1) * packets_up), sum(n * (n - 1) * packets_down),
toFloat64(max(sampling_interval)), toFloat64(max(toDateTime(inserted, 'UTC')))`
	ofRollup = `toFloat64(sum(flows)), toFloat64(sum(bytes_up)), toFloat64(sum(bytes_down)), toFloat64(sum(packets_up)), toFloat64(sum(packets_down)),
sum(variance_low_up), sum(variance_low_down), sum(variance_high_up), sum(variance_high_down), sum(variance_packets_up), sum(variance_packets_down),
toFloat64(max(sampling_interval_max)), toFloat64(max(last_change))`
	handsetsOfFlows = "toFloat64(uniqCombinedIf(12)(subscriber, subscriber != 0))"
	seenOfFlows     = "toFloat64(min(toDateTime(start, 'UTC'))), toFloat64(max(toDateTime(start, 'UTC')))"
	isEndpoint      = "WHERE handset_side != 'none' AND remote_address != toIPv6('::')"
)

// levels are what each table holds and what that is of flows: keys and figures.
var levels = []struct{ table, keys, figures, keysOfFlows, figuresOfFlows, where string }{
	{"residency_minute", "bucket, generation, " + residencyKeys, ofRollup, "toStartOfMinute(toDateTime(start, 'UTC')), generation, " + residencyKeys, ofFlows, ""},
	{
		"place_day", placeKeys, ofRollup,
		"toStartOfDay(toDateTime(start, 'UTC')), generation, operator, site, handset_side, vendor, country_code, subdivision_code, jurisdiction, verdict", ofFlows, "",
	},
	{
		"destination_day", destinationKeys, ofRollup,
		"toStartOfDay(toDateTime(start, 'UTC')), generation, operator, site, handset_side, country_code, subdivision_code, jurisdiction, verdict", ofFlows, "",
	},
	{"residency_hour", "bucket, generation, " + residencyKeys, ofRollup, "toStartOfHour(toDateTime(start, 'UTC')), generation, " + residencyKeys, ofFlows, ""},
	{
		"residency_day", "bucket, generation, " + residencyKeys,
		ofRollup + ", toFloat64(uniqCombinedMerge(12)(handsets)), toFloat64(uniqCombinedMerge(12)(endpoints))",
		"toStartOfDay(toDateTime(start, 'UTC')), generation, " + residencyKeys,
		ofFlows + ", " + handsetsOfFlows + ", toFloat64(uniqCombinedIf(12)(remote_address, remote_address != toIPv6('::')))", "",
	},
	{
		"endpoint_day", "bucket, " + endpointKeys, ofRollup + ", toFloat64(min(first_seen)), toFloat64(max(last_seen)), toFloat64(uniqCombinedMerge(12)(handsets))",
		"toStartOfDay(toDateTime(start, 'UTC')), " + endpointKeys, ofFlows + ", " + seenOfFlows + ", " + handsetsOfFlows, isEndpoint,
	},
	{
		"endpoint_seen", "operator, site, vendor, remote_address, asn, country_code, subdivision_code",
		"toFloat64(min(first_seen)), toFloat64(max(last_seen)), toFloat64(sum(flows)), toFloat64(sum(bytes_up)), toFloat64(sum(bytes_down))",
		"operator, site, vendor, remote_address, asn, country_code, subdivision_code",
		seenOfFlows + ", toFloat64(count()), toFloat64(sum(octets_up * sampling_interval)), toFloat64(sum(octets_down * sampling_interval))", isEndpoint,
	},
	{
		"exporter_day", "bucket, exporter, export_protocol, operator, site",
		"toFloat64(sum(flows)), toFloat64(sum(bytes_up)), toFloat64(sum(bytes_down)), toFloat64(sum(packets_up)), toFloat64(sum(packets_down)), " +
			"toFloat64(min(first_flow)), toFloat64(max(last_flow)), toFloat64(max(last_received))",
		"toStartOfDay(toDateTime(received, 'UTC')), exporter, export_protocol, operator, site",
		"toFloat64(count()), toFloat64(sum(octets_up * sampling_interval)), toFloat64(sum(octets_down * sampling_interval)), toFloat64(sum(packets_up * sampling_interval)), " +
			"toFloat64(sum(packets_down * sampling_interval)), toFloat64(min(start)), toFloat64(max(start)), toFloat64(max(received))", "",
	},
	{"data_set_day", "bucket, generation, operator, site, data_sets", "toFloat64(sum(flows))", "toStartOfDay(toDateTime(start, 'UTC')), generation, operator, site, data_sets", "toFloat64(count())", ""},
	{
		"ledger_minute", "bucket, operator, site, exporter, export_protocol, what", "toFloat64(sum(amount))",
		"toStartOfHour(toDateTime(start, 'UTC')), operator, site, exporter, export_protocol, 'flows_late'", "toFloat64(count())",
		"WHERE start < inserted - INTERVAL 1 HOUR",
	},
	{
		"ledger_hour", "bucket, operator, site, exporter, export_protocol, what", "toFloat64(sum(amount))",
		"toStartOfHour(toDateTime(start, 'UTC')), operator, site, exporter, export_protocol, 'flows_late'", "toFloat64(count())",
		"WHERE start < inserted - INTERVAL 1 HOUR",
	},
}

// Every row of every table is what the flows of its key come to by the server's own arithmetic, and
// stays so when an insert is made again, in whatever order.
func TestEveryLevelIsItsFlows(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	random := rand.New(rand.NewPCG(1, 2))
	planned := epoch.Add(50 * time.Hour)
	generations := func(start, _ time.Time) uint16 { return uint16(start.Day()) }
	var want flowstest.Totals
	for n := range 3 {
		block := flows.NewBlock(flowstest.Clock)
		for k := range uint64(4) {
			fs := flowstest.Random(random, 500, epoch.Add(46*time.Hour), planned)
			for i := range fs {
				f := &fs[i]
				f.Operator, f.Site, f.Exporter = fmt.Sprint("operator ", k%2), fmt.Sprint("site ", k/2), fmt.Sprint("192.0.2.", i%3)
				f.Remote = fmt.Sprint("2001:db8::", f.ASN%4, ":", i%8)
				f.Side = landfallv1.HandsetSide(i % 4)
				switch i % 10 {
				case 0:
					f.Remote = "::"
				case 1:
					f.PacketsUp = 0 // an exporter that does not count them
				case 2:
					f.VendorMethod, f.PlaceMethod, f.CloudProvider, f.CloudName = "dhcp", "cloud_range", "aws", "us-west-2"
				}
			}
			want.Add(fs...)
			block.Append(flowstest.Batch("c", 4*uint64(n)+k+1, 5, planned, fs...), 3, 5)
		}
		block.Seal(planned.Add(time.Duration(n)*time.Second), generations)
		for range 2 {
			flowstest.InsertBlock(t, config, fmt.Sprint("insert ", n), block)
		}
		for _, i := range random.Perm(len(block.Inserts())) {
			flowstest.InsertOne(t, config, fmt.Sprint("insert ", n), block.Inserts()[i])
		}
	}
	if got := flowstest.Levels(t, conn)["flows"]; got != want {
		t.Errorf("flows have %+v, want %+v", got, want)
	}
	for _, l := range levels {
		want := figures(t, conn, fmt.Sprintf("WITH toFloat64(sampling_interval) AS n SELECT toString(tuple(%s)) AS k, [%s] FROM flows %s GROUP BY %[1]s", l.keysOfFlows, l.figuresOfFlows, l.where))
		got := figures(t, conn, fmt.Sprintf("SELECT toString(tuple(%s)) AS k, [%s] FROM %s GROUP BY %[1]s", l.keys, l.figures, l.table))
		if len(got) != len(want) || len(want) < 3 {
			t.Errorf("%s has %d keys, its flows %d", l.table, len(got), len(want))
		}
		wrong := 0
		for key, values := range want {
			for i := range values {
				if len(got[key]) != len(values) || math.Abs(got[key][i]-values[i]) > 1e-9*math.Abs(values[i]) {
					if wrong++; wrong <= 3 {
						t.Errorf("%s %s: figure %d of %v, want %v", l.table, key, i, got[key], values)
					}
					break
				}
			}
		}
	}
}

func figures(t *testing.T, conn driver.Conn, sql string) map[string][]float64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	out := make(map[string][]float64)
	for rows.Next() {
		var key string
		var values []float64
		if err := rows.Scan(&key, &values); err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSpace(key)] = values
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Blocks of the same batches, plan and generations are the same, row by row, also after other use.
func TestInsertsAreTheSameAgain(t *testing.T) {
	one, other := flows.NewBlock(flowstest.Clock), flows.NewBlock(flowstest.Clock)
	other.Append(batch(300), 1, 2)
	other.Seal(epoch, nil)
	other.Reset()
	p := batch(3000)
	p.Ledger = []*landfallv1.LedgerEntry{{
		Exporter: make([]byte, 16), MinuteMs: epoch.UnixMilli(),
		What: []landfallv1.LedgerCount{landfallv1.LedgerCount_LEDGER_COUNT_FLOWS}, Amount: []uint64{7},
	}}
	for _, b := range []*flows.Block{one, other} {
		b.Append(p, 1, 2)
		b.Seal(epoch.AddDate(0, 0, 9), func(start, _ time.Time) uint16 { return uint16(start.Day()) })
	}
	if len(one.Inserts()) != 9 || len(other.Inserts()) != 9 {
		t.Fatalf("%d and %d inserts", len(one.Inserts()), len(other.Inserts()))
	}
	for i, in := range one.Inserts() {
		if a, b := encoded(t, in), encoded(t, other.Inserts()[i]); a != b || in.Rows == 0 {
			t.Errorf("the inserts into %s differ: %d and %d rows", in.Table, in.Rows, other.Inserts()[i].Rows)
		}
	}
}

// The rollups are right for keys whose hashes are the same, too.
func TestHashesCollide(t *testing.T) {
	one, other := flows.NewBlock(flowstest.Clock), flows.NewBlock(flowstest.Clock)
	other.Collide()
	for _, b := range []*flows.Block{one, other} {
		b.Append(batch(1500), 1, 2)
		b.Append(batch(700), 1, 3)
		b.Seal(epoch.AddDate(0, 0, 9), nil)
	}
	for i, in := range one.Inserts() {
		if encoded(t, in) != encoded(t, other.Inserts()[i]) {
			t.Errorf("the inserts into %s differ: %d and %d rows", in.Table, in.Rows, other.Inserts()[i].Rows)
		}
	}
}

// A batch of ledger entries alone is inserted; what a newer collector counts is passed over.
func TestLedgerAlone(t *testing.T) {
	db, config := flowstest.Start(t)
	p := flowstest.Batch("c", 1, 5, epoch)
	exporter := append(make([]byte, 10), 0xff, 0xff, 192, 0, 2, 7)
	entry := func(amounts ...uint64) *landfallv1.LedgerEntry {
		return &landfallv1.LedgerEntry{
			Exporter: exporter, ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW, MinuteMs: epoch.UnixMilli(),
			What:   []landfallv1.LedgerCount{landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS, landfallv1.LedgerCount_LEDGER_COUNT_LOST_DATAGRAMS, 9999},
			Amount: amounts,
		}
	}
	p.Ledger = []*landfallv1.LedgerEntry{entry(5, 1, 8), entry(7, 0, 8)}
	if err := flows.Validate(p); err != nil {
		t.Fatal(err)
	}
	block := flows.NewBlock(flowstest.Clock)
	if !block.Empty() {
		t.Error("an empty block is not empty")
	}
	block.Append(p, 0, 0)
	if block.Empty() || block.Rows() != 0 {
		t.Errorf("empty: %v, %d rows", block.Empty(), block.Rows())
	}
	block.Seal(epoch, nil)
	for range 2 {
		flowstest.InsertBlock(t, config, "ledger", block)
	}
	got := figures(t, db.Conn(t), "SELECT concat(toString(bucket), ' ', operator, ' ', site, ' ', collector, ' ', toString(exporter), ' ', export_protocol, ' ', what), "+
		"[toFloat64(sum(amount))] FROM ledger_minute GROUP BY ALL")
	const row = "2026-03-02 00:00:00 test test c ::ffff:192.0.2.7 sflow "
	if len(got) != 2 || got[row+"datagrams"][0] != 12 || got[row+"lost_datagrams"][0] != 1 {
		t.Errorf("got %v", got)
	}
}
