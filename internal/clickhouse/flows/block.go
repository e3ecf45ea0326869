package flows

import (
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The names of enumerations in the table, by their number in a batch.
var (
	exportProtocols = [...]string{"unknown", "netflow_v5", "netflow_v9", "ipfix", "sflow"}
	handsetSides    = [...]string{"none", "source", "destination", "both"}
	verdicts        = [...]string{"none", "domestic", "allowed", "restricted", "indeterminate"}
)

// Clock bounds how far the start of a flow may lie from its arrival. A flow outside of it comes from
// an exporter whose clock is wrong; it is counted at its arrival, so that no bytes are lost and no
// partitions of the year 2106 come into being.
type Clock struct {
	MaxAge   time.Duration // start before arrival
	MaxAhead time.Duration // start after arrival
}

// Corrected counts the flows of a batch that were moved to their arrival.
type Corrected struct{ TooOld, TooNew int }

// Block is what one plan inserts, in columns: rows of the flows table, and all that goes with them.
// Append fills it, Seal ends it, Inserts reads it. Reset keeps the columns' memory, so one Block
// serves a goroutine for ever.
type Block struct {
	clock Clock
	rows  int

	start, end, received, inserted                     proto.ColDateTime64
	exporter, remoteAddress                            proto.ColIPv6
	observationDomain, asn, samplingInterval           proto.ColUInt32
	subscriber                                         proto.ColUInt64
	octetsUp, packetsUp, octetsDown, packetsDown       proto.ColUInt64
	remotePort, generation                             proto.ColUInt16
	ipProtocol, tcpFlags                               proto.ColUInt8
	sourcePartition                                    proto.ColInt32
	sourceOffset                                       proto.ColInt64
	operator, site, exportProtocol, handsetSide        *lowCardinality
	vendor, vendorMethod                               *lowCardinality
	countryCode, subdivisionCode, city                 *lowCardinality
	cloudProvider, cloudRegion, placeMethod, certainty *lowCardinality
	asOrganization, applicationName, domainName        *lowCardinality
	dataSets, verdict                                  *lowCardinality

	names []*lowCardinality // all of them
	input proto.Input

	ledger  *ledger
	inserts []Insert

	// The keys of the batch being appended, by its own indexes.
	vendors      []vendorKeys
	places       []placeKeys
	networks     []networkKeys
	applications []uint32
	domains      []uint32
	text         strings.Builder
}

type (
	vendorKeys  struct{ name, method uint32 }
	placeKeys   struct{ country, subdivision, city, provider, region, method, confidence uint32 }
	networkKeys struct{ asn, organization uint32 }
)

// NewBlock returns an empty block.
func NewBlock(clock Clock) *Block {
	b := &Block{clock: clock, ledger: newLedger()}
	utc := func(c *proto.ColDateTime64) *proto.ColDateTime64 {
		c.WithPrecision(proto.PrecisionMilli)
		return c.WithLocation(time.UTC)
	}
	plain := func(name string, c proto.ColInput) {
		b.input = append(b.input, proto.InputColumn{Name: name, Data: c})
	}
	names := func(name string) *lowCardinality {
		c := newLowCardinality()
		b.names = append(b.names, c)
		plain(name, &c.native)
		return c
	}
	plain("start", utc(&b.start))
	plain("end", utc(&b.end))
	plain("received", utc(&b.received))
	b.operator = names("operator")
	b.site = names("site")
	plain("exporter", &b.exporter)
	plain("observation_domain", &b.observationDomain)
	b.exportProtocol = names("export_protocol")
	b.handsetSide = names("handset_side")
	plain("subscriber", &b.subscriber)
	b.vendor = names("vendor")
	b.vendorMethod = names("vendor_method")
	plain("remote_address", &b.remoteAddress)
	plain("remote_port", &b.remotePort)
	plain("ip_protocol", &b.ipProtocol)
	plain("tcp_flags", &b.tcpFlags)
	b.countryCode = names("country_code")
	b.subdivisionCode = names("subdivision_code")
	b.city = names("city")
	b.cloudProvider = names("cloud_provider")
	b.cloudRegion = names("cloud_region")
	b.placeMethod = names("place_method")
	b.certainty = names("confidence")
	plain("asn", &b.asn)
	b.asOrganization = names("as_organization")
	plain("octets_up", &b.octetsUp)
	plain("packets_up", &b.packetsUp)
	plain("octets_down", &b.octetsDown)
	plain("packets_down", &b.packetsDown)
	plain("sampling_interval", &b.samplingInterval)
	b.applicationName = names("application_name")
	b.domainName = names("domain_name")
	b.dataSets = names("data_sets")
	plain("source_partition", &b.sourcePartition)
	plain("source_offset", &b.sourceOffset)
	b.verdict = names("verdict")
	plain("inserted", utc(&b.inserted))
	plain("generation", &b.generation)
	return b
}

// Rows returns the number of flows.
func (b *Block) Rows() int { return b.rows }

// Empty reports whether there is nothing to insert: neither flows nor entries of the ledger.
func (b *Block) Empty() bool { return b.rows == 0 && b.ledger.empty() }

// Reset empties the block and keeps its memory.
func (b *Block) Reset() {
	b.rows = 0
	b.start.Data, b.end.Data, b.received.Data = b.start.Data[:0], b.end.Data[:0], b.received.Data[:0]
	b.exporter, b.remoteAddress = b.exporter[:0], b.remoteAddress[:0]
	b.observationDomain, b.asn, b.samplingInterval = b.observationDomain[:0], b.asn[:0], b.samplingInterval[:0]
	b.subscriber = b.subscriber[:0]
	b.octetsUp, b.packetsUp, b.octetsDown, b.packetsDown = b.octetsUp[:0], b.packetsUp[:0], b.octetsDown[:0], b.packetsDown[:0]
	b.inserted.Data, b.generation = b.inserted.Data[:0], b.generation[:0]
	b.remotePort, b.ipProtocol, b.tcpFlags = b.remotePort[:0], b.ipProtocol[:0], b.tcpFlags[:0]
	b.sourcePartition, b.sourceOffset = b.sourcePartition[:0], b.sourceOffset[:0]
	for _, c := range b.names {
		c.reset()
	}
	b.ledger.reset()
}

// Append adds the flows and the ledger of a batch that Validate accepted, which was read from that
// Kafka partition and offset.
func (b *Block) Append(p *landfallv1.EnrichedBatch, partition int32, offset int64) Corrected {
	n := int(p.Count)
	b.rows += n
	b.index(p)
	b.ledger.begin(p)
	corrected := b.appendTimes(p, n)

	b.exporter = addresses(b.exporter, p.Exporter, n)
	b.observationDomain = column(b.observationDomain, p.ObservationDomain, n)
	b.subscriber = column(b.subscriber, p.Subscriber, n)
	b.remoteAddress = addresses(b.remoteAddress, p.RemoteAddress, n)
	b.remotePort = column(b.remotePort, p.RemotePort, n)
	b.ipProtocol = column(b.ipProtocol, p.IpProtocol, n)
	b.tcpFlags = column(b.tcpFlags, p.TcpFlags, n)
	b.octetsUp = column(b.octetsUp, p.OctetsUp, n)
	b.packetsUp = column(b.packetsUp, p.PacketsUp, n)
	b.octetsDown = column(b.octetsDown, p.OctetsDown, n)
	b.packetsDown = column(b.packetsDown, p.PacketsDown, n)
	b.appendSampling(p.SamplingInterval, n)
	b.sourcePartition = repeat(b.sourcePartition, partition, n)
	b.sourceOffset = repeat(b.sourceOffset, offset, n)

	b.operator.repeat(p.Operator, n)
	b.site.repeat(p.Site, n)
	b.dataSets.repeat(b.dataSetNames(p), n)
	appendEnum(b.exportProtocol, exportProtocols[:], p.ExportProtocol, n)
	appendEnum(b.handsetSide, handsetSides[:], p.HandsetSide, n)
	appendEnum(b.verdict, verdicts[:], p.Verdict, n)
	for i := range n {
		v := &b.vendors[value(p.Vendor, i)]
		b.vendor.append(v.name)
		b.vendorMethod.append(v.method)
	}
	for i := range n {
		v := &b.places[value(p.Place, i)]
		b.countryCode.append(v.country)
		b.subdivisionCode.append(v.subdivision)
		b.city.append(v.city)
		b.cloudProvider.append(v.provider)
		b.cloudRegion.append(v.region)
		b.placeMethod.append(v.method)
		b.certainty.append(v.confidence)
	}
	for i := range n {
		v := &b.networks[value(p.Network, i)]
		b.asn = append(b.asn, v.asn)
		b.asOrganization.append(v.organization)
	}
	b.applications = appendStrings(b.applicationName, b.applications, p.Strings, p.ApplicationName, n)
	b.domains = appendStrings(b.domainName, b.domains, p.Strings, p.DomainName, n)
	return corrected
}

// index looks up the batch's dictionaries.
func (b *Block) index(p *landfallv1.EnrichedBatch) {
	b.vendors = b.vendors[:0]
	for _, v := range p.Vendors {
		b.vendors = append(b.vendors, vendorKeys{b.vendor.key(v.Name), b.vendorMethod.key(v.Method)})
	}
	b.places = b.places[:0]
	for _, v := range p.Places {
		b.places = append(b.places, placeKeys{
			country:     b.countryCode.key(v.CountryCode),
			subdivision: b.subdivisionCode.key(v.SubdivisionCode),
			city:        b.city.key(v.City),
			provider:    b.cloudProvider.key(v.CloudProvider),
			region:      b.cloudRegion.key(v.CloudRegion),
			method:      b.placeMethod.key(v.Method),
			confidence:  b.certainty.key(v.Confidence),
		})
	}
	b.networks = b.networks[:0]
	for _, v := range p.Networks {
		b.networks = append(b.networks, networkKeys{v.Asn, b.asOrganization.key(v.Organization)})
	}
}

func (b *Block) appendTimes(p *landfallv1.EnrichedBatch, n int) (c Corrected) {
	received := p.ReceivedMs
	b.received.Data = repeat(b.received.Data, proto.DateTime64(received), n)
	oldest, newest := received-b.clock.MaxAge.Milliseconds(), received+b.clock.MaxAhead.Milliseconds()
	for i := range n {
		start, end := value(p.StartMs, i), value(p.EndMs, i)
		switch {
		case start < oldest:
			start, end = received, received
			c.TooOld++
			b.ledger.add(b.ledger.flow(p, i, received), tooOld, 1)
		case start > newest:
			start, end = received, received
			c.TooNew++
			b.ledger.add(b.ledger.flow(p, i, received), tooNew, 1)
		case end < start || end > newest:
			end = start // only shown, never summed up
		}
		b.start.Data = append(b.start.Data, proto.DateTime64(start))
		b.end.Data = append(b.end.Data, proto.DateTime64(end))
	}
	return c
}

// appendSampling reads "not said" as every packet.
func (b *Block) appendSampling(src []uint32, n int) {
	at := len(b.samplingInterval)
	b.samplingInterval = column(b.samplingInterval, src, n)
	for i, v := range b.samplingInterval[at:] {
		b.samplingInterval[at+i] = max(v, 1)
	}
}

// dataSetNames writes the data sets as "city 2.3.1, asn 2.3.2".
func (b *Block) dataSetNames(p *landfallv1.EnrichedBatch) string {
	b.text.Reset()
	for i, d := range p.DataSets {
		if i > 0 {
			b.text.WriteString(", ")
		}
		b.text.WriteString(d.Name)
		b.text.WriteByte(' ')
		b.text.WriteString(d.Version)
	}
	return b.text.String()
}

func appendEnum(c *lowCardinality, names []string, src []uint32, n int) {
	if len(src) == 0 {
		c.repeat(names[0], n)
		return
	}
	var keys [8]uint32
	var known [8]bool // only names that occur go into the dictionary
	for _, v := range src {
		if !known[v] {
			keys[v], known[v] = c.key(names[v]), true
		}
		c.append(keys[v])
	}
}

// appendStrings appends names by their index from 1, and returns the keys' memory for the next
// batch. A batch's strings belong to several columns, so only those that occur are looked up.
func appendStrings(c *lowCardinality, keys []uint32, names []string, src []uint32, n int) []uint32 {
	if len(src) == 0 {
		c.repeat("", n)
		return keys
	}
	const unknown = ^uint32(0)
	keys = repeat(keys[:0], unknown, len(names)+1)
	for _, v := range src {
		if keys[v] == unknown {
			name := ""
			if v > 0 {
				name = names[v-1]
			}
			keys[v] = c.key(name)
		}
		c.append(keys[v])
	}
	return keys
}
