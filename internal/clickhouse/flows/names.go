package flows

import (
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The names of enumerations in the tables, by their number in a batch.
var (
	exportProtocols = [...]string{"unknown", "netflow_v5", "netflow_v9", "ipfix", "sflow"}
	handsetSides    = [...]string{"none", "source", "destination", "both"}
	verdicts        = [...]string{"none", "domestic", "allowed", "restricted", "indeterminate"}
	domainSources   = [...]string{"none", "exporter", "dns", "dns_ambiguous"}
)

type (
	scopeKeys   struct{ operator, site uint32 }
	vendorKeys  struct{ name, method uint32 }
	placeKeys   struct{ country, subdivision, provider, region, method, confidence, jurisdiction uint32 }
	networkKeys struct{ asn, organization uint32 }
)

// names numbers what is named in a block: each name in the dictionary of its kind, and each
// combination that a rollup has as one dimension.
type names struct {
	operator, site, collector, dataSets       *dictionary
	vendor, vendorMethod                      *dictionary
	country, subdivision, city                *dictionary
	provider, region, placeMethod, confidence *dictionary
	alternatives, jurisdiction                *dictionary
	organization, application, domain         *dictionary
	all                                       []*dictionary
	// Of fixed names, by their number.
	protocol, side, verdict, what, domainSource *dictionary

	seeds    seeds
	scopes   groups[scopeKeys]
	vendors  groups[vendorKeys]
	places   groups[placeKeys]
	networks groups[networkKeys]
}

func newNames() *names {
	n := &names{seeds: newSeeds()}
	for _, p := range []**dictionary{
		&n.operator, &n.site, &n.collector, &n.dataSets, &n.vendor, &n.vendorMethod, &n.country, &n.subdivision, &n.city,
		&n.provider, &n.region, &n.placeMethod, &n.confidence, &n.alternatives, &n.jurisdiction, &n.organization, &n.application, &n.domain,
	} {
		*p = newDictionary()
		n.all = append(n.all, *p)
	}
	n.protocol, n.side = newDictionary(exportProtocols[:]...), newDictionary(handsetSides[:]...)
	n.verdict, n.what, n.domainSource = newDictionary(verdicts[:]...), newDictionary(ledgerNames...), newDictionary(domainSources[:]...)
	return n
}

func (n *names) reset() {
	for _, d := range n.all {
		d.reset()
	}
	n.scopes.reset()
	n.vendors.reset()
	n.places.reset()
	n.networks.reset()
}

func pair(a, b uint32) uint64 { return uint64(a)<<32 | uint64(b) }

func (n *names) scopeOf(k scopeKeys) uint32 {
	id, _ := n.scopes.find(n.seeds.one(pair(k.operator, k.site)), k)
	return id
}

func (n *names) vendorOf(k vendorKeys) uint32 {
	id, _ := n.vendors.find(n.seeds.one(pair(k.name, k.method)), k)
	return id
}

func (n *names) placeOf(k placeKeys) uint32 {
	rest := n.seeds.three(pair(k.provider, k.region), pair(k.method, k.confidence), uint64(k.jurisdiction))
	id, _ := n.places.find(n.seeds.one(pair(k.country, k.subdivision)^rest), k)
	return id
}

func (n *names) networkOf(k networkKeys) uint32 {
	id, _ := n.networks.find(n.seeds.one(pair(k.asn, k.organization)), k)
	return id
}

// batchKeys are the numbers of what a batch names, by the batch's own indexes.
type batchKeys struct {
	scopeKeys
	scope, collector uint32
	dataSets         []uint32 // of the batch's own, and of each of the older ones
	vendors          []batchVendor
	places           []batchPlace
	networks         []batchNetwork
	text             []byte
}

type (
	batchVendor struct {
		vendorKeys
		id uint32
	}
	batchPlace struct {
		placeKeys
		city, alternatives, id uint32
	}
	batchNetwork struct {
		networkKeys
		id uint32
	}
)

// index looks up all that a batch names.
func (b *batchKeys) index(n *names, p *landfallv1.EnrichedBatch) {
	b.scopeKeys = scopeKeys{n.operator.key(p.Operator), n.site.key(p.Site)}
	b.scope, b.collector = n.scopeOf(b.scopeKeys), n.collector.key(p.Origin.GetCollector())
	b.dataSets = append(b.dataSets[:0], n.dataSets.keyOf(b.dataSetNames(p.DataSets)))
	for _, older := range p.OlderDataSets {
		b.dataSets = append(b.dataSets, n.dataSets.keyOf(b.dataSetNames(older.Sets)))
	}
	b.vendors, b.places, b.networks = b.vendors[:0], b.places[:0], b.networks[:0]
	for _, v := range p.Vendors {
		k := vendorKeys{n.vendor.key(v.Name), n.vendorMethod.key(v.Method)}
		b.vendors = append(b.vendors, batchVendor{k, n.vendorOf(k)})
	}
	for _, v := range p.Places {
		k := placeKeys{
			n.country.key(v.CountryCode), n.subdivision.key(v.SubdivisionCode), n.provider.key(v.CloudProvider),
			n.region.key(v.CloudRegion), n.placeMethod.key(v.Method), n.confidence.key(v.Confidence), n.jurisdiction.key(v.Jurisdiction),
		}
		b.places = append(b.places, batchPlace{k, n.city.key(v.City), n.alternatives.keyOf(b.joined(v.Alternatives)), n.placeOf(k)})
	}
	for _, v := range p.Networks {
		k := networkKeys{v.Asn, n.organization.key(v.Organization)}
		b.networks = append(b.networks, batchNetwork{k, n.networkOf(k)})
	}
}

// dataSetNames writes the data sets as "city 2.3.1, asn 2.3.2". What it returns is good until the next.
func (b *batchKeys) dataSetNames(sets []*landfallv1.DataSetVersion) []byte {
	b.text = b.text[:0]
	for i, d := range sets {
		if i > 0 {
			b.text = append(b.text, ", "...)
		}
		b.text = append(b.text, d.Name...)
		b.text = append(b.text, ' ')
		b.text = append(b.text, d.Version...)
	}
	return b.text
}

// joined writes codes as "CN-SH|SG". What it returns is good until the next.
func (b *batchKeys) joined(codes []string) []byte {
	b.text = b.text[:0]
	for i, code := range codes {
		if i > 0 {
			b.text = append(b.text, '|')
		}
		b.text = append(b.text, code...)
	}
	return b.text
}
