package query

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Title names a dimension for people.
func (d Dimension) Title() string {
	known, _ := d.find()
	return known.title
}

// Columns are the names under which a dimension stands in CSV and JSON.
func (d Dimension) Columns() []string {
	var out []string
	for _, c := range columns([]Dimension{d}) {
		out = append(out, c.name)
	}
	return out
}

// Values are those of a dimension's columns.
func (k *Key) Values(d Dimension) []string {
	var out []string
	for _, c := range columns([]Dimension{d}) {
		if c.text == nil {
			out = append(out, strconv.FormatUint(uint64(k.ASN), 10))
		} else {
			out = append(out, *c.text(k))
		}
	}
	return out
}

// Label is the value of a dimension as people read it. placeName gives the display name of a place or
// country code.
func (k *Key) Label(d Dimension, placeName func(code string) string) string {
	switch d {
	case ByPlace:
		return named(k.Place, placeName)
	case ByCountry:
		return named(k.Country, placeName)
	case ByASN:
		if k.ASN == 0 {
			return cmp.Or(k.ASOrganization, Unknown)
		}
		return strings.TrimSpace(fmt.Sprintf("AS%d %s", k.ASN, k.ASOrganization))
	case ByCloudRegion:
		if k.CloudProvider == k.CloudRegion || k.CloudProvider == "" {
			return k.CloudRegion
		}
		return k.CloudProvider + " " + k.CloudRegion
	}
	return cmp.Or(strings.Join(k.Values(d), " "), "–")
}

func named(code string, placeName func(string) string) string {
	if code == Other || code == Unknown {
		return code
	}
	return cmp.Or(placeName(code), code)
}
