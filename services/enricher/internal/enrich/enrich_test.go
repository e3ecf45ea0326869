package enrich

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/geo"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

const (
	randomisedMAC = 0x02_00_00_00_00_01
	unlistedMAC   = 0x00_00_00_00_00_01
)

func tables(t testing.TB) *Tables {
	t.Helper()
	static := filepath.Join(t.TempDir(), "static.csv")
	if err := os.WriteFile(static, []byte("prefix,vendor\n100.64.9.0/24,Xiaomi\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	devices, err := device.Open("", static)
	if err != nil {
		t.Fatal(err)
	}
	asn := filepath.Join(t.TempDir(), "asn.csv")
	if err := os.WriteFile(asn, []byte("203.0.113.0,203.0.113.255,64500,Example\n198.18.0.0,198.19.255.255,64501,Other\n1.2.3.0,1.2.3.255,64502,Third\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	places, err := geo.Open(geo.Files{ASN: []string{asn}})
	if err != nil {
		t.Fatal(err)
	}
	subscribers := &bart.Lite{}
	subscribers.Insert(netip.MustParsePrefix("100.64.0.0/10"))
	subscribers.Insert(netip.MustParsePrefix("2001:db8::/32"))
	return &Tables{Subscribers: subscribers, Places: places, Devices: devices, Versions: []*landfallv1.DataSetVersion{{Name: "asn", Version: "1"}}}
}

// always is for tables of one era.
func always(t *Tables) func(int64) *Tables { return func(int64) *Tables { return t } }

func batch(records ...flow.Record) *flow.Batch {
	var b flow.Batch
	for i := range records {
		b.Append(&records[i])
	}
	b.Stamp(&landfallv1.Origin{Collector: "c", Epoch: 1, Sequence: 2}, "", "site", 1000)
	return &b
}

func record(source, destination string) flow.Record {
	r := flow.Record{SourcePort: 1, DestinationPort: 2, Octets: 10, Packets: 11, ReverseOctets: 20, ReversePackets: 21, StartMs: 5, EndMs: 6}
	r.SourceAddress, _ = netip.ParseAddr(source)
	r.DestinationAddress, _ = netip.ParseAddr(destination)
	return r
}

// row is what an enriched flow says, with its dictionaries resolved.
type row struct {
	side                 landfallv1.HandsetSide
	vendor, method       string
	remote               string
	port                 uint32
	up, pUp, down, pDown uint64
	interval             uint32
	asn                  uint32
	subscriber           bool
}

func rows(b *landfallv1.EnrichedBatch) []row {
	var rs []row
	for i := range int(b.Count) {
		v := b.Vendors[b.Vendor[i]]
		rs = append(rs, row{
			landfallv1.HandsetSide(b.HandsetSide[i]), v.Name, v.Method,
			flow.Addr(b.RemoteAddress, i).String(), b.RemotePort[i],
			b.OctetsUp[i], b.PacketsUp[i], b.OctetsDown[i], b.PacketsDown[i], b.SamplingInterval[i],
			b.Networks[b.Network[i]].Asn, b.Subscriber[i] != 0,
		})
	}
	return rs
}

func TestSides(t *testing.T) {
	up := record("100.64.9.1", "1.2.3.4")
	up.SamplingInterval = 100
	down := record("1.2.3.4", "100.64.0.1")
	down.SourceMAC, down.DestinationMAC = unlistedMAC, randomisedMAC
	both := record("100.64.0.1", "100.64.9.1")
	both.SourceMAC = randomisedMAC
	out, sides := New(pseudonym.Key{}).Enrich(batch(up, down, both, record("192.0.2.1", "1.2.3.4"), record("2001:db8::1", ""), record("", "")), &landfallv1.Source{Offset: 7}, always(tables(t)))
	want := []row{
		{landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, "Xiaomi", "static", "1.2.3.4", 2, 10, 11, 20, 21, 100, 64502, true},
		{landfallv1.HandsetSide_HANDSET_SIDE_DESTINATION, "randomised", "none", "1.2.3.4", 1, 20, 21, 10, 11, 1, 64502, true},
		{landfallv1.HandsetSide_HANDSET_SIDE_BOTH, "randomised", "none", "invalid IP", 2, 10, 11, 20, 21, 1, 0, true},
		{landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED, "unknown", "none", "1.2.3.4", 2, 10, 11, 20, 21, 1, 64502, false},
		{landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, "unknown", "none", "invalid IP", 2, 10, 11, 20, 21, 1, 0, true},
		{landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED, "unknown", "none", "invalid IP", 2, 10, 11, 20, 21, 1, 0, false},
	}
	for i, got := range rows(out) {
		if got != want[i] {
			t.Errorf("flow %d:\n got %v\nwant %v", i, got, want[i])
		}
	}
	if sides != (Sides{2, 2, 1, 1}) {
		t.Errorf("sides %v", sides)
	}
	if out.Source.Offset != 7 || out.Origin.Sequence != 2 || out.Site != "site" || out.ReceivedMs != 1000 || out.DataSets[0].Name != "asn" {
		t.Errorf("batch: %v", out)
	}
}

// TestNoIdentityPasses: what an enricher writes holds no subscriber's address and no MAC address.
func TestNoIdentityPasses(t *testing.T) {
	r := record("100.64.9.1", "1.2.3.4")
	r.SourceMAC, r.DestinationMAC = 0x0a1b2c3d4e5f, 0x0a1b2c3d4e60
	r.PostNATSourceAddress = netip.MustParseAddr("198.18.7.7")
	other := record("1.2.3.4", "100.64.9.1")
	both := record("100.64.0.1", "100.64.9.1") // the remote is a subscriber too
	out, _ := New(pseudonym.Key{1}).Enrich(batch(r, other, both), &landfallv1.Source{}, always(tables(t)))
	message, err := out.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"address":         {100, 64, 9, 1},
		"NAT address":     {198, 18, 7, 7},
		"MAC":             {0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f},
		"MAC, turned":     {0x5f, 0x4e, 0x3d, 0x2c, 0x1b, 0x0a},
		"address, turned": {1, 9, 64, 100},
	} {
		for i := range message {
			if len(message)-i >= len(secret) && slices.Equal(message[i:i+len(secret)], secret) {
				t.Errorf("the %s is in the message at byte %d", name, i)
			}
		}
	}
	if out.Subscriber[0] != out.Subscriber[1] || out.Subscriber[0] == 0 {
		t.Errorf("pseudonyms %x", out.Subscriber)
	}
}

// TestEnricherForgetsTheBatchBefore: dictionaries and columns are those of the batch at hand.
func TestEnricherForgetsTheBatchBefore(t *testing.T) {
	e, tt := New(pseudonym.Key{}), tables(t)
	e.Enrich(batch(record("100.64.9.1", "1.2.3.4"), record("100.64.9.1", "203.0.113.1")), &landfallv1.Source{}, always(tt))
	out, _ := e.Enrich(batch(record("192.0.2.1", "198.51.100.1")), &landfallv1.Source{}, always(tt))
	if out.Count != 1 || len(out.Vendors) != 1 || len(out.Places) != 1 || len(out.Networks) != 1 || len(out.OctetsUp) != 1 || len(out.RemoteAddress) != 16 {
		t.Errorf("%v", out)
	}
	if out.Vendors[0].Name != device.VendorUnknown {
		t.Errorf("vendor %v", out.Vendors[0])
	}
	// The versions belong to the tables, which serve every batch and every enricher.
	if len(out.DataSets) != 1 || out.DataSets[0].Name != "asn" || out.DataSets[0].Version != "1" || tt.Versions[0].Name != "asn" {
		t.Errorf("data sets %v, of the tables %v", out.DataSets, tt.Versions)
	}
}

func BenchmarkEnrich(b *testing.B) {
	const flows = 4096
	t := tables(b)
	var in flow.Batch
	for i := range flows {
		r := record("100.64.9.1", "1.2.3.4")
		r.SourceAddress = netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)})
		in.Append(&r)
	}
	in.Stamp(&landfallv1.Origin{Collector: "c", Epoch: 1, Sequence: 2}, "", "site", 1000)
	e, source, at := New(pseudonym.Key{}), &landfallv1.Source{}, always(t)
	b.ReportAllocs()
	for range b.N {
		e.Enrich(&in, source, at)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
}
