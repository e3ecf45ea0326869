package flows

import "github.com/ClickHouse/ch-go/proto"

// dimensions are the columns that the residency and the endpoint tables have in common.
type dimensions struct {
	operator, site, vendor, verdict        *lowCardinality
	country, subdivision, provider, region *lowCardinality
	confidence, organization               *lowCardinality
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
	d.confidence = t.named("confidence", n.confidence)
	d.verdict = t.named("verdict", n.verdict)
}

// append adds those of a cell, and returns the vendor and the place.
func (d *dimensions) append(n *names, c *cellKey) (vendorKeys, *placeKeys) {
	scope, vendor := n.scopes.keys[c.scope], n.vendors.keys[c.vendor]
	place, network := &n.places.keys[c.place], n.networks.keys[c.network]
	d.operator.append(scope.operator)
	d.site.append(scope.site)
	d.vendor.append(vendor.name)
	d.country.append(place.country)
	d.subdivision.append(place.subdivision)
	d.provider.append(place.provider)
	d.region.append(place.region)
	d.asn = append(d.asn, network.asn)
	d.organization.append(network.organization)
	d.confidence.append(place.confidence)
	d.verdict.append(uint32(c.verdict))
	return vendor, place
}
