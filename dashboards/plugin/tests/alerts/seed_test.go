package alerts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// noon is when the rules are evaluated.
var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// world is a database in which each case has a site of its own, and sees no other.
type world struct {
	config   clickhouse.Config
	conn     driver.Conn
	database string
	inserts  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, config := flowstest.Start(t)
	return &world{config: config, conn: db.Conn(t), database: db.Database}
}

// env is that of a data source whose settings show one site.
func (w *world) env(site string) panel.Env {
	client := query.New(w.conn, w.database, query.Options{Scope: query.Scope{Sites: []string{site}}})
	return panel.Env{Client: client, Name: geo.Name, CompletenessBound: 0.99, SourceUID: "landfall", SourceName: "Landfall"}
}

// place is one of the network of the tests: subscribers are at home in India.
type place struct {
	place, remote string
	verdict       landfallv1.Verdict
}

var places = map[string]place{
	"IN": {"IN-MH", "192.0.2.10", landfallv1.Verdict_VERDICT_DOMESTIC},
	"SG": {"", "192.0.2.20", landfallv1.Verdict_VERDICT_ALLOWED},
	"CN": {"CN-BJ", "203.0.113.7", landfallv1.Verdict_VERDICT_RESTRICTED},
	"RU": {"RU-MOW", "203.0.113.9", landfallv1.Verdict_VERDICT_RESTRICTED},
	"":   {"", "198.51.100.1", landfallv1.Verdict_VERDICT_INDETERMINATE},
}

// traffic is n flows of a vendor's handsets to a country, which come to so many bytes up.
type traffic struct {
	vendor, country string
	n               int
	up              uint64
}

// send puts flows of a site into the hour that begins then.
func (w *world) send(t *testing.T, site string, at time.Time, all ...traffic) {
	t.Helper()
	var out []flowstest.Flow
	for _, a := range all {
		p := places[a.country]
		for i := range a.n {
			up := a.up / uint64(a.n)
			if i == 0 {
				up += a.up % uint64(a.n)
			}
			out = append(out, flowstest.Flow{
				Site: site, Start: at.Add(time.Duration(i%3600) * time.Second), Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE,
				Exporter: "192.0.2.1", Subscriber: uint64(1 + i%50), Vendor: a.vendor, Remote: p.remote, Country: a.country,
				Subdivision: p.place, Confidence: "single", Verdict: p.verdict,
				OctetsUp: up, OctetsDown: 100, PacketsUp: 1, PacketsDown: 1, SamplingInterval: 1,
			})
		}
	}
	w.inserts++
	flowstest.InsertPlanned(t, w.config, fmt.Sprint(site, " ", w.inserts), at.Add(time.Hour), nil, out...)
}

// export puts an exporter's hours [from, until) into the ledger: what was counted and lost in each.
func (w *world) export(t *testing.T, site, exporter string, from, until time.Time, counted, lost int) {
	t.Helper()
	err := w.conn.Exec(t.Context(), `INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount)
SELECT toDateTime(?, 'UTC') + toIntervalHour(number), 'test', ?, 'c1', toIPv6(?), 'ipfix', w.1, w.2
FROM numbers(?)
ARRAY JOIN [('datagrams', 10), ('flows', ?), ('lost_flows', ?)] AS w
WHERE w.2 > 0`, from, site, exporter, int(until.Sub(from)/time.Hour), counted, lost)
	if err != nil {
		t.Fatal(err)
	}
}
