// Package enrich turns a flow batch into an enriched batch: it finds the handset's end of each flow
// and attaches vendor, place and network, with the evidence for each.
//
// It knows the tables it looks up and nothing of where they come from, of Kafka or of ClickHouse.
package enrich

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/attribution"
	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

// SchemaVersion is the layout of the enriched batches that are written.
const SchemaVersion = 1

// Tables is what flows are judged by, for the flows that begin in an era.
type Tables struct {
	Subscribers *bart.Lite
	Places      *geo.Table
	Devices     *device.Resolver
	Policy      *policy.Policy // nil: there is none, and no verdict
	Versions    []*landfallv1.DataSetVersion

	// The era, in milliseconds since 1970: from SinceMs to before UntilMs. 0 is open.
	SinceMs, UntilMs int64
}

// Enricher enriches batches one after the other; it is for one goroutine and keeps its memory.
type Enricher struct {
	pseudonyms *pseudonym.Maker
	nameHint   func(name string) policy.Where // attribution.Hint
	out        landfallv1.EnrichedBatch
	record     flow.Record

	// Of the batch at hand. What is in out's dictionaries never changes once it is there.
	epochs   []*epoch // the first used ones
	used     int
	tables   []*Tables // by data_set
	networks map[*geo.AS]uint32
	located  [][]policy.Where // by index in out.Places: the place, and the others that sources say
	hinted   []uint32         // by index of the name, see hint
	hints    []policy.Where
	hintIDs  map[policy.Where]uint32
	sides    Sides
}

// Sides counts the flows of a batch by landfallv1.HandsetSide.
type Sides [4]int

// New returns an enricher that makes pseudonyms with key.
func New(key pseudonym.Key) *Enricher {
	return &Enricher{
		pseudonyms: pseudonym.NewMaker(key), nameHint: attribution.Hint,
		networks: make(map[*geo.AS]uint32), hintIDs: make(map[policy.Where]uint32),
	}
}

// Enrich returns the enriched form of in, made from the message that source names. The result and
// its columns are the enricher's: they are valid until the next call.
//
// at gives the tables in force when a flow began, the same pointer for the same era. It is asked only
// for times outside of the eras of the tables that it gave for this batch.
func (e *Enricher) Enrich(in *flow.Batch, source *landfallv1.Source, at func(startMs int64) *Tables) (*landfallv1.EnrichedBatch, Sides) {
	out, columns := &e.out, in.Columns()
	e.reset()

	out.SchemaVersion = SchemaVersion
	out.Origin, out.Source, out.Site = columns.Origin, source, columns.Site
	out.Operator, out.Ledger = columns.Operator, columns.Ledger
	out.ReceivedMs, out.Count = columns.ReceivedMs, columns.Count

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
	out.DomainSource = append(out.DomainSource, columns.DomainSource...)
	out.Strings = append(out.Strings, columns.Strings...)

	e.beginHints(len(columns.Strings))
	now := e.enter(firstStart(in), at)
	for i := range in.Len() {
		in.At(i, &e.record)
		if start := e.record.StartMs; start < now.since || start >= now.until {
			now = e.enter(start, at)
		}
		e.append(&e.record, now, e.hint(columns, i))
	}
	e.nameTables()
	return out, e.sides
}

// reset forgets the batch before.
func (e *Enricher) reset() {
	out := &e.out
	out.DataSets = nil // those of the tables, which a reset would empty for everyone
	for _, older := range out.OlderDataSets {
		older.Sets = nil
	}
	out.Ledger = nil // in's, likewise
	out.ResetVT()
	for _, p := range e.epochs[:e.used] {
		p.clear()
	}
	e.used = 0
	clear(e.tables)
	e.tables = e.tables[:0]
	clear(e.networks)
	clear(e.located)
	e.located = e.located[:0]
	e.sides = Sides{}
}

// firstStart is the start of the first flow; without flows, the tables of the arrival are named.
func firstStart(in *flow.Batch) int64 {
	columns := in.Columns()
	if in.Len() > 0 && len(columns.StartMs) > 0 {
		return columns.StartMs[0]
	}
	if in.Len() > 0 {
		return 0
	}
	return columns.ReceivedMs
}

// nameTables writes down which data sets judged, and leaves out columns that say nothing.
func (e *Enricher) nameTables() {
	out, judged := &e.out, false
	out.DataSets = e.tables[0].Versions
	for i, t := range e.tables {
		judged = judged || t.Policy != nil
		if i > 0 {
			out.OlderDataSets = append(out.OlderDataSets, &landfallv1.DataSets{Sets: t.Versions})
		}
	}
	if len(e.tables) == 1 {
		out.DataSet = out.DataSet[:0]
	}
	if !judged {
		out.Verdict = out.Verdict[:0]
	}
}

// append judges one flow and adds it to the columns that depend on the handset's side.
func (e *Enricher) append(r *flow.Record, now *epoch, hint uint32) {
	t := now.tables
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
	answer := t.Places.Lookup(remote)
	key := cellKey{answer: answer.ID, vendor: vendor.ID, hint: hint}
	cell, known := now.find(key)
	if !known {
		cell = e.judge(now, key, vendor, answer)
	}
	if side == landfallv1.HandsetSide_HANDSET_SIDE_BOTH {
		remote = netip.Addr{} // a subscriber's address, too
	}

	out := &e.out
	out.HandsetSide = append(out.HandsetSide, uint32(side))
	out.Subscriber = append(out.Subscriber, subscriber)
	out.Vendor = append(out.Vendor, cell.vendor)
	address := as16(remote)
	out.RemoteAddress = append(out.RemoteAddress, address[:]...)
	out.RemotePort = append(out.RemotePort, uint32(remotePort))
	out.Place = append(out.Place, cell.place)
	out.Network = append(out.Network, cell.network)
	out.Verdict = append(out.Verdict, cell.verdict)
	out.DataSet = append(out.DataSet, now.dataSet)
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

func as16(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}
