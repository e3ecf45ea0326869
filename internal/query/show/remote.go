package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Endpoints prints remote ends for people, most bytes up first.
func Endpoints(out io.Writer, a query.EndpointsAnswer, o Options) error {
	return remote(out, a.Rows, a.Question.Unit, false, aboutNotes(&a.About, a.Warnings), "No remote ends were seen for this question.", o.normal())
}

// NewSince prints for people what handsets contacted for the first time.
func NewSince(out io.Writer, a query.NewSinceAnswer, o Options) error {
	return remote(out, a.Rows, a.Question.Unit, a.Question.EachVendor, aboutNotes(&a.About, a.Warnings), "Nothing new: every contact in this time had been made before.", o.normal())
}

func remote(out io.Writer, rows []query.EndpointRow, unit query.Unit, each bool, lines []string, none string, o Options) error {
	if len(rows) == 0 {
		if _, err := fmt.Fprintln(out, none); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return notes(out, o.Width, lines)
	}
	unit = cmp.Or(unit, query.UnitAddress)
	t := &table{columns: []column{
		{title: "Vendor", drop: 20, most: 20},
		{title: unitTitle(unit)},
		{title: "Network", drop: 12, most: 32},
		{title: "Place", drop: 14, most: 20},
		{title: "Cloud region", drop: 6, most: 24},
		{title: "Vendors", drop: 9, most: 32},
		{title: "First seen", drop: 13},
		{title: "Last seen", drop: 8},
		{title: "Handsets", right: true, drop: 11},
		{title: "Addresses", right: true, drop: 5},
		{title: "Up", right: true},
		{title: "95 %", drop: 15},
		{title: "Down", right: true, drop: 10},
		{title: "95 %", drop: 3},
		{title: "Flows", right: true, drop: 7},
		{title: "Jurisdiction", drop: 4, most: 20},
		{title: "Verdict", drop: 7},
		{title: "Confidence", drop: 9, most: 32},
		{title: "Place by", drop: 2},
	}}
	for i := range rows {
		r := &rows[i]
		vendor, vendors := "", strings.Join(r.Vendors, ", ")
		if each {
			vendor, vendors = r.Vendor, ""
		}
		network, place, addresses := asn(r), placeOf(r, o), ""
		switch unit { // what stands in the row's own column, or differs within it
		case query.UnitASN:
			network, place = "", ""
		case query.UnitPlace, query.UnitCountry:
			network, place = "", ""
		}
		if unit != query.UnitAddress {
			addresses = number(r.Endpoints)
		}
		t.add(vendor, remoteEnd(r, unit, o), network, place, cloud(r), vendors, moment(r.FirstSeen), moment(r.LastSeen),
			number(r.Handsets), addresses, estimated(r.BytesUp, r.BytesUpInterval), beside(r.BytesUp, r.BytesUpInterval),
			estimated(r.BytesDown, r.BytesDownInterval), beside(r.BytesDown, r.BytesDownInterval), number(r.Flows), r.Jurisdiction, r.Verdict, confidence(r), r.PlaceMethod)
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	return notes(out, o.Width, lines)
}

func unitTitle(u query.Unit) string {
	switch u {
	case query.UnitNetwork:
		return "Prefix"
	case query.UnitASN:
		return "Network"
	case query.UnitPlace:
		return "Place"
	case query.UnitCountry:
		return "Country"
	}
	return "Address"
}

func remoteEnd(r *query.EndpointRow, u query.Unit, o Options) string {
	switch u {
	case query.UnitNetwork:
		return r.Network.String()
	case query.UnitASN:
		return clip(asn(r), 32)
	case query.UnitPlace:
		return placeOf(r, o)
	case query.UnitCountry:
		return cmp.Or(o.PlaceName(r.Country), r.Country, query.Unknown)
	}
	return r.Address.Unmap().String()
}

func asn(r *query.EndpointRow) string {
	if r.ASN == 0 {
		return cmp.Or(r.ASOrganization, query.Unknown)
	}
	return strings.TrimSpace(fmt.Sprintf("AS%d %s", r.ASN, r.ASOrganization))
}

func placeOf(r *query.EndpointRow, o Options) string {
	if r.Place == "" || r.Place == query.Unknown {
		return query.Unknown
	}
	return cmp.Or(o.PlaceName(r.Place), r.Place)
}

// confidence is how sure the place is, and what other sources say instead.
func confidence(r *query.EndpointRow) string {
	if len(r.Alternatives) == 0 {
		return r.Confidence
	}
	return r.Confidence + ": " + strings.Join(r.Alternatives, ", ")
}

func cloud(r *query.EndpointRow) string {
	if r.CloudRegion == query.Unknown {
		return ""
	}
	return strings.TrimSpace(r.CloudProvider + " " + r.CloudRegion)
}

// EndpointsCSV writes remote ends with exact figures, and times as in RFC 3339.
func EndpointsCSV(out io.Writer, rows []query.EndpointRow) error {
	w := newSheet(out, slices.Concat([]string{
		"vendor", "address", "network", "asn", "as_organization", "place", "country", "cloud_provider", "cloud_region", "place_method", "confidence",
		"alternatives", "jurisdiction", "verdict", "vendors", "first_seen", "last_seen", "handsets", "endpoints",
	}, figureNames))
	for i := range rows {
		r := &rows[i]
		address, network := "", ""
		if r.Address.IsValid() {
			address = r.Address.Unmap().String()
		}
		if r.Network.IsValid() {
			network = r.Network.String()
		}
		w.line(slices.Concat([]string{
			r.Vendor, address, network, digits(uint64(r.ASN)), r.ASOrganization, r.Place, r.Country, r.CloudProvider, r.CloudRegion,
			r.PlaceMethod, r.Confidence, strings.Join(r.Alternatives, " "), r.Jurisdiction, r.Verdict, strings.Join(r.Vendors, " "), r.FirstSeen.UTC().Format(time.RFC3339), r.LastSeen.UTC().Format(time.RFC3339),
			digits(r.Handsets), digits(r.Endpoints),
		}, figureCells(&r.Figures)))
	}
	return w.end()
}
