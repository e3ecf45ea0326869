package panel

import (
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// value is a dimension of a key as a filter takes it.
func value(k *query.Key, d query.Dimension) string {
	switch d {
	case query.ByASN:
		switch {
		case left(k, d):
			return query.Other
		case k.ASN == 0:
			return query.Unknown
		}
		return strconv.FormatUint(uint64(k.ASN), 10)
	case query.ByCloudRegion:
		if k.CloudProvider == k.CloudRegion { // other
			return k.CloudRegion
		}
		return strings.TrimSpace(k.CloudProvider + " " + k.CloudRegion)
	}
	return strings.Join(k.Values(d), " ")
}

// left reports whether a dimension of a key stands for what a top leaves out.
func left(k *query.Key, d query.Dimension) bool {
	if d == query.ByASN {
		return k.ASN == 0 && k.ASOrganization == query.Other
	}
	values := k.Values(d)
	return values[len(values)-1] == query.Other
}

// labels are the dimensions of a key, with what is known of them.
func labels(k *query.Key, by []query.Dimension) data.Labels {
	l := data.Labels{}
	for _, d := range by {
		l[string(d)] = value(k, d)
		switch {
		case d == query.ByPlace && k.PlaceName != "" && k.PlaceName != k.Place:
			l["place_name"] = k.PlaceName
		case d == query.ByCountry && k.CountryName != "" && k.CountryName != k.Country:
			l["country_name"] = k.CountryName
		case d == query.ByASN && k.ASOrganization != "" && k.ASOrganization != query.Other:
			l["as_organization"] = k.ASOrganization
		}
	}
	return l
}

// name is what people call a key.
func name(k *query.Key, by []query.Dimension, placeName func(string) string) string {
	if len(by) == 0 {
		return "all"
	}
	var parts []string
	for i, d := range by {
		// Where all is left out, or all of the last dimensions, one word is enough.
		if left(k, d) && i > 0 && left(k, by[i-1]) {
			continue
		}
		parts = append(parts, k.Label(d, placeName))
	}
	return strings.Join(parts, ", ")
}

// keyColumns are the columns of keys in a table, all of text: numbers would be given digits and units.
func keyColumns(by []query.Dimension) []textColumn {
	var out []textColumn
	for _, d := range by {
		switch d {
		case query.ByASN:
			out = append(out, textColumn{"asn", "Network", func(k *query.Key) string { return value(k, query.ByASN) }},
				textColumn{"as_organization", "Holder of the network", func(k *query.Key) string { return k.ASOrganization }})
		case query.ByCloudRegion:
			out = append(out, textColumn{"cloud_provider", "Cloud provider", func(k *query.Key) string { return k.CloudProvider }},
				textColumn{"cloud_region", "Cloud region", func(k *query.Key) string { return k.CloudRegion }})
		default:
			out = append(out, textColumn{string(d), d.Title(), func(k *query.Key) string { return value(k, d) }})
		}
		switch d {
		case query.ByPlace:
			out = append(out, textColumn{"place_name", "Name of the place", func(k *query.Key) string { return k.PlaceName }})
		case query.ByCountry:
			out = append(out, textColumn{"country_name", "Name of the country", func(k *query.Key) string { return k.CountryName }})
		}
	}
	return out
}

// textColumn is a column of a table, with its name for people.
type textColumn struct {
	name, title string
	of          func(k *query.Key) string
}
