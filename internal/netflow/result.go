package netflow

import (
	"net/netip"
)

// Reason says why something that an exporter sent was not taken as it came.
type Reason uint8

// The reasons. What each one counts is in its comment.
const (
	// ReasonShort counts datagrams too short for the header of their version.
	ReasonShort Reason = iota
	// ReasonMalformed counts datagrams, sets and samples whose lengths or counts do not fit.
	ReasonMalformed
	// ReasonUnknownVersion counts datagrams of no version that is decoded.
	ReasonUnknownVersion
	// ReasonTemplateMissing counts data sets whose template has not come (yet).
	ReasonTemplateMissing
	// ReasonTemplateRefused counts templates that cannot describe a record.
	ReasonTemplateRefused
	// ReasonRecordRefused counts records that are no flow, or are past the bound on one datagram.
	ReasonRecordRefused
	// ReasonAbsurdCounter counts records whose scaled octets or packets exceed 2^50.
	ReasonAbsurdCounter
	// ReasonTimeReplaced counts flows (kept) with a time too far from that of their arrival.
	ReasonTimeReplaced
	// ReasonTimeMissing counts flows (kept) that give no absolute time; they are placed so that they
	// end at the time of export.
	ReasonTimeMissing
	// ReasonStateLimit counts exporters, domains, templates, samplers and names past the limits.
	ReasonStateLimit
	// ReasonNotIP counts sFlow samples of something else than IP packets.
	ReasonNotIP

	ReasonCount
)

// String returns the name of the reason as metrics show it.
func (r Reason) String() string {
	switch r {
	case ReasonShort:
		return "short"
	case ReasonMalformed:
		return "malformed"
	case ReasonUnknownVersion:
		return "unknown_version"
	case ReasonTemplateMissing:
		return "template_missing"
	case ReasonTemplateRefused:
		return "template_refused"
	case ReasonRecordRefused:
		return "record_refused"
	case ReasonAbsurdCounter:
		return "absurd_counter"
	case ReasonTimeReplaced:
		return "time_replaced"
	case ReasonTimeMissing:
		return "time_missing"
	case ReasonStateLimit:
		return "state_limit"
	case ReasonNotIP:
		return "not_ip"
	}
	return "unknown"
}

// Unit says what an exporter's sequence numbers count.
type Unit uint8

// What sequence numbers count: v5 and IPFIX count flow records, v9 and sFlow count datagrams.
const (
	UnitFlows Unit = iota
	UnitDatagrams
)

// String returns the name of the unit as metrics show it.
func (u Unit) String() string {
	if u == UnitDatagrams {
		return "datagrams"
	}
	return "flows"
}

// Template names a template of an exporter.
type Template struct {
	Domain uint32
	ID     uint16
}

// Result says what became of one datagram.
type Result struct {
	// Exporter is who sent it: the address of the sender, or sFlow's agent.
	Exporter netip.Addr
	// Version is the version in the header; 0 if the datagram is too short.
	Version uint16
	// Domain is the observation domain (v9: source id, v5: engine type and id, sFlow: sub-agent).
	Domain uint32
	// ExportMs is when the exporter sent the datagram, in milliseconds since 1970, by its header. It is
	// the arrival where the header has no absolute time (sFlow), or one that is believed no more than a
	// flow's would be.
	ExportMs int64
	// Flows were appended to the batch.
	Flows int
	// OptionRecords carried samplers, application names and the like.
	OptionRecords int
	// CounterSamples are sFlow's interface counters, which are no flows.
	CounterSamples int
	// UnknownElements are values in flow records that we have no place for and do not know.
	UnknownElements int
	// Refused counts by reason.
	Refused [ReasonCount]uint32
	// Missing are the templates that data sets of this datagram wanted. It is valid until the next
	// call.
	Missing []Template
	// SequenceLost is how much the exporter sent, but did not arrive before this datagram, in Unit.
	SequenceLost uint32
	// Unit is that of the protocol, also of a datagram that could not be decoded.
	Unit Unit
	// Late says that the datagram arrived after one that was sent later, so that an earlier
	// SequenceLost counted it as lost.
	Late bool
	// SequenceLate is what a late datagram brought of what was counted as lost, in Unit.
	SequenceLate uint32
	// Restarted says that the exporter began its sequence anew.
	Restarted bool
}

// Refuse counts one refusal.
func (r *Result) Refuse(reason Reason) { r.Refused[reason]++ }
