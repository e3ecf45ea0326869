package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// seed is a database with two weeks in which Xiaomi's handsets move from Beijing to Oregon and Singapore,
// and reach a new network in Russia in the second week. 192.0.2.2 is silent for five hours.
func seed(t *testing.T) (*query.Client, clickhouse.Config) {
	t.Helper()
	db, config := flowstest.Start(t)
	for d := range uint64(14) {
		var all []flowstest.Flow
		for handset := range uint64(24) {
			at := monday.AddDate(0, 0, int(d)).Add(time.Duration(handset) * time.Hour)
			to := func(vendor, country, subdivision, remote string, asn uint32, organization string, up uint64, verdict landfallv1.Verdict) {
				all = append(all, flowstest.Flow{
					Start: at, Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: fmt.Sprint("192.0.2.", 1+handset%2),
					Subscriber: 1000*(1+d/7) + handset, Vendor: vendor, Country: country, Subdivision: subdivision, Confidence: "single",
					Remote: remote, ASN: asn, Organization: organization, Verdict: verdict, Jurisdiction: map[string]string{"CN": "PRC", "US": "USA"}[country],
					OctetsUp: up, OctetsDown: 3 * up, PacketsUp: 20, PacketsDown: 40, SamplingInterval: 100,
				})
			}
			restricted, allowed := landfallv1.Verdict_VERDICT_RESTRICTED, landfallv1.Verdict_VERDICT_ALLOWED
			to("Xiaomi", "CN", "CN-BJ", "203.0.113.7", 64500, "Beijing Net", 30000-2000*d+100*handset, restricted)
			to("Xiaomi", "US", "US-OR", "198.51.100.7", 64501, "Example Cloud", 1000+1500*d, allowed)
			to("Xiaomi", "SG", "", "198.51.100.8", 64501, "Example Cloud", 4000+300*d, allowed)
			to("Apple", "US", "US-CA", "198.51.100.9", 64502, "Fruit", 12000+200*handset, allowed)
			to("Samsung", "DE", "DE-HE", "198.51.100.10", 64505, "Main Cloud", 9000, allowed)
			if d > 8 && handset == 3 {
				to("Xiaomi", "RU", "RU-MOW", "2001:db8::1", 64503, "Moscow Net", 5000, restricted)
			}
		}
		flowstest.InsertPlanned(t, config, fmt.Sprint("day ", d), monday.AddDate(0, 0, int(d)+1), nil, all...)
	}
	conn := db.Conn(t)
	for _, statement := range []string{
		`INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount)
SELECT toDateTime('2026-03-02 00:00:00', 'UTC') + toIntervalHour(number), 'test', 'test', 'c1', toIPv6(e), 'ipfix', w, if(w = 'datagrams', 1, if(w = 'flows', 100, 1))
FROM numbers(336) AS n
CROSS JOIN (SELECT arrayJoin(['::ffff:192.0.2.1', '::ffff:192.0.2.2']) AS e) AS exporters
CROSS JOIN (SELECT arrayJoin(['datagrams', 'flows', 'lost_flows']) AS w) AS whats
WHERE (e = '::ffff:192.0.2.2' AND number NOT BETWEEN 220 AND 224) OR (e = '::ffff:192.0.2.1' AND w != 'lost_flows')`,
		`INSERT INTO data_sets (name, version, sha256, in_force_from, built, license, source, credit, first_used) VALUES
('city', '2.3.1', 'aa', toDateTime64('2026-03-06 00:00:00', 3, 'UTC'), toDateTime64('2026-03-01 00:00:00', 3, 'UTC'), 'CC BY 4.0', 'npm', 'IP geolocation by DB-IP (https://db-ip.com), CC BY 4.0', toDateTime64('2026-03-06 01:00:00', 3, 'UTC'))`,
	} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return query.New(conn, db.Database, query.Options{}), config
}
