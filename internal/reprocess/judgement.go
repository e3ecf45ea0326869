package reprocess

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/ext"

	"github.com/landfall-telemetry/landfall/internal/attribution"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
)

// judgement is where a flow went, how that is known, and what the policy says of it, as the tables of
// residency have it.
type judgement struct {
	country, subdivision, provider, region, method, confidence string
	asn                                                        uint32
	organization                                               string
	jurisdiction, verdict                                      string
}

// noVerdict is how the tables write that no policy was in force.
const noVerdict = "none"

// judge says what the tables and the policy of now say of a vendor's flow to an address of a name, at
// a time.
func (o *Options) judge(vendor, name string, a geo.Answer, at time.Time) judgement {
	hint := attribution.Hint(name)
	confidence, disputes := attribution.Corroborate(a, hint)
	out := judgement{method: a.Method.String(), confidence: confidence.String(), verdict: noVerdict}
	if p := a.Place; p != nil {
		out.country, out.subdivision, out.provider, out.region = p.CountryCode, p.SubdivisionCode, p.CloudProvider, p.CloudRegion
	}
	if a.AS != nil {
		out.asn, out.organization = a.AS.Number, a.AS.Organization
	}
	jurisdiction, verdict := o.Policy.JudgeDisputed(vendor, attribution.Places(a, hint, disputes), at)
	out.jurisdiction = jurisdiction
	if word := policy.VerdictName(verdict); word != "" {
		out.verdict = word
	}
	return out
}

// nameSQL is the domain name of a flow if it counts as evidence for the place.
const nameSQL = "if(f.domain_source IN ('exporter', 'dns'), f.domain_name, '')"

// moved is the addresses, vendors and names of a chunk whose judgement is not what is stored, and what
// it is now. They go to the server along with the statement.
type moved struct {
	ends, judgements *ext.Table
	count            int
}

// maxMoved is how many of them one statement takes along: about 100 bytes each on the server.
const maxMoved = 1_000_000

// errTooMany says that a chunk has to be cut.
var errTooMany = fmt.Errorf("more than %d addresses", maxMoved)

const storedSQL = `SELECT DISTINCT remote_address, toString(vendor), toString(` + nameSQL + `), toString(country_code), toString(subdivision_code), toString(cloud_provider), toString(cloud_region),
       toString(place_method), toString(confidence), asn, toString(as_organization), toString(jurisdiction), toString(verdict)
FROM flows AS f
WHERE ` + chunkWhere + ` AND remote_address != toIPv6('::')`

// moved judges every remote address of a chunk, in which the policy does not change. What has no
// address stays as it was judged: the remote is a subscriber, too, and its address is not kept.
func (r *run) moved(ctx context.Context, since, until time.Time) (*moved, error) {
	m := &moved{}
	var err error
	if m.ends, err = ext.NewTable("moved", ext.Column("address", "IPv6"), ext.Column("vendor", "String"), ext.Column("name", "String"), ext.Column("judgement", "UInt32")); err != nil {
		return nil, err
	}
	if m.judgements, err = ext.NewTable("judgements", ext.Column("judgement", "UInt32"), ext.Column("country_code", "String"), ext.Column("subdivision_code", "String"),
		ext.Column("cloud_provider", "String"), ext.Column("cloud_region", "String"), ext.Column("place_method", "String"), ext.Column("confidence", "String"),
		ext.Column("asn", "UInt32"), ext.Column("as_organization", "String"), ext.Column("jurisdiction", "String"), ext.Column("verdict", "String")); err != nil {
		return nil, err
	}
	rows, err := r.conn.Query(r.bounded(ctx), storedSQL, r.chunkParameters(since, until)...)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
	}
	defer rows.Close()
	numbers := map[judgement]uint32{}
	type end struct {
		address      netip.Addr
		vendor, name string
	}
	seen := map[end]bool{}
	for rows.Next() {
		var ip net.IP
		var vendor, name string
		var stored judgement
		if err := rows.Scan(&ip, &vendor, &name, &stored.country, &stored.subdivision, &stored.provider, &stored.region,
			&stored.method, &stored.confidence, &stored.asn, &stored.organization, &stored.jurisdiction, &stored.verdict); err != nil {
			return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
		}
		address, _ := netip.AddrFromSlice(ip.To16())
		now := r.judge(vendor, name, r.Places.Lookup(address), since)
		if now == stored || seen[end{address, vendor, name}] {
			continue
		}
		if m.count == maxMoved {
			return nil, errTooMany
		}
		seen[end{address, vendor, name}] = true
		m.count++
		number, known := numbers[now]
		if !known {
			number = uint32(len(numbers) + 1) // 0 is what a join finds for the others
			numbers[now] = number
			if err := m.judgements.Append(number, now.country, now.subdivision, now.provider, now.region, now.method, now.confidence,
				now.asn, now.organization, now.jurisdiction, now.verdict); err != nil {
				return nil, err
			}
		}
		if err := m.ends.Append(ip, vendor, name, number); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
	}
	return m, nil
}

// versionsOf names the data sets as the flows table does.
func (o *Options) versionsOf() string { return strings.Join(o.versionList(), ", ") }

func (o *Options) versionList() []string {
	var out []string
	for _, v := range o.Places.Versions() {
		out = append(out, v.Name+" "+v.Version)
	}
	if o.Policy != nil {
		out = append(out, policySet+" "+o.Policy.Version)
	}
	return out
}

const policySet = "policy"

// judgingSets are the data sets that say where an address is and what that means; the others stay as
// they were.
var judgingSets = []string{"asn", "city", "witness", "aws", "gcp", "azure", "oracle", "anycast", "cloud", "overrides", policySet}

// judgedBy gives the data sets of flows that were judged by stored, now that they were judged anew by
// others.
func judgedBy(stored string, now []string) string {
	out, known := now, slices.Clone(judgingSets)
	for _, v := range now {
		name, _, _ := strings.Cut(v, " ")
		known = append(known, name)
	}
	for part := range strings.SplitSeq(stored, ", ") {
		if name, _, _ := strings.Cut(part, " "); part != "" && !slices.Contains(known, name) {
			out = append(out, part)
		}
	}
	return strings.Join(out, ", ")
}
