package reporter

import (
	"cmp"
	"context"
	"math"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// fixtureStart is the first week of the fixture where time does not matter.
func fixtureStart() time.Time { return time.Date(2026, 6, 29, 0, 0, 0, 0, time.UTC) }

type cell struct {
	week                   time.Time
	vendor, place, country string
	figures                query.Figures
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
					figures: query.Figures{Flows: up/90_000 + 1, BytesUp: up, BytesDown: up*7 + uint64(p), PacketsUp: up / 700, PacketsDown: up / 100},
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
		r.Flows += c.figures.Flows
		r.BytesUp += c.figures.BytesUp
		r.BytesDown += c.figures.BytesDown
		r.PacketsUp += c.figures.PacketsUp
		r.PacketsDown += c.figures.PacketsDown
		sums[k] = r
		totals[k.week] += c.figures.BytesUp
	}
	a := query.ResidencyAnswer{Question: q, Basis: query.Basis{Rollup: "residency_day", Since: q.Since, Until: q.Until}}
	for _, r := range sums {
		r.ShareUp = float64(r.BytesUp) / float64(totals[r.Bucket])
		r.BytesUpInterval, r.BytesDownInterval = sampled(r.BytesUp).interval(), sampled(r.BytesDown).interval()
		r.ShareUpInterval = estimate.Share(sampled(r.BytesUp).sum(), sampled(totals[r.Bucket]-r.BytesUp).sum(), sampling, 0)
		a.Rows = append(a.Rows, r)
	}
	for w := range totals {
		a.Buckets = append(a.Buckets, f.info(w))
	}
	slices.SortFunc(a.Buckets, func(x, y query.BucketInfo) int { return x.Bucket.Compare(y.Bucket) })
	slices.SortFunc(a.Rows, func(x, y query.ResidencyRow) int {
		return cmp.Or(x.Bucket.Compare(y.Bucket), cmp.Compare(y.BytesUp, x.BytesUp), cmp.Compare(x.Place, y.Place))
	})
	return a, nil
}

// sampling is that of the fixture's exporters, and sampled a total that they estimated.
const sampling = 1000

type sampled uint64

func (s sampled) sum() estimate.Sum {
	b := float64(s) * (sampling - 1)
	return estimate.Sum{Total: uint64(s), VarianceLow: b * 700, VarianceHighPerByte: b}
}

func (s sampled) interval() estimate.Interval {
	sum := s.sum()
	return estimate.Bytes(sum.Total, sum.VarianceLow, sum.VarianceHighPerByte, sampling, 0)
}

// info is what is known of a week: one in the middle is not whole, one was corrected later.
func (f *fixture) info(week time.Time) query.BucketInfo {
	share := .9996
	info := query.BucketInfo{Bucket: week, LastChange: week.AddDate(0, 0, 7), Completeness: query.CompletenessSummary{
		Share: &share, Counted: 99_960_000, Sent: 100_000_000, ExportersExpected: 4, ExportersHeard: 4,
	}}
	switch week.Sub(f.start) / (7 * 24 * time.Hour) {
	case 0:
		info.Completeness = query.CompletenessSummary{} // before there was a ledger
	case 5:
		share = .962
		info.Completeness.Counted, info.Completeness.ExportersSilent = 96_200_000, 1
		info.Completeness.Silent = []query.SilentExporter{{Site: "berlin", Exporter: "127.0.0.14", Hours: 9, Since: week.Add(51 * time.Hour)}}
	case 8:
		info.Revision, info.Late, info.LastChange = 1, true, week.AddDate(0, 0, 16)
	}
	return info
}

func (f *fixture) Compare(ctx context.Context, q query.Compare) (query.CompareAnswer, error) {
	before, after := q.Question, q.Question
	before.Since, before.Until, after.Since, after.Until = q.BeforeSince, q.BeforeUntil, q.AfterSince, q.AfterUntil
	first, err := f.Residency(ctx, before)
	if err != nil {
		return query.CompareAnswer{}, err
	}
	second, err := f.Residency(ctx, after)
	a := query.CompareAnswer{Question: q}
	for _, r := range second.Rows {
		a.Rows = append(a.Rows, query.CompareRow{Key: r.Key, After: query.CompareSide{Cell: r.Cell}})
	}
	first.Rows, second.Rows = nil, nil
	a.Before, a.After = first, second
	return a, err
}

func (f *fixture) Endpoints(ctx context.Context, q query.Endpoints) (query.EndpointsAnswer, error) {
	if err := f.wait(ctx); err != nil {
		return query.EndpointsAnswer{}, err
	}
	a := query.EndpointsAnswer{Question: q, Basis: query.Basis{Rollup: "endpoint_day"}}
	if len(f.cells) > 0 {
		a.Rows = []query.EndpointRow{{
			Address: netip.MustParseAddr("203.0.113.7"), Network: netip.MustParsePrefix("203.0.113.0/24"), ASN: 64500, Place: "CN-BJ", Country: "CN",
			Vendors: []string{"Xiaomi"}, FirstSeen: f.start, LastSeen: f.start, Handsets: 3, Endpoints: 1, Figures: f.cells[0].figures,
		}}
	}
	return a, nil
}

func (f *fixture) NewSince(ctx context.Context, q query.NewSince) (query.NewSinceAnswer, error) {
	e, err := f.Endpoints(ctx, query.Endpoints{Filter: q.Filter})
	return query.NewSinceAnswer{Question: q, Basis: e.Basis, Rows: e.Rows}, err
}

func (f *fixture) Completeness(ctx context.Context, q query.Completeness) (query.CompletenessAnswer, error) {
	if err := f.wait(ctx); err != nil {
		return query.CompletenessAnswer{}, err
	}
	a := query.CompletenessAnswer{Question: q, Basis: query.Basis{Rollup: "ledger_minute"}}
	if len(f.cells) > 0 {
		info := f.info(f.start.AddDate(0, 0, 35))
		a.Rows = []query.ExporterCompleteness{{Exporter: "127.0.0.14", ExportProtocol: "sflow", Sent: 100, Counted: 96, Share: info.Completeness.Share, Losses: []query.Loss{}}}
		a.Buckets = []query.BucketCompleteness{{CompletenessSummary: info.Completeness}}
	}
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
		t.Flows += c.figures.Flows
		t.BytesUp += c.figures.BytesUp
		t.BytesDown += c.figures.BytesDown
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
