package netflow

import (
	"bytes"
	"math/bits"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	gonetflow "github.com/netsampler/goflow2/v2/decoders/netflow"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// data decodes a data set, record by record.
func (d *Decoder) data(id uint16, set []byte) {
	m := &d.m
	t := m.domain.templates[id]
	if t == nil {
		m.result.Refuse(ReasonTemplateMissing)
		m.uncounted = true
		d.missing = append(d.missing, Template{m.domainID, id})
		return
	}
	t.seen = m.receivedMs
	for len(set) >= t.least {
		size, ok := t.recordSize(set)
		if !ok {
			break
		}
		m.work += len(t.fields)
		if m.records >= uint32(d.limits.RecordsPerDatagram) || m.work > d.limits.WorkPerDatagram {
			m.result.Refuse(ReasonRecordRefused)
			m.uncounted = true
			return
		}
		m.records++
		m.reader = *bytes.NewBuffer(set[:size])
		set = set[size:]
		fields, err := gonetflow.DecodeDataSetUsingFields(m.version, &m.reader, t.fields)
		if err != nil || len(fields) != len(t.elements) {
			m.result.Refuse(ReasonRecordRefused)
			continue
		}
		v := &m.values
		v.reset()
		for i := range fields {
			if b, ok := fields[i].Value.([]byte); ok {
				v.put(t.elements[i], b)
			}
		}
		if t.options {
			d.learnOptions()
		} else {
			m.flow(t)
		}
	}
	// What is left is padding, which is shorter than a record (RFC 7011, 3.3.1), or a record cut off.
	if len(set) >= t.least || !zero(set) {
		m.result.Refuse(ReasonMalformed)
		m.uncounted = true
	}
}

// flow makes a flow of the record's values.
func (m *message) flow(t *template) {
	v, r := &m.values, &m.record
	m.result.UnknownElements += v.unknown
	octets, packets, reverseOctets, reversePackets := v.counters(t.bothWays(v))
	if !v.address(slotSource).IsValid() && !v.address(slotDestination).IsValid() && octets|packets|reverseOctets|reversePackets == 0 {
		m.result.Refuse(ReasonRecordRefused) // a report of something else than a flow
		return
	}
	*r = flow.Record{
		Exporter:           m.exporterAddress,
		ObservationDomain:  m.domainID,
		ExportProtocol:     m.protocol,
		SourceAddress:      v.address(slotSource),
		DestinationAddress: v.address(slotDestination),
		SourcePort:         uint16(v.first(slotSourcePort, slotTransportSourcePort)),
		DestinationPort:    uint16(v.first(slotDestinationPort, slotTransportDestinationPort)),
		IPProtocol:         uint8(v.n[slotProtocol]),
		TCPFlags:           uint8(v.n[slotTCPFlags]),
		IPClassOfService:   uint8(v.n[slotClassOfService]),
		// The MACs on the ends' own links. Where a router meters, the destination's is the one that it
		// sends to (57), the other (80) its own; its own is also the source it sends with (81), so that
		// one says nothing of a handset.
		SourceMAC:                 v.n[slotSourceMAC] & macMask,
		DestinationMAC:            v.firstNonZero(slotPostDestinationMAC, slotDestinationMAC) & macMask,
		VLANID:                    uint16(v.firstNonZero(slotVLAN, slotDot1qVLAN, slotPostVLAN, slotPostDot1qVLAN) & 0xfff),
		IngressInterface:          uint32(v.first(slotIngress, slotIngressPhysical)),
		EgressInterface:           uint32(v.first(slotEgress, slotEgressPhysical)),
		Octets:                    octets,
		Packets:                   packets,
		ReverseOctets:             reverseOctets,
		ReversePackets:            reversePackets,
		SamplingInterval:          m.samplingInterval(),
		NextHopAddress:            given(v.address(slotNextHop), v.address(slotBGPNextHop)),
		BGPSourceAS:               uint32(v.n[slotSourceAS]),
		BGPDestinationAS:          uint32(v.n[slotDestinationAS]),
		PostNATSourceAddress:      given(v.address(slotNATSource)),
		PostNATDestinationAddress: given(v.address(slotNATDestination)),
		PostNAPTSourcePort:        uint16(v.n[slotNATSourcePort]),
		PostNAPTDestinationPort:   uint16(v.n[slotNATDestinationPort]),
		NATEvent:                  uint8(v.n[slotNATEvent]),
		ApplicationName:           m.applicationName(),
		DomainName:                text(v.name(slotDomainName)),
	}
	if v.has(slotDirection) {
		switch v.n[slotDirection] {
		case 0:
			r.FlowDirection = landfallv1.FlowDirection_FLOW_DIRECTION_INGRESS
		case 1:
			r.FlowDirection = landfallv1.FlowDirection_FLOW_DIRECTION_EGRESS
		}
	}
	m.times()
	m.append()
}

const macMask = 1<<48 - 1

// counters gives octets and packets from source to destination, and from destination to source.
//
// Which elements those are depends on the exporter. Initiator and responder (ASA) say both. Beside
// octetDeltaCount, the reverse direction is RFC 5103's or, in exporters that send OUT_BYTES with the
// octets of the way back (nProbe; bothWays), that. OUT_BYTES alone is an exporter at the egress of
// an interface. Totals count for the exporters that give nothing else.
func (v *values) counters(bothWays bool) (octets, packets, reverseOctets, reversePackets uint64) {
	pick := func(initiator, responder, delta, reverse, out, total, reverseTotal slot) (uint64, uint64) {
		switch {
		case v.has(initiator) && v.has(responder):
			return v.n[initiator], v.n[responder]
		case v.has(delta) && bothWays && !v.has(reverse):
			return v.n[delta], v.n[out]
		case v.has(delta):
			return v.n[delta], v.n[reverse]
		case v.has(out):
			return v.n[out], v.n[reverse]
		case v.has(reverse):
			return 0, v.n[reverse]
		case v.has(total) || v.has(reverseTotal):
			return v.n[total], v.n[reverseTotal]
		}
		return v.n[initiator], v.n[responder]
	}
	octets, reverseOctets = pick(slotInitiatorOctets, slotResponderOctets, slotOctets, slotReverseOctets, slotOutOctets,
		slotTotalOctets, slotReverseTotalOctets)
	packets, reversePackets = pick(slotInitiatorPackets, slotResponderPackets, slotPackets, slotReversePackets, slotOutPackets,
		slotTotalPackets, slotReverseTotalPackets)
	return octets, packets, reverseOctets, reversePackets
}

// bothWays reports whether OUT_BYTES beside IN_BYTES is the way back.
//
// In IANA's registry it is not: postOctetDeltaCount is the same direction, counted after a
// middlebox, and a FortiGate sends the two equal, in a record for each direction. nProbe and its kin
// send one record for both directions. The records of the template tell: those of a middlebox are
// nearly all equal, those of the two ways nearly all differ. Taking it wrong either loses the way
// back or counts everything twice.
func (t *template) bothWays(v *values) bool {
	if v.n[slotOctets] > 0 && v.n[slotOutOctets] > 0 {
		if v.n[slotOctets] == v.n[slotOutOctets] && v.n[slotPackets] == v.n[slotOutPackets] {
			t.equal++
		} else {
			t.unequal++
		}
		if t.equal+t.unequal > 1024 {
			t.equal, t.unequal = t.equal/2, t.unequal/2
		}
	}
	return t.unequal >= t.equal
}

// absurdScaled is more than any flow has, in octets or packets: a petabyte. A counter above it is
// an exporter's fault, and one of them would drown all true figures.
const absurdScaled = 1 << 50

// append adds the record, whose times are set, to the batch, unless its counters are absurd.
func (m *message) append() {
	r := &m.record
	if Absurd(r) {
		m.result.Refuse(ReasonAbsurdCounter)
		return
	}
	m.out.Append(r)
	m.result.Flows++
}

// Absurd reports whether a counter of r, multiplied by the sampling interval, exceeds 2^50.
func Absurd(r *flow.Record) bool {
	for _, n := range [...]uint64{r.Octets, r.Packets, r.ReverseOctets, r.ReversePackets} {
		if high, low := bits.Mul64(n, uint64(max(r.SamplingInterval, 1))); high != 0 || low > absurdScaled {
			return true
		}
	}
	return false
}
