package names

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// addr gives an IPv4 address for an even number, an IPv6 one for an odd.
func addr(n uint32) (a [flow.AddrSize]byte) {
	if n%2 == 1 {
		copy(a[:], []byte{0x20, 0x01, 0x0d, 0xb8})
		binary.BigEndian.PutUint32(a[4:], n)
		return a
	}
	copy(a[10:], []byte{0xff, 0xff})
	binary.BigEndian.PutUint32(a[12:], n|10<<24)
	return a
}

func record(client, address uint32, startMs int64) *flow.Record {
	return &flow.Record{SourceAddress: netip.AddrFrom16(addr(client)).Unmap(), DestinationAddress: netip.AddrFrom16(addr(address)).Unmap(), StartMs: startMs}
}

type asked struct {
	client, address uint32
	name            string
	ms              int64
}

// naive is what Join says, by looking at all answers.
func naive(all []asked, client, address uint32, startMs, keepMs int64) (name string, source int) {
	until := startMs + Window.Milliseconds()
	for i := len(all) - 1; i >= 0; i-- {
		a := all[i]
		if !(a.client == client && a.address == address || a.client == address && a.address == client) || a.ms > until || a.ms < until-keepMs {
			continue
		}
		if name == "" {
			name, source = a.name, 2
		} else if a.name != name {
			source = 3
		}
	}
	return name, source
}

func TestJoinIsTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keep = 100 * time.Second
		table := New(1000, keep)
		var all []asked
		now := int64(1_000_000_000)
		var b flow.Batch
		var wants [][2]any
		runs := make(map[[2]uint32]int)
		for range rapid.IntRange(1, 60).Draw(t, "answers") {
			now += rapid.Int64Range(0, 150_000).Draw(t, "later") / rapid.SampledFrom([]int64{1, 10, 100}).Draw(t, "pace")
			a := asked{rapid.Uint32Range(1, 3).Draw(t, "client"), rapid.Uint32Range(2, 4).Draw(t, "address"), rapid.SampledFrom([]string{"a.example", "b.example", "c.example"}).Draw(t, "name"), now}
			pair := [2]uint32{min(a.client, a.address), max(a.client, a.address)}
			if runs[pair]++; runs[pair] > maxRuns {
				continue
			}
			all = append(all, a)
			table.Add(addr(a.client), addr(a.address), a.name, a.ms)
		}
		for range 50 {
			client, address := rapid.Uint32Range(1, 3).Draw(t, "client"), rapid.Uint32Range(2, 4).Draw(t, "address")
			start := now - rapid.Int64Range(-10_000, 1_000_000).Draw(t, "ago")
			name, source := naive(all, client, address, start, keep.Milliseconds())
			wants = append(wants, [2]any{name, source})
			if rapid.Bool().Draw(t, "back") {
				client, address = address, client
			}
			b.Append(record(client, address, start))
		}
		table.Join(&b)
		for i, want := range wants {
			var r flow.Record
			b.At(i, &r)
			if r.DomainName != want[0] || int(r.DomainSource) != want[1] {
				t.Fatalf("flow %d: %q %d, want %v", i, r.DomainName, r.DomainSource, want)
			}
		}
	})
}

// TestBound: the table stays at its bound, the oldest go first, and the index stays whole.
func TestBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "max")
		table := New(limit, time.Hour)
		var order []asked // runs, by their last answers
		for i := range rapid.IntRange(1, 300).Draw(t, "answers") {
			a := asked{rapid.Uint32Range(1, 60).Draw(t, "client"), 99, fmt.Sprint("n", rapid.IntRange(0, 2).Draw(t, "name")), int64(i + 1)}
			table.Add(addr(a.client), addr(a.address), a.name, a.ms)
			same := -1
			for j := len(order) - 1; j >= 0; j-- {
				if order[j].client == a.client {
					if order[j].name == a.name {
						same = j
					}
					break
				}
			}
			if same >= 0 {
				order = append(order[:same], order[same+1:]...)
			} else if len(order) == limit {
				order = order[1:]
			}
			order = append(order, a)
			if table.Len() > limit {
				t.Fatalf("%d entries, at most %d", table.Len(), limit)
			}
		}
		var b flow.Batch
		for client := range uint32(60) {
			b.Append(record(client+1, 99, 1000))
		}
		table.Join(&b)
		for client := range uint32(60) {
			want := ""
			for _, a := range order {
				if a.client == client+1 {
					want = a.name
				}
			}
			var r flow.Record
			if b.At(int(client), &r); r.DomainName != want {
				t.Fatalf("client %d: %q, want %q", client+1, r.DomainName, want)
			}
		}
		table.Expire(1 << 40)
		if table.Len() != 0 || len(table.names.number) != 0 {
			t.Fatalf("%d entries, %d names are left", table.Len(), len(table.names.number))
		}
		for _, s := range table.slots {
			if s != 0 {
				t.Fatal("a slot is left")
			}
		}
	})
}

// TestManyNamesOfOneClient cannot make the search of one key long.
func TestManyNamesOfOneClient(t *testing.T) {
	table := New(1000, time.Hour)
	for i := range 500 {
		table.Add(addr(1), addr(2), fmt.Sprintf("n%d.example", i), int64(i))
	}
	if n := table.Len(); n != maxRuns {
		t.Errorf("%d entries", n)
	}
}

// TestFewKeysThenMany: an index that was small for the keys of many runs grows with the keys.
func TestFewKeysThenMany(t *testing.T) {
	table := New(5000, time.Hour)
	for i := range 5000 {
		table.Add(addr(uint32(i/maxRuns)), addr(2), fmt.Sprint("n", i), int64(i))
	}
	for i := range 20_000 {
		table.Add(addr(uint32(100_000+i)), addr(2), "n", int64(5000+i))
	}
	if n := table.Len(); n != 5000 {
		t.Errorf("%d entries", n)
	}
}

func TestEmptyTable(t *testing.T) {
	var b flow.Batch
	b.Append(record(1, 2, 1000))
	if j := New(10, time.Hour).Join(&b); j != (Joined{None: 1}) {
		t.Errorf("%+v", j)
	}
}

func TestExportersNameStays(t *testing.T) {
	table := New(10, time.Hour)
	table.Add(addr(1), addr(2), "asked.example", 1000)
	var b flow.Batch
	r := record(1, 2, 1000)
	r.DomainName = "seen.example"
	b.Append(r)
	b.Append(record(2, 1, 1000))
	b.Append(record(3, 1, 1000))
	if j := table.Join(&b); j != (Joined{Named: 1, None: 1}) {
		t.Errorf("%+v", j)
	}
	if b.At(0, r); r.DomainName != "seen.example" || r.DomainSource != 1 {
		t.Errorf("%+v", r)
	}
}

const million = 1_000_000

// full is a table of a million entries with 100,000 names, and a batch of which the half is found.
func full(tb testing.TB) (*Table, *flow.Batch) {
	tb.Helper()
	table := New(million, time.Hour)
	for i := range uint32(million) {
		table.Add(addr(i), addr(i*7|1<<23), fmt.Sprintf("host-%d.cdn.example", i%100_000), 1000+int64(i)/1000)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var b flow.Batch
	for i := range 65536 {
		n := random.Uint32N(million)
		address := n*7 | 1<<23
		if i%2 == 0 {
			address++
		}
		if random.Uint32N(2) == 0 { // the answer to the client
			n, address = address, n
		}
		b.Append(record(n, address, 5000))
	}
	return table, &b
}

func lookupAll(table *Table, b *flow.Batch) (found int) {
	var chunkOf [chunk]match
	for from := 0; from < b.Len(); from += chunk {
		table.lookup(b.Columns(), from, chunkOf[:])
		for i := range chunkOf {
			if chunkOf[i].name != "" {
				found++
			}
			chunkOf[i] = match{}
		}
	}
	return found
}

func TestLookupDoesNotAllocate(t *testing.T) {
	table := New(1000, time.Hour)
	var b flow.Batch
	for i := range uint32(chunk) {
		table.Add(addr(i), addr(i+1000), fmt.Sprint("n", i%5), 1000)
		b.Append(record(i, i+1000, 1000))
	}
	if n := testing.AllocsPerRun(100, func() { lookupAll(table, &b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	table, batch := full(b)
	b.ReportAllocs()
	for b.Loop() {
		lookupAll(table, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/65536, "ns/flow")
}

// BenchmarkMemory says what a million entries take.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		table := New(million, time.Hour)
		for i := range uint32(million) {
			table.Add(addr(i), addr(i*7), fmt.Sprintf("host-%d.cdn.example", i%100_000), 1000)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(table)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/million, "bytes/entry")
}

func BenchmarkAdd(b *testing.B) {
	table, _ := full(b)
	b.ReportAllocs()
	i := uint32(0)
	for b.Loop() {
		i++
		table.Add(addr(i*31), addr(i), "host.example", 10_000_000)
	}
}
