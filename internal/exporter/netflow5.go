package exporter

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// NetFlow5Config describes one router's engine.
type NetFlow5Config struct {
	EngineType, EngineID uint8
	Interval             uint16    // packet interval of the sampling, 14 bits, in every header; 1 or 0: not sampled
	Boot                 time.Time // when sysUptime was zero; it wraps after 2^32 ms
}

const (
	netflow5Version = 5
	netflow5Header  = 24
	netflow5Record  = 48
	netflow5Most    = (MaxDatagram - netflow5Header) / netflow5Record // 28; the protocol's own bound is 30
	netflow5Mode    = 1                                               // packet interval sampling, in the two upper bits
	maxInterval5    = 1<<14 - 1
)

// NetFlow5 is an exporter of Cisco's NetFlow version 5: IPv4, one direction a record, no MAC address.
type NetFlow5 struct {
	cfg      NetFlow5Config
	out      Sender
	b        []byte
	records  int
	sequence uint32
	counters Counters
}

// NewNetFlow5 makes an exporter that sends to out.
func NewNetFlow5(cfg NetFlow5Config, out Sender) (*NetFlow5, error) {
	if cfg.Interval > maxInterval5 {
		return nil, fmt.Errorf("NetFlow v5 sampling interval %d: at most %d", cfg.Interval, maxInterval5)
	}
	return &NetFlow5{cfg: cfg, out: out, b: make([]byte, netflow5Header, MaxDatagram)}, nil
}

// Interval implements Exporter.
func (e *NetFlow5) Interval(*Flow) uint64 { return uint64(max(e.cfg.Interval, 1)) }

// Counters implements Exporter.
func (e *NetFlow5) Counters() Counters { return e.counters }

// Add implements Exporter.
func (e *NetFlow5) Add(ctx context.Context, now time.Time, f *Flow) (int, error) {
	if !f.Src.Is4() || !f.Dst.Is4() {
		return 0, fmt.Errorf("NetFlow v5 exporter: flow %s → %s is not IPv4", f.Src, f.Dst)
	}
	if max(f.Octets, f.Packets, f.ReverseOctets, f.ReversePackets) > math.MaxUint32 {
		return 0, fmt.Errorf("NetFlow v5 exporter: a count of more than four bytes")
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

var zeroV4 = netip.AddrFrom4([4]byte{})

func (e *NetFlow5) add(ctx context.Context, now time.Time, f *Flow) error {
	if e.records == netflow5Most {
		if err := e.Flush(ctx, now); err != nil {
			return err
		}
	}
	b := appendAddr(appendAddr(appendAddr(e.b, f.Src), f.Dst), zeroV4) // next hop: not told
	b = be.AppendUint16(be.AppendUint16(b, uint16(f.Input)), uint16(f.Output))
	b = be.AppendUint32(be.AppendUint32(b, uint32(f.Packets)), uint32(f.Octets))
	b = be.AppendUint32(be.AppendUint32(b, uptime(f.Start, e.cfg.Boot)), uptime(f.End, e.cfg.Boot))
	b = be.AppendUint16(be.AppendUint16(b, f.SrcPort), f.DstPort)
	b = append(b, 0, f.TCPFlags, f.Proto, 0) // pad1, flags, protocol, type of service
	b = append(b, 0, 0, 0, 0)                // source AS, destination AS
	e.b = append(b, 0, 0, 0, 0)              // masks, pad2
	e.records++
	return nil
}

// Flush implements Exporter.
func (e *NetFlow5) Flush(ctx context.Context, now time.Time) error {
	if e.records == 0 {
		return nil
	}
	b := e.b
	be.PutUint16(b[0:], netflow5Version)
	be.PutUint16(b[2:], uint16(e.records))
	be.PutUint32(b[4:], uptime(now, e.cfg.Boot))
	be.PutUint32(b[8:], uint32(now.Unix()))
	be.PutUint32(b[12:], uint32(now.Nanosecond()))
	be.PutUint32(b[16:], e.sequence) // flows sent before this datagram
	b[20], b[21] = e.cfg.EngineType, e.cfg.EngineID
	sampling := uint16(0)
	if e.cfg.Interval > 1 {
		sampling = netflow5Mode<<14 | e.cfg.Interval
	}
	be.PutUint16(b[22:], sampling)
	if err := e.out.Send(ctx, b, e.records); err != nil {
		return err
	}
	e.sequence += uint32(e.records)
	e.counters.add(len(b), e.records)
	e.b, e.records = e.b[:netflow5Header], 0
	return nil
}
