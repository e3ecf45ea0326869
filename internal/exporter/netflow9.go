package exporter

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Sampler is one packet sampler of a router, as flow records name it.
type Sampler struct {
	ID       uint8
	Interval uint32 // 1 in that many packets
}

// NetFlow9Config describes one router with one source id.
type NetFlow9Config struct {
	SourceID uint32
	Samplers []Sampler // at least one; Flow.Sampler is an index into them
	Boot     time.Time // when sysUptime was zero; it wraps after 2^32 ms, as in real routers
	Refresh  TemplateRefresh
}

const (
	netflow9Version = 9
	netflow9Header  = 20
)

// NetFlow9 is an exporter of RFC 3954. A record has both directions: IN_BYTES and IN_PKTS from the
// source to the destination, OUT_BYTES and OUT_PKTS back.
type NetFlow9 struct {
	cfg        NetFlow9Config
	out        Sender
	v4, v6     []field
	len4, len6 int
	m          message
	refresh    refresher
	sequence   uint32
	counters   Counters
}

// NewNetFlow9 makes an exporter that sends to out.
func NewNetFlow9(cfg NetFlow9Config, out Sender) *NetFlow9 {
	fields := func(source, destination, length uint16) []field {
		return []field{
			{id: 22, length: 4}, // FIRST_SWITCHED
			{id: 21, length: 4}, // LAST_SWITCHED
			{id: 1, length: 4},  // IN_BYTES
			{id: 2, length: 4},  // IN_PKTS
			{id: 23, length: 4}, // OUT_BYTES
			{id: 24, length: 4}, // OUT_PKTS
			{id: 10, length: 2}, // INPUT_SNMP
			{id: 14, length: 2}, // OUTPUT_SNMP
			{id: source, length: length},
			{id: destination, length: length},
			{id: 4, length: 1},  // PROTOCOL
			{id: 6, length: 1},  // TCP_FLAGS
			{id: 7, length: 2},  // L4_SRC_PORT
			{id: 11, length: 2}, // L4_DST_PORT
			{id: 56, length: 6}, // IN_SRC_MAC
			{id: 80, length: 6}, // IN_DST_MAC
			{id: 58, length: 2}, // SRC_VLAN
			{id: 61, length: 1}, // DIRECTION
			{id: 48, length: 1}, // FLOW_SAMPLER_ID
		}
	}
	e := &NetFlow9{
		cfg: cfg, out: out, m: newMessage(netflow9Header), refresh: refresher{rule: cfg.Refresh},
		v4: fields(8, 12, 4), v6: fields(27, 28, 16),
	}
	e.len4, e.len6 = size(e.v4), size(e.v6)
	return e
}

// Interval implements Exporter.
func (e *NetFlow9) Interval(f *Flow) uint64 { return uint64(e.cfg.Samplers[f.Sampler].Interval) }

// Counters implements Exporter.
func (e *NetFlow9) Counters() Counters { return e.counters }

// Add implements Exporter.
func (e *NetFlow9) Add(ctx context.Context, now time.Time, f *Flow) (int, error) {
	if max(f.Octets, f.Packets, f.ReverseOctets, f.ReversePackets) > math.MaxUint32 {
		return 0, fmt.Errorf("NetFlow v9 exporter %d: a count of more than four bytes", e.cfg.SourceID)
	}
	id, length := uint16(templateIPv4), e.len4
	if !f.Src.Is4() {
		id, length = templateIPv6, e.len6
	}
	if !e.m.empty() && !e.m.fits(id, length) {
		if err := e.Flush(ctx, now); err != nil {
			return 0, err
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
	b := be.AppendUint32(e.m.b, uptime(f.Start, e.cfg.Boot))
	b = be.AppendUint32(b, uptime(f.End, e.cfg.Boot))
	b = be.AppendUint32(be.AppendUint32(b, uint32(f.Octets)), uint32(f.Packets))
	b = be.AppendUint32(be.AppendUint32(b, uint32(f.ReverseOctets)), uint32(f.ReversePackets))
	b = be.AppendUint16(be.AppendUint16(b, uint16(f.Input)), uint16(f.Output))
	b = appendAddr(appendAddr(b, f.Src), f.Dst)
	b = append(b, f.Proto, f.TCPFlags)
	b = be.AppendUint16(be.AppendUint16(b, f.SrcPort), f.DstPort)
	b = appendMAC(appendMAC(b, f.SrcMAC), f.DstMAC)
	b = be.AppendUint16(b, f.VLAN)
	e.m.b = append(b, direction, e.cfg.Samplers[f.Sampler].ID)
	e.m.all++
	e.m.flows++
	return 1, nil
}

// uptime is sysUptime at t: 32 bits of milliseconds, modulo.
func uptime(t, boot time.Time) uint32 { return uint32(t.UnixMilli() - boot.UnixMilli()) }

func (e *NetFlow9) begin(now time.Time) {
	e.m.begin()
	if !e.refresh.due(now) {
		return
	}
	e.counters.Templates++
	e.m.open(0)
	e.m.b = appendTemplate(e.m.b, templateIPv4, e.v4)
	e.m.b = appendTemplate(e.m.b, templateIPv6, e.v6)
	// As IOS sends `option sampler-table`: scope system, then the sampler's id, mode and interval.
	options := []field{
		{id: 1, length: 4},  // scope: System
		{id: 48, length: 1}, // FLOW_SAMPLER_ID
		{id: 49, length: 1}, // FLOW_SAMPLER_MODE
		{id: 50, length: 4}, // FLOW_SAMPLER_RANDOM_INTERVAL
	}
	e.m.open(1)
	e.m.b = be.AppendUint16(be.AppendUint16(be.AppendUint16(e.m.b, templateOptions), 1*4), 3*4)
	e.m.b = appendFields(e.m.b, options)
	e.m.open(templateOptions)
	for _, s := range e.cfg.Samplers {
		e.m.b = be.AppendUint32(e.m.b, e.cfg.SourceID)
		e.m.b = append(e.m.b, s.ID, 2) // random sampling
		e.m.b = be.AppendUint32(e.m.b, s.Interval)
	}
	e.m.all += 3 + len(e.cfg.Samplers)
}

// Flush implements Exporter. The header's clock has whole seconds, from which a reader computes the
// flows' times: so, as real routers do, it exports on a whole second where now is one.
func (e *NetFlow9) Flush(ctx context.Context, now time.Time) error {
	if e.m.empty() {
		return nil
	}
	e.m.close()
	b := e.m.b
	be.PutUint16(b[0:], netflow9Version)
	be.PutUint16(b[2:], uint16(e.m.all)) // records of every kind: RFC 3954 section 5.1
	be.PutUint32(b[4:], uptime(now, e.cfg.Boot))
	be.PutUint32(b[8:], uint32(now.Unix()))
	be.PutUint32(b[12:], e.sequence) // counts datagrams
	be.PutUint32(b[16:], e.cfg.SourceID)
	if err := e.out.Send(ctx, b, e.m.flows); err != nil {
		return err
	}
	e.sequence++
	e.counters.add(len(b), e.m.flows)
	e.m.reset()
	return nil
}
