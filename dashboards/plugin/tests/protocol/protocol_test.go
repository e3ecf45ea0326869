// Package protocol drives the plugin's own binary over Grafana's plugin protocol, on a real ClickHouse.
package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

var (
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	span   = backend.TimeRange{From: monday, To: monday.AddDate(0, 0, 14)}
)

const week = 7 * 24 * time.Hour

// plugin is a running binary.
func plugin(t *testing.T) *pluginhost.Plugin {
	t.Helper()
	return pluginhost.Run(t, pluginhost.Binary(t), pluginhost.Options{})
}

// source is a data source on a test's database.
type source struct {
	t        *testing.T
	p        *pluginhost.Plugin
	from     backend.PluginContext
	settings map[string]any
}

func settings(c clickhouse.Config) map[string]any {
	return map[string]any{"address": c.Addresses[0], "database": c.Database, "user": c.User}
}

var sources int

func connect(t *testing.T, p *pluginhost.Plugin, all map[string]any, secrets map[string]string) *source {
	t.Helper()
	sources++
	from, err := pluginhost.Source{UID: fmt.Sprint("uid-", sources), Name: "Landfall", JSONData: all, Secrets: secrets, Updated: time.Now()}.Context(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Instances are kept by number, too.
	from.DataSourceInstanceSettings.ID = int64(sources)
	return &source{t: t, p: p, from: from, settings: all}
}

func password(c clickhouse.Config) map[string]string {
	return map[string]string{"password": c.Password.Reveal()}
}

func (s *source) ask(queryType, model string) backend.DataResponse {
	s.t.Helper()
	return s.askWith(nil, backend.DataQuery{RefID: "A", QueryType: queryType, JSON: json.RawMessage(model), Interval: time.Hour, TimeRange: span})
}

func (s *source) askWith(headers map[string]string, q backend.DataQuery) backend.DataResponse {
	s.t.Helper()
	r, err := s.p.QueryData(s.t.Context(), &backend.QueryDataRequest{PluginContext: s.from, Headers: headers, Queries: []backend.DataQuery{q}})
	if err != nil {
		s.t.Errorf("%s %.200s: %v", q.QueryType, q.JSON, err)
		return backend.DataResponse{}
	}
	return r.Responses[q.RefID]
}

func (s *source) health() *backend.CheckHealthResult {
	s.t.Helper()
	r, err := s.p.CheckHealth(s.t.Context(), &backend.CheckHealthRequest{PluginContext: s.from})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// text is an answer as it goes to Grafana.
func text(t *testing.T, r backend.DataResponse) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// seed is two weeks of two operators with a site each, whose every name tells whose it is.
func seed(t *testing.T) (*chtest.Server, clickhouse.Config) {
	t.Helper()
	db, c := flowstest.Start(t)
	var all []flowstest.Flow
	for i, name := range []string{"north", "south"} {
		for d := range 14 {
			f := flowstest.Flow{
				Operator: name, Site: "site-" + name, Start: monday.AddDate(0, 0, d).Add(time.Hour), Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE,
				Exporter: fmt.Sprint("192.0.2.10", i), Subscriber: uint64(7 + i), Vendor: "vendor-" + name, Country: "CN", Subdivision: "CN-BJ",
				CloudProvider: "aws", CloudName: "cloud-" + name, Remote: fmt.Sprint("203.0.113.10", i), ASN: uint32(64500 + i), Organization: "network-" + name,
				Jurisdiction: "law-" + name, Verdict: landfallv1.Verdict_VERDICT_RESTRICTED, Confidence: "published", HostName: "host-" + name,
				OctetsUp: uint64(1000 * (d + 1)), OctetsDown: 5000, PacketsUp: 2, PacketsDown: 3, SamplingInterval: 1,
			}
			all = append(all, f)
		}
	}
	flowstest.Insert(t, c, "seed", all...)
	conn := db.Conn(t)
	for i, name := range []string{"north", "south"} {
		exec(t, conn, `INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount)
SELECT toDateTime(?, 'UTC') + toIntervalHour(number), ?, ?, ?, toIPv6(?), 'ipfix', arrayJoin(['datagrams', 'flows']), 10 FROM numbers(300)`,
			monday, name, "site-"+name, "collector-"+name, fmt.Sprint("::ffff:192.0.2.10", i))
	}
	return db, c
}

func exec(t *testing.T, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// questions are one of every type.
var questions = map[string]string{
	"residency":     `{"by":["vendor","place"]}`,
	"map":           `{}`,
	"compare":       `{"by":["vendor"],"before":"-7d"}`,
	"shifts":        `{"by":["vendor"],"before":"-7d"}`,
	"overtakes":     `{"by":["vendor"],"bucket":"day"}`,
	"endpoints":     `{}`,
	"new_endpoints": `{}`,
	"completeness":  `{"bucket":"day"}`,
	"flows":         `{}`,
	"annotations":   `{}`,
}

// foreign are the marks of what only the south has.
func foreign(answer string) string {
	for _, mark := range []string{"vendor-south", "site-south", "cloud-south", "network-south", "law-south", "host-south", "collector-south", "192.0.2.101", "203.0.113.101"} {
		if strings.Contains(answer, mark) {
			return mark
		}
	}
	return ""
}

func TestPlugin(t *testing.T) {
	db, c := seed(t)
	p := plugin(t)
	t.Run("every type", func(t *testing.T) { testEveryType(t, p, c, db) })
	t.Run("scope", func(t *testing.T) { testScope(t, p, c) })
	t.Run("bad input", func(t *testing.T) { testBadInput(t, p, c) })
	t.Run("health", func(t *testing.T) { testHealth(t, p, c, db) })
	t.Run("resources", func(t *testing.T) { testResources(t, p, c) })
	t.Run("cancel", func(t *testing.T) { testCancel(t, p, c, db) })
	t.Run("stream", func(t *testing.T) { testStream(t, p, c) })
	t.Run("parallel", func(t *testing.T) { testParallel(t, p, c) })
	t.Run("schema", func(t *testing.T) { testSchema(t, p, c, db) })
	t.Run("gone and back", func(t *testing.T) { testGone(t, p, c, db) })
	if p.Exited() {
		t.Error("the plugin has ended")
	}
}
