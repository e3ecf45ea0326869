package flows

import (
	"strings"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The names of enumerations in the tables, by their number in a batch.
var (
	exportProtocols = [...]string{"unknown", "netflow_v5", "netflow_v9", "ipfix", "sflow"}
	handsetSides    = [...]string{"none", "source", "destination", "both"}
	verdicts        = [...]string{"none", "domestic", "allowed", "restricted", "indeterminate"}
)

type (
	scopeKeys   struct{ operator, site uint32 }
	vendorKeys  struct{ name, method uint32 }
	placeKeys   struct{ country, subdivision, provider, region, method, confidence uint32 }
	networkKeys struct{ asn, organization uint32 }
)

// names numbers what is named in a block: each name in the dictionary of its kind, and each
// combination that a rollup has as one dimension.
type names struct {
	operator, site, collector, dataSets       *dictionary
	vendor, vendorMethod                      *dictionary
	country, subdivision, city                *dictionary
	provider, region, placeMethod, confidence *dictionary
	organization, application, domain         *dictionary
	all                                       []*dictionary
	// Of fixed names, by their number.
	protocol, side, verdict, what *dictionary

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
		&n.provider, &n.region, &n.placeMethod, &n.confidence, &n.organization, &n.application, &n.domain,
	} {
		*p = newDictionary()
		n.all = append(n.all, *p)
	}
	n.protocol, n.side = newDictionary(exportProtocols[:]...), newDictionary(handsetSides[:]...)
	n.verdict, n.what = newDictionary(verdicts[:]...), newDictionary(ledgerNames...)
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
	id, _ := n.places.find(n.seeds.three(pair(k.country, k.subdivision), pair(k.provider, k.region), pair(k.method, k.confidence)), k)
	return id
}

func (n *names) networkOf(k networkKeys) uint32 {
	id, _ := n.networks.find(n.seeds.one(pair(k.asn, k.organization)), k)
	return id
}

// batchKeys are the numbers of what a batch names, by the batch's own indexes.
type batchKeys struct {
	scopeKeys
	scope, collector, dataSets uint32
	vendors                    []batchVendor
	places                     []batchPlace
	networks                   []batchNetwork
	text                       strings.Builder
}

type (
	batchVendor struct {
		vendorKeys
		id uint32
	}
	batchPlace struct {
		placeKeys
		city, id uint32
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
	b.dataSets = n.dataSets.key(b.dataSetNames(p))
	b.vendors, b.places, b.networks = b.vendors[:0], b.places[:0], b.networks[:0]
	for _, v := range p.Vendors {
		k := vendorKeys{n.vendor.key(v.Name), n.vendorMethod.key(v.Method)}
		b.vendors = append(b.vendors, batchVendor{k, n.vendorOf(k)})
	}
	for _, v := range p.Places {
		k := placeKeys{
			n.country.key(v.CountryCode), n.subdivision.key(v.SubdivisionCode), n.provider.key(v.CloudProvider),
			n.region.key(v.CloudRegion), n.placeMethod.key(v.Method), n.confidence.key(v.Confidence),
		}
		b.places = append(b.places, batchPlace{k, n.city.key(v.City), n.placeOf(k)})
	}
	for _, v := range p.Networks {
		k := networkKeys{v.Asn, n.organization.key(v.Organization)}
		b.networks = append(b.networks, batchNetwork{k, n.networkOf(k)})
	}
}

// dataSetNames writes the data sets as "city 2.3.1, asn 2.3.2".
func (b *batchKeys) dataSetNames(p *landfallv1.EnrichedBatch) string {
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
