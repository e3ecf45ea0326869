package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// flowTable is rows of the flows table, one for each flow.
type flowTable struct {
	table
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
	alternatives, jurisdiction, verdict                *lowCardinality
	asOrganization, applicationName                    *lowCardinality
	domainName, domainSource, dataSets                 *lowCardinality

	strings []uint32 // keys of a batch's strings
}

func newFlowTable(n *names) *flowTable {
	t := &flowTable{table: table{name: "flows"}}
	t.millis("start", &t.start)
	t.millis("end", &t.end)
	t.millis("received", &t.received)
	t.operator = t.named("operator", n.operator)
	t.site = t.named("site", n.site)
	t.plain("exporter", &t.exporter)
	t.plain("observation_domain", &t.observationDomain)
	t.exportProtocol = t.named("export_protocol", n.protocol)
	t.handsetSide = t.named("handset_side", n.side)
	t.plain("subscriber", &t.subscriber)
	t.vendor = t.named("vendor", n.vendor)
	t.vendorMethod = t.named("vendor_method", n.vendorMethod)
	t.plain("remote_address", &t.remoteAddress)
	t.plain("remote_port", &t.remotePort)
	t.plain("ip_protocol", &t.ipProtocol)
	t.plain("tcp_flags", &t.tcpFlags)
	t.countryCode = t.named("country_code", n.country)
	t.subdivisionCode = t.named("subdivision_code", n.subdivision)
	t.city = t.named("city", n.city)
	t.cloudProvider = t.named("cloud_provider", n.provider)
	t.cloudRegion = t.named("cloud_region", n.region)
	t.placeMethod = t.named("place_method", n.placeMethod)
	t.certainty = t.named("confidence", n.confidence)
	t.alternatives = t.named("place_alternatives", n.alternatives)
	t.jurisdiction = t.named("jurisdiction", n.jurisdiction)
	t.plain("asn", &t.asn)
	t.asOrganization = t.named("as_organization", n.organization)
	t.plain("octets_up", &t.octetsUp)
	t.plain("packets_up", &t.packetsUp)
	t.plain("octets_down", &t.octetsDown)
	t.plain("packets_down", &t.packetsDown)
	t.plain("sampling_interval", &t.samplingInterval)
	t.applicationName = t.named("application_name", n.application)
	t.domainName = t.named("domain_name", n.domain)
	t.domainSource = t.named("domain_source", n.domainSource)
	t.dataSets = t.named("data_sets", n.dataSets)
	t.plain("source_partition", &t.sourcePartition)
	t.plain("source_offset", &t.sourceOffset)
	t.verdict = t.named("verdict", n.verdict)
	t.millis("inserted", &t.inserted)
	t.plain("generation", &t.generation)
	return t
}

func (t *flowTable) reset() {
	t.table.reset()
	t.start.Data, t.end.Data, t.received.Data = t.start.Data[:0], t.end.Data[:0], t.received.Data[:0]
	t.exporter, t.remoteAddress = t.exporter[:0], t.remoteAddress[:0]
	t.observationDomain, t.asn, t.samplingInterval = t.observationDomain[:0], t.asn[:0], t.samplingInterval[:0]
	t.subscriber = t.subscriber[:0]
	t.octetsUp, t.packetsUp, t.octetsDown, t.packetsDown = t.octetsUp[:0], t.packetsUp[:0], t.octetsDown[:0], t.packetsDown[:0]
	t.remotePort, t.ipProtocol, t.tcpFlags = t.remotePort[:0], t.ipProtocol[:0], t.tcpFlags[:0]
	t.sourcePartition, t.sourceOffset = t.sourcePartition[:0], t.sourceOffset[:0]
}

// append adds the flows of a batch, but their start and end.
func (t *flowTable) append(p *landfallv1.EnrichedBatch, b *batchKeys, partition int32, offset int64) {
	n := int(p.Count)
	t.received.Data = repeat(t.received.Data, proto.DateTime64(p.ReceivedMs), n)
	t.exporter = addresses(t.exporter, p.Exporter, n)
	t.observationDomain = column(t.observationDomain, p.ObservationDomain, n)
	t.subscriber = column(t.subscriber, p.Subscriber, n)
	t.remoteAddress = addresses(t.remoteAddress, p.RemoteAddress, n)
	t.remotePort = column(t.remotePort, p.RemotePort, n)
	t.ipProtocol = column(t.ipProtocol, p.IpProtocol, n)
	t.tcpFlags = column(t.tcpFlags, p.TcpFlags, n)
	t.octetsUp = column(t.octetsUp, p.OctetsUp, n)
	t.packetsUp = column(t.packetsUp, p.PacketsUp, n)
	t.octetsDown = column(t.octetsDown, p.OctetsDown, n)
	t.packetsDown = column(t.packetsDown, p.PacketsDown, n)
	t.appendSampling(p.SamplingInterval, n)
	t.sourcePartition = repeat(t.sourcePartition, partition, n)
	t.sourceOffset = repeat(t.sourceOffset, offset, n)

	t.operator.keys = repeat(t.operator.keys, b.operator, n)
	t.site.keys = repeat(t.site.keys, b.site, n)
	t.exportProtocol.keys = column(t.exportProtocol.keys, p.ExportProtocol, n)
	t.handsetSide.keys = column(t.handsetSide.keys, p.HandsetSide, n)
	t.verdict.keys = column(t.verdict.keys, p.Verdict, n)
	t.domainSource.keys = column(t.domainSource.keys, p.DomainSource, n)
	t.appendDataSets(p, b, n)
	for i := range n {
		v := &b.vendors[value(p.Vendor, i)]
		t.vendor.append(v.name)
		t.vendorMethod.append(v.method)
	}
	for i := range n {
		v := &b.places[value(p.Place, i)]
		t.countryCode.append(v.country)
		t.subdivisionCode.append(v.subdivision)
		t.city.append(v.city)
		t.cloudProvider.append(v.provider)
		t.cloudRegion.append(v.region)
		t.placeMethod.append(v.method)
		t.certainty.append(v.confidence)
		t.alternatives.append(v.alternatives)
		t.jurisdiction.append(v.jurisdiction)
	}
	for i := range n {
		v := &b.networks[value(p.Network, i)]
		t.asn = append(t.asn, v.asn)
		t.asOrganization.append(v.organization)
	}
	t.strings = appendStrings(t.applicationName, t.strings, p.Strings, p.ApplicationName, n)
	t.strings = appendStrings(t.domainName, t.strings, p.Strings, p.DomainName, n)
}

func (t *flowTable) appendDataSets(p *landfallv1.EnrichedBatch, b *batchKeys, n int) {
	if len(p.DataSet) == 0 {
		t.dataSets.keys = repeat(t.dataSets.keys, b.dataSets[0], n)
		return
	}
	for _, v := range p.DataSet {
		t.dataSets.append(b.dataSets[v])
	}
}

// appendSampling reads "not said" as every packet.
func (t *flowTable) appendSampling(src []uint32, n int) {
	at := len(t.samplingInterval)
	t.samplingInterval = column(t.samplingInterval, src, n)
	for i, v := range t.samplingInterval[at:] {
		t.samplingInterval[at+i] = max(v, 1)
	}
}

// appendStrings appends names by their index from 1, and returns the keys' memory for the next
// use. A batch's strings belong to several columns, so only those that occur are looked up.
func appendStrings(c *lowCardinality, keys []uint32, names []string, src []uint32, n int) []uint32 {
	if len(src) == 0 {
		c.keys = repeat(c.keys, c.key(""), n)
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

func (t *flowTable) seal(planned time.Time, g *generationsAt) Insert {
	rows := len(t.start.Data)
	t.inserted.Data = repeat(t.inserted.Data[:0], proto.DateTime64(planned.UnixMilli()), rows)
	t.generation = t.generation[:0]
	for _, start := range t.start.Data {
		t.generation = append(t.generation, g.get(int64(start)))
	}
	return t.insert(rows)
}
