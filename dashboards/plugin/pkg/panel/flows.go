package panel

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// flows answers with single flows.
func flows(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	switch err := t.check(); {
	case err != nil:
		return nil, err
	case env.MinHandsets > 0:
		return nil, badQuery("figures of fewer than %s are withheld here, and a flow is of one: this data source shows no flows", plural(env.MinHandsets, "handset"))
	case env.ForExpression:
		return nil, badQuery("flows are no figures: take residency or endpoints")
	}
	order := query.FlowOrder(q.Order)
	if q.Order == "newest" {
		order = query.FlowsNewest
	}
	a, err := env.Client.Flows(ctx, query.Flows{
		Filter: q.Filter(), Exporters: q.Exporters, Sides: q.Sides,
		Since: t.within.From.UTC(), Until: t.within.To.UTC(), Order: order, Top: q.top(),
	})
	if err != nil {
		return nil, err
	}
	a.Name(env.Name)
	c := about(a.Basis)
	c.buckets([]query.BucketInfo{a.Info}, env, false)
	c.dataSets(a.DataSets, a.DataSetsMore)
	if a.More {
		c.inform("More flows match than the %d shown: ask for a larger top or a shorter time.", len(a.Rows))
	}
	return c.attach(data.FrameTypeTable, table(a.Rows, flowColumns())), nil
}

type flowRow = query.FlowRow

func flowColumns() []column[flowRow] {
	out := []column[flowRow]{
		moments("start", "Start", func(r *flowRow) time.Time { return r.Start }),
		moments("end", "End", func(r *flowRow) time.Time { return r.End }),
		texts("exporter", "Exporter", func(r *flowRow) string { return written(r.Exporter) }),
		texts("operator", "Operator", func(r *flowRow) string { return r.Operator }),
		texts("site", "Site", func(r *flowRow) string { return r.Site }),
		texts("side", "Handset", func(r *flowRow) string { return r.Side }),
		texts("vendor", "Vendor", func(r *flowRow) string { return r.Vendor }),
		texts("vendor_method", "Vendor by", func(r *flowRow) string { return r.VendorMethod }),
		texts("handset", "Pseudonym of the handset", func(r *flowRow) string { return r.Handset }),
		texts("address", "Remote address", func(r *flowRow) string { return written(r.RemoteAddress) }),
		texts("port", "Remote port", func(r *flowRow) string { return strconv.Itoa(int(r.RemotePort)) }),
		texts("protocol", "Protocol", func(r *flowRow) string { return protocol(r.IPProtocol) }),
		texts("domain_name", "Name", func(r *flowRow) string { return r.DomainName }),
		texts("domain_source", "Name by", func(r *flowRow) string { return r.DomainSource }),
		texts("application", "Application", func(r *flowRow) string { return r.Application }),
		texts("place", "Place", func(r *flowRow) string { return r.Place }),
		texts("place_name", "Name of the place", func(r *flowRow) string { return r.PlaceName }),
		texts("country", "Country", func(r *flowRow) string { return r.Country }),
		texts("country_name", "Name of the country", func(r *flowRow) string { return r.CountryName }),
		texts("city", "City", func(r *flowRow) string { return r.City }),
		texts("cloud_provider", "Cloud provider", func(r *flowRow) string { return r.CloudProvider }),
		texts("cloud_region", "Cloud region", func(r *flowRow) string { return r.CloudRegion }),
		texts("asn", "AS", func(r *flowRow) string { return asNumber(r.ASN) }),
		texts("as_organization", "Holder of the AS", func(r *flowRow) string { return r.ASOrganization }),
		texts("place_method", "Place by", func(r *flowRow) string { return r.PlaceMethod }),
		texts("confidence", "Confidence", func(r *flowRow) string { return r.Confidence }),
		texts("alternatives", "Other places", func(r *flowRow) string { return strings.Join(r.Alternatives, ", ") }),
		texts("jurisdiction", "Jurisdiction", func(r *flowRow) string { return r.Jurisdiction }),
		texts("verdict", "Verdict", func(r *flowRow) string { return r.Verdict }),
	}
	out = append(out, estimated("bytes_up", "Bytes up", unitBytes, "From handset to remote end."+sampled, func(r *flowRow) (*float64, estimate.Interval) {
		return number(r.BytesUp), r.BytesUpInterval
	})...)
	return append(out,
		figures("bytes_down", "Bytes down", unitBytes, "From remote end to handset.", func(r *flowRow) *float64 { return number(r.BytesDown) }),
		figures("packets_up", "Packets up", unitNumber, "", func(r *flowRow) *float64 { return number(r.PacketsUp) }),
		figures("packets_down", "Packets down", unitNumber, "", func(r *flowRow) *float64 { return number(r.PacketsDown) }),
		figures("sampling_interval", "Sampling", unitNumber, "One of so many packets was seen; the figures are scaled by it.", func(r *flowRow) *float64 { return number(uint64(r.SamplingInterval)) }),
		texts("data_sets", "Data sets", func(r *flowRow) string { return r.DataSets }),
	)
}

// written is an address as text; empty: there is none.
func written(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// asNumber is the number of a network as text; empty: unknown.
func asNumber(n uint32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// protocol names those of IANA's numbers that handsets use.
func protocol(n uint8) string {
	if name, ok := map[uint8]string{1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "ICMPv6", 132: "SCTP"}[n]; ok {
		return name
	}
	return strconv.Itoa(int(n))
}
