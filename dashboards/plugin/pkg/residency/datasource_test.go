package residency_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/datasourcetest"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/residency"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// TestDataSource is one test, because the SDK's server registers its metrics globally.
func TestDataSource(t *testing.T) {
	client := serve(t)
	t.Run("QueryData", func(t *testing.T) { testQueryData(t, client) })
	t.Run("CheckHealth", func(t *testing.T) { testCheckHealth(t, client) })
}

// serve runs the data source as Grafana does, over gRPC.
func serve(t *testing.T) *datasourcetest.TestPluginClient {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // the SDK wants an address; give it a free one
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p, err := datasourcetest.Manage(residency.New, datasourcetest.ManageOpts{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return p.Client
}

func pluginContext(c clickhouse.Config, password string) backend.PluginContext {
	settings, err := json.Marshal(residency.Settings{Address: c.Addresses[0], Database: c.Database, User: c.User})
	if err != nil {
		panic(err) // strings and booleans
	}
	return backend.PluginContext{
		PluginID: residency.PluginID,
		DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
			ID: 1, UID: "test", Name: "test", JSONData: settings, Updated: time.Now(),
			DecryptedSecureJSONData: map[string]string{"password": password},
		},
	}
}

var week = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday

// handset sends up octets, and receives twice as many, with a sampling interval of 10.
func handset(week time.Time, vendor, country, subdivision string, up uint64) flowstest.Flow {
	return flowstest.Flow{
		Start: week.Add(30 * time.Hour), Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Vendor: vendor,
		Country: country, Subdivision: subdivision, OctetsUp: up, OctetsDown: 2 * up, PacketsUp: 1, SamplingInterval: 10,
	}
}

func testQueryData(t *testing.T, client *datasourcetest.TestPluginClient) {
	_, c := flowstest.Start(t)
	next := week.AddDate(0, 0, 7)
	flowstest.Insert(t, c, "a",
		handset(week, "Xiaomi", "CN", "CN-BJ", 900), handset(week, "Xiaomi", "US", "US-OR", 100), handset(week, "Apple", "US", "US-OR", 7),
		handset(next, "Xiaomi", "CN", "CN-BJ", 250), handset(next, "Xiaomi", "SG", "", 750))
	context := pluginContext(c, c.Password.Reveal())
	ask := func(queryType, model string) backend.DataResponse {
		t.Helper()
		// The range begins in the middle of the first week: a bucket is always whole.
		r, err := client.QueryData(t.Context(), &backend.QueryDataRequest{PluginContext: context, Queries: []backend.DataQuery{{
			RefID: "A", QueryType: queryType, JSON: json.RawMessage(model), Interval: 24 * time.Hour,
			TimeRange: backend.TimeRange{From: week.AddDate(0, 0, 4), To: next.AddDate(0, 0, 7)},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return r.Responses["A"]
	}

	tests := []struct {
		name, model string
		kind        data.FrameType
		unit        string
		want        []string
	}{
		{
			"places by week", `{"vendors":["Xiaomi"],"by":["place"],"bucket":"week"}`, data.FrameTypeTimeSeriesMulti, "decbytes",
			[]string{"CN-BJ 2026-03-02=9000 2026-03-09=2500", "US-OR 2026-03-02=1000 2026-03-09=0", "SG 2026-03-02=0 2026-03-09=7500"},
		},
		{
			"share by week", `{"vendors":["Xiaomi"],"by":["place"],"bucket":"week","metric":"share_up"}`, data.FrameTypeTimeSeriesMulti, "percentunit",
			[]string{"CN-BJ 2026-03-02=0.9 2026-03-09=0.25", "US-OR 2026-03-02=0.1 2026-03-09=0", "SG 2026-03-02=0 2026-03-09=0.75"},
		},
		{
			"the bucket follows the panel", `{"by":["vendor"],"metric":"bytes_down"}`, data.FrameTypeTimeSeriesMulti, "decbytes",
			[]string{"Xiaomi 2026-03-10=20000"},
		},
		{
			"total by vendor and country", `{"by":["vendor","country"],"bucket":"total","metric":"packets_up","top":1}`, data.FrameTypeNumericMulti, "short",
			[]string{"Xiaomi, SG 0001-01-01=10", "other 0001-01-01=10"},
		},
		{"nothing", `{"vendors":["Nokia"],"by":["place"],"bucket":"week"}`, data.FrameTypeTimeSeriesMulti, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := ask("residency", test.model)
			if r.Error != nil {
				t.Fatal(r.Error)
			}
			var got []string
			for _, f := range r.Frames {
				if f.Meta == nil || f.Meta.Type != test.kind || f.RefID != "A" || !strings.Contains(f.Meta.ExecutedQueryString, "_day`") {
					t.Fatalf("meta %+v of %s", f.Meta, f.RefID)
				}
				if len(f.Fields) > 0 {
					got = append(got, line(t, f, test.unit))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}

	for _, bad := range []struct{ queryType, model, says string }{
		{"residency", `{"metric":"gold"}`, "gold"},
		{"residency", `{"by":["colour"]}`, "colour"},
		{"residency", `{"bucket":"century"}`, "century"},
		{"residency", `{"top":"many"}`, "top"},
		{"flows", `{}`, "flows"},
	} {
		r := ask(bad.queryType, bad.model)
		if r.Error == nil || !strings.Contains(r.Error.Error(), bad.says) || r.Status < 400 || r.Status >= 500 {
			t.Errorf("%s %s: status %d, %v", bad.queryType, bad.model, r.Status, r.Error)
		}
	}
}

// line writes a series as "name time=value …", times only as dates.
func line(t *testing.T, f *data.Frame, unit string) string {
	t.Helper()
	value := f.Fields[len(f.Fields)-1]
	if value.Config == nil || value.Config.Unit != unit || len(value.Labels) == 0 {
		t.Errorf("config %+v, labels %v", value.Config, value.Labels)
	}
	out := value.Config.DisplayNameFromDS
	for i := range value.Len() {
		var at time.Time
		if len(f.Fields) == 2 {
			at = f.Fields[0].At(i).(time.Time)
		}
		out += fmt.Sprintf(" %s=%v", at.UTC().Format(time.DateOnly), value.At(i))
	}
	return out
}

func testCheckHealth(t *testing.T, client *datasourcetest.TestPluginClient) {
	db, c := flowstest.Start(t)
	flowstest.Insert(t, c, "a", handset(week, "Xiaomi", "CN", "CN-BJ", 900))
	empty := flowstest.Config(chtest.Start(t))
	absent, reader := c, c
	absent.Addresses = []string{"127.0.0.1:1"}
	reader.User = db.Reader

	for _, test := range []struct {
		name     string
		config   clickhouse.Config
		password string
		status   backend.HealthStatus
		says     string
	}{
		{"good", c, c.Password.Reveal(), backend.HealthStatusOk, "1 flows counted"},
		{"wrong password", c, "wrong", backend.HealthStatusError, "Authentication failed"},
		{"no server", absent, "", backend.HealthStatusError, "127.0.0.1:1"},
		{"no tables", empty, empty.Password.Reveal(), backend.HealthStatusError, "none of Landfall's tables"},
		{"no right", reader, db.ReaderPassword, backend.HealthStatusError, "may not read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := client.CheckHealth(t.Context(), &backend.CheckHealthRequest{PluginContext: pluginContext(test.config, test.password)})
			if err != nil {
				t.Fatal(err)
			}
			if r.Status != test.status || !strings.Contains(r.Message, test.says) {
				t.Errorf("%v %q", r.Status, r.Message)
			}
			if strings.Contains(r.Message, c.Password.Reveal()) {
				t.Error("the message shows the password")
			}
		})
	}
}

// TestManifest compares plugin.json with what the backend says of itself.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("../../src/plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		ID, Type string
		Backend  bool
		Info     struct{ Logos map[string]string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.ID != residency.PluginID || manifest.Type != "datasource" || !manifest.Backend {
		t.Errorf("%+v", manifest)
	}
	for size, file := range manifest.Info.Logos {
		if _, err := os.Stat("../../src/" + file); err != nil {
			t.Errorf("%s logo: %v", size, err)
		}
	}
}
