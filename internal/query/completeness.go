package query

import "time"

// Completeness asks what share of what the exporters say they sent was counted.
type Completeness struct {
	// Filters; empty: all. Exporters are IP addresses.
	Exporters, Operators, Sites []string
	// Bucket is hour, day, week or total; empty: total.
	Bucket Bucket
	// Since (included) and Until (excluded) bound the minutes of export, by the exporters' clocks;
	// zero: open. They are widened to whole hours.
	Since, Until time.Time
}

// CompletenessAnswer is what the ledger says. Rows are ordered by bucket, then by operator, site,
// exporter and protocol.
type CompletenessAnswer struct {
	Question Completeness `json:"-"`
	Basis
	Rows       []ExporterCompleteness `json:"rows"`
	Collectors []CollectorLoss        `json:"collectors"`
	// Buckets are the sums over all exporters.
	Buckets []BucketCompleteness `json:"buckets"`
}

// BucketCompleteness is the summary of one bucket.
type BucketCompleteness struct {
	Bucket time.Time `json:"bucket,omitzero"`
	CompletenessSummary
}

// ExporterCompleteness is what one exporter sent by one protocol in one bucket.
type ExporterCompleteness struct {
	Bucket         time.Time `json:"bucket,omitzero"`
	Operator       string    `json:"operator"`
	Site           string    `json:"site"`
	Exporter       string    `json:"exporter"`        // IP address
	ExportProtocol string    `json:"export_protocol"` // empty: silent in the whole bucket
	Sent           uint64    `json:"sent"`            // flows, by the exporter's own sequence numbers
	Counted        uint64    `json:"counted"`         // flows
	// Share is counted by sent; absent: nothing was sent that we know of.
	Share *float64 `json:"share,omitempty"`
	// Estimated: the protocol numbers datagrams and not flows, so that the flows of a lost datagram
	// are taken to be as many as those of one that arrived.
	Estimated bool   `json:"estimated,omitempty"`
	Losses    []Loss `json:"losses"`
	// SilentHours are whole hours of the bucket without a datagram, of an exporter that had sent
	// something in the seven days before.
	SilentHours int `json:"silent_hours"`
	// SilentSince is the begin of the first of them.
	SilentSince time.Time `json:"silent_since,omitzero"`
}

// Loss is one kind of what was not counted, or counted under reserve.
type Loss struct {
	// What is the name of the count in the ledger: lost_flows, late_flows (to be taken off the lost
	// ones), template_missing, refused_…, dropped_…, spool_lost_flows, ….
	What string `json:"what"`
	// Amount is in the unit of the count: flows, datagrams, data sets, records.
	Amount uint64 `json:"amount"`
}

// CollectorLoss is what a collector lost that cannot be laid to one exporter.
type CollectorLoss struct {
	Bucket    time.Time `json:"bucket,omitzero"`
	Operator  string    `json:"operator"`
	Site      string    `json:"site"`
	Collector string    `json:"collector"`
	Losses    []Loss    `json:"losses"`
}

// CompletenessSummary is the completeness of one bucket over all exporters in scope.
type CompletenessSummary struct {
	// Share is counted by sent, 0 to 1; null: unknown, nothing is in the ledger.
	Share     *float64 `json:"share_counted"`
	Counted   uint64   `json:"counted_flows"`
	Sent      uint64   `json:"sent_flows"`
	Estimated bool     `json:"estimated,omitempty"` // as in ExporterCompleteness, for some exporter
	// ExportersExpected are those that sent anything in the seven days before the end of an hour of
	// the bucket; ExportersHeard those that sent anything in the bucket.
	ExportersExpected int `json:"exporters_expected"`
	ExportersHeard    int `json:"exporters_heard"`
	// ExportersSilent is how many of the expected ones were silent for an hour or more of the bucket,
	// and Silent the ones with the most such hours, 20 at most.
	ExportersSilent int              `json:"exporters_silent"`
	Silent          []SilentExporter `json:"silent,omitempty"`
	// Losses are the sums over all exporters and collectors, by name.
	Losses []Loss `json:"losses,omitempty"`
}

// SilentExporter is an exporter that is expected and sent nothing.
type SilentExporter struct {
	Operator string    `json:"operator"`
	Site     string    `json:"site"`
	Exporter string    `json:"exporter"`
	Hours    int       `json:"hours"` // silent hours within the bucket
	Since    time.Time `json:"since"` // begin of the first of them
}
