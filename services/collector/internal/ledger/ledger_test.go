package ledger

import (
	"encoding/binary"
	"net/netip"
	"testing"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
)

const (
	minute = int64(minuteMs)
	now    = 1_800_000_000_000 / minute * minute

	v5    = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V5
	v9    = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V9
	ipfix = landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX

	datagrams = landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS
	octets    = landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAM_BYTES
	flows     = landfallv1.LedgerCount_LEDGER_COUNT_FLOWS
)

func router(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(i))
	return netip.AddrFrom4(b)
}

// sums adds up entries by exporter, protocol and minute; the sums of what a ledger gave out in parts
// are those of the whole.
type sums map[key]map[landfallv1.LedgerCount]uint64

func (s sums) add(t interface{ Fatalf(string, ...any) }, entries []*landfallv1.LedgerEntry) {
	if err := flow.ValidateLedger(entries); err != nil {
		t.Fatalf("a reader refuses it: %v", err)
	}
	for _, e := range entries {
		for i, what := range e.What {
			s.count(key{flow.Addr(e.Exporter, 0), e.MinuteMs, e.ExportProtocol}, what, e.Amount[i])
		}
	}
}

func (s sums) count(k key, what landfallv1.LedgerCount, n uint64) {
	if n == 0 {
		return
	}
	if s[k] == nil {
		s[k] = make(map[landfallv1.LedgerCount]uint64)
	}
	s[k][what] += n
}

func (s sums) equal(other sums) bool {
	if len(s) != len(other) {
		return false
	}
	for k, counts := range s {
		if len(other[k]) != len(counts) {
			return false
		}
		for what, n := range counts {
			if other[k][what] != n {
				return false
			}
		}
	}
	return true
}

// TestAddsUp compares with a map of maps, over random datagrams and hand-outs.
func TestAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(DefaultLimits())
		got, want := sums{}, sums{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "take") == 0 {
				got.add(t, l.Take())
			}
			n := rapid.Uint32Range(0, 3)
			r := netflow.Result{
				Exporter: router(rapid.IntRange(0, 3).Draw(t, "exporter")), ExportMs: now + rapid.Int64Range(0, 3*minute).Draw(t, "export"),
				Flows: rapid.IntRange(0, 30).Draw(t, "flows"), SequenceLost: n.Draw(t, "lost"), SequenceLate: n.Draw(t, "late"),
				Unit: netflow.Unit(rapid.IntRange(0, 1).Draw(t, "unit")), Restarted: rapid.Bool().Draw(t, "restarted"),
			}
			for reason := range r.Refused {
				r.Refused[reason] = n.Draw(t, "refused")
			}
			protocol := landfallv1.ExportProtocol(rapid.IntRange(0, 4).Draw(t, "protocol"))
			size := rapid.IntRange(0, 1500).Draw(t, "size")
			l.Datagram(protocol, &r, size, now)

			k := key{r.Exporter, r.ExportMs / minute * minute, protocol}
			want.count(k, datagrams, 1)
			want.count(k, octets, uint64(size))
			want.count(k, flows, uint64(r.Flows))
			lost, late := landfallv1.LedgerCount_LEDGER_COUNT_LOST_FLOWS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_FLOWS
			if r.Unit == netflow.UnitDatagrams {
				lost, late = landfallv1.LedgerCount_LEDGER_COUNT_LOST_DATAGRAMS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_DATAGRAMS
			}
			want.count(k, lost, uint64(r.SequenceLost))
			want.count(k, late, uint64(r.SequenceLate))
			if r.Restarted {
				want.count(k, landfallv1.LedgerCount_LEDGER_COUNT_RESTARTS, 1)
			}
			for reason, n := range r.Refused {
				want.count(k, Refused(netflow.Reason(reason)), uint64(n))
			}
		}
		got.add(t, l.Take())
		if !got.equal(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if l.Len() != 0 || l.Take() != nil {
			t.Fatalf("%d entries are left", l.Len())
		}
	})
}

// TestEveryReasonHasAKind, and each its own.
func TestEveryReasonHasAKind(t *testing.T) {
	seen := make(map[landfallv1.LedgerCount]netflow.Reason)
	for reason := range netflow.ReasonCount {
		what := Refused(reason)
		if other, twice := seen[what]; twice || what == landfallv1.LedgerCount_LEDGER_COUNT_UNSPECIFIED {
			t.Errorf("%s is %s, as is %s", reason, what, other)
		}
		seen[what] = reason
	}
}

// TestBounds: past the limits nothing is lost, but it is under the zero exporter.
func TestBounds(t *testing.T) {
	const exporters, entries = 5, 8
	l := New(Limits{Exporters: exporters, Entries: entries, Expiry: 10 * sweepEvery * 1e6})
	send := func(exporter int, at int64) {
		r := netflow.Result{Exporter: router(exporter), ExportMs: at, Flows: 3}
		l.Datagram(v9, &r, 100, at)
	}
	taken := func() sums {
		s := sums{}
		s.add(t, l.Take())
		return s
	}
	for i := range 1000 {
		send(i, now)
	}
	got := taken()
	if zero := got[key{netip.Addr{}, now, v9}]; len(got) != exporters+1 || zero[datagrams] != 1000-exporters || zero[flows] != 3*(1000-exporters) {
		t.Errorf("%d entries, %v under the zero exporter", len(got), zero)
	}
	// Those that are known stay known while others push, and new ones are let in when one has gone.
	later := now + 9*sweepEvery
	send(1, later)
	send(999, later)
	if got = taken(); got[key{router(1), later / minute * minute, v9}] == nil || got[key{router(999), later / minute * minute, v9}] != nil {
		t.Errorf("got %v", got)
	}
	later += 2 * sweepEvery
	send(1, later)
	send(999, later)
	if got = taken(); got[key{router(1), later / minute * minute, v9}] == nil || got[key{router(999), later / minute * minute, v9}] == nil {
		t.Errorf("after the others have gone: %v", got)
	}
	// One exporter that claims many minutes.
	for i := range 1000 {
		r := netflow.Result{Exporter: router(1), ExportMs: now + int64(i)*minute}
		l.Datagram(v5, &r, 1, later)
		l.Datagram(ipfix, &r, 1, later)
	}
	if !l.Full() || l.Len() > entries+protocols {
		t.Errorf("%d entries", l.Len())
	}
	got = taken()
	var all uint64
	for _, counts := range got {
		all += counts[datagrams]
	}
	if zero := got[key{netip.Addr{}, later / minute * minute, ipfix}]; all != 2000 || zero[datagrams] != 1000-entries/2 {
		t.Errorf("%d datagrams, %v under the zero exporter", all, zero)
	}
}

// TestMerge: what is handed out and taken in again is the same.
func TestMerge(t *testing.T) {
	l, second := New(DefaultLimits()), New(DefaultLimits())
	for i := range 20 {
		r := netflow.Result{Exporter: router(i % 3), ExportMs: now + int64(i%7)*minute, Flows: i, SequenceLost: uint32(i)}
		l.Datagram(ipfix, &r, 10*i, now)
	}
	l.Add(landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_KERNEL, 4, now)
	l.Add(landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_QUEUE_FULL, 0, now+minute) // nothing
	out := l.Take()
	want, got := sums{}, sums{}
	want.add(t, out)
	for _, e := range out {
		second.Merge(e, now)
	}
	got.add(t, second.Take())
	if !got.equal(want) || got[key{netip.Addr{}, now, 0}][landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_KERNEL] != 4 || len(got) != 21 {
		t.Errorf("%d entries: got %v, want %v", len(got), got, want)
	}
}

// busy is what a receiver sees: a few hundred exporters, whose datagrams come in turns.
func busy(l *Ledger) func() {
	results := make([]netflow.Result, 300)
	for i := range results {
		results[i] = netflow.Result{Exporter: router(i), ExportMs: now, Flows: 24, Unit: netflow.UnitDatagrams}
	}
	i := 0
	return func() {
		l.Datagram(v9, &results[i], 1400, now)
		if i++; i == len(results) {
			i = 0
		}
	}
}

func TestDatagramAllocatesNothing(t *testing.T) {
	l := New(DefaultLimits())
	add := busy(l)
	for range 300 {
		add()
	}
	l.Take()
	if n := testing.AllocsPerRun(1000, add); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
	for range 300 {
		add()
	}
	// For each batch: the entries and their exporters, kinds and amounts, however many there are.
	if n := testing.AllocsPerRun(1, func() { l.Take() }); n > 5 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkDatagram(b *testing.B) {
	b.Run("one exporter", func(b *testing.B) {
		l := New(DefaultLimits())
		r := netflow.Result{Exporter: router(1), ExportMs: now, Flows: 24}
		b.ReportAllocs()
		for b.Loop() {
			l.Datagram(v5, &r, 1400, now)
		}
	})
	b.Run("300 exporters in turns", func(b *testing.B) {
		add := busy(New(DefaultLimits()))
		b.ReportAllocs()
		for b.Loop() {
			add()
		}
	})
	b.Run("300 exporters, a batch every 170 datagrams", func(b *testing.B) {
		l := New(DefaultLimits())
		add := busy(l)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			add()
			if n++; n == 170 { // 4096 flows of 24 a datagram
				l.Take()
				n = 0
			}
		}
	})
}
