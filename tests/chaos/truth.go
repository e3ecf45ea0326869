package chaos

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The sites that tell the two kinds of senders apart in the tables.
const (
	siteExporters = "exporters"
	siteWriters   = "writers"
)

// What the writers' handsets are: a /24 for each vendor.
var (
	writersPrefix = netip.MustParsePrefix("10.77.0.0/16")
	vendors       = []string{"Xiaomi", "Apple", "Samsung", "Huawei", "OPPO"}
)

// appendVendors adds the writers' handsets to the enricher's table.
func appendVendors(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b strings.Builder
	for i, v := range vendors {
		fmt.Fprintf(&b, "10.77.%d.0/24,%s\n", i, v)
	}
	_, err = f.WriteString(b.String())
	return err
}

// counts are what every level must come to.
type counts struct{ flows, bytesUp, bytesDown, packetsUp, packetsDown uint64 }

func (c *counts) add(o counts) {
	c.flows += o.flows
	c.bytesUp += o.bytesUp
	c.bytesDown += o.bytesDown
	c.packetsUp += o.packetsUp
	c.packetsDown += o.packetsDown
}

// spot is where a writer's flow is counted.
type spot struct {
	vendor, remote string
	day            string // 2006-01-02, of the flow's start
}

// truth is what the writers have sent.
type truth struct {
	mu                                      sync.Mutex
	spots                                   map[spot]counts
	total                                   counts
	batches, copies, resurrections, refused uint64 // refused: tries that failed
}

// traffic makes flows of a few handsets to a few dozen endpoints all over the world, of the three weeks
// before now.
type traffic struct {
	random  *rand.Rand
	remotes []netip.Addr
	now     time.Time
}

// newTraffic draws the same endpoints for all writers of a seed.
func newTraffic(seed, writer uint64, now time.Time) *traffic {
	places := rand.New(rand.NewPCG(seed, 0))
	t := &traffic{random: rand.New(rand.NewPCG(seed, writer)), now: now}
	for len(t.remotes) < 48 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], places.Uint32())
		// Ordinary unicast; what exactly they are does not matter.
		if a[0] > 10 && a[0] < 224 && a[0] != 100 && a[0] != 127 && a[0] != 169 && a[0] != 172 && a[0] != 192 && a[0] != 198 && a[0] != 203 {
			t.remotes = append(t.remotes, netip.AddrFrom4(a))
		}
	}
	return t
}

// fill adds n flows to a batch and what they come to to sums.
func (t *traffic) fill(b *flow.Batch, n int, exporter netip.Addr, sums map[spot]counts) (total counts) {
	intervals := [...]uint32{1, 1, 10, 1000}
	for range n {
		vendor := t.random.IntN(len(vendors))
		handset := netip.AddrFrom4([4]byte{10, 77, byte(vendor), byte(1 + t.random.IntN(200))})
		remote := t.remotes[t.random.IntN(len(t.remotes))]
		start := t.now.Add(-time.Duration(t.random.Int64N(int64(21 * 24 * time.Hour)))).Truncate(time.Millisecond)
		k := intervals[t.random.IntN(len(intervals))]
		r := flow.Record{
			Exporter: exporter, ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX,
			SourceAddress: handset, DestinationAddress: remote, SourcePort: uint16(20000 + t.random.IntN(20000)), DestinationPort: 443,
			IPProtocol: 6, Packets: uint64(1 + t.random.IntN(20)), ReversePackets: uint64(t.random.IntN(40)),
			StartMs: start.UnixMilli(), EndMs: start.UnixMilli() + 100, SamplingInterval: k,
		}
		r.Octets, r.ReverseOctets = r.Packets*uint64(40+t.random.IntN(1400)), r.ReversePackets*uint64(40+t.random.IntN(1400))
		c := counts{1, r.Octets * uint64(k), r.ReverseOctets * uint64(k), r.Packets * uint64(k), r.ReversePackets * uint64(k)}
		if t.random.IntN(2) == 0 { // seen the other way round, it is the same flow
			r.SourceAddress, r.DestinationAddress, r.SourcePort, r.DestinationPort = remote, handset, 443, r.SourcePort
			r.Octets, r.ReverseOctets, r.Packets, r.ReversePackets = r.ReverseOctets, r.Octets, r.ReversePackets, r.Packets
		}
		b.Append(&r)
		at := spot{vendors[vendor], remote.String(), start.UTC().Format(time.DateOnly)}
		s := sums[at]
		s.add(c)
		sums[at] = s
		total.add(c)
	}
	return total
}
