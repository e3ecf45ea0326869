package panel

import (
	"github.com/landfall-telemetry/landfall/internal/query"
)

// The types of queries.
const (
	TypeResidency    = "residency"     // figures over time or in total
	TypeMap          = "map"           // a figure for each country
	TypeCompare      = "compare"       // two times against each other
	TypeShifts       = "shifts"        // likewise, what moved most by share first
	TypeOvertakes    = "overtakes"     // when one of several got ahead of another
	TypeEndpoints    = "endpoints"     // remote ends
	TypeNewEndpoints = "new_endpoints" // remote ends that were contacted for the first time
	TypeCompleteness = "completeness"  // what share of what exporters sent was counted
	TypeFlows        = "flows"         // single flows
	TypeAnnotations  = "annotations"   // what happened to data sets, policies and exporters
)

// Types are all there are, in the order in which they are documented.
func Types() []string {
	return []string{
		TypeResidency, TypeMap, TypeCompare, TypeShifts, TypeOvertakes, TypeEndpoints, TypeNewEndpoints,
		TypeCompleteness, TypeFlows, TypeAnnotations,
	}
}

// Query is what a panel asks, as its JSON has it. The time range comes from the panel. Which field is
// for which type, and what it means, is in the README of the plugin.
type Query struct {
	Type string `json:"queryType"` // one of Types

	// Filters; empty: all.
	Vendors       []string `json:"vendors,omitempty"`
	Places        []string `json:"places,omitempty"`    // ISO 3166-1 or 3166-2 codes
	Countries     []string `json:"countries,omitempty"` // ISO 3166-1 codes
	CloudRegions  []string `json:"cloudRegions,omitempty"`
	Verdicts      []string `json:"verdicts,omitempty"`
	Jurisdictions []string `json:"jurisdictions,omitempty"`
	Confidences   []string `json:"confidences,omitempty"`
	Sides         []string `json:"sides,omitempty"`
	Exporters     []string `json:"exporters,omitempty"` // IP addresses
	Operators     []string `json:"operators,omitempty"`
	Sites         []string `json:"sites,omitempty"`
	ASNs          []string `json:"asns,omitempty"`     // in decimal
	Networks      []string `json:"networks,omitempty"` // prefixes or addresses
	Filters       []AdHoc  `json:"filters,omitempty"`

	By        []query.Dimension `json:"by,omitempty"`
	ShareOf   []query.Dimension `json:"shareOf,omitempty"`
	Metric    string            `json:"metric,omitempty"`
	Direction string            `json:"direction,omitempty"`
	Bucket    string            `json:"bucket,omitempty"`
	Top       int               `json:"top,omitempty"`
	Intervals string            `json:"intervals,omitempty"`
	Format    string            `json:"format,omitempty"`
	Unit      query.Unit        `json:"unit,omitempty"`
	// EachVendor: new is what is new to one vendor's handsets.
	EachVendor bool     `json:"eachVendor,omitempty"`
	Order      string   `json:"order,omitempty"`
	Before     *Before  `json:"before,omitempty"`
	Hours      *Hours   `json:"hours,omitempty"`
	Events     []string `json:"events,omitempty"`
	Live       bool     `json:"live,omitempty"` // new rows come by a stream
	// Revision asks for the figures as they were when it was the newest in force.
	Revision *uint16 `json:"revision,omitempty"`
}

// AdHoc is one of Grafana's ad-hoc filters. Its key is a dimension.
type AdHoc struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"` // = != =~ !~ =| !=|
	Value    string   `json:"value"`
	Values   []string `json:"values,omitempty"` // of =| and !=|
}

// Hours are hours of the day; From may be after To, over midnight.
type Hours struct {
	From     int    `json:"from"`               // 0 to 24
	To       int    `json:"to"`                 // 0 to 24
	Location string `json:"location,omitempty"` // IANA zone; empty: UTC
}

// The forms of an answer.
const (
	formatAuto   = "auto"
	formatSeries = "time_series"
	formatTable  = "table"
	formatNumber = "number"
)

// How intervals are shown over time.
const (
	intervalsHidden = "hidden" // fields are there and not drawn
	intervalsBand   = "band"
	intervalsNone   = "none" // no fields
)

const bucketAuto = "auto"
