package panel

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// defaultTop is how many remote ends are told where nobody says.
const defaultTop = 100

// Filter is what a query is narrowed by, for questions about remote ends, flows and values. It leaves
// out exporters and sides, which are not of a filter.
func (q *Query) Filter() query.Filter {
	asns, _ := numbers(q.ASNs) // checked
	networks, _ := prefixes(q.Networks)
	return query.Filter{
		Vendors: q.Vendors, Places: q.Places, Countries: q.Countries, ASNs: asns, Networks: networks,
		Operators: q.Operators, Sites: q.Sites,
		Where: q.where(query.ByCloudRegion, query.ByVerdict, query.ByJurisdiction, query.ByConfidence),
	}
}

// endpoints answers with the remote ends that handsets were in contact with.
func endpoints(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	a, err := env.Client.Endpoints(ctx, query.Endpoints{
		Filter: q.Filter(), Unit: q.Unit, Since: t.within.From.UTC(), Until: t.within.To.UTC(), Order: q.endOrder(), Top: q.top(),
	})
	if err != nil {
		return nil, err
	}
	a.Name(env.Name)
	return remoteEnds(env, q, about(a.Basis), a.About, a.Rows), nil
}

// newEndpoints answers with the remote ends that were contacted for the first time.
func newEndpoints(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return newSince(ctx, env, q, t.within.From, t.within.To)
}

// NewEndpoints asks again what a query of type new_endpoints asked, for what is new since then.
func NewEndpoints(ctx context.Context, env Env, q Query, since time.Time) (*data.Frame, error) {
	frames, err := newSince(ctx, env, q, since, time.Time{})
	if err != nil {
		return nil, err
	}
	return frames[0], nil
}

func newSince(ctx context.Context, env Env, q Query, since, until time.Time) (data.Frames, error) {
	a, err := env.Client.NewSince(ctx, query.NewSince{
		Filter: q.Filter(), EachVendor: q.EachVendor, Unit: q.Unit, Since: since.UTC(), Until: until.UTC(), Order: q.endOrder(), Top: q.top(),
	})
	if err != nil {
		return nil, err
	}
	a.Name(env.Name)
	return remoteEnds(env, q, about(a.Basis), a.About, a.Rows), nil
}

func (q *Query) top() int {
	if q.Top == 0 {
		return defaultTop
	}
	return q.Top
}

func (q *Query) endOrder() query.EndpointOrder {
	if q.Order == "bytes_up" {
		return query.EndpointsBytesUp
	}
	return query.EndpointOrder(q.Order)
}

type end = query.EndpointRow

// remoteEnds makes the frame of rows about remote ends.
func remoteEnds(env Env, q Query, c *Custom, a query.About, rows []end) data.Frames {
	c.buckets([]query.BucketInfo{a.Info}, env, false)
	c.dataSets(a.DataSets, a.DataSetsMore)
	if len(rows) == q.top() {
		c.inform("There may be more than the %d shown: ask for a larger top.", len(rows))
	}
	small := env.small(c.Since, c.Until)
	withheld := 0
	for i := range rows {
		if small(&rows[i]) {
			withheld++
		}
	}
	c.suppressed(withheld, env.MinHandsets)
	if env.ForExpression || q.Format == formatNumber {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r end) bool { return small(&r) })
		if s := a.Info.Completeness; len(rows) == 0 && (s.Share != nil || s.ExportersHeard > 0) {
			rows = append(rows, end{})
		}
		return c.attach(data.FrameTypeNumericLong, numberTable(rows, append(q.endNames(), q.endNumber())))
	}
	columns := append(q.endTexts(), q.endFigures(small)...)
	f := table(rows, columns)
	if env.MinHandsets == 0 {
		for column, narrowed := range q.flowsOf() {
			env.link(f, column, "Flows", narrowed)
		}
	}
	return c.attach(data.FrameTypeTable, f)
}

// small tells whether the figures of a row are of too few handsets. Pseudonyms change every week and
// count in each; at least the mean of the weeks were there in one of them, which is what is compared.
func (env Env) small(since, until time.Time) func(*end) bool {
	return func(r *end) bool {
		if env.MinHandsets <= 0 {
			return false
		}
		from, to := since, until
		if from.Before(r.FirstSeen) {
			from = r.FirstSeen
		}
		if to.IsZero() || to.After(r.LastSeen) {
			to = r.LastSeen
		}
		weeks := 1 + int(to.Truncate(7*day).Sub(from.Truncate(7*day))/(7*day))
		return r.Handsets < uint64(env.MinHandsets)*uint64(max(weeks, 1))
	}
}

func network(r *end) string {
	if !r.Network.IsValid() {
		return ""
	}
	return r.Network.String()
}

// endNames are the columns that tell rows apart, with their names.
func (q *Query) endNames() []column[end] {
	var out []column[end]
	if q.EachVendor {
		out = append(out, texts("vendor", "Vendor", func(r *end) string { return r.Vendor }))
	}
	if q.Unit == query.UnitAddress {
		out = append(out, texts("address", "Address", func(r *end) string { return written(r.Address) }))
	}
	if q.Unit == query.UnitAddress || q.Unit == query.UnitNetwork {
		out = append(out, texts("network", "Network", network))
	}
	if q.Unit != query.UnitPlace && q.Unit != query.UnitCountry {
		out = append(out, texts("asn", "AS", func(r *end) string { return asNumber(r.ASN) }), texts("as_organization", "Holder of the AS", func(r *end) string { return r.ASOrganization }))
	}
	if q.Unit != query.UnitASN && q.Unit != query.UnitCountry {
		out = append(out, texts("place", "Place", func(r *end) string { return r.Place }), texts("place_name", "Name of the place", func(r *end) string { return r.PlaceName }))
	}
	if q.Unit != query.UnitASN {
		out = append(out, texts("country", "Country", func(r *end) string { return r.Country }), texts("country_name", "Name of the country", func(r *end) string { return r.CountryName }))
	}
	return out
}

// endTexts are all columns before the figures.
func (q *Query) endTexts() []column[end] {
	out := q.endNames()
	if q.Unit == query.UnitAddress || q.Unit == query.UnitNetwork {
		out = append(out,
			texts("cloud_provider", "Cloud provider", func(r *end) string { return r.CloudProvider }),
			texts("cloud_region", "Cloud region", func(r *end) string { return r.CloudRegion }),
			texts("place_method", "Place by", func(r *end) string { return r.PlaceMethod }),
			texts("confidence", "Confidence", func(r *end) string { return r.Confidence }),
			texts("alternatives", "Other places", func(r *end) string { return strings.Join(r.Alternatives, ", ") }),
			texts("jurisdiction", "Jurisdiction", func(r *end) string { return r.Jurisdiction }),
			texts("verdict", "Verdict", func(r *end) string { return r.Verdict }),
		)
	}
	return append(out,
		texts("vendors", "Vendors", func(r *end) string { return strings.Join(r.Vendors, ", ") }),
		moments("first_seen", "First seen", func(r *end) time.Time { return r.FirstSeen }),
		moments("last_seen", "Last seen", func(r *end) time.Time { return r.LastSeen }),
	)
}

func (q *Query) endFigures(small func(*end) bool) []column[end] {
	told := func(of func(*end) uint64) func(*end) *float64 {
		return func(r *end) *float64 {
			if small(r) {
				return nil
			}
			return number(of(r))
		}
	}
	out := []column[end]{
		figures("handsets", "Handsets", unitNumber, "Distinct handsets; over several weeks one counts in each.", told(func(r *end) uint64 { return r.Handsets })),
		figures("endpoints", "Endpoints", unitNumber, "Remote addresses that the row is of; above some thousands an estimate.", told(func(r *end) uint64 { return r.Endpoints })),
	}
	out = append(out, estimated("bytes_up", "Bytes up", unitBytes, "From handsets to remote ends."+sampled, func(r *end) (*float64, estimate.Interval) {
		return told(func(r *end) uint64 { return r.BytesUp })(r), r.BytesUpInterval
	})...)
	return append(out,
		figures("bytes_down", "Bytes down", unitBytes, "From remote ends to handsets.", told(func(r *end) uint64 { return r.BytesDown })),
		figures("packets_up", "Packets up", unitNumber, "", told(func(r *end) uint64 { return r.PacketsUp })),
		figures("packets_down", "Packets down", unitNumber, "", told(func(r *end) uint64 { return r.PacketsDown })),
		figures("flows", "Flows", unitNumber, "As exported, not scaled up.", told(func(r *end) uint64 { return r.Flows })),
	)
}

// endNumber is the one figure for expressions: what the order is by. Of what was first seen it is how
// many remote addresses there are, so that a row counts even if nothing went up.
func (q *Query) endNumber() column[end] {
	switch q.Order {
	case "bytes_down":
		return figures("bytes_down", "Bytes down", unitBytes, "", func(r *end) *float64 { return number(r.BytesDown) })
	case "one_way":
		return figures("one_way", "Up less down", unitBytes, "", func(r *end) *float64 { return number(float64(r.BytesUp) - float64(r.BytesDown)) })
	case "handsets":
		return figures("handsets", "Handsets", unitNumber, "", func(r *end) *float64 { return number(r.Handsets) })
	case "first_seen":
		return figures("endpoints", "Endpoints", unitNumber, "", func(r *end) *float64 { return number(r.Endpoints) })
	}
	return figures("bytes_up", "Bytes up", unitBytes, "", func(r *end) *float64 { return number(r.BytesUp) })
}

// flowsOf are queries for the flows behind a row, by the column that they are linked from.
func (q *Query) flowsOf() map[string]Query {
	of := func(set func(*Query)) Query {
		out := q.filters(TypeFlows)
		set(&out)
		return out
	}
	switch q.Unit {
	case query.UnitNetwork:
		return map[string]Query{"network": of(func(o *Query) { o.Networks = []string{"${__data.fields.network}"} })}
	case query.UnitASN:
		return map[string]Query{"asn": of(func(o *Query) { o.ASNs = []string{"${__data.fields.asn}"} })}
	case query.UnitPlace:
		return map[string]Query{"place": of(func(o *Query) { o.Places = []string{"${__data.fields.place}"} })}
	case query.UnitCountry:
		return map[string]Query{"country": of(func(o *Query) { o.Countries = []string{"${__data.fields.country}"} })}
	}
	return map[string]Query{"address": of(func(o *Query) { o.Networks = []string{"${__data.fields.address}"} })}
}
