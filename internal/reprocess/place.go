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

	"github.com/landfall-telemetry/landfall/internal/geo"
)

// attribution is where a flow went and how that is known, as the tables have it.
type attribution struct {
	country, subdivision, provider, region, method, confidence string
	asn                                                        uint32
	organization                                               string
}

func attributionOf(a geo.Answer) attribution {
	out := attribution{method: a.Method.String(), confidence: a.Confidence.String()}
	if p := a.Place; p != nil {
		out.country, out.subdivision, out.provider, out.region = p.CountryCode, p.SubdivisionCode, p.CloudProvider, p.CloudRegion
	}
	if a.AS != nil {
		out.asn, out.organization = a.AS.Number, a.AS.Organization
	}
	return out
}

// moved is the addresses of a chunk whose attribution is not what is stored, and what it is now. They
// go to the server along with the statement.
type moved struct {
	addresses, places *ext.Table
	count             int
}

// maxMoved is how many addresses one statement takes along: about 100 bytes each on the server.
const maxMoved = 1_000_000

// errTooMany says that a chunk has to be cut.
var errTooMany = fmt.Errorf("more than %d addresses", maxMoved)

const storedSQL = `SELECT DISTINCT remote_address, toString(country_code), toString(subdivision_code), toString(cloud_provider), toString(cloud_region),
       toString(place_method), toString(confidence), asn, toString(as_organization)
FROM flows
WHERE ` + chunkWhere + ` AND remote_address != toIPv6('::')`

// moved looks up every remote address of a chunk.
func (r *run) moved(ctx context.Context, since, until time.Time) (*moved, error) {
	m := &moved{}
	var err error
	if m.addresses, err = ext.NewTable("moved", ext.Column("address", "IPv6"), ext.Column("place", "UInt32")); err != nil {
		return nil, err
	}
	if m.places, err = ext.NewTable("places", ext.Column("place", "UInt32"), ext.Column("country_code", "String"), ext.Column("subdivision_code", "String"),
		ext.Column("cloud_provider", "String"), ext.Column("cloud_region", "String"), ext.Column("place_method", "String"), ext.Column("confidence", "String"),
		ext.Column("asn", "UInt32"), ext.Column("as_organization", "String")); err != nil {
		return nil, err
	}
	rows, err := r.conn.Query(r.bounded(ctx), storedSQL, r.chunkParameters(since, until)...)
	if err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
	}
	defer rows.Close()
	numbers := map[attribution]uint32{}
	for rows.Next() {
		var ip net.IP
		var stored attribution
		if err := rows.Scan(&ip, &stored.country, &stored.subdivision, &stored.provider, &stored.region,
			&stored.method, &stored.confidence, &stored.asn, &stored.organization); err != nil {
			return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
		}
		address, _ := netip.AddrFromSlice(ip.To16())
		now := attributionOf(r.Places.Lookup(address))
		if now == stored {
			continue
		}
		if m.count == maxMoved {
			return nil, errTooMany
		}
		m.count++
		number, known := numbers[now]
		if !known {
			number = uint32(len(numbers) + 1) // 0 is what a join finds for the others
			numbers[now] = number
			if err := m.places.Append(number, now.country, now.subdivision, now.provider, now.region, now.method, now.confidence, now.asn, now.organization); err != nil {
				return nil, err
			}
		}
		if err := m.addresses.Append(ip, number); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the addresses of %s: %w", since, err)
	}
	return m, nil
}

// versionsOf names the data sets as the flows table does.
func versionsOf(t Places) string { return strings.Join(versionList(t), ", ") }

func versionList(t Places) []string {
	var out []string
	for _, v := range t.Versions() {
		out = append(out, v.Name+" "+v.Version)
	}
	return out
}

// placeSets are the data sets that say where an address is; the others stay as they were.
var placeSets = []string{"asn", "city"}

// judgedBy gives the data sets of flows that were judged by stored, now that their places were
// judged anew.
func judgedBy(stored string, t Places) string {
	out := versionList(t)
	known := slices.Clone(placeSets)
	for _, v := range t.Versions() {
		known = append(known, v.Name)
	}
	for part := range strings.SplitSeq(stored, ", ") {
		if name, _, _ := strings.Cut(part, " "); part != "" && !slices.Contains(known, name) {
			out = append(out, part)
		}
	}
	return strings.Join(out, ", ")
}
