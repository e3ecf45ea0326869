package query_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func some[T any](t *rapid.T, name string, values []T) []T {
	if rapid.IntRange(0, 2).Draw(t, "filter "+name) > 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, name)
}

func drawResidency(t *rapid.T, buckets ...query.Bucket) query.Residency {
	q := query.Residency{
		Vendors:       some(t, "vendors", []string{"Xiaomi", "Apple", "Samsung", "nobody"}),
		Places:        some(t, "places", []string{"CN-BJ", "SG", "unknown", "XX"}),
		Countries:     some(t, "countries", []string{"CN", "US", "SG", "unknown"}),
		ASNs:          some(t, "ASNs", []uint32{64500, 64510, 64520, 1}),
		Operators:     some(t, "operators", []string{"north", "south"}),
		Sites:         some(t, "sites", []string{"a", "b", "c"}),
		Jurisdictions: some(t, "jurisdictions", []string{"PRC", "EU", "unknown", "Mars"}),
		Verdicts:      some(t, "verdicts", []string{"none", "restricted", "indeterminate"}),
		Confidences:   some(t, "confidences", []string{"single", "disputed", "published"}),
		Sides:         some(t, "sides", []string{"source", "destination", "none"}),
		By:            rapid.SliceOfNDistinct(rapid.SampledFrom(query.Dimensions()), 0, 3, rapid.ID).Draw(t, "by"),
		Bucket:        rapid.SampledFrom(buckets).Draw(t, "bucket"),
		Top:           rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "top"),
	}
	q.Since, q.Until = drawTimes(t, rapid.SampledFrom([]time.Duration{24 * time.Hour, time.Hour, time.Minute}).Draw(t, "step"))
	q.Where = drawConditions(t)
	for _, d := range q.By {
		if rapid.Bool().Draw(t, "share of "+string(d)) {
			q.ShareOf = append(q.ShareOf, d)
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "hours") == 0 {
		q.Hours = &query.Hours{From: rapid.IntRange(0, 24).Draw(t, "from"), Location: rapid.SampledFrom([]string{"", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"}).Draw(t, "zone")}
		q.Hours.To = (q.Hours.From + rapid.IntRange(1, 23).Draw(t, "for hours")) % 24
	}
	return q
}

func drawTimes(t *rapid.T, step time.Duration) (since, until time.Time) {
	n := int(21 * 24 * time.Hour / step)
	if from := rapid.IntRange(-n/2, n-1).Draw(t, "since"); from >= 0 {
		since = monday.Add(time.Duration(from) * step)
	}
	if length := rapid.IntRange(-n/2, n).Draw(t, "length"); length > 0 {
		until = monday.Add(time.Duration(length) * step)
		if !since.IsZero() {
			until = since.Add(time.Duration(length) * step)
		}
	}
	return since, until
}

// The client answers every question as a loop over the flows does.
func TestResidencyIsWhatTheFlowsSay(t *testing.T) {
	truth := traffic(3, 1500)
	c := start(t, truth...)
	rapid.Check(t, func(t *rapid.T) {
		q := drawResidency(t, query.BucketMinute, query.BucketHour, query.BucketDay, query.BucketWeek, query.BucketTotal)
		a, err := c.Residency(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want := truth.residency(q)
		_, scope := truth.matches(q)
		up, down := map[place]estimate.Sum{}, map[place]estimate.Sum{} // of what shares are of
		for at, s := range want {
			at.key = partOf(q, at.key)
			all := up[at]
			up[at] = estimate.Sum{Total: all.Total + s.BytesUp, VarianceLow: all.VarianceLow + s.lowUp, VarianceHighPerByte: all.VarianceHighPerByte + s.highUp}
			all = down[at]
			down[at] = estimate.Sum{Total: all.Total + s.BytesDown, VarianceLow: all.VarianceLow + s.lowDown, VarianceHighPerByte: all.VarianceHighPerByte + s.highDown}
		}
		for _, r := range a.Rows {
			at := place{r.Bucket, r.Key}
			from, to := r.Bucket, map[query.Bucket]time.Duration{query.BucketMinute: time.Minute, query.BucketHour: time.Hour, query.BucketDay: 24 * time.Hour, query.BucketWeek: 7 * 24 * time.Hour}[q.Bucket]
			since, until := q.Since, q.Until
			if q.Bucket != query.BucketTotal {
				if from.After(since) {
					since = from
				}
				if end := from.Add(to); until.IsZero() || end.Before(until) {
					until = end
				}
			}
			n := scope.inForce(since, until)
			s := want[at]
			if s == nil {
				if !r.Unobserved {
					t.Fatalf("a row too many: %+v", r)
				}
				s = &tally{}
			} else if r.Unobserved {
				t.Fatalf("said not to be observed: %+v", r)
			}
			delete(want, at)
			s.check(t, fmt.Sprint(r.Bucket, r.Key), r.Figures, n)
			if r.Unobserved {
				continue
			}
			of := place{r.Bucket, partOf(q, r.Key)}
			checkShare(t, fmt.Sprint("up ", at), r.ShareUp, r.ShareUpInterval, estimate.Sum{Total: s.BytesUp, VarianceLow: s.lowUp, VarianceHighPerByte: s.highUp}, up[of], n)
			checkShare(t, fmt.Sprint("down ", at), r.ShareDown, r.ShareDownInterval, estimate.Sum{Total: s.BytesDown, VarianceLow: s.lowDown, VarianceHighPerByte: s.highDown}, down[of], n)
		}
		if len(want) > 0 {
			t.Fatalf("%d rows are missing", len(want))
		}
	})
}

func checkShare(t *rapid.T, what string, got float64, in estimate.Interval, part, all estimate.Sum, n uint32) {
	if all.Total == 0 {
		return
	}
	rest := estimate.Sum{Total: all.Total - part.Total, VarianceLow: max(0, all.VarianceLow-part.VarianceLow), VarianceHighPerByte: max(0, all.VarianceHighPerByte-part.VarianceHighPerByte)}
	share := estimate.Share(part, rest, n, 1500)
	if !near(got, float64(part.Total)/float64(all.Total)) || math.Abs(in.Low-share.Low) > 1e-5 || math.Abs(in.High-share.High) > 1e-5 {
		t.Fatalf("%s: share %v in %v, want %v in %v", what, got, in, float64(part.Total)/float64(all.Total), share)
	}
}

func TestCompareIsWhatTheFlowsSay(t *testing.T) {
	truth := traffic(4, 1500)
	c := start(t, truth...)
	rapid.Check(t, func(t *rapid.T) {
		q := query.Compare{Question: drawResidency(t, query.BucketTotal), Order: rapid.SampledFrom([]query.CompareOrder{query.OrderBytes, query.OrderShift}).Draw(t, "order")}
		q.BeforeSince, q.BeforeUntil = monday, monday.AddDate(0, 0, rapid.IntRange(1, 10).Draw(t, "before"))
		q.AfterSince = monday.AddDate(0, 0, rapid.IntRange(0, 10).Draw(t, "after since"))
		q.AfterUntil = q.AfterSince.AddDate(0, 0, rapid.IntRange(1, 10).Draw(t, "after"))
		a, err := c.Compare(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		before, after := q.Question, q.Question
		before.Since, before.Until, after.Since, after.Until = q.BeforeSince, q.BeforeUntil, q.AfterSince, q.AfterUntil
		before.Top, after.Top = 0, 0
		x, y := truth.residency(before), truth.residency(after)
		told := map[query.Key]bool{}
		var kept []query.Key
		for _, r := range a.Rows {
			told[r.Key] = true
			if q.Question.Top == 0 || !r.IsOther(q.Question.By) {
				kept = append(kept, r.Key)
			}
		}
		checkShifts(t, q, a.Rows, x, y)
		sum := func(all map[place]*tally, k query.Key, others bool) (s flowstest.Totals) {
			for at, one := range all {
				if at.key == k || others && !told[at.key] && otherOf(q.Question, kept, at.key) == k {
					s.Flows += one.Flows
					s.BytesUp += one.BytesUp
					s.BytesDown += one.BytesDown
				}
			}
			return s
		}
		for _, r := range a.Rows {
			others := q.Question.Top > 0 && r.IsOther(q.Question.By)
			wantBefore, wantAfter := sum(x, r.Key, others), sum(y, r.Key, others)
			if r.Before.Flows != wantBefore.Flows || r.Before.BytesUp != wantBefore.BytesUp || r.After.Flows != wantAfter.Flows || r.After.BytesDown != wantAfter.BytesDown {
				t.Fatalf("%+v, want %+v and %+v", r, wantBefore, wantAfter)
			}
			if len(x) > 0 && len(y) > 0 {
				if r.DifferenceUp != int64(wantAfter.BytesUp)-int64(wantBefore.BytesUp) {
					t.Fatalf("%+v: difference, want %d", r, int64(wantAfter.BytesUp)-int64(wantBefore.BytesUp))
				}
				if d := float64(r.DifferenceUp); d < r.DifferenceUpInterval.Low || d > r.DifferenceUpInterval.High {
					t.Fatalf("%+v: the difference is outside of its interval", r)
				}
			}
			told[r.Key] = true
		}
		for _, all := range []map[place]*tally{x, y} {
			for at := range all {
				if !told[at.key] && q.Question.Top == 0 {
					t.Fatalf("no row for %+v", at.key)
				}
			}
		}
	})
}

// end is the key of a remote end in a unit.
func end(f *flowstest.Flow, u query.Unit) string {
	a := netip.MustParseAddr(f.Remote)
	switch u {
	case query.UnitAddress:
		return a.String()
	case query.UnitNetwork:
		bits := 48
		if a.Is4() {
			bits = 24
		}
		return netip.PrefixFrom(a, bits).Masked().String()
	case query.UnitASN:
		return fmt.Sprint(f.ASN)
	case query.UnitPlace:
		return placeOf(f)
	}
	return countryOf(f)
}

func endOf(r *query.EndpointRow, u query.Unit) string {
	switch u {
	case query.UnitAddress:
		return r.Address.String()
	case query.UnitNetwork:
		return r.Network.String()
	case query.UnitASN:
		return fmt.Sprint(r.ASN)
	case query.UnitPlace:
		return r.Place
	}
	return r.Country
}

func drawFilter(t *rapid.T) query.Filter {
	return query.Filter{
		Vendors:   some(t, "vendors", []string{"Xiaomi", "Apple", "Samsung", "nobody"}),
		Places:    some(t, "places", []string{"CN-BJ", "SG", "unknown", "XX"}),
		Countries: some(t, "countries", []string{"CN", "US", "SG", "unknown"}),
		ASNs:      some(t, "ASNs", []uint32{64500, 64510, 64520, 1}),
		Networks: some(t, "networks", []netip.Prefix{
			netip.MustParsePrefix("198.51.1.0/24"), netip.MustParsePrefix("198.51.2.7/31"), netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("0.0.0.0/0"),
		}),
		Operators: some(t, "operators", []string{"north", "south"}),
		Sites:     some(t, "sites", []string{"a", "b", "c"}),
	}
}

func inFilter(f *flowstest.Flow, q query.Filter) bool {
	in := func() bool {
		return slices.ContainsFunc(q.Networks, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(f.Remote)) })
	}
	return f.Side != landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED && among(q.Vendors, f.Vendor) && among(q.Places, placeOf(f)) &&
		among(q.Countries, countryOf(f)) && among(q.ASNs, f.ASN) && among(q.Operators, f.Operator) && among(q.Sites, f.Site) &&
		(len(q.Networks) == 0 || in()) && !slices.ContainsFunc(q.Where, func(c query.Condition) bool { return !meets(f, c) })
}

// ends adds up flows by vendor (if asked for) and remote end.
func ends(fs truth, u query.Unit, eachVendor bool) map[[2]string]*tally {
	out := map[[2]string]*tally{}
	for i := range fs {
		k := [2]string{"", end(&fs[i], u)}
		if eachVendor {
			k[0] = fs[i].Vendor
		}
		if out[k] == nil {
			out[k] = &tally{}
		}
		out[k].add(&fs[i])
	}
	return out
}

func checkEnds(t *rapid.T, rows []query.EndpointRow, want map[[2]string]*tally, u query.Unit, o query.EndpointOrder, top int, n uint32) {
	if len(rows) != min(len(want), top) {
		t.Fatalf("%d rows of %d, top %d", len(rows), len(want), top)
	}
	for i := range rows {
		r := &rows[i]
		k := [2]string{r.Vendor, endOf(r, u)}
		s := want[k]
		if s == nil {
			t.Fatalf("a row too many: %+v", r)
		}
		delete(want, k)
		s.check(t, fmt.Sprint(k), r.Figures, n)
		_, handsets := s.most()
		if math.Abs(float64(r.Handsets)-float64(handsets)) > 0.1*float64(handsets) || r.Endpoints != uint64(len(s.endpoints)) ||
			!r.FirstSeen.Equal(s.first.Truncate(time.Second)) || !r.LastSeen.Equal(s.last.Truncate(time.Second)) {
			t.Fatalf("%+v, want %d handsets, %d endpoints, from %v to %v", r, handsets, len(s.endpoints), s.first, s.last)
		}
		if said := fmt.Sprint(r.PlaceMethod, r.Confidence, r.Alternatives, r.Jurisdiction, r.Verdict); u == query.UnitAddress && !s.says[said] || u == query.UnitPlace && said != "[]" {
			t.Fatalf("%v is said to be %s, which no flow is at its last contact: %v", k, said, s.says)
		}
	}
	checkOrder(t, rows, want, o)
}

func TestEndpointsAreWhatTheFlowsSay(t *testing.T) {
	truth := traffic(5, 1500)
	c := start(t, truth...)
	rapid.Check(t, func(t *rapid.T) {
		q := query.Endpoints{
			Filter: drawFilter(t), Unit: rapid.SampledFrom([]query.Unit{"address", "network", "asn", "place", "country"}).Draw(t, "unit"),
			Top: rapid.SampledFrom([]int{1, 5, 1000}).Draw(t, "top"), Order: rapid.SampledFrom(endpointOrders).Draw(t, "order"),
		}
		q.Where = drawWhere(t, false)
		q.Since, q.Until = drawTimes(t, 24*time.Hour)
		a, err := c.Endpoints(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		_, scope := truth.matches(query.Residency{Operators: q.Operators, Sites: q.Sites})
		var match []flowstest.Flow
		for i := range scope {
			if inFilter(&scope[i], q.Filter) && during(scope[i].Start, q.Since, q.Until) {
				match = append(match, scope[i])
			}
		}
		checkEnds(t, a.Rows, ends(match, q.Unit, false), q.Unit, q.Order, q.Top, scope.inForce(q.Since, q.Until))
	})
}

func TestNewSinceIsWhatTheFlowsSay(t *testing.T) {
	truth := traffic(6, 700)
	c := start(t, truth...)
	rapid.Check(t, func(t *rapid.T) {
		q := query.NewSince{
			Filter: drawFilter(t), Unit: rapid.SampledFrom([]query.Unit{"address", "network", "asn", "place", "country"}).Draw(t, "unit"),
			Top: rapid.SampledFrom([]int{1, 5, 1000}).Draw(t, "top"), EachVendor: rapid.Bool().Draw(t, "each vendor"),
			Since: monday.Add(time.Duration(rapid.IntRange(0, 21*24).Draw(t, "since")) * time.Hour), Order: rapid.SampledFrom(endpointOrders).Draw(t, "order"),
		}
		byAddress := q.Unit == query.UnitAddress || q.Unit == query.UnitNetwork
		q.Where = drawWhere(t, !byAddress)
		if hours := rapid.IntRange(-100, 300).Draw(t, "hours"); hours > 0 {
			q.Until = q.Since.Add(time.Duration(hours) * time.Hour)
		}
		a, err := c.NewSince(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		_, scope := truth.matches(query.Residency{Operators: q.Operators, Sites: q.Sites})
		since, until := q.Since.Truncate(24*time.Hour), q.Until
		if !until.IsZero() {
			until = until.Add(24*time.Hour - 1).Truncate(24 * time.Hour)
		}
		// What makes an address old is any contact of the same vendors, wherever it was said to be.
		before := q.Filter
		if byAddress {
			before = query.Filter{Vendors: q.Vendors, Operators: q.Operators, Sites: q.Sites}
			for _, c := range q.Where {
				if c.Dimension == query.ByVendor || c.Dimension == query.BySite {
					before.Where = append(before.Where, c)
				}
			}
		}
		var old, first, match []flowstest.Flow
		for i := range scope {
			f := &scope[i]
			if inFilter(f, before) && f.Start.Before(q.Since) {
				old = append(old, *f)
			}
			if inFilter(f, q.Filter) {
				if during(f.Start, q.Since, q.Until) {
					first = append(first, *f)
				}
				if during(f.Start, since, until) {
					match = append(match, *f)
				}
			}
		}
		want := ends(match, q.Unit, q.EachVendor)
		known, fresh := ends(old, q.Unit, q.EachVendor), ends(first, q.Unit, q.EachVendor)
		for k := range want {
			if known[k] != nil || fresh[k] == nil {
				delete(want, k)
			}
		}
		checkEnds(t, a.Rows, want, q.Unit, q.Order, q.Top, scope.inForce(since, until))
	})
}
