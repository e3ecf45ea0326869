// Package flow holds the flow record and the columnar batch that all stages work on.
//
// It knows the layout of the batch (schemas/proto/landfall/v1/flow.proto) and nothing of the wire
// formats that records come from, of Kafka, or of what is made of them.
package flow

import (
	"net/netip"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Record is one flow as its exporter reported it. Names are those of IANA's IPFIX registry; a zero
// value means that the exporter did not give the element.
type Record struct {
	Exporter          netip.Addr // exporter's (sFlow: agent's) address
	ObservationDomain uint32
	ExportProtocol    landfallv1.ExportProtocol

	SourceAddress, DestinationAddress netip.Addr
	SourcePort, DestinationPort       uint16
	IPProtocol                        uint8
	TCPFlags                          uint8
	IPClassOfService                  uint8
	SourceMAC, DestinationMAC         uint64 // low 48 bits
	VLANID                            uint16
	IngressInterface, EgressInterface uint32
	FlowDirection                     landfallv1.FlowDirection

	// IP octets and packets, not multiplied by the sampling interval. Reverse counts run from the
	// destination to the source, where one record carries both.
	Octets, Packets               uint64
	ReverseOctets, ReversePackets uint64
	StartMs, EndMs                int64 // milliseconds since 1970

	// SamplingInterval is the number of packets that one observed packet stands for; 0: not said.
	SamplingInterval uint32

	NextHopAddress                                  netip.Addr
	BGPSourceAS, BGPDestinationAS                   uint32
	PostNATSourceAddress, PostNATDestinationAddress netip.Addr
	PostNAPTSourcePort, PostNAPTDestinationPort     uint16
	NATEvent                                        uint8

	ApplicationName string
	// DomainName is the remote's, in the form that DomainName (the function) gives; DomainSource says how
	// it is known. A batch takes a name without a source as the exporter's.
	DomainName   string
	DomainSource landfallv1.DomainSource
}
