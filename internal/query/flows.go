package query

import (
	"net/netip"
	"time"
)

// FlowOrder is which flows come first.
type FlowOrder string

// The orders of single flows.
const (
	FlowsNewest    FlowOrder = "" // by their starts
	FlowsBytesUp   FlowOrder = "bytes_up"
	FlowsBytesDown FlowOrder = "bytes_down"
)

// MaxFlows is the most single flows of an answer.
const MaxFlows = 10_000

// Flows asks for single flows: what a figure is made of.
type Flows struct {
	Filter
	Exporters []string // IP addresses; empty: all
	Sides     []string // as in Residency
	// Since (included) and Until (excluded) bound the starts of the flows, to the millisecond. Both
	// must be given: the table of flows is the largest that there is.
	Since, Until time.Time
	Order        FlowOrder
	Top          int // how many; 0: 100, and MaxFlows at most
}

// FlowsAnswer has as many as Top; the table of flows keeps them as they were judged when they came in,
// and is not reprocessed.
type FlowsAnswer struct {
	Question Flows `json:"-"`
	Basis
	Rows []FlowRow `json:"rows"`
	// More: further flows match, which Top left out.
	More bool `json:"more,omitempty"`
	// About is of the whole time, not of the rows. Of a filter by exporter its completeness is of those.
	About
}

// FlowRow is one flow as it was exported, seen from the handset.
type FlowRow struct {
	Start          time.Time  `json:"start"`
	End            time.Time  `json:"end"`
	Received       time.Time  `json:"received"` // by the collector
	Operator       string     `json:"operator"`
	Site           string     `json:"site"`
	Exporter       netip.Addr `json:"exporter"`
	ExportProtocol string     `json:"export_protocol"`
	Side           string     `json:"side"` // which end is the handset
	// Handset is the pseudonym of the subscriber, 16 hexadecimal digits; empty: none. It changes every week.
	Handset        string     `json:"handset,omitempty"`
	Vendor         string     `json:"vendor"`
	VendorMethod   string     `json:"vendor_method"`
	RemoteAddress  netip.Addr `json:"remote_address,omitzero"` // absent: not exported
	RemotePort     uint16     `json:"remote_port"`
	IPProtocol     uint8      `json:"ip_protocol"` // IANA's number
	TCPFlags       uint8      `json:"tcp_flags,omitempty"`
	DomainName     string     `json:"domain_name,omitempty"`
	DomainSource   string     `json:"domain_source,omitempty"` // exporter, dns or dns_ambiguous
	Application    string     `json:"application,omitempty"`   // as the exporter names it
	Place          string     `json:"place"`
	Country        string     `json:"country"`
	City           string     `json:"city,omitempty"`
	PlaceName      string     `json:"place_name,omitempty"`   // set by Name
	CountryName    string     `json:"country_name,omitempty"` // set by Name
	CloudProvider  string     `json:"cloud_provider,omitempty"`
	CloudRegion    string     `json:"cloud_region,omitempty"`
	ASN            uint32     `json:"asn,omitempty"`
	ASOrganization string     `json:"as_organization,omitempty"`
	PlaceMethod    string     `json:"place_method"`
	Confidence     string     `json:"confidence"`
	Alternatives   []string   `json:"alternatives,omitempty"` // codes of the places that other sources say
	Jurisdiction   string     `json:"jurisdiction"`
	Verdict        string     `json:"verdict"`
	// SamplingInterval: one of so many packets was seen; the figures are scaled by it.
	SamplingInterval uint32 `json:"sampling_interval"`
	DataSets         string `json:"data_sets"` // that judged it, as in DataSets.Versions
	// Figures are of this flow, so that Flows is 1.
	Figures
}

// Name sets the display names of the rows' places and countries.
func (a *FlowsAnswer) Name(name func(code string) string) {
	for i := range a.Rows {
		k := Key{Place: a.Rows[i].Place, Country: a.Rows[i].Country}
		k.Name(name)
		a.Rows[i].PlaceName, a.Rows[i].CountryName = k.PlaceName, k.CountryName
	}
}
