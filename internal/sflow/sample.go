package sflow

import (
	"bytes"
	"net/netip"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	gosflow "github.com/netsampler/goflow2/v2/decoders/sflow"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
)

// sample is what the records of one flow sample say of its packet.
type sample struct {
	ip       packet // from the raw header, or else from the sampled IPv4 or IPv6 record
	raw      bool   // ip is from the raw header
	reader   bytes.Buffer
	ethernet gosflow.SampledEthernet
	vlan     uint16
	nextHop  netip.Addr
	sourceAS uint32
	destAS   uint32
}

// decodeSample decodes one sample, expanded or not.
func (d *Decoder) decodeSample(format uint32, body []byte, receivedMs int64, out *flow.Batch) {
	r := &d.result
	expanded := false
	switch format {
	case gosflow.SAMPLE_FORMAT_FLOW:
	case gosflow.SAMPLE_FORMAT_EXPANDED_FLOW:
		expanded = true
	case gosflow.SAMPLE_FORMAT_COUNTER, gosflow.SAMPLE_FORMAT_EXPANDED_COUNTER:
		r.CounterSamples++
		return
	default: // a vendor's own, or of packets that were dropped: no flows
		r.UnknownElements++
		return
	}
	in := reader{body}
	_, _ = in.uint32() // the sample's sequence number
	source, _ := in.uint32()
	if expanded {
		source, _ = in.uint32() // after its type
	} else {
		source &= 0x00ffffff
	}
	rate, _ := in.uint32()
	_, _ = in.uint32() // pool
	_, _ = in.uint32() // drops
	input, output := in.interfaceIndex(expanded), in.interfaceIndex(expanded)
	count, ok := in.uint32()
	if !ok {
		r.Refuse(netflow.ReasonMalformed)
		return
	}
	if count > uint32(d.limits.RecordsPerSample) {
		r.Refuse(netflow.ReasonMalformed)
		count = uint32(d.limits.RecordsPerSample)
	}
	s := &d.sample
	*s = sample{}
	for range count {
		kind, _ := in.uint32()
		length, ok := in.uint32()
		record, fits := in.bytes(length)
		if !ok || !fits {
			r.Refuse(netflow.ReasonMalformed)
			break
		}
		s.take(kind, record, r)
	}
	if !s.ip.source.IsValid() {
		r.Refuse(netflow.ReasonNotIP)
		return
	}
	p := &s.ip
	f := &d.record
	*f = flow.Record{
		Exporter:           r.Exporter,
		ObservationDomain:  r.Domain,
		ExportProtocol:     landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW,
		SourceAddress:      p.source,
		DestinationAddress: p.destination,
		SourcePort:         p.sourcePort,
		DestinationPort:    p.destinationPort,
		IPProtocol:         p.protocol,
		TCPFlags:           p.tcpFlags,
		IPClassOfService:   p.classOfService,
		SourceMAC:          p.sourceMAC,
		DestinationMAC:     p.destinationMAC,
		VLANID:             p.vlan,
		IngressInterface:   input,
		EgressInterface:    output,
		Octets:             uint64(p.length),
		Packets:            1,
		StartMs:            receivedMs,
		EndMs:              receivedMs,
		SamplingInterval:   rate,
		NextHopAddress:     s.nextHop,
		BGPSourceAS:        s.sourceAS,
		BGPDestinationAS:   s.destAS,
	}
	if f.VLANID == 0 {
		f.VLANID = s.vlan
	}
	if f.SourceMAC == 0 && len(s.ethernet.SrcMac) == 6 {
		f.SourceMAC, f.DestinationMAC = mac(s.ethernet.SrcMac), mac(s.ethernet.DstMac)
	}
	switch source {
	case input:
		f.FlowDirection = landfallv1.FlowDirection_FLOW_DIRECTION_INGRESS
	case output:
		f.FlowDirection = landfallv1.FlowDirection_FLOW_DIRECTION_EGRESS
	}
	if netflow.Absurd(f) {
		r.Refuse(netflow.ReasonAbsurdCounter)
		return
	}
	out.Append(f)
	r.Flows++
}

// interfaceIndex reads an interface: an index, or 0 for what is none (dropped, to many, unknown).
func (r *reader) interfaceIndex(expanded bool) uint32 {
	if expanded {
		kind, _ := r.uint32()
		v, _ := r.uint32()
		if kind != 0 || v == 0xffffffff {
			return 0
		}
		return v
	}
	v, _ := r.uint32()
	if v>>30 != 0 || v == 0x3fffffff {
		return 0
	}
	return v
}

// take reads one record of a flow sample with goflow2. The kinds that are not wanted are passed
// over without a look.
func (s *sample) take(kind uint32, record []byte, r *netflow.Result) {
	switch kind {
	case gosflow.FLOW_TYPE_RAW, gosflow.FLOW_TYPE_ETH, gosflow.FLOW_TYPE_IPV4, gosflow.FLOW_TYPE_IPV6,
		gosflow.FLOW_TYPE_EXT_SWITCH, gosflow.FLOW_TYPE_EXT_ROUTER, gosflow.FLOW_TYPE_EXT_GATEWAY:
	default:
		r.UnknownElements++
		return
	}
	s.reader = *bytes.NewBuffer(record)
	header := gosflow.RecordHeader{DataFormat: kind, Length: uint32(len(record))}
	decoded, err := gosflow.DecodeFlowRecord(&header, &s.reader)
	if err != nil {
		r.Refuse(netflow.ReasonMalformed)
		return
	}
	switch v := decoded.Data.(type) {
	case gosflow.SampledHeader:
		frame := v.HeaderData
		if uint64(v.OriginalLength) < uint64(len(frame)) {
			frame = frame[:v.OriginalLength] // the rest is XDR's padding
		}
		if p, ok := parse(v.Protocol, frame, v.FrameLength-min(v.FrameLength, v.Stripped)); ok {
			s.ip, s.raw = p, true
		}
	case gosflow.SampledEthernet:
		s.ethernet = v
	case gosflow.SampledIPv4:
		s.sampledIP(&v.SampledIPBase, v.Tos)
	case gosflow.SampledIPv6:
		s.sampledIP(&v.SampledIPBase, v.Priority)
	case gosflow.ExtendedSwitch:
		s.vlan = uint16(v.SrcVlan & 0xfff)
	case gosflow.ExtendedRouter:
		if a, ok := netip.AddrFromSlice(v.NextHop); ok && !a.IsUnspecified() {
			s.nextHop = a.Unmap()
		}
	case gosflow.ExtendedGateway:
		s.sourceAS = v.SrcAS
		if n := len(v.ASPath); n > 0 {
			s.destAS = v.ASPath[n-1]
		}
	}
}

func (s *sample) sampledIP(v *gosflow.SampledIPBase, tos uint32) {
	if s.raw {
		return
	}
	source, _ := netip.AddrFromSlice(v.SrcIP)
	destination, _ := netip.AddrFromSlice(v.DstIP)
	s.ip = packet{
		source: source.Unmap(), destination: destination.Unmap(), length: v.Length, protocol: uint8(v.Protocol),
		sourcePort: uint16(v.SrcPort), destinationPort: uint16(v.DstPort), tcpFlags: uint8(v.TcpFlags), classOfService: uint8(tos),
	}
}
