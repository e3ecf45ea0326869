package flowstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Traffic draws flows as a large network has them, for benchmarks: 60 vendors, 240 places and 3,000
// networks by Zipf's law, the larger networks in many places and all with some addresses that are
// asked for much more than others; 300,000 handsets; sizes with a heavy tail; one exporter in four
// samples 1 in 1,000.
type Traffic struct {
	random                  *rand.Rand
	network, vendor, remote *rand.Zipf
}

// NewTraffic returns traffic that r draws.
func NewTraffic(r *rand.Rand) *Traffic {
	return &Traffic{random: r, network: rand.NewZipf(r, 1.5, 2, 2999), vendor: rand.NewZipf(r, 1.8, 2, 59), remote: rand.NewZipf(r, 1.5, 1, 255)}
}

// remoteEnd draws a network, one of its places and one of its addresses there.
func (t *Traffic) remoteEnd() Flow {
	rank := t.network.Uint64()
	places := 1 + 60*math.Pow(float64(rank+1), -0.6)
	at := uint64(math.Pow(places, math.Pow(t.random.Float64(), 2))) - 1 // the nearest is the one most asked
	place := (rank*7 + at*at*13) % 240
	f := Flow{
		Remote:     fmt.Sprintf("%d.%d.%d.%d", 1+rank>>8, rank&0xff, at, t.remote.Uint64()),
		Country:    string([]byte{'A', byte('A' + place%24)}),
		Confidence: "single", Verdict: landfallv1.Verdict_VERDICT_ALLOWED,
		ASN: uint32(1000 + rank), Organization: fmt.Sprint("Network of rank ", rank, ", Inc."),
		HostName:   fmt.Sprintf("h%d.example.net", rank%2000),
		HostSource: landfallv1.DomainSource_DOMAIN_SOURCE_EXPORTER,
	}
	f.Jurisdiction = fmt.Sprint("Law of ", f.Country)
	if place >= 120 {
		f.Subdivision = fmt.Sprint(f.Country, "-", place/24)
	}
	if rank < 30 {
		f.CloudProvider, f.CloudName, f.PlaceMethod, f.Confidence = "aws", fmt.Sprint("region-", place), "cloud_range", "published"
	} else if rank%20 == 7 { // two city tables differ on one in twenty
		f.Confidence, f.Alternatives = "disputed", string([]byte{'A', byte('A' + rank%24)})
	}
	return f
}

// Draw makes n flows with starts in [since, until), in the order of their ends.
func (t *Traffic) Draw(n int, since, until time.Time) []Flow {
	r := t.random
	step := until.Sub(since) / time.Duration(n)
	out := make([]Flow, n)
	for i := range out {
		f := t.remoteEnd()
		vendor, exporter := t.vendor.Uint64(), r.IntN(4)
		f.Start = since.Add(time.Duration(i) * step).Truncate(time.Millisecond)
		f.Side = landfallv1.HandsetSide(1 + r.IntN(5)/4)
		f.Exporter = fmt.Sprint("192.0.2.", exporter)
		f.Subscriber = (1 + uint64(r.IntN(300_000))) * 0x9e3779b97f4a7c15
		f.Vendor = fmt.Sprint("Vendor ", vendor)
		f.VendorMethod = []string{"imei_tac", "oui", "dhcp"}[vendor%3]
		f.PacketsUp = 1 + uint64(math.Pow(r.Float64(), -0.8))
		f.OctetsUp = f.PacketsUp * uint64(40+r.IntN(600))
		f.PacketsDown = f.PacketsUp * uint64(1+r.IntN(3))
		f.OctetsDown = f.PacketsDown * uint64(40+r.IntN(1400))
		f.SamplingInterval = 1
		if exporter == 0 {
			f.SamplingInterval = 1000
		}
		out[i] = f
	}
	return out
}
