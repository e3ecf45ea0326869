package query_test

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// The values of a dimension are those of the flows that pass the filter, most bytes up first.
func TestValuesAreThoseOfTheFlows(t *testing.T) {
	flows := traffic(9, 800)
	c := start(t, flows...)
	rapid.Check(t, func(t *rapid.T) {
		q := query.Values{
			Dimension: rapid.SampledFrom(query.Dimensions()).Draw(t, "dimension"), Filter: drawFilter(t),
			Search: rapid.SampledFrom([]string{"", "", "A", "xIA", "64", "nothing"}).Draw(t, "search"),
			Top:    rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "top"),
		}
		q.Since, q.Until = drawTimes(t, 24*time.Hour)
		q.Where = drawConditions(t)
		if slices.ContainsFunc(append(q.Where, query.Condition{Dimension: q.Dimension}), func(c query.Condition) bool {
			return c.Dimension == query.BySide || c.Dimension == query.ByVendorMethod
		}) {
			q.Networks = nil // the history of endpoints has neither
		}
		a, err := c.Values(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		up := map[string]uint64{}
		for i := range flows {
			f := &flows[i]
			k := keyOf(f, []query.Dimension{q.Dimension})
			value := strings.TrimSpace(strings.Join(k.Values(q.Dimension), " "))
			text := value
			if q.Dimension == query.ByASN {
				value, text = k.Values(query.ByASN)[0], "AS"+value
			}
			in := inFilter(f, q.Filter)
			if q.Dimension == query.BySide && !in && len(q.Networks) == 0 { // all sides
				other := *f
				other.Side = 1
				q := q.Filter
				where := q.Where
				q.Where = nil
				in = inFilter(&other, q) && !slices.ContainsFunc(where, func(c query.Condition) bool { return !meets(f, c) })
			}
			if in && during(f.Start, q.Since, q.Until) && strings.Contains(strings.ToLower(text), strings.ToLower(q.Search)) {
				up[value] += f.OctetsUp * uint64(f.SamplingInterval)
			}
		}
		want := []query.Value{}
		for v, n := range up {
			want = append(want, query.Value{Value: v, BytesUp: n})
		}
		slices.SortFunc(want, func(x, y query.Value) int {
			return cmp.Or(cmp.Compare(y.BytesUp, x.BytesUp), cmp.Compare(x.Value, y.Value))
		})
		more := q.Top > 0 && len(want) > q.Top
		if more {
			want = want[:q.Top]
		}
		for i := range a.Rows {
			if !strings.Contains(a.Rows[i].Text, a.Rows[i].Value) {
				t.Fatalf("text of %+v", a.Rows[i])
			}
			a.Rows[i].Text = ""
		}
		if diff := gocmp.Diff(want, a.Rows); diff != "" || a.More != more {
			t.Fatalf("more %v, want %v (-want +got):\n%s", a.More, more, diff)
		}
	})
}

func TestValuesForPeople(t *testing.T) {
	f := flow(monday, "a", "CN", "CN-BJ", 7)
	v6 := flow(monday, "a", "CN", "CN-BJ", 8)
	v6.Exporter = "2001:db8::1"
	c := start(t, f, v6)
	values := func(q query.Values) query.ValuesAnswer {
		a, err := c.Values(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		a.Name(names)
		return a
	}
	for _, test := range []struct {
		q    query.Values
		want []query.Value
	}{
		{query.Values{Dimension: query.ByPlace}, []query.Value{{Value: "CN-BJ", Text: "Beijing", BytesUp: 15}}},
		{query.Values{Dimension: query.ByASN, Search: "as645"}, []query.Value{{Value: "64500", Text: "AS64500 Example", BytesUp: 15}}},
		{query.Values{Dimension: query.ByASN, Filter: query.Filter{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}}, []query.Value{}},
		{query.Values{Dimension: query.ByExporter}, []query.Value{{Value: "2001:db8::1", Text: "2001:db8::1", BytesUp: 8}, {Value: "192.0.2.1", Text: "192.0.2.1", BytesUp: 7}}},
		{query.Values{Dimension: query.ByExporter, Search: "192"}, []query.Value{{Value: "192.0.2.1", Text: "192.0.2.1", BytesUp: 7}}},
	} {
		if diff := gocmp.Diff(test.want, values(test.q).Rows); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.q, diff)
		}
	}
	if a := values(query.Values{Dimension: query.ByExporter, Filter: query.Filter{Vendors: []string{"x"}}}); len(a.Rows) != 2 || len(a.Warnings) != 1 {
		t.Errorf("exporters of a vendor: %+v", a)
	}
	for want, q := range map[string]query.Values{
		`unknown dimension ""`:        {},
		`unknown dimension "side"`:    {Dimension: query.BySide, Filter: query.Filter{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}},
		"top -1 is negative":          {Dimension: query.ByVendor, Top: -1},
		"more than 100000 rows":       {Dimension: query.ByVendor, Top: query.MaxRows + 1},
		"searched for has 2001 bytes": {Dimension: query.ByVendor, Search: strings.Repeat("x", 2001)},
	} {
		_, err := c.Values(t.Context(), q)
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", q, err, want)
		}
	}
}

func names(code string) string { return map[string]string{"CN-BJ": "Beijing"}[code] }
