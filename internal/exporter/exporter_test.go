package exporter_test

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/exporter"
	"github.com/landfall-telemetry/landfall/internal/exporter/exportertest"
)

// box keeps what is sent.
type box struct {
	datagrams [][]byte
	records   int
	err       error
}

func (b *box) Send(_ context.Context, datagram []byte, records int) error {
	if b.err != nil {
		return b.err
	}
	b.datagrams = append(b.datagrams, bytes.Clone(datagram))
	b.records += records
	return nil
}

var (
	boot    = time.Date(2026, 3, 1, 7, 30, 0, 123_000_000, time.UTC)
	refresh = exporter.TemplateRefresh{Packets: 5, Every: time.Hour}
)

// kinds are all exporters, each with what it keeps of a flow.
func kinds(t testing.TB) map[string]struct {
	make       func(out exporter.Sender) exporter.Exporter
	both       bool // a record has both directions
	mac, times bool
	one        bool // packet
	intervals  []uint64
} {
	must := func(e exporter.Exporter, err error) exporter.Exporter {
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	type kind = struct {
		make       func(out exporter.Sender) exporter.Exporter
		both       bool
		mac, times bool
		one        bool
		intervals  []uint64
	}
	return map[string]kind{
		"IPFIX": {func(out exporter.Sender) exporter.Exporter {
			return exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 1, Interval: 100, Refresh: refresh}, out)
		}, false, true, true, false, []uint64{100, 100}},
		"IPFIX biflow": {func(out exporter.Sender) exporter.Exporter {
			return exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 2, Biflow: true, Refresh: refresh}, out)
		}, true, true, true, false, []uint64{1, 1}},
		"NetFlow v9": {func(out exporter.Sender) exporter.Exporter {
			return exporter.NewNetFlow9(exporter.NetFlow9Config{
				SourceID: 3, Samplers: []exporter.Sampler{{ID: 1, Interval: 1000}, {ID: 2, Interval: 250}}, Boot: boot, Refresh: refresh,
			}, out)
		}, true, true, true, false, []uint64{1000, 250}},
		"NetFlow v5": {func(out exporter.Sender) exporter.Exporter {
			return must(exporter.NewNetFlow5(exporter.NetFlow5Config{EngineID: 4, Interval: 200, Boot: boot}, out))
		}, false, false, true, false, []uint64{200, 200}},
		"sFlow": {func(out exporter.Sender) exporter.Exporter {
			return must(exporter.NewSFlow(exporter.SFlowConfig{
				Agent: netip.MustParseAddr("127.0.1.5"), Interval: 512, Boot: boot, Counters: refresh,
			}, out))
		}, false, true, false, true, []uint64{512, 512}},
	}
}

// flowNumber gives the i-th of a series of flows that differ in everything.
func flowNumber(i int, start time.Time, v6, one bool) exporter.Flow {
	f := exporter.Flow{
		Start: start, End: start.Add(time.Duration(i%90_000) * time.Millisecond),
		Src: netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}), Dst: netip.AddrFrom4([4]byte{8, byte(i), byte(i >> 8), 7}),
		SrcPort: uint16(40000 + i), DstPort: 443, Proto: 6, TCPFlags: 0x1b,
		SrcMAC: 0x64_cc_2e_000000 | uint64(i), DstMAC: 0x00_00_0c_07ac01, VLAN: uint16(200 + i%9),
		Input: uint32(100 + i%4), Output: 1, Upstream: true, Sampler: i % 2,
		Octets: uint64(40 + i*7%1461), Packets: 1, ReverseOctets: uint64(40 + i*13%1461), ReversePackets: 1,
	}
	if v6 {
		f.Src, f.Dst = netip.MustParseAddr("2001:db8::1:2").Next(), netip.MustParseAddr("2600::5")
		f.Octets, f.ReverseOctets = max(f.Octets, 60), max(f.ReverseOctets, 60)
	}
	if !one {
		f.Packets, f.ReversePackets = uint64(1+i%77), uint64(i%5)
		f.Octets = f.Packets*uint64(60+i%1400) + 1
		f.ReverseOctets = f.ReversePackets * uint64(61+i%1300)
	}
	return f
}

// TestDecodedByOthers sends a series on every kind of exporter and reads it with goflow2.
func TestDecodedByOthers(t *testing.T) {
	for name, kind := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			var out box
			e := kind.make(&out)
			var want []exportertest.Record
			now := boot.Add(77 * time.Hour).Truncate(time.Second)
			records := 0
			for i := range 2000 {
				f := flowNumber(i, now.Add(-100*time.Second), name != "NetFlow v5" && i/3%3 == 0, kind.one)
				n, err := e.Add(t.Context(), now, &f)
				if err != nil {
					t.Fatal(err)
				}
				records += n
				if got := e.Interval(&f); got != kind.intervals[f.Sampler] {
					t.Fatalf("Interval is %d", got)
				}
				want = append(want, expected(f, kind.both, kind.mac, kind.times, kind.intervals[f.Sampler], name)...)
				now = now.Add(time.Duration(i%3) * time.Second)
			}
			if err := e.Flush(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			r := exportertest.NewReader()
			var got []exportertest.Record
			for i, d := range out.datagrams {
				some, err := r.Read(d)
				if err != nil {
					t.Fatalf("datagram %d: %v", i, err)
				}
				got = append(got, some...)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("sent and read differ (-sent +read):\n%.3000s", diff)
			}
			c := e.Counters()
			if int(c.Records) != len(got) || records != len(got) || out.records != len(got) || int(c.Datagrams) != len(out.datagrams) {
				t.Errorf("counters %+v, %d added, %d given to Send; %d read in %d datagrams", c, records, out.records, len(got), len(out.datagrams))
			}
			if name == "sFlow" && r.CounterSamples < 10 {
				t.Errorf("%d counter samples", r.CounterSamples)
			}
			if resent := len(out.datagrams) / 6; name[0] != 's' && name != "NetFlow v5" && int(c.Templates) < resent {
				t.Errorf("templates sent %d times in %d datagrams", c.Templates, len(out.datagrams))
			}
		})
	}
}

// expected gives the records that f must become.
func expected(f exporter.Flow, both, mac, times bool, interval uint64, name string) []exportertest.Record {
	r := exportertest.Record{
		Src: f.Src, Dst: f.Dst, SrcPort: f.SrcPort, DstPort: f.DstPort, Proto: f.Proto, TCPFlags: f.TCPFlags,
		Input: f.Input, Output: f.Output, Direction: -1, Octets: f.Octets, Packets: f.Packets, Interval: interval,
	}
	if mac {
		r.SrcMAC, r.DstMAC, r.VLAN = f.SrcMAC, f.DstMAC, f.VLAN
	}
	if times {
		r.StartMs, r.EndMs = f.Start.UnixMilli(), f.End.UnixMilli()
	}
	if told := mac && times; told {
		r.Direction = 0
	}
	if both {
		r.ReverseOctets, r.ReversePackets = f.ReverseOctets, f.ReversePackets
		return []exportertest.Record{r}
	}
	back := r
	back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
	back.SrcMAC, back.DstMAC, back.Input, back.Output = r.DstMAC, r.SrcMAC, r.Output, r.Input
	back.Octets, back.Packets = f.ReverseOctets, f.ReversePackets
	if r.Direction == 0 {
		back.Direction = 1
	}
	if f.ReversePackets == 0 {
		return []exportertest.Record{r}
	}
	return []exportertest.Record{r, back}
}

// TestUptimeWraps lets a hundred days pass: times must stay right although sysUptime runs over twice.
func TestUptimeWraps(t *testing.T) {
	for _, name := range []string{"NetFlow v9", "NetFlow v5"} {
		t.Run(name, func(t *testing.T) {
			var out box
			e := kinds(t)[name].make(&out)
			r := exportertest.NewReader()
			for h := range 100 * 24 {
				now := boot.Truncate(time.Second).Add(time.Duration(h+1) * time.Hour)
				f := flowNumber(h, now.Add(-20*time.Minute), false, false)
				f.End = now.Add(-time.Millisecond)
				if _, err := e.Add(t.Context(), now, &f); err != nil {
					t.Fatal(err)
				}
				if err := e.Flush(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				got, err := r.Read(out.datagrams[len(out.datagrams)-1])
				if err != nil {
					t.Fatal(err)
				}
				if got[0].StartMs != f.Start.UnixMilli() || got[0].EndMs != f.End.UnixMilli() {
					t.Fatalf("after %d hours: flow of %s to %s is read as %d to %d", h, f.Start, f.End, got[0].StartMs, got[0].EndMs)
				}
			}
			if r.UptimeWraps != 2 {
				t.Errorf("sysUptime ran over %d times", r.UptimeWraps)
			}
		})
	}
}

func TestTemplatesComeAgain(t *testing.T) {
	var out box
	e := exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 1, Interval: 10, Refresh: exporter.TemplateRefresh{Packets: 3, Every: time.Minute}}, &out)
	now := boot
	has := ""
	for _, seconds := range []int{0, 1, 1, 1, 1, 59, 1, 1, 60, 1} {
		now = now.Add(time.Duration(seconds) * time.Second)
		f := flowNumber(1, now, false, false)
		before := e.Counters().Templates
		if _, err := e.Add(t.Context(), now, &f); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		has += map[bool]string{true: "T", false: "."}[e.Counters().Templates > before]
	}
	if want := "T...T.T.T."; has != want {
		t.Errorf("templates in %s, want %s", has, want)
	}
}

func TestRefusals(t *testing.T) {
	var out box
	ipv6 := flowNumber(1, boot, true, false)
	two := flowNumber(1, boot, false, true)
	two.Packets = 2
	short := flowNumber(1, boot, false, true)
	short.Octets = 39
	large := flowNumber(1, boot, false, false)
	large.ReverseOctets = 1 << 32
	for _, c := range []struct {
		name string
		f    exporter.Flow
	}{{"NetFlow v5", ipv6}, {"sFlow", two}, {"sFlow", short}, {"NetFlow v5", large}, {"NetFlow v9", large}, {"IPFIX", large}} {
		if n, err := kinds(t)[c.name].make(&out).Add(t.Context(), boot, &c.f); err == nil || n != 0 {
			t.Errorf("%s took %+v", c.name, c.f)
		}
	}
	if _, err := exporter.NewNetFlow5(exporter.NetFlow5Config{Interval: 1 << 14}, &out); err == nil {
		t.Error("an interval of 15 bits was taken")
	}
	if _, err := exporter.NewSFlow(exporter.SFlowConfig{}, &out); err == nil {
		t.Error("an agent without an address was taken")
	}
}

// TestSendAgain fails a datagram: it is sent with the next flush, and no sequence number is skipped.
func TestSendAgain(t *testing.T) {
	for name, kind := range kinds(t) {
		var out box
		e := kind.make(&out)
		add := func(i int) {
			f := flowNumber(i, boot, false, kind.one)
			f.End, f.ReversePackets, f.ReverseOctets = boot, 0, 0
			if _, err := e.Add(t.Context(), boot.Add(time.Hour), &f); err != nil {
				t.Fatal(name, err)
			}
		}
		add(1)
		out.err = context.DeadlineExceeded
		if err := e.Flush(t.Context(), boot.Add(time.Hour)); err == nil {
			t.Error(name, "no error")
		}
		out.err = nil
		add(2)
		if err := e.Flush(t.Context(), boot.Add(time.Hour)); err != nil {
			t.Fatal(name, err)
		}
		got, err := exportertest.NewReader().Read(out.datagrams[0])
		if err != nil || len(got) != 2 || len(out.datagrams) != 1 {
			t.Errorf("%s: %d records in %d datagrams, %v", name, len(got), len(out.datagrams), err)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for name, kind := range kinds(t) {
		e := kind.make(nowhere{})
		i := 0
		ctx := t.Context()
		f := flowNumber(3, boot, false, kind.one)
		if n := testing.AllocsPerRun(2000, func() {
			i++
			f.SrcPort = uint16(i)
			if _, err := e.Add(ctx, boot.Add(time.Hour), &f); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s allocates %.2f times a flow", name, n)
		}
	}
}

type nowhere struct{}

func (nowhere) Send(context.Context, []byte, int) error { return nil }

func BenchmarkEncode(b *testing.B) {
	for name, kind := range kinds(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			e := kind.make(nowhere{})
			f := flowNumber(3, boot, false, kind.one)
			now := boot.Add(time.Hour)
			for b.Loop() {
				if _, err := e.Add(b.Context(), now, &f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(e.Counters().Records)/b.Elapsed().Seconds(), "flows/s")
		})
	}
}
