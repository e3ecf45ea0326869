package query

import (
	"cmp"
	"slices"
)

// Dimension is what an answer is broken down by.
type Dimension string

// The dimensions of a residency question.
const (
	ByVendor       Dimension = "vendor"
	ByVendorMethod Dimension = "vendor_method" // how the vendor was reached
	ByPlace        Dimension = "place"         // subdivision if known, else country, else "unknown"
	ByCountry      Dimension = "country"
	ByCloudRegion  Dimension = "cloud_region" // provider and region
	ByASN          Dimension = "asn"
	BySide         Dimension = "side" // which end is the handset
	ByConfidence   Dimension = "confidence"
	ByPlaceMethod  Dimension = "place_method" // how the place was reached
	ByJurisdiction Dimension = "jurisdiction" // legal regime of the place, else "unknown"
	ByVerdict      Dimension = "verdict"
	ByOperator     Dimension = "operator"
	BySite         Dimension = "site"
)

// Key is a combination of dimensions. Those not asked for are empty.
type Key struct {
	Vendor         string `json:"vendor,omitempty"`
	VendorMethod   string `json:"vendor_method,omitempty"`
	Place          string `json:"place,omitempty"`
	PlaceName      string `json:"place_name,omitempty"` // set by Name
	Country        string `json:"country,omitempty"`
	CountryName    string `json:"country_name,omitempty"` // set by Name
	CloudProvider  string `json:"cloud_provider,omitempty"`
	CloudRegion    string `json:"cloud_region,omitempty"`
	ASN            uint32 `json:"asn,omitempty"`
	ASOrganization string `json:"as_organization,omitempty"` // "other" where Top left it out
	Side           string `json:"side,omitempty"`
	Confidence     string `json:"confidence,omitempty"`
	PlaceMethod    string `json:"place_method,omitempty"`
	Jurisdiction   string `json:"jurisdiction,omitempty"`
	Verdict        string `json:"verdict,omitempty"`
	Operator       string `json:"operator,omitempty"`
	Site           string `json:"site,omitempty"`
}

// A dimension has one or two columns: its names in the answer, their expressions over the rollup r,
// and where they stand in a key.
type column struct {
	name, expression string
	text             func(*Key) *string // nil: a number, which is the ASN
}

const (
	place   = "multiIf(r.subdivision_code != '', toString(r.subdivision_code), r.country_code != '', toString(r.country_code), '" + Unknown + "')"
	country = "if(r.country_code = '', '" + Unknown + "', toString(r.country_code))"
	regime  = "if(r.jurisdiction = '', '" + Unknown + "', toString(r.jurisdiction))"
)

// dimension is all that there is to know of one. The last column is the one that "other" stands in.
type dimension struct {
	name    Dimension
	title   string // for people
	columns []column
}

var dimensions = []dimension{
	{ByVendor, "Vendor", []column{{"vendor", "toString(r.vendor)", func(k *Key) *string { return &k.Vendor }}}},
	{ByVendorMethod, "Vendor by", []column{{"vendor_method", "toString(r.vendor_method)", func(k *Key) *string { return &k.VendorMethod }}}},
	{ByPlace, "Place", []column{{"place", place, func(k *Key) *string { return &k.Place }}}},
	{ByCountry, "Country", []column{{"country", country, func(k *Key) *string { return &k.Country }}}},
	{ByCloudRegion, "Cloud region", []column{
		{"cloud_provider", "toString(r.cloud_provider)", func(k *Key) *string { return &k.CloudProvider }},
		{"cloud_region", "if(r.cloud_region = '', '" + Unknown + "', toString(r.cloud_region))", func(k *Key) *string { return &k.CloudRegion }},
	}},
	{ByASN, "Network", []column{
		{"asn", "r.asn", nil},
		{"as_organization", "toString(r.as_organization)", func(k *Key) *string { return &k.ASOrganization }},
	}},
	{BySide, "Handset", []column{{"side", "toString(r.handset_side)", func(k *Key) *string { return &k.Side }}}},
	{ByConfidence, "Confidence", []column{{"confidence", "toString(r.confidence)", func(k *Key) *string { return &k.Confidence }}}},
	{ByPlaceMethod, "Place by", []column{{"place_method", "toString(r.place_method)", func(k *Key) *string { return &k.PlaceMethod }}}},
	{ByJurisdiction, "Jurisdiction", []column{{"jurisdiction", regime, func(k *Key) *string { return &k.Jurisdiction }}}},
	{ByVerdict, "Verdict", []column{{"verdict", "toString(r.verdict)", func(k *Key) *string { return &k.Verdict }}}},
	{ByOperator, "Operator", []column{{"operator", "toString(r.operator)", func(k *Key) *string { return &k.Operator }}}},
	{BySite, "Site", []column{{"site", "toString(r.site)", func(k *Key) *string { return &k.Site }}}},
}

// Dimensions are all there are, in the order in which they are documented.
func Dimensions() []Dimension {
	out := make([]Dimension, len(dimensions))
	for i, d := range dimensions {
		out[i] = d.name
	}
	return out
}

func (d Dimension) find() (dimension, bool) {
	for _, known := range dimensions {
		if known.name == d {
			return known, true
		}
	}
	return dimension{}, false
}

// columns of dimensions, in order.
func columns(by []Dimension) []column {
	var out []column
	for _, d := range by {
		known, _ := d.find()
		out = append(out, known.columns...)
	}
	return out
}

// destination is where a column of a key is scanned to.
func (c column) destination(k *Key) any {
	if c.text == nil {
		return &k.ASN
	}
	return c.text(k)
}

// other is what stands in the column for all that Top leaves out, as SQL.
func (c column) other() string {
	if c.text == nil {
		return "toUInt32(0)"
	}
	return "'" + Other + "'"
}

// IsOther reports whether the key adds up what the question's Top left out. With ShareOf, such a key may
// have values of those dimensions, and is "other" in the rest.
func (k *Key) IsOther(by []Dimension) bool {
	return slices.ContainsFunc(by, func(d Dimension) bool {
		c := columns([]Dimension{d})
		return *c[len(c)-1].text(k) == Other && (d != ByASN || k.ASN == 0)
	})
}

// part is the key in some dimensions only.
func (k *Key) part(of []Dimension) Key {
	var out Key
	out.take(k, of)
	return out
}

// take sets some dimensions to those of another key.
func (k *Key) take(other *Key, of []Dimension) {
	for _, c := range columns(of) {
		if c.text == nil {
			k.ASN = other.ASN
		} else {
			*c.text(k) = *c.text(other)
		}
	}
}

// compare orders keys, for a total order that no figure shows in.
func (k *Key) compare(other *Key, by []Dimension) int {
	for _, c := range columns(by) {
		var n int
		if c.text == nil {
			n = cmp.Compare(k.ASN, other.ASN)
		} else {
			n = cmp.Compare(*c.text(k), *c.text(other))
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// Name sets the display names of a key's place and country.
func (k *Key) Name(name func(code string) string) {
	if k.Place != "" {
		k.PlaceName = name(k.Place)
	}
	if k.Country != "" {
		k.CountryName = name(k.Country)
	}
}
