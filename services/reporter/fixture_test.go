package reporter

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// fixtureStart is the first week of the fixture where time does not matter.
func fixtureStart() time.Time { return time.Date(2026, 6, 29, 0, 0, 0, 0, time.UTC) }

type cell struct {
	week                   time.Time
	vendor, place, country string
	row                    query.Figures
}

// fixture answers as a small network would: twelve weeks in which Xiaomi moves from Beijing to
// Oregon and Singapore and the others stay. It lets the page be looked at without an engine; what
// ClickHouse answers is tested with ClickHouse.
type fixture struct {
	start time.Time
	cells []cell
	polls atomic.Uint64
	err   error         // answer of every question, if set
	hold  chan struct{} // questions wait for it, if set
	asked []query.Residency
}

func newFixture(start time.Time, weeks int) *fixture {
	f := &fixture{start: start}
	type part struct {
		place, country string
		before, after  float64
	}
	vendors := []struct {
		name  string
		scale float64
		parts []part
	}{
		{"Xiaomi", 41e9, []part{{"CN-BJ", "CN", .85, .102}, {"US-OR", "US", .08, .52}, {"SG", "SG", .05, .347}, {"CN-SH", "CN", .015, .021}, {"unknown", "unknown", .005, .01}}},
		{"Samsung", 88e9, []part{{"KR-11", "KR", .44, .43}, {"US-VA", "US", .31, .32}, {"IE-D", "IE", .15, .15}, {"DE-HE", "DE", .1, .1}}},
		{"Apple", 120e9, []part{{"US-CA", "US", .51, .5}, {"US-OR", "US", .19, .2}, {"IE-D", "IE", .2, .2}, {"DK-82", "DK", .1, .1}}},
		{"Huawei", 23e9, []part{{"CN-GD", "CN", .7, .69}, {"SG", "SG", .2, .2}, {"HK", "HK", .06, .07}, {"unknown", "unknown", .04, .04}}},
		{"OPPO", 17e9, []part{{"CN-GD", "CN", .5, .5}, {"SG", "SG", .3, .3}, {"IN-MH", "IN", .2, .2}}},
		{"Google", 34e9, []part{{"US-CA", "US", .6, .6}, {"NL-GR", "NL", .2, .2}, {"BE-WHT", "BE", .2, .2}}},
		{"randomised", 52e9, []part{{"US-CA", "US", .35, .35}, {"CN-BJ", "CN", .15, .1}, {"SG", "SG", .2, .25}, {"BR-SP", "BR", .1, .1}, {"AU-NSW", "AU", .1, .1}, {"unknown", "unknown", .1, .1}}},
		{"unknown", 8e9, []part{{"ZA-GP", "ZA", .2, .2}, {"JP-13", "JP", .5, .5}, {"unknown", "unknown", .3, .3}}},
	}
	for w := range weeks {
		for v, vendor := range vendors {
			for p, part := range vendor.parts {
				at := math.Min(1, float64(w)/11)
				at = at * at * (3 - 2*at)
				wobble := 1 + .06*math.Sin(float64(w*7+v*3+p))
				if w == 12 {
					wobble *= .18 // the week that is not over
				}
				up := uint64(vendor.scale * wobble * (part.before + (part.after-part.before)*at))
				f.cells = append(f.cells, cell{
					week: start.AddDate(0, 0, 7*w), vendor: vendor.name, place: part.place, country: part.country,
					row: query.Figures{Flows: up/90_000 + 1, BytesUp: up, BytesDown: up*7 + uint64(p), PacketsUp: up / 700, PacketsDown: up / 100},
				})
			}
		}
	}
	return f
}

func (f *fixture) wait(ctx context.Context) error {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return f.err
}

func (f *fixture) Residency(ctx context.Context, q query.Residency) (query.ResidencyAnswer, error) {
	if err := f.wait(ctx); err != nil {
		return query.ResidencyAnswer{}, err
	}
	f.asked = append(f.asked, q)
	type key struct {
		week                   time.Time
		vendor, place, country string
	}
	sums := map[key]query.ResidencyRow{}
	totals := map[time.Time]uint64{}
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	for _, c := range f.cells {
		if !in(q.Vendors, c.vendor) || !in(q.Places, c.place) || !in(q.Countries, c.country) ||
			c.week.Before(q.Since) || !q.Until.IsZero() && !c.week.Before(q.Until) {
			continue
		}
		var k key
		if q.Bucket == query.BucketWeek {
			k.week = c.week
		}
		for _, d := range q.By {
			switch d {
			case query.ByVendor:
				k.vendor = c.vendor
			case query.ByPlace:
				k.place = c.place
			case query.ByCountry:
				k.country = c.country
			}
		}
		r := sums[k]
		r.Bucket, r.Vendor, r.Place, r.Country = k.week, k.vendor, k.place, k.country
		r.Flows += c.row.Flows
		r.BytesUp += c.row.BytesUp
		r.BytesDown += c.row.BytesDown
		r.PacketsUp += c.row.PacketsUp
		r.PacketsDown += c.row.PacketsDown
		sums[k] = r
		totals[k.week] += c.row.BytesUp
	}
	a := query.ResidencyAnswer{Question: q, Basis: query.Basis{Rollup: "residency_day", Since: q.Since, Until: q.Until}}
	for _, r := range sums {
		r.ShareUp = float64(r.BytesUp) / float64(totals[r.Bucket])
		a.Rows = append(a.Rows, r)
	}
	slices.SortFunc(a.Rows, func(x, y query.ResidencyRow) int {
		return cmp.Or(x.Bucket.Compare(y.Bucket), cmp.Compare(y.BytesUp, x.BytesUp), cmp.Compare(x.Place, y.Place))
	})
	return a, nil
}

func (f *fixture) Vendors(ctx context.Context) ([]query.VendorTotal, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	a, err := f.Residency(ctx, query.Residency{By: []query.Dimension{query.ByVendor}})
	var out []query.VendorTotal
	for _, r := range a.Rows {
		out = append(out, query.VendorTotal{Vendor: r.Vendor, Flows: r.Flows, BytesUp: r.BytesUp, BytesDown: r.BytesDown})
	}
	return out, err
}

func (f *fixture) Totals(ctx context.Context) (query.Totals, error) {
	if err := f.wait(ctx); err != nil {
		return query.Totals{}, err
	}
	var t query.Totals
	for _, c := range f.cells {
		t.Flows += c.row.Flows
		t.BytesUp += c.row.BytesUp
		t.BytesDown += c.row.BytesDown
		t.LastFlow = c.week.Add(5 * time.Hour)
	}
	if len(f.cells) > 0 {
		t.Flows += f.polls.Add(1) * 37 // something comes in
		now := time.Now().UTC()
		t.FirstFlow, t.LastReceived = f.start, now.Add(-time.Second)
		t.Exporters = []query.ExporterTotal{
			{Exporter: "127.0.0.11", ExportProtocol: "ipfix", Flows: t.Flows / 2, LastReceived: now.Add(-time.Second)},
			{Exporter: "127.0.0.12", ExportProtocol: "netflow_v9", Flows: t.Flows / 4, LastReceived: now.Add(-4 * time.Second)},
			{Exporter: "127.0.0.13", ExportProtocol: "netflow_v5", Flows: t.Flows / 8, LastReceived: now.Add(-9 * time.Second)},
			{Exporter: "127.0.0.14", ExportProtocol: "sflow", Flows: t.Flows / 8, LastReceived: now.Add(-200 * time.Second)},
		}
	}
	return t, nil
}

func fixtureNames(code string) string {
	names := map[string]string{
		"CN-BJ": "Beijing", "CN-SH": "Shanghai", "CN-GD": "Guangdong", "US-OR": "Oregon", "US-VA": "Virginia", "US-CA": "California",
		"SG": "Singapore", "KR-11": "Seoul", "IE-D": "Dublin", "DE-HE": "Hesse", "DK-82": "Central Denmark", "HK": "Hong Kong",
		"IN-MH": "Maharashtra", "NL-GR": "Groningen", "BE-WHT": "Hainaut", "BR-SP": "São Paulo", "AU-NSW": "New South Wales",
		"ZA-GP": "Gauteng", "JP-13": "Tokyo", "CN": "China", "US": "United States", "KR": "South Korea", "IE": "Ireland", "DE": "Germany",
		"DK": "Denmark", "IN": "India", "NL": "Netherlands", "BE": "Belgium", "BR": "Brazil", "AU": "Australia", "ZA": "South Africa", "JP": "Japan",
	}
	if n, ok := names[code]; ok {
		return n
	}
	return code
}
