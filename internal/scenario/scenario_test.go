package scenario

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/exporter/exportertest"
)

// testNow is a Wednesday.
var testNow = time.Date(2026, 11, 18, 15, 4, 5, 678_000_000, time.UTC)

// testOUIs gives each brand prefixes of its own, in no order, with some that must not be used.
func testOUIs(brand string) []uint32 {
	for i, name := range Brands() {
		if name == brand {
			base := uint32(0x100000 + i*0x1000)
			return []uint32{base + 8, base + 4, 0x010000 | base, 0x020000 | base, base, 0x1_000000 | base, base + 4}
		}
	}
	return nil
}

// testRemotes are documentation addresses whose place can be told from the address alone.
func testRemotes() (to [placeCount]remotes) {
	for i := range to {
		for n := range 5 {
			to[i].v4 = append(to[i].v4, netip.AddrFrom4([4]byte{198, 51, 100, byte(i*16 + n)}))
		}
		if i%2 == 0 {
			to[i].v6 = append(to[i].v6, netip.MustParseAddr(fmt.Sprintf("2001:2::%x", i+1)))
		}
	}
	return to
}

func placeOfTest(a netip.Addr) int {
	if a.Is4() {
		return int(a.As4()[3]) / 16
	}
	return int(a.As16()[15]) - 1
}

// wire is a sender that reads what is sent, as a collector would.
type wire struct {
	source netip.Addr
	reader *exportertest.Reader
	all    hash.Hash
	take   func(exportertest.Record)
	err    error
	closed bool

	intervals map[uint64]int
	crossing  map[int64]int // flows that end in another week than they start in, by the end's
}

func (w *wire) Send(ctx context.Context, datagram []byte, records int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.all != nil {
		w.all.Write(datagram)
	}
	if w.err != nil {
		return w.err
	}
	if w.reader == nil {
		return nil
	}
	var got []exportertest.Record
	if got, w.err = w.reader.Read(datagram); w.err == nil && len(got) != records {
		w.err = fmt.Errorf("from %s: %d records of %d", w.source, len(got), records)
	}
	for _, r := range got {
		w.take(r)
		if w.intervals != nil {
			w.intervals[r.Interval]++
		}
		if at := monday(time.UnixMilli(r.EndMs)).UnixMilli(); w.crossing != nil && r.StartMs < at {
			w.crossing[at]++
		}
	}
	return w.err
}

func (w *wire) Source() netip.AddrPort { return netip.AddrPortFrom(w.source, 50000) }
func (w *wire) Close() error           { w.closed = true; return nil }

type wires []*wire

func testPlayer(t testing.TB, cfg Config, now func() time.Time, wire func(netip.Addr) *wire) (*Player, *wires) {
	t.Helper()
	p, err := newPlayer(cfg, testOUIs, slog.New(slog.DiscardHandler), testRemotes())
	if err != nil {
		t.Fatal(err)
	}
	all := new(wires)
	p.now = now
	p.dial = func(source netip.Addr, _ netip.AddrPort) (sender, error) {
		*all = append(*all, wire(source))
		return (*all)[len(*all)-1], nil
	}
	return p, all
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Flows, cfg.LiveFlows, cfg.Subscribers, cfg.TruthFile = 60_000, 2_500, 3_000, ""
	return cfg
}

func hashOf(t *testing.T, cfg Config) (string, Truth) {
	all := sha256.New()
	p, _ := testPlayer(t, cfg, func() time.Time { return testNow }, func(a netip.Addr) *wire { return &wire{source: a, all: all} })
	truth, err := p.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(all.Sum(nil)), truth
}

func TestSameSeedSameDatagrams(t *testing.T) {
	cfg := testConfig()
	first, truth := hashOf(t, cfg)
	again, truthAgain := hashOf(t, cfg)
	if first != again || cmp.Diff(truth, truthAgain) != "" {
		t.Error("the same seed sent something else")
	}
	cfg.Seed++
	if other, _ := hashOf(t, cfg); other == first {
		t.Error("another seed sent the same")
	}
}

// recount counts cells from what was on the wire and nothing else: the vendor from the MAC address or
// the static table, the side from the subscriber prefixes, the place from the remote address.
type recount struct {
	t      *testing.T
	static []StaticVendor
	cells  map[cellKey]Cell
	sides  map[string]int
}

func newRecount(t *testing.T, cfg Config) *recount {
	return &recount{t: t, static: StaticVendors(cfg), cells: map[cellKey]Cell{}, sides: map[string]int{}}
}

func (c *recount) vendor(a netip.Addr, mac uint64) string {
	if mac != 0 {
		if mac>>41&1 == 1 {
			return Randomised
		}
		if oui := uint32(mac >> 24); oui>>12 >= 0x100 && oui&0xfff <= 8 {
			return Brands()[oui>>12-0x100]
		}
		return fmt.Sprintf("MAC %x", mac)
	}
	best, vendor := -1, "none"
	for _, row := range c.static {
		if row.Prefix.Contains(a) && row.Prefix.Bits() > best {
			best, vendor = row.Prefix.Bits(), row.Vendor
		}
	}
	return vendor
}

func (c *recount) take(r exportertest.Record) {
	inside := func(a netip.Addr) bool {
		for _, p := range SubscriberPrefixes() {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	up := Cell{
		Flows: 1, BytesUp: r.Octets * r.Interval, BytesDown: r.ReverseOctets * r.Interval,
		PacketsUp: r.Packets * r.Interval, PacketsDown: r.ReversePackets * r.Interval,
	}
	remote, side := r.Dst, "source"
	switch {
	case inside(r.Src) && !inside(r.Dst):
		up.Vendor = c.vendor(r.Src, r.SrcMAC)
	case inside(r.Dst) && !inside(r.Src):
		side, remote = "destination", r.Src
		up.Vendor = c.vendor(r.Dst, r.DstMAC)
		up.BytesUp, up.BytesDown, up.PacketsUp, up.PacketsDown = up.BytesDown, up.BytesUp, up.PacketsDown, up.PacketsUp
	default:
		c.t.Fatalf("flow %s → %s has not one handset side", r.Src, r.Dst)
	}
	c.sides[side]++
	start := testNow // of sFlow
	if r.StartMs != 0 {
		start = time.UnixMilli(r.StartMs)
	}
	up.Place, up.Week = places()[placeOfTest(remote)].code, monday(start).Format(time.DateOnly)
	sum := c.cells[up.key()]
	up.Flows += sum.Flows
	up.BytesUp += sum.BytesUp
	up.BytesDown += sum.BytesDown
	up.PacketsUp += sum.PacketsUp
	up.PacketsDown += sum.PacketsDown
	c.cells[up.key()] = up
}

func (c *recount) rows() (rows []Cell) {
	for _, cell := range c.cells {
		rows = append(rows, cell)
	}
	return rows
}

// TestTruthIsWhatWasSent recounts everything that was sent with decoders that are not ours.
func TestTruthIsWhatWasSent(t *testing.T) {
	cfg := testConfig()
	cfg.TruthFile = filepath.Join(t.TempDir(), "out", "truth.json")
	count := newRecount(t, cfg)
	p, all := testPlayer(t, cfg, func() time.Time { return testNow }, func(a netip.Addr) *wire {
		return &wire{
			source: a, reader: exportertest.NewReader(), take: count.take,
			intervals: map[uint64]int{}, crossing: map[int64]int{},
		}
	})
	var last Progress
	truth, err := p.Run(t.Context(), func(now Progress) { last = now })
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range *all {
		if w.err != nil {
			t.Error(w.err)
		}
	}
	if r := Check(truth, count.rows()); !r.OK() || r.Cells < 500 {
		t.Errorf("%d of %d cells differ:\n%s", r.CellsWrong, r.Cells, strings.Join(r.Wrong, "\n"))
	}
	if want := uint64(cfg.Flows + cfg.LiveFlows); truth.FlowsSent != want || last.Flows != want || last.Total != want {
		t.Errorf("%d flows sent, progress %+v, want %d", truth.FlowsSent, last, want)
	}
	if count.sides["destination"] < 1000 || count.sides["source"] < 1000 {
		t.Errorf("sides %v", count.sides)
	}
	var flows, datagrams uint64
	for i, e := range truth.Exporters {
		w := (*all)[i]
		flows, datagrams = flows+e.Flows, datagrams+e.Datagrams
		if int(e.Datagrams) != w.reader.Datagrams || e.Address != w.source.String() {
			t.Errorf("%s: %d datagrams from %s, read %d from %s", e.Name, e.Datagrams, e.Address, w.reader.Datagrams, w.source)
		}
		for _, interval := range [stationCount][]uint64{{100}, {1}, {1000, 250}, {200}, {512}}[i] {
			if w.intervals[interval] < 100 {
				t.Errorf("%s: records by interval %v", e.Name, w.intervals)
			}
		}
		if e.Protocol != "sflow" && len(w.crossing) < cfg.Weeks-1 {
			t.Errorf("%s: flows cross the end of %d weeks only", e.Name, len(w.crossing))
		}
		if uint32(testNow.Unix()) < w.reader.LastExport {
			t.Errorf("%s exports in the future", e.Name)
		}
		if want := map[string]int{"netflow5": 2, "netflow9": 2}[e.Name]; w.reader.UptimeWraps != want {
			t.Errorf("uptime of %s ran over %d times, want %d", e.Name, w.reader.UptimeWraps, want)
		}
	}
	if flows != truth.FlowsSent || datagrams != truth.Datagrams || truth.Exporters[sflow].Flows != uint64(cfg.LiveFlows/5) {
		t.Errorf("exporters: %+v", truth.Exporters)
	}
	kept, err := ReadTruth(cfg.TruthFile)
	if err != nil || cmp.Diff(truth, kept) != "" {
		t.Errorf("the file differs: %v\n%s", err, cmp.Diff(truth, kept))
	}
	if err := p.Close(); err != nil || !(*all)[0].closed {
		t.Errorf("close: %v", err)
	}
}

func TestCellsAddUp(t *testing.T) {
	_, truth := hashOf(t, testConfig())
	var sum Truth
	for _, c := range truth.Cells {
		sum.FlowsSent += c.Flows
		sum.BytesUp += c.BytesUp
		sum.BytesDown += c.BytesDown
		sum.PacketsUp += c.PacketsUp
		sum.PacketsDown += c.PacketsDown
		if at, err := parseMonday(c.Week); err != nil || at.Before(truth.HistoryStart) {
			t.Errorf("cell of week %s: %v", c.Week, err)
		}
	}
	if sum.FlowsSent != truth.FlowsSent || sum.BytesUp != truth.BytesUp || sum.BytesDown != truth.BytesDown ||
		sum.BytesUp+sum.BytesDown != truth.BytesSent || sum.PacketsUp != truth.PacketsUp || sum.PacketsDown != truth.PacketsDown {
		t.Errorf("cells sum to %+v", sum)
	}
}

// TestMigration looks at the story: Xiaomi's bytes up leave Beijing, everybody else's stay.
func TestMigration(t *testing.T) {
	cfg := testConfig()
	cfg.Flows, cfg.Subscribers = 400_000, 20_000
	_, truth := hashOf(t, cfg)
	up := map[[3]string]float64{}
	for _, c := range truth.Cells {
		up[[3]string{c.Vendor, c.Place, c.Week}] += float64(c.BytesUp)
		up[[3]string{c.Vendor, "", c.Week}] += float64(c.BytesUp)
	}
	share := func(vendor, place string, week int) float64 {
		at := truth.HistoryStart.AddDate(0, 0, 7*week).Format(time.DateOnly)
		return up[[3]string{vendor, place, at}] / up[[3]string{vendor, "", at}]
	}
	before := 1.0
	for week := range 12 {
		t.Logf("week %2d: Beijing %.3f, Oregon %.3f, Singapore %.3f", week+1, share("Xiaomi", "CN-BJ", week), share("Xiaomi", "US-OR", week), share("Xiaomi", "SG", week))
		now := share("Xiaomi", "CN-BJ", week)
		if now > before+0.05 {
			t.Errorf("Beijing's share rises from %.3f to %.3f in week %d", before, now, week+1)
		}
		before = now
	}
	for _, c := range []struct {
		vendor, place string
		week          int
		want          float64
	}{
		{"Xiaomi", "CN-BJ", 0, 0.855},
		{"Xiaomi", "CN-BJ", 11, 0.095},
		{"Xiaomi", "US-OR", 11, 0.54},
		{"Xiaomi", "SG", 11, 0.30},
		{"Samsung", "KR-11", 0, 0.38},
		{"Samsung", "KR-11", 11, 0.38},
		{"Apple", "US-CA", 0, 0.45},
		{"Apple", "US-CA", 11, 0.45},
	} {
		if got := share(c.vendor, c.place, c.week); got < c.want-0.06 || got > c.want+0.06 {
			t.Errorf("%s to %s in week %d: share %.3f, want about %.3f", c.vendor, c.place, c.week+1, got, c.want)
		}
	}
}

func TestEndOfContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, _ := testPlayer(t, testConfig(), func() time.Time { return testNow }, func(a netip.Addr) *wire { return &wire{source: a} })
	_, err := p.Run(ctx, func(Progress) { cancel() })
	if err == nil || ctx.Err() == nil {
		t.Errorf("error %v", err)
	}
}

func BenchmarkHistory(b *testing.B) {
	cfg := testConfig()
	cfg.Flows, cfg.Subscribers, cfg.LiveFlows = 200_000, 20_000, 0
	b.ReportAllocs()
	for b.Loop() {
		p, _ := testPlayer(b, cfg, func() time.Time { return testNow }, func(a netip.Addr) *wire { return &wire{source: a} })
		if _, err := p.Run(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cfg.Flows)*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}
