package query

import (
	"net/netip"
	"time"
)

// Unit is what a row about remote ends is of.
type Unit string

// The units of a question about remote ends.
const (
	UnitAddress Unit = "address"
	UnitNetwork Unit = "network" // the /24 or /48 around the address
	UnitASN     Unit = "asn"
	UnitPlace   Unit = "place"
	UnitCountry Unit = "country"
)

// Filter narrows a question about remote ends; empty fields: all.
type Filter struct {
	Vendors, Places, Countries []string // as in Residency
	ASNs                       []uint32
	Networks                   []netip.Prefix // the remote address is in one of them; 100 at most
	Operators, Sites           []string
	// Where narrows by the dimensions that the history of endpoints has: all but the way to the vendor
	// and the handset's side; of flows, by any. What is new by ASN, place or country is known by vendor,
	// place, country, ASN, operator and site only.
	Where []Condition
}

// EndpointOrder is which remote ends come first.
type EndpointOrder string

// The orders of remote ends. Of as many, that with the most bytes up comes first.
const (
	EndpointsBytesUp   EndpointOrder = ""
	EndpointsBytesDown EndpointOrder = "bytes_down"
	EndpointsOneWay    EndpointOrder = "one_way"    // bytes up less bytes down, the most first
	EndpointsHandsets  EndpointOrder = "handsets"   // the most first
	EndpointsFirstSeen EndpointOrder = "first_seen" // the newest first
)

// Endpoints asks for the remote ends that come first in an order, those with the most bytes up where
// none is given.
type Endpoints struct {
	Filter
	Unit Unit // empty: UnitAddress
	// Since (included) and Until (excluded) are widened to whole days; zero: open.
	Since, Until time.Time
	Order        EndpointOrder
	Top          int // how many rows; 0: 100
}

// EndpointsAnswer has its rows in the question's order.
type EndpointsAnswer struct {
	Question Endpoints `json:"-"`
	Basis
	Rows []EndpointRow `json:"rows"`
	About
}

// About is what there is to know of figures that are of one time as a whole.
type About struct {
	// Info has no bucket. The endpoint history is not reprocessed: its revision is always 0.
	Info         BucketInfo `json:"info"`
	DataSets     []DataSets `json:"data_sets,omitempty"` // as in ResidencyAnswer
	DataSetsMore int        `json:"data_sets_more,omitempty"`
}

// EndpointRow is one remote end, or all those of one network, AS, place or country. Of what may
// differ within it (place, network's holder) it has that of the last contact; what the unit leaves
// open is empty.
type EndpointRow struct {
	Vendor         string       `json:"vendor,omitempty"` // only with NewSince.EachVendor
	Address        netip.Addr   `json:"address,omitzero"` // UnitAddress
	Network        netip.Prefix `json:"network,omitzero"` // UnitAddress and UnitNetwork
	ASN            uint32       `json:"asn,omitempty"`    // not for UnitPlace and UnitCountry
	ASOrganization string       `json:"as_organization,omitempty"`
	Place          string       `json:"place,omitempty"`   // not for UnitASN and UnitCountry
	Country        string       `json:"country,omitempty"` // not for UnitASN
	CloudProvider  string       `json:"cloud_provider,omitempty"`
	CloudRegion    string       `json:"cloud_region,omitempty"`
	PlaceMethod    string       `json:"place_method,omitempty"` // this and the next four: not for UnitASN, UnitPlace and UnitCountry
	Confidence     string       `json:"confidence,omitempty"`
	Alternatives   []string     `json:"alternatives,omitempty"` // codes of the places that other sources say
	Jurisdiction   string       `json:"jurisdiction,omitempty"`
	Verdict        string       `json:"verdict,omitempty"`
	PlaceName      string       `json:"place_name,omitempty"`   // set by Name
	CountryName    string       `json:"country_name,omitempty"` // set by Name
	// Vendors are those whose handsets it was in contact with, by name; 10 at most.
	Vendors []string `json:"vendors"`
	// FirstSeen and LastSeen are starts of flows in the time of the question; of NewSince, FirstSeen
	// is the first contact ever.
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Handsets is how many pseudonyms were in contact. They change every week: over several weeks a
	// handset counts once in each.
	Handsets uint64 `json:"handsets"`
	// Endpoints is how many remote addresses the row is of; above some thousands it is an estimate.
	Endpoints uint64 `json:"endpoints"`
	Figures
}
