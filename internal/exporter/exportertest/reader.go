package exportertest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
	"github.com/netsampler/goflow2/v2/decoders/sflow"
)

// Record is a flow record as it was on the wire, with its sampling interval and times resolved.
type Record struct {
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Proto, TCPFlags  uint8
	SrcMAC, DstMAC   uint64
	VLAN             uint16
	Input, Output    uint32
	Direction        int // flowDirection; -1: not told

	Octets, Packets, ReverseOctets, ReversePackets uint64
	StartMs, EndMs                                 int64 // 0: not told
	Interval                                       uint64
}

// Reader reads the datagrams of one exporter, in the order that it sent them.
type Reader struct {
	Datagrams, Templates, Options, CounterSamples int
	UptimeWraps                                   int    // times that sysUptime ran over
	LastExport                                    uint32 // export time of the last header, s; 0 for sFlow

	templates  netflow.NetFlowTemplateSystem
	samplers   map[uint64]uint64
	next       uint32 // sequence number that the next datagram must have
	begun      bool
	lastUptime uint32
	sources    map[uint32]source
}

type source struct{ flows, counters, pool uint32 }

// NewReader makes a reader.
func NewReader() *Reader {
	return &Reader{templates: netflow.CreateTemplateSystem(), samplers: map[uint64]uint64{}, sources: map[uint32]source{}}
}

// Read reads one datagram.
func (r *Reader) Read(datagram []byte) ([]Record, error) {
	if len(datagram) > 1400 {
		return nil, fmt.Errorf("datagram of %d bytes", len(datagram))
	}
	r.Datagrams++
	switch version := binary.BigEndian.Uint16(datagram); version {
	case 5:
		return r.netflow5(datagram)
	case 9:
		return r.netflow9(datagram)
	case 10:
		return r.ipfix(datagram)
	case 0:
		return r.sflow(datagram)
	default:
		return nil, fmt.Errorf("version %d", version)
	}
}

// sequence checks a header's number and says what the next one's must be. The first may be any that
// an exporter begins with: 0 or 1.
func (r *Reader) sequence(got, count uint32) error {
	if !r.begun && got > 1 || r.begun && got != r.next {
		return fmt.Errorf("sequence number %d, not %d", got, r.next)
	}
	r.begun, r.next = true, got+count
	return nil
}

func (r *Reader) uptime(now uint32) {
	if now < r.lastUptime {
		r.UptimeWraps++
	}
	r.lastUptime = now
}

func (r *Reader) netflow5(datagram []byte) ([]Record, error) {
	var p netflowlegacy.PacketNetFlowV5
	if err := netflowlegacy.DecodeMessageVersion(bytes.NewBuffer(datagram), &p); err != nil {
		return nil, err
	}
	if p.Count == 0 || p.Count > 30 || len(datagram) != 24+48*int(p.Count) {
		return nil, fmt.Errorf("%d records in %d bytes", p.Count, len(datagram))
	}
	if err := r.sequence(p.FlowSequence, uint32(p.Count)); err != nil {
		return nil, err
	}
	r.uptime(p.SysUptime)
	r.LastExport = p.UnixSecs
	interval := uint64(1)
	if p.SamplingInterval != 0 {
		if mode := p.SamplingInterval >> 14; mode != 1 {
			return nil, fmt.Errorf("sampling mode %d", mode)
		}
		interval = uint64(p.SamplingInterval & 0x3fff)
	}
	at := int64(p.UnixSecs)*1000 + int64(p.UnixNSecs)/1_000_000
	var records []Record
	for _, f := range p.Records {
		records = append(records, Record{
			Src: v4(uint32(f.SrcAddr)), Dst: v4(uint32(f.DstAddr)), SrcPort: f.SrcPort, DstPort: f.DstPort,
			Proto: f.Proto, TCPFlags: f.TCPFlags, Input: uint32(f.Input), Output: uint32(f.Output), Direction: -1,
			Octets: uint64(f.DOctets), Packets: uint64(f.DPkts),
			StartMs: at - int64(p.SysUptime-f.First), EndMs: at - int64(p.SysUptime-f.Last), Interval: interval,
		})
	}
	return records, nil
}

func v4(u uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(u >> 24), byte(u >> 16), byte(u >> 8), byte(u)})
}

// addr is the address in a slice; the zero Addr if it is none.
func addr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (r *Reader) sflow(datagram []byte) ([]Record, error) {
	var p sflow.Packet
	if err := sflow.DecodeMessageVersion(bytes.NewBuffer(datagram), &p); err != nil {
		return nil, err
	}
	if err := r.sequence(p.SequenceNumber, 1); err != nil {
		return nil, err
	}
	if int(p.SamplesCount) != len(p.Samples) || addr(p.AgentIP) == (netip.Addr{}) {
		return nil, fmt.Errorf("%d samples of %d, agent %v", len(p.Samples), p.SamplesCount, p.AgentIP)
	}
	var records []Record
	for _, s := range p.Samples {
		switch s := s.(type) {
		case sflow.FlowSample:
			record, err := r.flowSample(s)
			if err != nil {
				return nil, err
			}
			records = append(records, record)
		case sflow.CounterSample:
			r.CounterSamples++
			known := r.sources[s.Header.SourceIdValue]
			if s.Header.SampleSequenceNumber != known.counters+1 {
				return nil, fmt.Errorf("counter sample %d after %d", s.Header.SampleSequenceNumber, known.counters)
			}
			known.counters++
			r.sources[s.Header.SourceIdValue] = known
			if c, ok := s.Records[0].Data.(sflow.IfCounters); !ok || c.IfIndex != s.Header.SourceIdValue || c.IfSpeed != 10_000_000_000 || c.IfStatus != 3 {
				return nil, fmt.Errorf("interface counters: %+v", s.Records[0])
			}
		default:
			return nil, fmt.Errorf("sample of type %T", s)
		}
	}
	return records, nil
}

func (r *Reader) flowSample(s sflow.FlowSample) (Record, error) {
	known := r.sources[s.Header.SourceIdValue]
	if s.Header.SampleSequenceNumber != known.flows+1 || s.SamplePool != known.pool+s.SamplingRate || s.Header.SourceIdValue != s.Input {
		return Record{}, fmt.Errorf("sample %d, pool %d of source %d after %+v", s.Header.SampleSequenceNumber, s.SamplePool, s.Header.SourceIdValue, known)
	}
	known.flows, known.pool = known.flows+1, s.SamplePool
	r.sources[s.Header.SourceIdValue] = known
	if len(s.Records) != 2 {
		return Record{}, fmt.Errorf("%d records in a sample", len(s.Records))
	}
	raw, ok := s.Records[0].Data.(sflow.SampledHeader)
	vlan, ok2 := s.Records[1].Data.(sflow.ExtendedSwitch)
	if !ok || !ok2 || raw.Protocol != 1 || raw.Stripped != 4 || int(raw.OriginalLength) > len(raw.HeaderData) {
		return Record{}, fmt.Errorf("records of a sample: %+v", s.Records)
	}
	f, err := frame(raw.HeaderData[:raw.OriginalLength])
	if err != nil {
		return f, err
	}
	if want := max(14+f.Octets, 60) + 4; uint64(raw.FrameLength) != want {
		return f, fmt.Errorf("frame of %d bytes with a packet of %d", raw.FrameLength, f.Octets)
	}
	f.VLAN, f.Input, f.Output = uint16(vlan.SrcVlan), s.Input, s.Output
	f.Direction, f.Interval = -1, uint64(s.SamplingRate)
	return f, nil
}

// frame reads an Ethernet frame's headers.
func frame(b []byte) (Record, error) {
	be := binary.BigEndian
	if len(b) < 60 || len(b) > 128 {
		return Record{}, fmt.Errorf("%d bytes of frame", len(b))
	}
	r := Record{DstMAC: number(b[0:6]), SrcMAC: number(b[6:12]), Packets: 1}
	var transport []byte
	switch kind := be.Uint16(b[12:]); kind {
	case 0x0800:
		ip := b[14:]
		sum := uint32(0)
		for i := 0; i < 20; i += 2 {
			sum += uint32(be.Uint16(ip[i:]))
		}
		if sum = sum>>16 + sum&0xffff; ip[0] != 0x45 || sum != 0xffff {
			return r, fmt.Errorf("IPv4 header % x", ip[:20])
		}
		r.Octets, r.Proto = uint64(be.Uint16(ip[2:])), ip[9]
		r.Src, r.Dst, transport = addr(ip[12:16]), addr(ip[16:20]), ip[20:]
	case 0x86dd:
		ip := b[14:]
		r.Octets, r.Proto = 40+uint64(be.Uint16(ip[4:])), ip[6]
		r.Src, r.Dst, transport = addr(ip[8:24]), addr(ip[24:40]), ip[40:]
	default:
		return r, fmt.Errorf("EtherType %#x", kind)
	}
	r.SrcPort, r.DstPort = be.Uint16(transport), be.Uint16(transport[2:])
	if r.Proto == 6 && len(transport) > 13 {
		r.TCPFlags = transport[13]
	}
	return r, nil
}

// number reads a big-endian integer of any width.
func number(b []byte) uint64 {
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
