package query

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The keys are found first, so that only theirs is worked out in full. latest is what was last said
// of the remote end.
const endpointsSQL = `$withSELECT $vendor AS answer_vendor, $address AS answer_address,
       argMax((r.asn, toString(r.as_organization), $place, $country, toString(r.cloud_provider), toString(r.cloud_region),
         toString(r.place_method), toString(r.confidence), toString(r.place_alternatives), toString(r.jurisdiction), toString(r.verdict)),
         (r.last_seen, r.bytes_up)) AS latest,
       latest.1, latest.2, latest.3, latest.4, latest.5, latest.6, latest.7, latest.8, splitByChar('|', latest.9), latest.10, latest.11,
       arraySort(groupUniqArray(10)(toString(r.vendor))) AS answer_vendors,
       min(r.first_seen) AS answer_first_seen,
       max(r.last_seen) AS answer_last_seen,
       uniqCombinedMerge(12)(r.handsets) AS answer_handsets,
       uniqCombined(17)(r.remote_address) AS answer_endpoints,
       $sums
FROM $database.$table AS r
WHERE $where
  AND ($keys) IN (SELECT * FROM most)
GROUP BY $keys
ORDER BY $orderanswer_bytes_up DESC, $keys`

const mostSQL = `WITH most AS (
SELECT $keys
FROM $database.$table AS r
WHERE $where
GROUP BY ALL
ORDER BY $ordersum(r.bytes_up) DESC, $keys
LIMIT {top:UInt64})
`

// What comes before the bytes up. Of a difference of two sums each may have all 64 bits.
var endpointOrders = map[EndpointOrder]string{
	EndpointsBytesUp:   "",
	EndpointsBytesDown: "sum(r.bytes_down) DESC, ",
	EndpointsOneWay:    "toInt128(sum(r.bytes_up)) - toInt128(sum(r.bytes_down)) DESC, ",
	EndpointsHandsets:  "uniqCombinedMerge(12)(r.handsets) DESC, ",
	EndpointsFirstSeen: "min(r.first_seen) DESC, ",
}

// New is what has been seen in the time and has no part seen before. endpoint_seen may have several
// parts of one endpoint, until ClickHouse merges them; so those with a part in the time are found
// first, and only of them all parts are looked at.
const newSQL = `($keys) IN (
    SELECT $keys
    FROM $database.endpoint_seen AS r
    WHERE $old
      AND ($keys) IN (
        SELECT $keys
        FROM $database.endpoint_seen AS r
        WHERE $new
          AND r.first_seen >= toDateTime({first_since:UInt32}, 'UTC')$until)
    GROUP BY $keys
    HAVING min(r.first_seen) >= toDateTime({first_since:UInt32}, 'UTC'))`

// network is the /24 or /48 around the remote address.
const network = "tupleElement(IPv6CIDRToRange(r.remote_address, if(r.remote_address BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255'), 120, 48)), 1)"

const nowhere = "toIPv6('::')"

var unitKeys = map[Unit]string{
	UnitAddress: "r.remote_address", UnitNetwork: network, UnitASN: "r.asn", UnitPlace: place, UnitCountry: country,
}

// among applies the filter to a table with the columns of endpoint_seen.
func (s *statement) among(f Filter) {
	s.in("r.vendor", "vendors", f.Vendors)
	s.in("r.operator", "operators", f.Operators)
	s.in("r.site", "sites", f.Sites)
	s.in(place, "places", f.Places)
	s.in(country, "countries", f.Countries)
	s.inNumbers("r.asn", "asns", f.ASNs)
	var networks []string
	for i, p := range f.Networks {
		low, high := ends(p)
		networks = append(networks, fmt.Sprintf("r.remote_address BETWEEN {network%d_low:IPv6} AND {network%d_high:IPv6}", i, i))
		s.set(fmt.Sprintf("network%d_low", i), low.String())
		s.set(fmt.Sprintf("network%d_high", i), high.String())
	}
	if len(networks) > 0 {
		s.and("(" + strings.Join(networks, " OR ") + ")")
	}
	s.conditions(f.Where)
}

// ends are the first and last address of a prefix, as the tables have them: IPv4 mapped into IPv6.
func ends(p netip.Prefix) (low, high netip.Addr) {
	bits := p.Bits()
	a := p.Masked().Addr().As16()
	if p.Addr().Is4() {
		bits += 96
	}
	z := a
	for i := range z {
		if free := 8*(i+1) - bits; free > 0 {
			z[i] |= byte(0xff >> (8 - min(free, 8)))
		}
	}
	return netip.AddrFrom16(a), netip.AddrFrom16(z)
}

// endpointsStatement asks for the most of them, of whole days.
func (c *Client) endpointsStatement(q Endpoints, eachVendor bool, fresh string) *statement {
	s := c.statement("figures", "endpoint_day")
	s.among(q.Filter)
	s.span(q.Since, q.Until)
	if fresh != "" {
		s.and(fresh)
	}
	s.set("top", uint64(q.Top))
	keys := unitKeys[q.Unit]
	vendor := "''"
	if eachVendor {
		keys = "r.vendor, " + keys
		vendor = "toString(r.vendor)"
	}
	address := nowhere
	if q.Unit == UnitAddress || q.Unit == UnitNetwork {
		address = unitKeys[q.Unit]
	}
	s.write(c.database, mostSQL, "$keys", keys, "$order", endpointOrders[q.Order])
	most := s.sql
	// What is new has been settled with the keys.
	if fresh != "" {
		s.where = s.where[:len(s.where)-1]
	}
	s.write(c.database, endpointsSQL, "$with", most, "$vendor", vendor, "$address", address,
		"$place", place, "$country", country, "$sums", sumsSQL, "$keys", keys, "$order", endpointOrders[q.Order])
	return s
}

// newStatement asks for those that were first contacted in [since, until).
func (c *Client) newStatement(q NewSince, since, until time.Time) *statement {
	// The conditions on endpoint_seen have the parameters of those on endpoint_day: they are numbered,
	// so that those which only some of the statements have come last.
	whose := conditionsOn(q.Where, whoseDimensions)
	seen := slices.Concat(whose, conditionsOn(q.Where, whereDimensions))
	known := q.Filter
	known.Where = seen
	q.Where = slices.Concat(seen, slices.DeleteFunc(slices.Clone(q.Where), func(c Condition) bool { return slices.Contains(seenDimensions, c.Dimension) }))
	fresh, old := c.statement("", "endpoint_seen"), c.statement("", "endpoint_seen")
	fresh.among(known)
	if q.Unit == UnitAddress || q.Unit == UnitNetwork {
		old.among(Filter{Vendors: q.Vendors, Operators: q.Operators, Sites: q.Sites, Where: whose})
	} else {
		old.among(known)
	}
	keys := unitKeys[q.Unit]
	if q.EachVendor {
		keys = "r.vendor, " + keys
	}
	bound := ""
	if !until.IsZero() {
		bound = "\n          AND r.first_seen < toDateTime({first_until:UInt32}, 'UTC')"
	}
	var condition statement
	condition.write(c.database, newSQL, "$keys", keys, "$until", bound,
		"$new", strings.Join(append(fresh.where, "1"), "\n          AND "), "$old", strings.Join(append(old.where, "1"), "\n      AND "))
	days := Endpoints{Filter: q.Filter, Unit: q.Unit, Order: q.Order, Top: q.Top}
	days.Since, days.Until = widen(since, until, day)
	s := c.endpointsStatement(days, q.EachVendor, condition.sql)
	s.set("first_since", uint32(since.Unix()))
	if !until.IsZero() {
		s.set("first_until", uint32(until.Unix()))
	}
	return s
}
