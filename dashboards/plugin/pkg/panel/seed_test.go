package panel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// The seed is of two weeks.
var (
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	after  = monday.AddDate(0, 0, 14)
)

const day = 24 * time.Hour

// seed is a database with two weeks in which Xiaomi's handsets move from Beijing to Oregon, and reach
// Russia on the second Wednesday. 192.0.2.2 samples one packet in ten, loses flows and is silent for
// five hours.
func seed(t *testing.T) (*query.Client, driver.Conn) {
	t.Helper()
	db, config := flowstest.Start(t)
	for d := range 14 {
		at := monday.AddDate(0, 0, d)
		var all []flowstest.Flow
		for handset := range uint64(12) {
			// Pseudonyms change every week.
			subscriber := 1000*uint64(1+d/7) + handset
			all = append(all,
				to(at, "Xiaomi", subscriber, "CN", "CN-BJ", uint64(1400-100*d)),
				to(at, "Xiaomi", subscriber, "US", "US-OR", uint64(100+100*d)),
				to(at, "Xiaomi", subscriber, "SG", "", 300),
				to(at, "Apple", subscriber+500, "US", "US-CA", 500))
		}
		all = append(all, to(at, "unknown", 7, "", "", 40))
		if d == 9 {
			all = append(all, to(at, "Xiaomi", 2003, "RU", "RU-MOW", 77))
		}
		// As if the aggregator had written them on the day.
		flowstest.InsertPlanned(t, config, fmt.Sprint("day ", d), at.Add(day), nil, all...)
	}
	conn := db.Conn(t)
	exec(t, conn, `INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount)
SELECT toDateTime(?, 'UTC') + toIntervalHour(number), 'test', 'test', 'c1', toIPv6(e), 'ipfix', w, if(w = 'datagrams', 1, if(w = 'flows', 100, 4))
FROM numbers(336) AS n
CROSS JOIN (SELECT arrayJoin(['::ffff:192.0.2.1', '::ffff:192.0.2.2']) AS e) AS exporters
CROSS JOIN (SELECT arrayJoin(['datagrams', 'flows', 'lost_flows']) AS w) AS whats
WHERE (e = '::ffff:192.0.2.2' AND number NOT BETWEEN 220 AND 224) OR (e = '::ffff:192.0.2.1' AND w != 'lost_flows')`, monday)
	exec(t, conn, `INSERT INTO data_sets (name, version, sha256, in_force_from, built, license, source, credit, first_used) VALUES
('city', '2.3.1', 'aa', toDateTime64('2026-03-10 00:00:00', 3, 'UTC'), toDateTime64('2026-03-01 00:00:00', 3, 'UTC'), 'CC BY 4.0', 'npm', 'IP geolocation by DB-IP (https://db-ip.com), CC BY 4.0', toDateTime64('2026-03-10 01:00:00', 3, 'UTC'))`)
	return query.New(conn, db.Database, query.Options{}), conn
}

func exec(t *testing.T, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// to is a flow on a day, to one remote end of each place.
func to(at time.Time, vendor string, subscriber uint64, country, subdivision string, up uint64) flowstest.Flow {
	f := flowstest.Flow{
		Start: at.Add(time.Duration(subscriber%24) * time.Hour), Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: "192.0.2.1",
		Subscriber: subscriber, Vendor: vendor, Country: country, Subdivision: subdivision, Confidence: "single",
		OctetsUp: up, OctetsDown: 2 * up, PacketsUp: 2, PacketsDown: 3, SamplingInterval: 1,
	}
	switch subdivision {
	case "CN-BJ":
		f.Remote, f.ASN, f.Organization, f.Jurisdiction, f.Verdict = "203.0.113.7", 64500, "Beijing Net", "PRC", landfallv1.Verdict_VERDICT_RESTRICTED
	case "US-OR":
		f.Remote, f.ASN, f.Organization, f.Jurisdiction, f.Verdict = "198.51.100.7", 64501, "Cloud", "USA", landfallv1.Verdict_VERDICT_ALLOWED
		f.CloudProvider, f.CloudName, f.PlaceMethod, f.Confidence = "aws", "us-west-2", "cloud_range", "published"
		f.Exporter, f.SamplingInterval = "192.0.2.2", 10
	case "US-CA":
		f.Remote, f.ASN, f.Organization, f.Jurisdiction, f.Verdict = "198.51.100.9", 64502, "Fruit", "USA", landfallv1.Verdict_VERDICT_ALLOWED
	case "RU-MOW":
		f.Remote, f.ASN, f.Organization, f.Alternatives, f.Confidence = "2001:db8::1", 64503, "Moscow Net", "FI|EE", "disputed"
	default:
		f.Remote = "192.0.2.200"
	}
	return f
}

func environment(client *query.Client) panel.Env {
	return panel.Env{Client: client, Name: geo.Name, CompletenessBound: 0.99, SourceUID: "uid-1", SourceName: "Landfall"}
}
