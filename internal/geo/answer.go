package geo

// Place is where an address is. Places are interned: two answers of one table
// with the same place share the pointer. A place belongs to its table and is
// never changed. One without a country has a provider: it is known whose the
// address is, not where.
type Place struct {
	CountryCode     string // ISO 3166-1 alpha-2, upper case
	SubdivisionCode string // ISO 3166-2, such as "CN-BJ"; "" when there is none or it is not known
	SubdivisionName string // as the city table has it, such as "Hesse"
	City            string // as the city table has it
	CloudProvider   string // "aws", "gcp", …; "" unless a published cloud range or an override says so
	CloudRegion     string // the provider's own name; "" when the list gives none
}

// Code gives the place's shortest unambiguous code: the subdivision's, else
// the country's, else "". A nil place has "".
func (p *Place) Code() string {
	switch {
	case p == nil:
		return ""
	case p.SubdivisionCode != "":
		return p.SubdivisionCode
	default:
		return p.CountryCode
	}
}

// AS is an autonomous system. ASes are interned like places.
type AS struct {
	Number       uint32
	Organization string
}

// Answer is what a table knows of an address.
type Answer struct {
	Place      *Place // nil when nothing is known; without a country when only the provider is
	AS         *AS    // nil when not known
	ID         uint32 // below Table.Answers; equal IDs of one table are equal answers
	Method     Method // how the place was reached
	Confidence Confidence
	Reason     Reason // why there is no country; ReasonNone when there is one
	// Alternatives are what the witness says instead, down to the subdivision.
	// There are some only when the place is Disputed.
	Alternatives []*Place
}

// PlaceCode gives the code of the answer's place: "CN-BJ", "SG" or "".
func (a Answer) PlaceCode() string { return a.Place.Code() }

// Method is how a place was reached.
type Method uint8

// The methods, in the vocabulary of DESIGN.md.
const (
	MethodNone Method = iota
	MethodCityDB
	MethodCloudRange
	MethodOverride
	MethodAnycast
	methods
)

var methodNames = [methods]string{"none", "city_db", "cloud_range", "override", "anycast"}

func (m Method) String() string {
	if m >= methods {
		return "none"
	}
	return methodNames[m]
}

// Confidence is how far the sources of a place agree.
type Confidence uint8

// The confidences: no statement, one source, several that differ, several
// that agree, and the word of whoever runs the address.
const (
	Indeterminate Confidence = iota
	Single
	Disputed
	Agreed
	Published
	confidences
)

var confidenceNames = [confidences]string{"indeterminate", "single", "disputed", "agreed", "published"}

func (c Confidence) String() string {
	if c >= confidences {
		return "indeterminate"
	}
	return confidenceNames[c]
}

// Reason is why an address has no place.
type Reason uint8

// The reasons. Those up to ReasonReserved are ranges of the IANA special-purpose
// address registries, which are nowhere on a map.
const (
	ReasonNone Reason = iota
	ReasonUnspecified
	ReasonPrivate
	ReasonShared
	ReasonLoopback
	ReasonLinkLocal
	ReasonMulticast
	ReasonBroadcast
	ReasonDocumentation
	ReasonBenchmarking
	ReasonReserved
	ReasonAnycast   // in many places at once
	ReasonSatellite // the network's gateway has a place, its subscriber has not
	ReasonNotInTable
	ReasonInvalid
	reasons
)

var reasonNames = [reasons]string{
	"", "unspecified", "private", "shared", "loopback", "link_local", "multicast", "broadcast",
	"documentation", "benchmarking", "reserved", "anycast", "satellite", "not_in_table", "invalid",
}

// special reports whether the address is of a special-purpose block.
func (r Reason) special() bool { return r > ReasonNone && r <= ReasonReserved }

// String gives the reason as a metric label; "" for ReasonNone.
func (r Reason) String() string {
	if r >= reasons {
		return "invalid"
	}
	return reasonNames[r]
}
