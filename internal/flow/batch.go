package flow

import (
	"errors"
	"fmt"
	"net/netip"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// SchemaVersion is the layout that this package writes and reads.
const SchemaVersion = 1

// MaxFlows bounds the flows of one batch, and with it what a hostile message can make us allocate.
const MaxFlows = 1 << 16

// maxStrings bounds the distinct names (applications, domains) of one batch; names past it are left
// out rather than the flow.
const maxStrings = 1 << 14

// ErrSchemaVersion says that a message has a layout that this version does not know.
var ErrSchemaVersion = errors.New("unknown schema version")

// Batch is many flow records in columns. The zero value is empty and ready for use. Reset and
// Unmarshal keep the columns' memory, so one Batch serves a goroutine for ever.
type Batch struct {
	pb      landfallv1.FlowBatch
	strings map[string]uint32
}

// Len returns the number of flows.
func (b *Batch) Len() int { return int(b.pb.Count) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.pb.ResetVT()
	clear(b.strings)
}

// Columns gives the columns themselves, for a stage that reads them straight. A column may be empty
// (zero for every flow); see the schema.
func (b *Batch) Columns() *landfallv1.FlowBatch { return &b.pb }

// Stamp sets what holds for the whole batch: its origin, the operator and the site that it was
// collected for, and when its first datagram arrived (milliseconds since 1970).
func (b *Batch) Stamp(origin *landfallv1.Origin, operator, site string, receivedMs int64) {
	b.pb.SchemaVersion = SchemaVersion
	b.pb.Origin, b.pb.Operator, b.pb.Site, b.pb.ReceivedMs = origin, operator, site, receivedMs
}

// AppendLedger adds entries of the completeness ledger, which travel with the flows. The entries are
// the batch's from then on.
func (b *Batch) AppendLedger(entries ...*landfallv1.LedgerEntry) {
	b.pb.Ledger = append(b.pb.Ledger, entries...)
}

// Append adds a copy of r.
func (b *Batch) Append(r *Record) {
	p := &b.pb
	p.Count++
	p.Exporter = appendAddr(p.Exporter, r.Exporter)
	p.ObservationDomain = append(p.ObservationDomain, r.ObservationDomain)
	p.ExportProtocol = append(p.ExportProtocol, uint32(r.ExportProtocol))
	p.SourceAddress = appendAddr(p.SourceAddress, r.SourceAddress)
	p.DestinationAddress = appendAddr(p.DestinationAddress, r.DestinationAddress)
	p.SourcePort = append(p.SourcePort, uint32(r.SourcePort))
	p.DestinationPort = append(p.DestinationPort, uint32(r.DestinationPort))
	p.IpProtocol = append(p.IpProtocol, uint32(r.IPProtocol))
	p.TcpFlags = append(p.TcpFlags, uint32(r.TCPFlags))
	p.IpClassOfService = append(p.IpClassOfService, uint32(r.IPClassOfService))
	p.SourceMac = append(p.SourceMac, r.SourceMAC)
	p.DestinationMac = append(p.DestinationMac, r.DestinationMAC)
	p.VlanId = append(p.VlanId, uint32(r.VLANID))
	p.IngressInterface = append(p.IngressInterface, r.IngressInterface)
	p.EgressInterface = append(p.EgressInterface, r.EgressInterface)
	p.FlowDirection = append(p.FlowDirection, uint32(r.FlowDirection))
	p.Octets = append(p.Octets, r.Octets)
	p.Packets = append(p.Packets, r.Packets)
	p.ReverseOctets = append(p.ReverseOctets, r.ReverseOctets)
	p.ReversePackets = append(p.ReversePackets, r.ReversePackets)
	p.StartMs = append(p.StartMs, r.StartMs)
	p.EndMs = append(p.EndMs, r.EndMs)
	p.SamplingInterval = append(p.SamplingInterval, r.SamplingInterval)
	p.NextHopAddress = appendAddr(p.NextHopAddress, r.NextHopAddress)
	p.BgpSourceAs = append(p.BgpSourceAs, r.BGPSourceAS)
	p.BgpDestinationAs = append(p.BgpDestinationAs, r.BGPDestinationAS)
	p.PostNatSourceAddress = appendAddr(p.PostNatSourceAddress, r.PostNATSourceAddress)
	p.PostNatDestinationAddress = appendAddr(p.PostNatDestinationAddress, r.PostNATDestinationAddress)
	p.PostNaptSourcePort = append(p.PostNaptSourcePort, uint32(r.PostNAPTSourcePort))
	p.PostNaptDestinationPort = append(p.PostNaptDestinationPort, uint32(r.PostNAPTDestinationPort))
	p.NatEvent = append(p.NatEvent, uint32(r.NATEvent))
	p.ApplicationName = append(p.ApplicationName, b.intern(r.ApplicationName))
	name, source := b.domain(r.DomainName, r.DomainSource)
	p.DomainName = append(p.DomainName, name)
	p.DomainSource = append(p.DomainSource, source)
}

// At copies flow i into r. It panics if i is out of range, as a slice does.
func (b *Batch) At(i int, r *Record) {
	p := &b.pb
	if i < 0 || i >= int(p.Count) {
		panic(fmt.Sprintf("flow.Batch.At(%d) of %d flows", i, p.Count))
	}
	*r = Record{
		Exporter:                  Addr(p.Exporter, i),
		ObservationDomain:         value(p.ObservationDomain, i),
		ExportProtocol:            landfallv1.ExportProtocol(value(p.ExportProtocol, i)),
		SourceAddress:             Addr(p.SourceAddress, i),
		DestinationAddress:        Addr(p.DestinationAddress, i),
		SourcePort:                uint16(value(p.SourcePort, i)),
		DestinationPort:           uint16(value(p.DestinationPort, i)),
		IPProtocol:                uint8(value(p.IpProtocol, i)),
		TCPFlags:                  uint8(value(p.TcpFlags, i)),
		IPClassOfService:          uint8(value(p.IpClassOfService, i)),
		SourceMAC:                 value(p.SourceMac, i),
		DestinationMAC:            value(p.DestinationMac, i),
		VLANID:                    uint16(value(p.VlanId, i)),
		IngressInterface:          value(p.IngressInterface, i),
		EgressInterface:           value(p.EgressInterface, i),
		FlowDirection:             landfallv1.FlowDirection(value(p.FlowDirection, i)),
		Octets:                    value(p.Octets, i),
		Packets:                   value(p.Packets, i),
		ReverseOctets:             value(p.ReverseOctets, i),
		ReversePackets:            value(p.ReversePackets, i),
		StartMs:                   value(p.StartMs, i),
		EndMs:                     value(p.EndMs, i),
		SamplingInterval:          value(p.SamplingInterval, i),
		NextHopAddress:            Addr(p.NextHopAddress, i),
		BGPSourceAS:               value(p.BgpSourceAs, i),
		BGPDestinationAS:          value(p.BgpDestinationAs, i),
		PostNATSourceAddress:      Addr(p.PostNatSourceAddress, i),
		PostNATDestinationAddress: Addr(p.PostNatDestinationAddress, i),
		PostNAPTSourcePort:        uint16(value(p.PostNaptSourcePort, i)),
		PostNAPTDestinationPort:   uint16(value(p.PostNaptDestinationPort, i)),
		NATEvent:                  uint8(value(p.NatEvent, i)),
		ApplicationName:           b.string(value(p.ApplicationName, i)),
		DomainName:                b.string(value(p.DomainName, i)),
		DomainSource:              landfallv1.DomainSource(value(p.DomainSource, i)),
	}
}

// intern returns the index of s in the batch's strings, counted from 1.
func (b *Batch) intern(s string) uint32 {
	if s == "" {
		return 0
	}
	if i, ok := b.strings[s]; ok {
		return i
	}
	if len(b.pb.Strings) >= maxStrings {
		return 0
	}
	if b.strings == nil {
		b.strings = make(map[string]uint32)
	}
	b.pb.Strings = append(b.pb.Strings, s)
	i := uint32(len(b.pb.Strings))
	b.strings[s] = i
	return i
}

func (b *Batch) string(i uint32) string {
	if i == 0 {
		return ""
	}
	return b.pb.Strings[i-1]
}

func value[T any](column []T, i int) T {
	if len(column) == 0 {
		var zero T
		return zero
	}
	return column[i]
}

// AddrSize is the length of one address in an address column.
const AddrSize = 16

// Addr returns address i of an address column, unmapped; the zero Addr where it is not given.
func Addr(column []byte, i int) netip.Addr {
	if len(column) == 0 {
		return netip.Addr{}
	}
	a := [AddrSize]byte(column[i*AddrSize:])
	if a == ([AddrSize]byte{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(a).Unmap()
}

// appendAddr writes an address as 16 bytes; the zero Addr as 16 zero bytes.
func appendAddr(column []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(column, make([]byte, AddrSize)...)
	}
	b := a.As16()
	return append(column, b[:]...)
}
