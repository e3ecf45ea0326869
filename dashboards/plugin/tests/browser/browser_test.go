package browser_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/dashboards/plugin/tests/browser"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

// The pictures of the documentation are only taken when asked for.
var pictures = flag.String("pictures", "", "folder to put pictures for the documentation into")

const root = "../../../.."

func TestMain(m *testing.M) { chtest.Main(m) }

// need skips a test that misses something, and fails it where CI=true.
func need(t *testing.T, path, how string) {
	t.Helper()
	_, err := os.Stat(path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	case os.Getenv("CI") == "true":
		t.Fatalf("no %s (%s)", path, how)
	default:
		t.Skipf("no %s (%s)", path, how)
	}
}

// TestPlugin opens the plugin's editors in a real browser, on the real binary and a real ClickHouse;
// plugin.test.mjs has the checks.
func TestPlugin(t *testing.T) {
	module := filepath.Join(root, "build", "plugin", pluginhost.PluginID)
	page := filepath.Join(root, "build", "grafana", "page")
	if chromium := os.Getenv("CHROMIUM"); chromium != "" {
		need(t, chromium, "CHROMIUM names it")
	} else {
		need(t, "/usr/bin/chromium", "apt-get install chromium; CHROMIUM names another")
	}
	need(t, filepath.Join(root, "tests", "browser", "node_modules"), "make browser-libs")
	need(t, filepath.Join(module, "module.js"), "make plugin")
	need(t, filepath.Join(page, "main.js"), "make grafana-page")

	client, config := seed(t)
	host := &browser.Host{
		Plugin: pluginhost.Run(t, pluginhost.Binary(t), pluginhost.Options{}),
		Page:   page, Module: module, Dashboard: filepath.Join(root, "dashboards", "json"),
	}
	truth := truthOf(t, client)
	host.SetSource(source(config))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /truth.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(truth) // the test's own client
	})
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) { host.SetSource(source(config)) })
	mux.Handle("/", host.Handler())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	test := exec.CommandContext(t.Context(), "node", "--test", "--test-concurrency=1", "plugin.test.mjs")
	test.Env = append(os.Environ(),
		"LANDFALL_URL="+server.URL,
		"LANDFALL_CLICKHOUSE_ADDRESS="+config.Addresses[0],
		"LANDFALL_CLICKHOUSE_DATABASE="+config.Database,
		"LANDFALL_CLICKHOUSE_USER="+config.User,
		"LANDFALL_CLICKHOUSE_PASSWORD="+config.Password.Reveal())
	if *pictures != "" {
		folder, err := filepath.Abs(*pictures)
		if err != nil {
			t.Fatal(err)
		}
		test.Env = append(test.Env, "LANDFALL_PICTURES="+folder)
	}
	out, err := test.CombinedOutput()
	if err != nil {
		t.Errorf("browser test: %v\n%s", err, out[max(0, len(out)-16000):])
	}
	if testing.Verbose() {
		t.Logf("%s", out)
	}
}

func source(c clickhouse.Config) pluginhost.Source {
	return pluginhost.Source{
		UID: "landfall", Name: "Landfall",
		JSONData: map[string]any{"address": c.Addresses[0], "database": c.Database, "user": c.User},
		Secrets:  map[string]string{"password": c.Password.Reveal()},
	}
}

// truth is what internal/query says of the seed, for the page to be compared with.
type truth struct {
	From, To int64 // milliseconds since 1970
	// Days has the bytes up of Xiaomi's handsets: place → milliseconds since 1970 → bytes.
	Days      map[string]map[string]float64
	Countries map[string]float64 // bytes up of all vendors
	Endpoints map[string]float64 // address → bytes up
	Vendors   []string           // most bytes first
}

func truthOf(t *testing.T, client *query.Client) truth {
	t.Helper()
	out := truth{
		From: monday.UnixMilli(), To: after.UnixMilli(),
		Days: map[string]map[string]float64{}, Countries: map[string]float64{}, Endpoints: map[string]float64{},
	}
	ask := func(q query.Residency) query.ResidencyAnswer {
		q.Since, q.Until = monday, after
		a, err := client.Residency(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, r := range ask(query.Residency{Vendors: []string{"Xiaomi"}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketDay}).Rows {
		if out.Days[r.Place] == nil {
			out.Days[r.Place] = map[string]float64{}
		}
		out.Days[r.Place][fmt.Sprint(r.Bucket.UnixMilli())] = float64(r.BytesUp)
	}
	for _, r := range ask(query.Residency{By: []query.Dimension{query.ByCountry}}).Rows {
		out.Countries[r.Country] = float64(r.BytesUp)
	}
	for _, r := range ask(query.Residency{By: []query.Dimension{query.ByVendor}}).Rows {
		out.Vendors = append(out.Vendors, r.Vendor)
	}
	ends, err := client.Endpoints(t.Context(), query.Endpoints{Since: monday, Until: after})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ends.Rows {
		out.Endpoints[r.Address.String()] = float64(r.BytesUp)
	}
	return out
}

// The seed is of two weeks.
var (
	monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	after  = monday.AddDate(0, 0, 14)
)
