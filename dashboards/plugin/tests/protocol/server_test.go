package protocol_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

// eventually waits for something that a server does in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute", what)
		case <-tick.C:
		}
	}
}

// slow is the same database behind views that take minutes to read.
func slow(t *testing.T, db *chtest.Server) string {
	t.Helper()
	name := db.Database + "_slow"
	admin := db.Conn(t)
	exec(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { _ = admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" SYNC") })
	rows, err := admin.Query(t.Context(), "SELECT name FROM system.tables WHERE database = ? AND engine NOT LIKE '%View'", db.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	for _, table := range tables {
		if table == "schema_migrations" || table == "revisions" {
			exec(t, admin, "CREATE VIEW "+name+"."+table+" AS SELECT * FROM "+db.Database+"."+table)
			continue
		}
		exec(t, admin, "CREATE VIEW "+name+"."+table+" AS SELECT t.* FROM numbers(100000000) AS n CROSS JOIN "+db.Database+"."+table+" AS t WHERE NOT ignore(SHA512(toString(n.number)))")
	}
	return name
}

// checkComment looks at what the running statements tell of who asked: nothing of a person but the login.
func checkComment(t *testing.T, admin driver.Conn, database, uid string) {
	t.Helper()
	var said string
	if err := admin.QueryRow(t.Context(), "SELECT any(Settings['log_comment']) FROM system.processes WHERE position(query, ?) > 0 AND position(query, 'system.processes') = 0", database).Scan(&said); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	for key, want := range map[string]string{"source": uid, "user": "analyst", "dashboard": "dash-1", "panel": "7", "query_type": "residency", "ref_id": "A"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	if len(got) != 6 || strings.Contains(said, "Anna") {
		t.Errorf("it says %s", said)
	}
}

func testCancel(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config, db *chtest.Server) {
	admin := db.Conn(t)
	name := slow(t, db)
	running := func() (n uint64) {
		if err := admin.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE position(query, ?) > 0 AND position(query, 'system.processes') = 0", name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, protocol := range []string{"native", "http"} {
		all := settings(c)
		all["database"], all["protocol"] = name, protocol
		if protocol == "http" {
			all["address"] = db.HTTP
		}
		s := connect(t, p, all, password(c))
		s.from.User = &backend.User{Login: "analyst", Name: "Anna Lyst", Email: "anna@example.org", Role: "Viewer"}
		headers := map[string]string{"http_X-Dashboard-Uid": "dash-1", "http_X-Panel-Id": "7"}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := p.QueryData(ctx, &backend.QueryDataRequest{PluginContext: s.from, Headers: headers, Queries: []backend.DataQuery{
				{RefID: "A", QueryType: "residency", JSON: json.RawMessage(`{"by":["vendor"]}`), Interval: time.Hour, TimeRange: span},
			}})
			ended <- err
		}()
		eventually(t, protocol+": the slow query runs", func() bool { return running() > 0 })
		checkComment(t, admin, name, s.from.DataSourceInstanceSettings.UID)
		cancel()
		if err := <-ended; err == nil {
			t.Errorf("%s: a cancelled query has an answer", protocol)
		}
		eventually(t, protocol+": ClickHouse ends it", func() bool { return running() == 0 })
	}
	// The setting's time is the server's, also where the caller would wait longer or has less.
	all := settings(c)
	all["database"], all["timeoutSeconds"] = name, 1
	s := connect(t, p, all, password(c))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := p.QueryData(ctx, &backend.QueryDataRequest{PluginContext: s.from, Queries: []backend.DataQuery{
		{RefID: "A", QueryType: "residency", JSON: json.RawMessage(`{"by":["vendor"]}`), Interval: time.Hour, TimeRange: span},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Responses["A"]; a.Error == nil || a.Status != backend.StatusTimeout || a.ErrorSource != backend.ErrorSourceDownstream || !strings.Contains(a.Error.Error(), "timeoutSeconds") {
		t.Errorf("a slow query: %d %s %v", a.Status, a.ErrorSource, a.Error)
	}
	// So is what may be read.
	all = settings(c)
	all["maxBytesRead"] = 1
	if a := connect(t, p, all, password(c)).ask("residency", `{"by":["vendor"]}`); a.Error == nil || a.Status != backend.StatusBadRequest || !strings.Contains(a.Error.Error(), "bytes") {
		t.Errorf("a large query: %d %s %v", a.Status, a.ErrorSource, a.Error)
	}
}

func testResources(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config) {
	scoped := settings(c)
	scoped["operators"] = []string{"north"}
	s := connect(t, p, scoped, password(c))
	between := `"from":"2026-03-02T00:00:00Z","to":"2026-03-16T00:00:00Z"`
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "dimensions", "", http.StatusOK, `{"value":"vendor","title":"Vendor"}`},
		{"POST", "values", `{"dimension":"vendor",` + between + `}`, http.StatusOK, `[{"value":"vendor-north","text":"vendor-north"}]`},
		{"POST", "values", `{"dimension":"place",` + between + `}`, http.StatusOK, `"value":"CN-BJ","text":"Beijing`},
		{"POST", "values", `{"dimension":"exporter"}`, http.StatusOK, `192.0.2.100`},
		{"POST", "values", `{"dimension":"vendor","search":"south",` + between + `}`, http.StatusOK, `[]`},
		{"POST", "values", `{"dimension":"vendor","query":{"queryType":"residency","operators":["south"]},` + between + `}`, http.StatusOK, `[]`},
		{"POST", "values", `{"dimension":"vendor","query":{"queryType":"residency","vendors":["x"]},` + between + `}`, http.StatusOK, `[]`},
		{"POST", "values", `{"dimension":"colour"}`, http.StatusBadRequest, "colour"},
		{"POST", "values", `{"dimension":"vendor","colour":1}`, http.StatusBadRequest, "colour"},
		{"POST", "values", ``, http.StatusBadRequest, "request"},
		{"POST", "values", `{"dimension":"` + strings.Repeat("x", 2<<20) + `"}`, http.StatusRequestEntityTooLarge, "larger"},
		{"GET", "values", "", http.StatusMethodNotAllowed, ""},
		{"POST", "dimensions", "", http.StatusMethodNotAllowed, ""},
		{"POST", "explain", `{"query":{"queryType":"residency","by":["vendor"]},` + between + `,"intervalMs":3600000}`, http.StatusOK, `"for":"figures","sql":"SELECT`},
		{"POST", "explain", `{"query":{"queryType":"gold"},` + between + `}`, http.StatusBadRequest, "gold"},
		{"POST", "explain", `{}`, http.StatusBadRequest, "query"},
		{"GET", "info", "", http.StatusOK, `"dataSets":[{"versions":"city`},
		{"GET", "nowhere", "", http.StatusNotFound, ""},
		{"DELETE", "info", "", http.StatusMethodNotAllowed, ""},
	} {
		status, body, err := p.Resource(t.Context(), s.from, test.method, test.path, []byte(test.body))
		if err != nil {
			t.Errorf("%s %s %.100s: %v", test.method, test.path, test.body, err)
			continue
		}
		if status != test.status || !strings.Contains(string(body), test.says) {
			t.Errorf("%s %s %.100s: %d %.500s", test.method, test.path, test.body, status, body)
		}
		if mark := foreign(string(body)); mark != "" {
			t.Errorf("%s %s: the answer has %s", test.method, test.path, mark)
		}
	}
}

func testGone(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config, db *chtest.Server) {
	s := connect(t, p, settings(c), password(c))
	if r := s.ask("residency", `{}`); r.Error != nil {
		t.Fatal(r.Error)
	}
	db.Kill(t)
	if r := s.ask("residency", `{}`); r.Error != nil && (r.Status != backend.StatusBadGateway || r.ErrorSource != backend.ErrorSourceDownstream || !strings.Contains(r.Error.Error(), c.Addresses[0])) {
		t.Errorf("without ClickHouse: %d %s %v", r.Status, r.ErrorSource, r.Error)
	}
	eventually(t, "an answer again", func() bool { return s.ask("residency", `{}`).Error == nil })
	if r := s.health(); r.Status != backend.HealthStatusOk {
		t.Errorf("%v %q", r.Status, r.Message)
	}
}
