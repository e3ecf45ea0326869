package query_test

import (
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) {
	// Every check asks a real server several questions.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	chtest.Main(m)
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func flow(start time.Time, vendor, country, subdivision string, up uint64) flowstest.Flow {
	return flowstest.Flow{
		Start: start, Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: "192.0.2.1", Vendor: vendor,
		Country: country, Subdivision: subdivision, Confidence: "single", ASN: 64500, Organization: "Example",
		OctetsUp: up, OctetsDown: 10 * up, PacketsUp: 1, PacketsDown: 2, SamplingInterval: 1,
	}
}

func start(t *testing.T, fs ...flowstest.Flow) *query.Client {
	t.Helper()
	db, config := flowstest.Start(t)
	if len(fs) > 0 {
		flowstest.Insert(t, config, "rows", fs...)
	}
	return query.New(db.Conn(t), db.Database, query.Options{})
}

func ask(t *testing.T, c *query.Client, q query.Residency) query.ResidencyAnswer {
	t.Helper()
	a, err := c.Residency(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return a
}

// Weeks begin on Monday 00:00 UTC, a flow belongs to the week of its start, and the counters are
// scaled by the sampling interval.
func TestWeeks(t *testing.T) {
	sampled := flow(monday.Add(-time.Millisecond), "Xiaomi", "US", "US-OR", 7)
	sampled.SamplingInterval = 100
	c := start(t,
		flow(monday, "Xiaomi", "CN", "CN-BJ", 600),
		flow(monday.AddDate(0, 0, 7).Add(-time.Millisecond), "Xiaomi", "CN", "CN-BJ", 250),
		flow(monday.Add(50*time.Hour), "Xiaomi", "SG", "", 150),
		flow(monday.AddDate(0, 0, 7), "Xiaomi", "", "", 5),
		flow(monday, "Apple", "US", "US-CA", 9999),
		sampled)
	a := ask(t, c, query.Residency{Vendors: []string{"Xiaomi"}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek})
	type row struct {
		bucket                                  time.Time
		place                                   string
		flows, up, down, packetsUp, packetsDown uint64
		share                                   float64
	}
	var got []row
	for _, r := range a.Rows {
		got = append(got, row{r.Bucket, r.Place, r.Flows, r.BytesUp, r.BytesDown, r.PacketsUp, r.PacketsDown, r.ShareUp})
	}
	want := []row{
		{monday.AddDate(0, 0, -7), "US-OR", 1, 700, 7000, 100, 200, 1},
		{monday, "CN-BJ", 2, 850, 8500, 2, 4, 0.85},
		{monday, "SG", 1, 150, 1500, 1, 2, 0.15},
		{monday.AddDate(0, 0, 7), "unknown", 1, 5, 50, 1, 2, 1},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{}), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("weeks (-want +got):\n%s", diff)
	}
	if a.Rollup != "place_day" {
		t.Errorf("answered by %s", a.Rollup)
	}
}

// Borders choose the rollup, since is included and until is not.
func TestBorders(t *testing.T) {
	c := start(t,
		flow(monday, "a", "CN", "", 1), flow(monday.Add(time.Minute), "a", "CN", "", 2),
		flow(monday.Add(time.Hour), "a", "CN", "", 4), flow(monday.Add(24*time.Hour), "a", "CN", "", 8))
	for _, test := range []struct {
		q      query.Residency
		rollup string
		up     uint64
	}{
		{query.Residency{}, "destination_day", 15},
		{query.Residency{Since: monday, Until: monday.Add(24 * time.Hour)}, "destination_day", 7},
		{query.Residency{Since: monday.Add(24 * time.Hour)}, "destination_day", 8},
		{query.Residency{Since: monday.Add(24 * time.Hour), Vendors: []string{"a"}}, "place_day", 8},
		{query.Residency{By: []query.Dimension{query.ByPlace, query.ByVerdict}}, "destination_day", 15},
		{query.Residency{By: []query.Dimension{query.ByVendor}}, "place_day", 15},
		{query.Residency{By: []query.Dimension{query.ByASN}}, "residency_day", 15},
		{query.Residency{Confidences: query.Confidences()}, "residency_day", 15},
		{query.Residency{Until: monday.Add(time.Hour)}, "residency_hour", 3},
		{query.Residency{Since: monday.Add(time.Hour), Bucket: query.BucketWeek}, "residency_hour", 12},
		{query.Residency{Since: monday.Add(time.Minute)}, "residency_minute", 14},
		{query.Residency{Until: monday.Add(time.Minute + time.Second)}, "residency_minute", 3},
		{query.Residency{Since: monday.Add(time.Minute + time.Second)}, "residency_minute", 14},
		{query.Residency{Since: monday.In(time.FixedZone("", 8*3600)), Bucket: query.BucketDay}, "destination_day", 15},
		{query.Residency{Bucket: query.BucketHour}, "residency_hour", 15},
		{query.Residency{Bucket: query.BucketHour, Since: monday.Add(time.Minute)}, "residency_minute", 14},
		{query.Residency{Bucket: query.BucketMinute}, "residency_minute", 15},
	} {
		a := ask(t, c, test.q)
		up := uint64(0)
		for _, r := range a.Rows {
			up += r.BytesUp
		}
		if a.Rollup != test.rollup || up != test.up {
			t.Errorf("%+v: %d bytes by %s, want %d by %s", test.q, up, a.Rollup, test.up, test.rollup)
		}
	}
}

// Every dimension, pair of dimensions and bucket comes to the same totals; shares add up to 1 in
// each bucket; a top and its "other" come to the same as all.
func TestEveryDimensionAddsUp(t *testing.T) {
	random := flowstest.Random(rand.New(rand.NewPCG(1, 2)), 3000, monday, monday.AddDate(0, 0, 21))
	for i := range random {
		random[i].CloudProvider = []string{"", "aws", "oci"}[i%3]
		random[i].CloudName = []string{"", "us-west-2", "ap-singapore-1"}[i%3]
		random[i].Confidence = []string{"single", "agreed"}[i%2]
	}
	var want flowstest.Totals
	want.Add(random...)
	c := start(t, random...)
	by := [][]query.Dimension{nil, {query.ByVendor, query.ByPlace}, {query.ByASN, query.ByCloudRegion, query.ByConfidence}}
	for _, d := range query.Dimensions() {
		by = append(by, []query.Dimension{d})
	}
	for _, by := range by {
		for _, bucket := range []query.Bucket{query.BucketMinute, query.BucketHour, query.BucketDay, query.BucketWeek, query.BucketTotal} {
			for _, top := range []int{0, 2} {
				q := query.Residency{By: by, Bucket: bucket, Top: top}
				a := ask(t, c, q)
				var got flowstest.Totals
				shares := map[time.Time]float64{}
				type at struct {
					bucket time.Time
					key    query.Key
				}
				seen := map[at]bool{}
				keys := map[query.Key]bool{}
				for _, r := range a.Rows {
					got.Flows += r.Flows
					got.BytesUp += r.BytesUp
					got.BytesDown += r.BytesDown
					got.PacketsUp += r.PacketsUp
					got.PacketsDown += r.PacketsDown
					shares[r.Bucket] += r.ShareUp
					key := at{r.Bucket, r.Key}
					if seen[key] {
						t.Errorf("%+v: two rows for %+v", q, key)
					}
					seen[key] = true
					keys[r.Key] = true
				}
				if got != want {
					t.Errorf("%+v comes to %+v, want %+v", q, got, want)
				}
				for bucket, share := range shares {
					if math.Abs(share-1) > 1e-9 {
						t.Errorf("%+v: shares of %v come to %v", q, bucket, share)
					}
				}
				if top > 0 && len(by) > 0 && len(keys) > top+1 {
					t.Errorf("%+v: %d keys", q, len(keys))
				}
			}
		}
	}
}

// The top is that of the whole time, other comes last, and filters hold within it.
func TestTop(t *testing.T) {
	second := monday.AddDate(0, 0, 7)
	c := start(t,
		flow(monday, "a", "CN", "CN-BJ", 100), flow(monday, "a", "US", "US-OR", 10), flow(monday, "a", "SG", "", 200), flow(monday, "a", "FR", "", 300),
		flow(second, "a", "CN", "CN-BJ", 900), flow(second, "a", "US", "US-OR", 800),
		flow(second, "b", "FR", "", 100_000))
	a := ask(t, c, query.Residency{Vendors: []string{"a"}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek, Top: 2})
	var got []string
	for _, r := range a.Rows {
		got = append(got, r.Bucket.Format(time.DateOnly)+" "+r.Place)
	}
	want := []string{"2026-03-02 CN-BJ", "2026-03-02 US-OR", "2026-03-02 other", "2026-03-09 CN-BJ", "2026-03-09 US-OR"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if other := a.Rows[2]; other.BytesUp != 500 || other.Flows != 2 {
		t.Errorf("other is %+v", other)
	}
}

// What a user writes into a filter is a value and never SQL.
func TestFiltersAreValues(t *testing.T) {
	nasty := []string{`O'Neill`, `") OR 1=1 --`, `'); DROP TABLE flows; --`, `back\slash`, "tab\tand\nline", `{sides:Array(String)}`, `%`, `小米`, `[a','b]`}
	var fs []flowstest.Flow
	for i, name := range nasty {
		fs = append(fs, flow(monday, name, "CN", "CN-BJ", uint64(1)<<i))
	}
	c := start(t, fs...)
	for i, name := range nasty {
		a := ask(t, c, query.Residency{Vendors: []string{name}, By: []query.Dimension{query.ByVendor}})
		if len(a.Rows) != 1 || a.Rows[0].Vendor != name || a.Rows[0].BytesUp != 1<<i {
			t.Errorf("filter %q gave %+v", name, a.Rows)
		}
		for _, q := range []query.Residency{{Places: []string{name}}, {Countries: []string{name}}} {
			if a := ask(t, c, q); len(a.Rows) != 0 && a.Rows[0].Flows != 0 {
				t.Errorf("filter %+v gave %+v", q, a.Rows)
			}
		}
	}
	if a := ask(t, c, query.Residency{Vendors: nasty}); a.Rows[0].BytesUp != 1<<len(nasty)-1 {
		t.Errorf("all of them gave %+v", a.Rows)
	}
}

func TestSidesAndPlaceFilters(t *testing.T) {
	outside := flow(monday, "a", "CN", "CN-BJ", 1)
	outside.Side = landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED
	both := flow(monday, "a", "CN", "", 4)
	both.Side = landfallv1.HandsetSide_HANDSET_SIDE_BOTH
	c := start(t, outside, flow(monday, "a", "CN", "CN-SH", 2), both, flow(monday, "a", "", "", 8))
	for _, test := range []struct {
		q  query.Residency
		up uint64
	}{
		{query.Residency{}, 14},
		{query.Residency{Sides: []string{"none"}}, 1},
		{query.Residency{Countries: []string{"CN"}}, 6},
		{query.Residency{Places: []string{"CN"}}, 4},
		{query.Residency{Places: []string{"CN-SH", "unknown"}}, 10},
		{query.Residency{Countries: []string{"unknown"}}, 8},
	} {
		if a := ask(t, c, test.q); len(a.Rows) != 1 || a.Rows[0].BytesUp != test.up {
			t.Errorf("%+v gave %+v, want %d bytes", test.q, a.Rows, test.up)
		}
	}
	totals, err := c.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if totals.Flows != 4 || totals.BytesUp != 15 || !totals.FirstFlow.Equal(monday) || len(totals.Exporters) != 1 ||
		totals.Exporters[0].Exporter != "192.0.2.1" || totals.Exporters[0].ExportProtocol != "ipfix" || totals.LastReceived.IsZero() {
		t.Errorf("totals are %+v", totals)
	}
	vendors, err := c.Vendors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]query.VendorTotal{{Vendor: "a", Flows: 3, BytesUp: 14, BytesDown: 140}}, vendors); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyTables(t *testing.T) {
	c := start(t)
	for _, q := range []query.Residency{{}, {By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek, Top: 3}} {
		if a := ask(t, c, q); len(a.Rows) != 0 || a.Rows == nil {
			t.Errorf("%+v gave %#v", q, a.Rows)
		}
	}
	if vendors, err := c.Vendors(t.Context()); err != nil || len(vendors) != 0 {
		t.Errorf("vendors: %v, %v", vendors, err)
	}
	if totals, err := c.Totals(t.Context()); err != nil || totals.Flows != 0 || !totals.FirstFlow.IsZero() {
		t.Errorf("totals: %+v, %v", totals, err)
	}
}

func TestInvalidQuestions(t *testing.T) {
	c := query.New(nil, "landfall", query.Options{}) // none of them reaches the server
	for name, q := range map[string]query.Residency{
		`unknown dimension "planet"`:    {By: []query.Dimension{"planet"}},
		`asked for twice`:               {By: []query.Dimension{query.ByPlace, query.ByPlace}},
		`unknown bucket "month"`:        {Bucket: "month"},
		`is not before until`:           {Since: monday, Until: monday},
		`top -1 is negative`:            {Top: -1},
		`unknown handset side "left"`:   {Sides: []string{"left"}},
		`not in the years 1970 to 2105`: {Since: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
		`1001 vendors`:                  {Vendors: make([]string, 1001)},
	} {
		_, err := c.Residency(t.Context(), q)
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTooManyRowsAreRefused(t *testing.T) {
	c := start(t, flow(monday, "a", "CN", "", 1), flow(monday, "b", "CN", "", 1), flow(monday, "c", "CN", "", 1))
	c.LimitRows(3)
	if a := ask(t, c, query.Residency{By: []query.Dimension{query.ByVendor}}); len(a.Rows) != 3 {
		t.Errorf("%d rows, want 3", len(a.Rows))
	}
	c.LimitRows(2)
	_, err := c.Residency(t.Context(), query.Residency{By: []query.Dimension{query.ByVendor}})
	var invalid *query.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "more than 2 rows") {
		t.Errorf("got %v", err)
	}
}
