package exporter

import (
	"context"
	"fmt"
	"math"
	"time"
)

// IPFIXConfig describes one exporting process with one observation domain.
type IPFIXConfig struct {
	ObservationDomain uint32
	// Interval is the packet sampling interval N of "1 in N", told in an options record as
	// samplingPacketInterval 1 and samplingPacketSpace N-1 (RFC 5477); 1 or 0: not sampled, no options.
	Interval uint32
	// Biflow puts both directions into one record, the reverse one as elements of enterprise 29305
	// (RFC 5103). Otherwise each direction is a record.
	Biflow  bool
	Refresh TemplateRefresh
}

const (
	ipfixVersion    = 10
	ipfixHeader     = 16
	ipfixSelector   = 7 // our selectorId
	reversePEN      = 29305
	templateIPv4    = 256
	templateIPv6    = 257
	templateOptions = 300
)

// IPFIX is an exporter of RFC 7011 over UDP.
type IPFIX struct {
	cfg        IPFIXConfig
	out        Sender
	v4, v6     []field
	len4, len6 int
	m          message
	refresh    refresher
	sequence   uint32
	counters   Counters
}

// NewIPFIX makes an exporter that sends to out.
func NewIPFIX(cfg IPFIXConfig, out Sender) *IPFIX {
	e := &IPFIX{cfg: cfg, out: out, m: newMessage(ipfixHeader), refresh: refresher{rule: cfg.Refresh}}
	// Sampled counts are small, so that exporter encodes them in four bytes (RFC 7011 section 6.2).
	width := uint16(8)
	if e.sampled() {
		width = 4
	}
	fields := func(source, destination, length uint16) []field {
		f := []field{
			{id: source, length: length},
			{id: destination, length: length},
			{id: 7, length: 2},     // sourceTransportPort
			{id: 11, length: 2},    // destinationTransportPort
			{id: 4, length: 1},     // protocolIdentifier
			{id: 6, length: 1},     // tcpControlBits, reduced to one byte
			{id: 58, length: 2},    // vlanId
			{id: 56, length: 6},    // sourceMacAddress
			{id: 80, length: 6},    // destinationMacAddress
			{id: 10, length: 4},    // ingressInterface
			{id: 14, length: 4},    // egressInterface
			{id: 61, length: 1},    // flowDirection
			{id: 1, length: width}, // octetDeltaCount
			{id: 2, length: width}, // packetDeltaCount
			{id: 152, length: 8},   // flowStartMilliseconds
			{id: 153, length: 8},   // flowEndMilliseconds
		}
		if cfg.Biflow {
			f = append(f,
				field{1, width, reversePEN}, // reverse octetDeltaCount
				field{2, width, reversePEN}, // reverse packetDeltaCount
				field{id: 239, length: 1})   // biflowDirection
		}
		if e.sampled() {
			f = append(f, field{id: 302, length: 4}) // selectorId
		}
		return f
	}
	e.v4, e.v6 = fields(8, 12, 4), fields(27, 28, 16)
	e.len4, e.len6 = size(e.v4), size(e.v6)
	return e
}

func (e *IPFIX) sampled() bool { return e.cfg.Interval > 1 }

// Interval implements Exporter.
func (e *IPFIX) Interval(*Flow) uint64 { return uint64(max(e.cfg.Interval, 1)) }

// Counters implements Exporter.
func (e *IPFIX) Counters() Counters { return e.counters }

// Add implements Exporter.
func (e *IPFIX) Add(ctx context.Context, now time.Time, f *Flow) (int, error) {
	if e.sampled() && max(f.Octets, f.Packets, f.ReverseOctets, f.ReversePackets) > math.MaxUint32 {
		return 0, fmt.Errorf("IPFIX exporter %d: a count of more than four bytes", e.cfg.ObservationDomain)
	}
	if e.cfg.Biflow {
		return 1, e.add(ctx, now, f)
	}
	records := 0
	if f.Packets > 0 {
		if err := e.add(ctx, now, f); err != nil {
			return records, err
		}
		records++
	}
	if f.ReversePackets > 0 {
		r := f.reversed()
		if err := e.add(ctx, now, &r); err != nil {
			return records, err
		}
		records++
	}
	return records, nil
}

func (e *IPFIX) add(ctx context.Context, now time.Time, f *Flow) error {
	id, length := uint16(templateIPv4), e.len4
	if !f.Src.Is4() {
		id, length = templateIPv6, e.len6
	}
	if !e.m.empty() && !e.m.fits(id, length) {
		if err := e.Flush(ctx, now); err != nil {
			return err
		}
	}
	if e.m.empty() {
		e.begin(now)
	}
	e.m.open(id)
	direction := byte(1)
	if f.Upstream {
		direction = 0
	}
	b := appendAddr(appendAddr(e.m.b, f.Src), f.Dst)
	b = be.AppendUint16(be.AppendUint16(b, f.SrcPort), f.DstPort)
	b = append(b, f.Proto, f.TCPFlags)
	b = be.AppendUint16(b, f.VLAN)
	b = appendMAC(appendMAC(b, f.SrcMAC), f.DstMAC)
	b = be.AppendUint32(be.AppendUint32(b, f.Input), f.Output)
	b = append(b, direction)
	b = e.appendCount(e.appendCount(b, f.Octets), f.Packets)
	b = be.AppendUint64(be.AppendUint64(b, uint64(f.Start.UnixMilli())), uint64(f.End.UnixMilli()))
	if e.cfg.Biflow {
		b = e.appendCount(e.appendCount(b, f.ReverseOctets), f.ReversePackets)
		b = append(b, 1) // the source is the initiator
	}
	if e.sampled() {
		b = be.AppendUint32(b, ipfixSelector)
	}
	e.m.b = b
	e.m.records++
	e.m.flows++
	return nil
}

func (e *IPFIX) appendCount(b []byte, v uint64) []byte {
	if e.sampled() {
		return be.AppendUint32(b, uint32(v))
	}
	return be.AppendUint64(b, v)
}

// begin opens a message, with templates and options where they are due.
func (e *IPFIX) begin(now time.Time) {
	e.m.begin()
	if !e.refresh.due(now) {
		return
	}
	e.counters.Templates++
	e.m.open(2)
	e.m.b = appendTemplate(e.m.b, templateIPv4, e.v4)
	e.m.b = appendTemplate(e.m.b, templateIPv6, e.v6)
	if !e.sampled() {
		return
	}
	// The selector report interpretation of RFC 5476 section 6.5.2, with the elements of RFC 5477.
	e.m.open(3)
	e.m.b = be.AppendUint16(be.AppendUint16(be.AppendUint16(e.m.b, templateOptions), 4), 1)
	e.m.b = appendFields(e.m.b, []field{
		{id: 302, length: 4}, // selectorId, the scope
		{id: 304, length: 2}, // selectorAlgorithm
		{id: 305, length: 4}, // samplingPacketInterval
		{id: 306, length: 4}, // samplingPacketSpace
	})
	e.m.open(templateOptions)
	e.m.b = be.AppendUint32(e.m.b, ipfixSelector)
	e.m.b = be.AppendUint16(e.m.b, 1) // systematic, count based
	e.m.b = be.AppendUint32(be.AppendUint32(e.m.b, 1), e.cfg.Interval-1)
	e.m.records++
}

// Flush implements Exporter.
func (e *IPFIX) Flush(ctx context.Context, now time.Time) error {
	if e.m.empty() {
		return nil
	}
	e.m.close()
	b := e.m.b
	be.PutUint16(b[0:], ipfixVersion)
	be.PutUint16(b[2:], uint16(len(b)))
	be.PutUint32(b[4:], uint32(now.Unix()))
	be.PutUint32(b[8:], e.sequence) // data records sent before this message: RFC 7011 section 3.1
	be.PutUint32(b[12:], e.cfg.ObservationDomain)
	if err := e.out.Send(ctx, b, e.m.flows); err != nil {
		return err
	}
	e.sequence += uint32(e.m.records)
	e.counters.add(len(b), e.m.flows)
	e.m.reset()
	return nil
}

func (c *Counters) add(octets, records int) {
	c.Datagrams++
	c.Octets += uint64(octets)
	c.Records += uint64(records)
}
