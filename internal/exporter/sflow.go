package exporter

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// SFlowConfig describes one sFlow agent.
type SFlowConfig struct {
	Agent      netip.Addr // its address, which collectors know it by
	SubAgentID uint32
	Interval   uint32 // sampling_rate: one packet in that many
	Boot       time.Time
	Counters   TemplateRefresh // when counter samples are sent
}

const (
	sflowVersion = 5
	sflowCapture = 128 // bytes of the frame that a sample carries at most
	// Largest flow sample: its header, the raw header record, the switch record.
	sflowSample        = 8 + 32 + 8 + 16 + sflowCapture + 8 + 16
	sflowCounterSample = 8 + 12 + 8 + 88
	ethernetFCS        = 4
	ethernetLeast      = 60   // an Ethernet frame without its checksum is padded to that
	ipMost             = 1500 // MTU of the interfaces
)

// SFlow is an agent of sFlow version 5 (sflow.org, sflow_version_5.txt). Every record is one sampled
// packet with the beginning of its Ethernet frame. A datagram has no absolute time: a packet's time
// is when its datagram arrives, so an agent cannot tell history.
type SFlow struct {
	cfg      SFlowConfig
	out      Sender
	b        []byte
	header   int
	samples  int
	records  int
	sequence uint32
	sources  []sflowSource
	next     int // source whose counters are due
	refresh  refresher
	counters Counters
}

// sflowSource is one interface as a data source, with its own sequence numbers.
type sflowSource struct {
	index             uint32
	sequence, counter uint32
	pool              uint32
	octets, packets   uint64
}

// NewSFlow makes an agent that sends to out.
func NewSFlow(cfg SFlowConfig, out Sender) (*SFlow, error) {
	if !cfg.Agent.Is4() && !cfg.Agent.Is6() {
		return nil, fmt.Errorf("sFlow agent without an address")
	}
	return &SFlow{cfg: cfg, out: out, b: make([]byte, 0, MaxDatagram+64), refresh: refresher{rule: cfg.Counters}}, nil
}

// Interval implements Exporter.
func (e *SFlow) Interval(*Flow) uint64 { return uint64(max(e.cfg.Interval, 1)) }

// Counters implements Exporter.
func (e *SFlow) Counters() Counters { return e.counters }

// Add implements Exporter. Each direction of f holds at most one packet, whose IP total length is
// Octets.
func (e *SFlow) Add(ctx context.Context, now time.Time, f *Flow) (int, error) {
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

func (e *SFlow) add(ctx context.Context, now time.Time, f *Flow) error {
	if f.Packets != 1 || f.Octets < LeastIPLength(f) || f.Octets > ipMost {
		return fmt.Errorf("sFlow sample of %d packets, %d octets: one packet of %d to %d octets is wanted",
			f.Packets, f.Octets, LeastIPLength(f), ipMost)
	}
	if len(e.b) > 0 && len(e.b)+sflowSample > MaxDatagram {
		if err := e.Flush(ctx, now); err != nil {
			return err
		}
	}
	source := e.source(f.Input)
	if len(e.b) == 0 {
		e.begin(now)
	}
	source.sequence++
	source.pool += e.cfg.Interval
	source.packets += uint64(e.cfg.Interval)
	source.octets += f.Octets * uint64(e.cfg.Interval)

	b := be.AppendUint32(e.b, 1) // flow_sample
	sample := len(b)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, source.sequence)
	b = be.AppendUint32(b, source.index) // data source type 0: ifIndex
	b = be.AppendUint32(be.AppendUint32(b, e.cfg.Interval), source.pool)
	b = be.AppendUint32(b, 0) // drops
	b = be.AppendUint32(be.AppendUint32(b, f.Input), f.Output)
	b = be.AppendUint32(b, 2) // records

	b = be.AppendUint32(b, 1) // sampled_header
	record := len(b)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, 1) // Ethernet
	frame := max(14+int(f.Octets), ethernetLeast)
	captured := min(frame, sflowCapture)
	b = be.AppendUint32(be.AppendUint32(b, uint32(frame+ethernetFCS)), ethernetFCS)
	b = be.AppendUint32(b, uint32(captured))
	b = appendFrame(b, f, captured)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	be.PutUint32(b[record:], uint32(len(b)-record-4))

	b = be.AppendUint32(be.AppendUint32(b, 1001), 16) // extended_switch
	b = be.AppendUint32(be.AppendUint32(b, uint32(f.VLAN)), 0)
	b = be.AppendUint32(be.AppendUint32(b, uint32(f.VLAN)), 0)
	be.PutUint32(b[sample:], uint32(len(b)-sample-4))
	e.b = b
	e.samples++
	e.records++
	return nil
}

// source finds the data source of an interface. A switch has few, so the search is a walk.
func (e *SFlow) source(index uint32) *sflowSource {
	for i := range e.sources {
		if e.sources[i].index == index {
			return &e.sources[i]
		}
	}
	e.sources = append(e.sources, sflowSource{index: index})
	return &e.sources[len(e.sources)-1]
}

func (e *SFlow) begin(now time.Time) {
	b := be.AppendUint32(e.b[:0], sflowVersion)
	kind := uint32(1)
	if e.cfg.Agent.Is6() {
		kind = 2
	}
	b = appendAddr(be.AppendUint32(b, kind), e.cfg.Agent)
	b = be.AppendUint32(b, e.cfg.SubAgentID)
	e.header = len(b)
	e.b = append(b, make([]byte, 12)...) // sequence, uptime, samples
	if e.refresh.due(now) {
		e.counterSample()
	}
}

// counterSample adds the generic interface counters of one interface, each in its turn.
func (e *SFlow) counterSample() {
	s := &e.sources[e.next%len(e.sources)]
	e.next++
	s.counter++
	e.counters.Templates++
	b := be.AppendUint32(be.AppendUint32(e.b, 2), sflowCounterSample-8)
	b = be.AppendUint32(be.AppendUint32(b, s.counter), s.index)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(be.AppendUint32(b, 1), 88)      // if_counters
	b = be.AppendUint32(be.AppendUint32(b, s.index), 6) // ethernetCsmacd
	b = be.AppendUint64(b, 10_000_000_000)              // bit/s
	b = be.AppendUint32(be.AppendUint32(b, 1), 3)       // full duplex; up
	b = be.AppendUint64(b, s.octets)                    // in
	b = be.AppendUint32(b, uint32(s.packets))           // unicast
	b = append(b, make([]byte, 5*4)...)                 // multicast, broadcast, discards, errors, unknown
	b = be.AppendUint64(b, s.octets)                    // out: a bridge forwards what it receives
	b = be.AppendUint32(b, uint32(s.packets))           // unicast
	e.b = append(b, make([]byte, 5*4)...)               // multicast, broadcast, discards, errors; not promiscuous
	e.samples++
}

// Flush implements Exporter.
func (e *SFlow) Flush(ctx context.Context, now time.Time) error {
	if len(e.b) == 0 {
		return nil
	}
	b := e.b
	be.PutUint32(b[e.header:], e.sequence+1)
	be.PutUint32(b[e.header+4:], uptime(now, e.cfg.Boot))
	be.PutUint32(b[e.header+8:], uint32(e.samples))
	if err := e.out.Send(ctx, b, e.records); err != nil {
		return err
	}
	e.sequence++
	e.counters.add(len(b), e.records)
	e.b, e.samples, e.records = e.b[:0], 0, 0
	return nil
}
