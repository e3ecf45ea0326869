// Package enrich turns a flow batch into an enriched batch: it finds the handset's end of each flow
// and attaches vendor, place and network, with the evidence for each.
//
// It knows the tables it looks up and nothing of where they come from, of Kafka or of ClickHouse.
package enrich

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/geo"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

// SchemaVersion is the layout of the enriched batches that are written.
const SchemaVersion = 1

// Tables is what flows are judged by. One Tables serves a whole batch, so that all its flows carry
// the same data-set versions.
type Tables struct {
	Subscribers *bart.Lite
	Places      *geo.Table
	Devices     *device.Resolver
	Versions    []*landfallv1.DataSetVersion
}

// Enricher enriches batches one after the other; it is for one goroutine and keeps its memory.
type Enricher struct {
	pseudonyms *pseudonym.Maker
	out        landfallv1.EnrichedBatch
	record     flow.Record

	vendors  map[uint32]uint32 // by device.Attribution.ID
	places   map[placeKey]uint32
	networks map[*geo.AS]uint32
	answers  map[uint32]indexes // by geo.Answer.ID
	sides    Sides
}

// Sides counts the flows of a batch by landfallv1.HandsetSide.
type Sides [4]int

// indexes are an answer's place and network among those of the batch.
type indexes struct{ place, network uint32 }

type placeKey struct {
	place      *geo.Place
	method     geo.Method
	confidence geo.Confidence
}

// New returns an enricher that makes pseudonyms with key.
func New(key pseudonym.Key) *Enricher {
	return &Enricher{
		pseudonyms: pseudonym.NewMaker(key),
		vendors:    make(map[uint32]uint32),
		places:     make(map[placeKey]uint32),
		networks:   make(map[*geo.AS]uint32),
		answers:    make(map[uint32]indexes),
	}
}

// Enrich returns the enriched form of in, made from the message that source names. The result and
// its columns are the enricher's: they are valid until the next call.
func (e *Enricher) Enrich(in *flow.Batch, source *landfallv1.Source, t *Tables) (*landfallv1.EnrichedBatch, Sides) {
	out, columns := &e.out, in.Columns()
	out.DataSets = nil // those of the tables, which a reset would empty for everyone
	out.Ledger = nil   // in's, likewise
	out.ResetVT()
	clear(e.vendors)
	clear(e.places)
	clear(e.networks)
	clear(e.answers)
	e.sides = Sides{}

	out.SchemaVersion = SchemaVersion
	out.Origin, out.Source, out.Site = columns.Origin, source, columns.Site
	out.Operator, out.Ledger = columns.Operator, columns.Ledger
	out.ReceivedMs, out.Count = columns.ReceivedMs, columns.Count
	out.DataSets = t.Versions

	// What is the same before and after is carried over as it is.
	out.Exporter = append(out.Exporter, columns.Exporter...)
	out.ObservationDomain = append(out.ObservationDomain, columns.ObservationDomain...)
	out.ExportProtocol = append(out.ExportProtocol, columns.ExportProtocol...)
	out.StartMs = append(out.StartMs, columns.StartMs...)
	out.EndMs = append(out.EndMs, columns.EndMs...)
	out.IpProtocol = append(out.IpProtocol, columns.IpProtocol...)
	out.TcpFlags = append(out.TcpFlags, columns.TcpFlags...)
	out.ApplicationName = append(out.ApplicationName, columns.ApplicationName...)
	out.DomainName = append(out.DomainName, columns.DomainName...)
	out.Strings = append(out.Strings, columns.Strings...)

	for i := range in.Len() {
		in.At(i, &e.record)
		e.append(&e.record, t)
	}
	return out, e.sides
}

// append judges one flow and adds it to the columns that depend on the handset's side.
func (e *Enricher) append(r *flow.Record, t *Tables) {
	side := handsetSide(r, t.Subscribers)
	e.sides[side]++

	handset, mac, remote, remotePort := r.SourceAddress, r.SourceMAC, r.DestinationAddress, r.DestinationPort
	up, packetsUp, down, packetsDown := r.Octets, r.Packets, r.ReverseOctets, r.ReversePackets
	if side == landfallv1.HandsetSide_HANDSET_SIDE_DESTINATION {
		handset, mac, remote, remotePort = r.DestinationAddress, r.DestinationMAC, r.SourceAddress, r.SourcePort
		up, packetsUp, down, packetsDown = r.ReverseOctets, r.ReversePackets, r.Octets, r.Packets
	}

	var vendor device.Attribution
	var subscriber uint64
	if side == landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED {
		vendor = t.Devices.Lookup(0)
	} else {
		vendor = t.Devices.Resolve(handset, mac)
		subscriber = e.pseudonyms.Subscriber(handset, r.StartMs)
	}
	where := e.where(t.Places.Lookup(remote))
	if side == landfallv1.HandsetSide_HANDSET_SIDE_BOTH {
		remote = netip.Addr{} // a subscriber's address, too
	}

	out := &e.out
	out.HandsetSide = append(out.HandsetSide, uint32(side))
	out.Subscriber = append(out.Subscriber, subscriber)
	out.Vendor = append(out.Vendor, e.vendorIndex(vendor))
	address := as16(remote)
	out.RemoteAddress = append(out.RemoteAddress, address[:]...)
	out.RemotePort = append(out.RemotePort, uint32(remotePort))
	out.Place = append(out.Place, where.place)
	out.Network = append(out.Network, where.network)
	out.OctetsUp = append(out.OctetsUp, up)
	out.PacketsUp = append(out.PacketsUp, packetsUp)
	out.OctetsDown = append(out.OctetsDown, down)
	out.PacketsDown = append(out.PacketsDown, packetsDown)
	out.SamplingInterval = append(out.SamplingInterval, max(1, r.SamplingInterval))
}

func handsetSide(r *flow.Record, subscribers *bart.Lite) landfallv1.HandsetSide {
	source, destination := subscribers.Lookup(r.SourceAddress), subscribers.Lookup(r.DestinationAddress)
	switch {
	case source && destination:
		return landfallv1.HandsetSide_HANDSET_SIDE_BOTH
	case source:
		return landfallv1.HandsetSide_HANDSET_SIDE_SOURCE
	case destination:
		return landfallv1.HandsetSide_HANDSET_SIDE_DESTINATION
	}
	return landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED
}

func (e *Enricher) vendorIndex(a device.Attribution) uint32 {
	i, ok := e.vendors[a.ID]
	if !ok {
		i = uint32(len(e.out.Vendors))
		e.vendors[a.ID] = i
		e.out.Vendors = append(e.out.Vendors, &landfallv1.Vendor{Name: a.Vendor, Method: a.Method.String()})
	}
	return i
}

func (e *Enricher) where(a geo.Answer) indexes {
	i, ok := e.answers[a.ID]
	if !ok {
		i = indexes{e.placeIndex(placeKey{a.Place, a.Method, a.Confidence}), e.networkIndex(a.AS)}
		e.answers[a.ID] = i
	}
	return i
}

func (e *Enricher) placeIndex(k placeKey) uint32 {
	i, ok := e.places[k]
	if !ok {
		i = uint32(len(e.out.Places))
		e.places[k] = i
		p := &landfallv1.Place{Method: k.method.String(), Confidence: k.confidence.String()}
		if k.place != nil {
			p.CountryCode, p.SubdivisionCode, p.City = k.place.CountryCode, k.place.SubdivisionCode, k.place.City
			p.CloudProvider, p.CloudRegion = k.place.CloudProvider, k.place.CloudRegion
		}
		e.out.Places = append(e.out.Places, p)
	}
	return i
}

func (e *Enricher) networkIndex(as *geo.AS) uint32 {
	i, ok := e.networks[as]
	if !ok {
		i = uint32(len(e.out.Networks))
		e.networks[as] = i
		n := &landfallv1.Network{}
		if as != nil {
			n.Asn, n.Organization = as.Number, as.Organization
		}
		e.out.Networks = append(e.out.Networks, n)
	}
	return i
}

func as16(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}
