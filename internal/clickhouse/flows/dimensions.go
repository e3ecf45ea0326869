package flows

import "github.com/ClickHouse/ch-go/proto"

// dimensions are the columns that the residency and the endpoint tables have in common.
type dimensions struct {
	operator, site, vendor, verdict        *lowCardinality
	country, subdivision, provider, region *lowCardinality
	placeMethod, confidence, jurisdiction  *lowCardinality
	organization                           *lowCardinality
	asn                                    proto.ColUInt32
}

func (d *dimensions) in(t *table, n *names) {
	d.operator = t.named("operator", n.operator)
	d.site = t.named("site", n.site)
	d.vendor = t.named("vendor", n.vendor)
	d.country = t.named("country_code", n.country)
	d.subdivision = t.named("subdivision_code", n.subdivision)
	d.provider = t.named("cloud_provider", n.provider)
	d.region = t.named("cloud_region", n.region)
	t.plain("asn", &d.asn)
	d.organization = t.named("as_organization", n.organization)
	d.placeMethod = t.named("place_method", n.placeMethod)
	d.confidence = t.named("confidence", n.confidence)
	d.jurisdiction = t.named("jurisdiction", n.jurisdiction)
	d.verdict = t.named("verdict", n.verdict)
}

// fill replaces the rows; cell gives a row's cell.
func (d *dimensions) fill(n int, of *names, cell func(i int) *cellKey) {
	operator, site, vendor, verdict := d.operator.sized(n), d.site.sized(n), d.vendor.sized(n), d.verdict.sized(n)
	country, subdivision, provider, region := d.country.sized(n), d.subdivision.sized(n), d.provider.sized(n), d.region.sized(n)
	method, confidence, jurisdiction, organization := d.placeMethod.sized(n), d.confidence.sized(n), d.jurisdiction.sized(n), d.organization.sized(n)
	d.asn = sized(d.asn, n)
	for i := range n {
		c := cell(i)
		scope, place, network := of.scopes.keys[c.scope], &of.places.keys[c.place], of.networks.keys[c.network]
		operator[i], site[i], vendor[i], verdict[i] = scope.operator, scope.site, of.vendors.keys[c.vendor].name, uint32(c.verdict)
		country[i], subdivision[i], provider[i], region[i] = place.country, place.subdivision, place.provider, place.region
		method[i], confidence[i], jurisdiction[i] = place.method, place.confidence, place.jurisdiction
		organization[i], d.asn[i] = network.organization, network.asn
	}
}
