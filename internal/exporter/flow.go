package exporter

import (
	"context"
	"net/netip"
	"time"
)

// Flow is one conversation as a router metered it. Counts are those of the observed packets: with
// sampling 1 in N they stand for N times as much.
type Flow struct {
	Start, End       time.Time // first and last packet; on the wire in milliseconds (sFlow: not at all)
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Proto            uint8  // IANA protocol number
	TCPFlags         uint8  // all flags seen
	SrcMAC, DstMAC   uint64 // low 48 bits
	VLAN             uint16
	Input, Output    uint32 // interface indexes on the way from Src to Dst
	Upstream         bool   // Src is on the metered, inner side: flowDirection 0 (ingress), else 1

	Octets, Packets               uint64 // from Src to Dst; IP octets
	ReverseOctets, ReversePackets uint64 // from Dst to Src

	Sampler int // index into the exporter's samplers, where it has more than one
}

// reversed gives the other direction as a flow of its own, as an exporter sees it whose records have
// one direction only.
func (f *Flow) reversed() Flow {
	r := *f
	r.Src, r.Dst = f.Dst, f.Src
	r.SrcPort, r.DstPort = f.DstPort, f.SrcPort
	r.SrcMAC, r.DstMAC = f.DstMAC, f.SrcMAC
	r.Input, r.Output = f.Output, f.Input
	r.Upstream = !f.Upstream
	r.Octets, r.Packets = f.ReverseOctets, f.ReversePackets
	r.ReverseOctets, r.ReversePackets = 0, 0
	return r
}

// Exporter encodes flows and sends them. It is used by one goroutine at a time. The time given is
// the exporter's own clock, which must not run backwards and must not be before the end of a flow
// that has been added.
type Exporter interface {
	// Add puts f into the datagram that is being filled, sending that first if f does not fit. It
	// returns the number of flow records that f became: where records have one direction only, one
	// for each direction with packets.
	Add(ctx context.Context, now time.Time, f *Flow) (records int, err error)
	// Flush sends what waits.
	Flush(ctx context.Context, now time.Time) error
	// Interval is the number of packets that one observed packet of f stands for; 1: not sampled.
	Interval(f *Flow) uint64
	// Counters tells what has been sent so far.
	Counters() Counters
}

// Counters of one exporter. All only grow.
type Counters struct {
	Records   uint64 `json:"flows"`     // flow records; sFlow: flow samples
	Datagrams uint64 `json:"datagrams"` // sent
	Octets    uint64 `json:"octets"`    // of the datagrams' payload
	Templates uint64 `json:"templates"` // times that templates (sFlow: counter samples) were sent
}

// Sender takes finished datagrams; it may not keep the slice.
type Sender interface {
	Send(ctx context.Context, datagram []byte, records int) error
}

// MaxDatagram is the largest payload that an exporter sends: what fits an Ethernet of 1500 with room
// for tunnels on the way.
const MaxDatagram = 1400

// TemplateRefresh says when templates and options are sent again: RFC 7011 section 10.3.6, RFC 3954
// section 9. Either reason suffices. They always come first in the first datagram.
type TemplateRefresh struct {
	Packets int           // after that many datagrams
	Every   time.Duration // after that time on the exporter's clock
}

// DefaultTemplateRefresh is 20 packets and 30 minutes, as Cisco's routers have it.
func DefaultTemplateRefresh() TemplateRefresh {
	return TemplateRefresh{Packets: 20, Every: 30 * time.Minute}
}

// refresher decides when templates are due.
type refresher struct {
	rule  TemplateRefresh
	sent  time.Time
	since int
	begun bool
}

func (r *refresher) due(now time.Time) bool {
	if r.begun && r.since < r.rule.Packets && now.Sub(r.sent) < r.rule.Every {
		r.since++
		return false
	}
	r.begun, r.since, r.sent = true, 0, now
	return true
}
