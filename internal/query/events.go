package query

import "time"

// EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	EventDataSet EventKind = "data_set" // another version of a data set judges the flows from here on
	EventPolicy  EventKind = "policy"   // another policy gives the verdicts from here on
	EventOutage  EventKind = "outage"   // an exporter that is expected sent nothing for an hour or more
)

var eventKinds = []EventKind{EventDataSet, EventPolicy, EventOutage}

// EventKinds are all there are.
func EventKinds() []EventKind { return append([]EventKind(nil), eventKinds...) }

// Events asks for what changed the figures without any handset having done so.
type Events struct {
	Kinds []EventKind // empty: all
	// Since (included) and Until (excluded) bound the points of time, and touch the spans. Zero: open.
	Since, Until time.Time
	// Exporters (IP addresses) narrows the outages; the rest is of no one exporter.
	Exporters, Operators, Sites []string
}

// EventsAnswer has the earliest first.
type EventsAnswer struct {
	Question Events `json:"-"`
	Basis
	Rows []Event `json:"rows"`
}

// Event is one point or span of time.
type Event struct {
	Kind EventKind `json:"kind"`
	Time time.Time `json:"time"`
	End  time.Time `json:"end,omitzero"` // zero: a point of time
	// Ongoing: End is only how far it is known to have lasted.
	Ongoing bool     `json:"ongoing,omitempty"`
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"` // the kind first
}
