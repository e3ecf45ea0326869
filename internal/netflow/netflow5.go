package netflow

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

const (
	headerNetFlow5 = 24
	recordNetFlow5 = 48
)

// netflow5 decodes Cisco's NetFlow v5. Only records that are whole are taken, whatever the header's
// count says: goflow2 would make up the others.
func (d *Decoder) netflow5(datagram []byte) {
	m := &d.m
	if len(datagram) < headerNetFlow5 {
		m.result.Refuse(ReasonShort)
		return
	}
	m.protocol = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V5
	m.uptime = binary.BigEndian.Uint32(datagram[4:])
	m.exported(binary.BigEndian.Uint32(datagram[8:]), binary.BigEndian.Uint32(datagram[12:]))
	count := binary.BigEndian.Uint16(datagram[2:])
	if !d.enter(uint32(binary.BigEndian.Uint16(datagram[20:]))) {
		return
	}
	m.observe(binary.BigEndian.Uint32(datagram[16:]), uint32(count), false, m.rebooted())
	if whole := (len(datagram) - headerNetFlow5) / recordNetFlow5; int(count) > whole {
		m.result.Refuse(ReasonMalformed)
		datagram = bytes.Clone(datagram)
		binary.BigEndian.PutUint16(datagram[2:], uint16(whole))
	}
	m.reader = *bytes.NewBuffer(datagram)
	var packet netflowlegacy.PacketNetFlowV5
	if err := netflowlegacy.DecodeMessageVersion(&m.reader, &packet); err != nil {
		m.result.Refuse(ReasonMalformed)
		return
	}
	for i := range packet.Records {
		m.appendNetFlow5(&packet, &packet.Records[i])
	}
}

func (m *message) appendNetFlow5(p *netflowlegacy.PacketNetFlowV5, in *netflowlegacy.RecordsNetFlowV5) {
	r := &m.record
	*r = flow.Record{
		Exporter:           m.exporterAddress,
		ObservationDomain:  m.domainID,
		ExportProtocol:     m.protocol,
		SourceAddress:      address4(uint32(in.SrcAddr)),
		DestinationAddress: address4(uint32(in.DstAddr)),
		SourcePort:         in.SrcPort,
		DestinationPort:    in.DstPort,
		IPProtocol:         in.Proto,
		TCPFlags:           in.TCPFlags,
		IPClassOfService:   in.Tos,
		IngressInterface:   uint32(in.Input),
		EgressInterface:    uint32(in.Output),
		Octets:             uint64(in.DOctets),
		Packets:            uint64(in.DPkts),
		// The upper two bits are the sampling mode.
		SamplingInterval: uint32(p.SamplingInterval & 0x3fff),
		BGPSourceAS:      uint32(in.SrcAS),
		BGPDestinationAS: uint32(in.DstAS),
	}
	if in.NextHop != 0 {
		r.NextHopAddress = address4(uint32(in.NextHop))
	}
	m.place(m.sinceBoot(in.First), m.sinceBoot(in.Last))
	m.append()
}

func address4(v uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	return netip.AddrFrom4(b)
}
