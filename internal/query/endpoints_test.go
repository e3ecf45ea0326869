package query_test

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// drawWhere draws conditions by what the history of endpoints has, or, if seen, by what first contacts
// are known by.
func drawWhere(t *rapid.T, seen bool) []query.Condition {
	values := map[query.Dimension][]string{
		query.ByVendor:  {"Xiaomi", "Apple", "nobody"},
		query.ByPlace:   {"CN-BJ", "SG", "unknown"},
		query.ByCountry: {"CN", "US"},
		query.ByASN:     {"64500", "64511", "64503"},
		query.BySite:    {"a", "b"},
	}
	if !seen {
		values[query.ByVerdict] = []string{"restricted", "none", "allowed"}
		values[query.ByJurisdiction] = []string{"PRC", "unknown"}
		values[query.ByConfidence] = []string{"disputed", "agreed"}
		values[query.ByCloudRegion] = []string{"aws aws-1", "oci oci-1", "unknown"}
		values[query.ByPlaceMethod] = []string{"cloud_range"}
	}
	var dimensions []query.Dimension
	for d := range values {
		dimensions = append(dimensions, d)
	}
	slices.Sort(dimensions)
	var out []query.Condition
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		c := query.Condition{Dimension: rapid.SampledFrom(dimensions).Draw(t, "dimension"), Not: rapid.Bool().Draw(t, "not")}
		if v := values[c.Dimension]; rapid.Bool().Draw(t, "match") {
			c.Match = rapid.SampledFrom(v).Draw(t, "value")[:1] + ".*"
		} else {
			c.Values = rapid.SliceOfN(rapid.SampledFrom(v), 1, 2).Draw(t, "values")
		}
		out = append(out, c)
	}
	return out
}

// meets reports whether a flow meets a condition.
func meets(f *flowstest.Flow, c query.Condition) bool {
	k := keyOf(f, []query.Dimension{c.Dimension})
	value := strings.TrimLeft(strings.Join(k.Values(c.Dimension), " "), " ")
	if c.Dimension == query.ByASN {
		value = fmt.Sprint(f.ASN)
	}
	matches := slices.Contains(c.Values, value) || c.Dimension == query.ByASN && f.ASN == 0 && slices.Contains(c.Values, query.Unknown)
	if c.Match != "" {
		matches = regexp.MustCompile("^(" + c.Match + ")$").MatchString(value)
	}
	return matches != c.Not
}

var endpointOrders = []query.EndpointOrder{
	query.EndpointsBytesUp, query.EndpointsBytesDown, query.EndpointsOneWay, query.EndpointsHandsets, query.EndpointsFirstSeen,
}

// rank is what comes first, the most first: of a row, and of the flows that it is of.
func rank(o query.EndpointOrder, r *query.EndpointRow) float64 {
	switch o {
	case query.EndpointsBytesDown:
		return float64(r.BytesDown)
	case query.EndpointsOneWay:
		return float64(r.BytesUp) - float64(r.BytesDown)
	case query.EndpointsHandsets:
		return float64(r.Handsets)
	case query.EndpointsFirstSeen:
		return float64(r.FirstSeen.Unix())
	}
	return float64(r.BytesUp)
}

func (s *tally) rank(o query.EndpointOrder) float64 {
	_, handsets := s.most()
	r := query.EndpointRow{Handsets: uint64(handsets), FirstSeen: s.first}
	r.BytesUp, r.BytesDown = s.BytesUp, s.BytesDown
	return rank(o, &r)
}

func checkOrder(t *rapid.T, rows []query.EndpointRow, left map[[2]string]*tally, o query.EndpointOrder) {
	least := math.Inf(1)
	for i := range rows {
		if rank(o, &rows[i]) > least {
			t.Fatalf("%+v is out of the order %q", rows[i], o)
		}
		least = rank(o, &rows[i])
	}
	for k, s := range left {
		if s.rank(o) > least {
			t.Fatalf("%v with %v is missing in the order %q", k, s.rank(o), o)
		}
	}
}

// What a table does not know is refused by name, and nothing is left out in silence.
func TestConditionsThatEndpointsCannotAnswer(t *testing.T) {
	c := query.New(nil, "x", query.Options{})
	where := func(d query.Dimension) query.Filter {
		return query.Filter{Where: []query.Condition{{Dimension: d, Values: []string{"x"}}}}
	}
	for _, test := range []struct {
		ask  func() error
		want string
	}{
		{func() error {
			_, err := c.Endpoints(t.Context(), query.Endpoints{Filter: where(query.BySide)})
			return err
		}, `"side"`},
		{func() error {
			_, err := c.Endpoints(t.Context(), query.Endpoints{Filter: where(query.ByVendorMethod)})
			return err
		}, `"vendor_method"`},
		{func() error {
			_, err := c.NewSince(t.Context(), query.NewSince{Filter: where(query.ByVerdict), Unit: query.UnitCountry, Since: monday})
			return err
		}, "new by country is not known by verdict"},
		{func() error {
			_, err := c.NewSince(t.Context(), query.NewSince{Filter: where(query.ByCloudRegion), Unit: query.UnitASN, Since: monday})
			return err
		}, "new by asn is not known by cloud_region"},
		{func() error { _, err := c.Endpoints(t.Context(), query.Endpoints{Order: "size"}); return err }, `"size"`},
		{func() error {
			_, err := c.NewSince(t.Context(), query.NewSince{Order: "size", Since: monday})
			return err
		}, `"size"`},
	} {
		var invalid *query.InvalidError
		if err := test.ask(); !errors.As(err, &invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want a fault with %s", err, test.want)
		}
	}
}
