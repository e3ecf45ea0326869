package flow

import (
	"errors"
	"fmt"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// AppendMarshal appends the batch as a Kafka message to dst. Columns that are zero for every flow
// are left out.
func (b *Batch) AppendMarshal(dst []byte) ([]byte, error) {
	lean := b.lean()
	size := lean.SizeVT()
	start := len(dst)
	if cap(dst)-start < size {
		dst = append(make([]byte, 0, start+size), dst...)
	}
	dst = dst[:start+size]
	n, err := lean.MarshalToSizedBufferVT(dst[start:])
	if err != nil {
		return nil, fmt.Errorf("marshal flow batch: %w", err)
	}
	return dst[:start+n], nil
}

// Unmarshal replaces the batch by a Kafka message's and checks it: nothing that it accepts can make
// At panic.
func (b *Batch) Unmarshal(message []byte) error {
	b.Reset()
	if err := ScanLedger(message); err != nil {
		return fmt.Errorf("flow batch: %w", err)
	}
	if err := b.pb.UnmarshalVT(message); err != nil {
		b.Reset()
		return fmt.Errorf("unmarshal flow batch: %w", err)
	}
	if err := validate(&b.pb); err != nil {
		b.Reset()
		return fmt.Errorf("flow batch: %w", err)
	}
	return nil
}

// lean returns a shallow copy without the columns that hold only zeros.
func (b *Batch) lean() *landfallv1.FlowBatch {
	p := &b.pb
	return &landfallv1.FlowBatch{
		SchemaVersion: p.SchemaVersion, Origin: p.Origin, Operator: p.Operator, Site: p.Site, ReceivedMs: p.ReceivedMs, Count: p.Count,
		Exporter:                  dropZeros(p.Exporter),
		ObservationDomain:         dropZeros(p.ObservationDomain),
		ExportProtocol:            dropZeros(p.ExportProtocol),
		SourceAddress:             dropZeros(p.SourceAddress),
		DestinationAddress:        dropZeros(p.DestinationAddress),
		SourcePort:                dropZeros(p.SourcePort),
		DestinationPort:           dropZeros(p.DestinationPort),
		IpProtocol:                dropZeros(p.IpProtocol),
		TcpFlags:                  dropZeros(p.TcpFlags),
		IpClassOfService:          dropZeros(p.IpClassOfService),
		SourceMac:                 dropZeros(p.SourceMac),
		DestinationMac:            dropZeros(p.DestinationMac),
		VlanId:                    dropZeros(p.VlanId),
		IngressInterface:          dropZeros(p.IngressInterface),
		EgressInterface:           dropZeros(p.EgressInterface),
		FlowDirection:             dropZeros(p.FlowDirection),
		Octets:                    dropZeros(p.Octets),
		Packets:                   dropZeros(p.Packets),
		ReverseOctets:             dropZeros(p.ReverseOctets),
		ReversePackets:            dropZeros(p.ReversePackets),
		StartMs:                   dropZeros(p.StartMs),
		EndMs:                     dropZeros(p.EndMs),
		SamplingInterval:          dropZeros(p.SamplingInterval),
		NextHopAddress:            dropZeros(p.NextHopAddress),
		BgpSourceAs:               dropZeros(p.BgpSourceAs),
		BgpDestinationAs:          dropZeros(p.BgpDestinationAs),
		PostNatSourceAddress:      dropZeros(p.PostNatSourceAddress),
		PostNatDestinationAddress: dropZeros(p.PostNatDestinationAddress),
		PostNaptSourcePort:        dropZeros(p.PostNaptSourcePort),
		PostNaptDestinationPort:   dropZeros(p.PostNaptDestinationPort),
		NatEvent:                  dropZeros(p.NatEvent),
		ApplicationName:           dropZeros(p.ApplicationName),
		DomainName:                dropZeros(p.DomainName),
		DomainSource:              dropZeros(p.DomainSource),
		Strings:                   p.Strings,
		Ledger:                    p.Ledger,
	}
}

func dropZeros[T comparable](column []T) []T {
	var zero T
	for _, v := range column {
		if v != zero {
			return column
		}
	}
	return nil
}

func validate(p *landfallv1.FlowBatch) error {
	if p.SchemaVersion != SchemaVersion {
		return fmt.Errorf("%w %d, this version reads %d", ErrSchemaVersion, p.SchemaVersion, SchemaVersion)
	}
	if p.Origin == nil || p.Origin.Collector == "" || p.Origin.Sequence == 0 {
		return errors.New("no origin (collector and sequence)")
	}
	if p.Count > MaxFlows {
		return fmt.Errorf("%d flows, at most %d are read", p.Count, MaxFlows)
	}
	var errs []error
	column := func(name string, length, each int) {
		if length != 0 && length != int(p.Count)*each {
			errs = append(errs, fmt.Errorf("column %s has length %d, %d flows", name, length, p.Count))
		}
	}
	column("exporter", len(p.Exporter), AddrSize)
	column("observation_domain", len(p.ObservationDomain), 1)
	column("export_protocol", len(p.ExportProtocol), 1)
	column("source_address", len(p.SourceAddress), AddrSize)
	column("destination_address", len(p.DestinationAddress), AddrSize)
	column("source_port", len(p.SourcePort), 1)
	column("destination_port", len(p.DestinationPort), 1)
	column("ip_protocol", len(p.IpProtocol), 1)
	column("tcp_flags", len(p.TcpFlags), 1)
	column("ip_class_of_service", len(p.IpClassOfService), 1)
	column("source_mac", len(p.SourceMac), 1)
	column("destination_mac", len(p.DestinationMac), 1)
	column("vlan_id", len(p.VlanId), 1)
	column("ingress_interface", len(p.IngressInterface), 1)
	column("egress_interface", len(p.EgressInterface), 1)
	column("flow_direction", len(p.FlowDirection), 1)
	column("octets", len(p.Octets), 1)
	column("packets", len(p.Packets), 1)
	column("reverse_octets", len(p.ReverseOctets), 1)
	column("reverse_packets", len(p.ReversePackets), 1)
	column("start_ms", len(p.StartMs), 1)
	column("end_ms", len(p.EndMs), 1)
	column("sampling_interval", len(p.SamplingInterval), 1)
	column("next_hop_address", len(p.NextHopAddress), AddrSize)
	column("bgp_source_as", len(p.BgpSourceAs), 1)
	column("bgp_destination_as", len(p.BgpDestinationAs), 1)
	column("post_nat_source_address", len(p.PostNatSourceAddress), AddrSize)
	column("post_nat_destination_address", len(p.PostNatDestinationAddress), AddrSize)
	column("post_napt_source_port", len(p.PostNaptSourcePort), 1)
	column("post_napt_destination_port", len(p.PostNaptDestinationPort), 1)
	column("nat_event", len(p.NatEvent), 1)
	column("application_name", len(p.ApplicationName), 1)
	column("domain_name", len(p.DomainName), 1)
	column("domain_source", len(p.DomainSource), 1)
	for _, names := range [][]uint32{p.ApplicationName, p.DomainName} {
		for _, i := range names {
			if int(i) > len(p.Strings) {
				errs = append(errs, fmt.Errorf("name %d of %d", i, len(p.Strings)))
				return errors.Join(errs...)
			}
		}
	}
	for i, source := range p.DomainSource {
		switch {
		case source > uint32(landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS):
			errs = append(errs, fmt.Errorf("domain source %d", source))
			return errors.Join(errs...)
		case source != 0 && (i >= len(p.DomainName) || p.DomainName[i] == 0):
			errs = append(errs, fmt.Errorf("domain source %d of no name", source))
			return errors.Join(errs...)
		}
	}
	errs = append(errs, ValidateLedger(p.Ledger))
	return errors.Join(errs...)
}
