package reporter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// ignoreEngine leaves out what runs before a test: the engine that tests share.
func ignoreEngine() []goleak.Option { return []goleak.Option{goleak.IgnoreCurrent()} }

// What the API says is what was put into a real ClickHouse.
func TestRealEngine(t *testing.T) {
	start := fixtureStart()
	flow := func(at time.Time, vendor, country, subdivision string, up uint64) flowstest.Flow {
		return flowstest.Flow{
			Start: at, Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: "192.0.2.1", Vendor: vendor, Country: country, Subdivision: subdivision,
			Confidence: "single", ASN: 64500, Organization: "Example", OctetsUp: up, OctetsDown: 10 * up, PacketsUp: 1, PacketsDown: 2, SamplingInterval: 1,
		}
	}
	db, config := flowstest.Start(t)
	flowstest.Insert(t, config, "rows",
		flow(start, "Xiaomi", "CN", "CN-BJ", 850),
		flow(start.Add(time.Hour), "Xiaomi", "US", "US-OR", 150),
		flow(start.AddDate(0, 0, 7), "Xiaomi", "SG", "", 400),
		flow(start, "randomised", "", "", 9_007_199_254_740_993), // 2^53 + 1
	)
	s := newService(t, query.New(db.Conn(t), db.Database, query.Options{}))

	w := get(s, "/api/v1/residency?vendor=Xiaomi&by=place&bucket=week&since=2026-06-29&until=2026-07-13")
	var a residencyAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	type figure struct {
		week, place, name string
		up                uint64
	}
	var got []figure
	for _, r := range a.Rows {
		got = append(got, figure{r.Bucket.Format(time.DateOnly), r.Place, r.PlaceName, r.BytesUp})
	}
	want := []figure{
		{"2026-06-29", "CN-BJ", "Beijing", 850}, {"2026-06-29", "US-OR", "Oregon", 150}, {"2026-07-06", "SG", "Singapore", 400},
	}
	if len(got) != len(want) {
		t.Fatalf("rows %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("row %d: %v, want %v", i, got[i], want[i])
		}
	}
	if w := get(s, "/api/v1/vendors"); !strings.Contains(w.Body.String(), `"bytes_up":9007199254740993`) {
		t.Errorf("vendors: %s", w.Body)
	}
	if w := get(s, "/api/v1/residency?vendor=randomised&format=csv"); !strings.Contains(w.Body.String(), "unknown,Unknown place,1,9007199254740993,") {
		t.Errorf("CSV: %s", w.Body)
	}
	var totals totalsAnswer
	if err := json.Unmarshal(get(s, "/api/v1/totals").Body.Bytes(), &totals); err != nil || totals.Flows != 4 || len(totals.Exporters) != 1 {
		t.Errorf("totals %+v: %v", totals, err)
	}
	// A value is a value, whatever is in it.
	for _, odd := range []string{"'%20OR%201=1%20--", "%00", "%F0%9F%93%B1", "{vendor:String}"} {
		if w := get(s, "/api/v1/residency?vendor="+odd); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"rows":[]`) {
			t.Errorf("vendor %s: %d %s", odd, w.Code, w.Body)
		}
	}
}

// Every dimension and bucket that the API takes is one that ClickHouse answers.
func TestEveryQuestion(t *testing.T) {
	db, _ := flowstest.Start(t)
	s := newService(t, query.New(db.Conn(t), db.Database, query.Options{}))
	for _, by := range dimensions {
		for _, bucket := range buckets {
			path := "/api/v1/residency?since=2026-06-01&until=2026-06-02&by=" + by + "&bucket=" + bucket
			if w := get(s, path); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	}
	paths := []string{
		"compare?by=vendor,place&before_since=2026-06-01&before_until=2026-06-08&after_since=2026-06-08&after_until=2026-06-15&min_handsets=10",
		"residency?asn=4134&operator=north&site=oslo&revision=0&min_handsets=3&bucket=day&since=2026-06-01&until=2026-06-02",
		"endpoints?vendor=Xiaomi&place=CN-BJ&country=CN&asn=4134&network=203.0.113.0/24&network=2001:db8::/32&operator=north&site=oslo&since=2026-06-01&until=2026-06-02",
		"completeness?exporter=192.0.2.7&operator=north&site=oslo",
	}
	for _, unit := range units {
		paths = append(paths, "endpoints?unit="+unit, "new?since=2026-06-01&unit="+unit, "new?since=2026-06-01&each_vendor=true&unit="+unit)
	}
	for _, bucket := range buckets[1:] {
		paths = append(paths, "completeness?since=2026-06-01&until=2026-06-02&bucket="+bucket)
	}
	for i, path := range paths {
		format := formats[i%len(formats)]
		if w := get(s, "/api/v1/"+path+"&format="+format); w.Code != http.StatusOK {
			t.Errorf("%s as %s: %d %s", path, format, w.Code, w.Body)
		}
	}
}

// A table that is not there is ClickHouse's fault: the statement stays in the log.
func TestMissingTables(t *testing.T) {
	db := chtest.Start(t)
	s := newService(t, query.New(db.Conn(t), db.Database, query.Options{}))
	for _, path := range []string{"/api/v1/residency", "/api/v1/vendors"} {
		w := get(s, path)
		if p := asProblem(t, w); w.Code != http.StatusServiceUnavailable || strings.Contains(strings.ToUpper(p.Detail), "SELECT") || strings.Contains(p.Detail, "residency_") {
			t.Errorf("%s: %d %+v", path, w.Code, p)
		}
	}
}
