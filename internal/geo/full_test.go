package geo

import (
	"bufio"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// dataFolder gives the folder of a full data set, or skips.
func dataFolder(t testing.TB, set string) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.work")); statErr == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above this folder")
		}
		dir = filepath.Dir(dir)
	}
	folder := filepath.Join(dir, "data", set)
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI needs the full tables: %v; run `landfall data update`", err)
		}
		t.Skipf("the full tables are not here: %v; run `landfall data update`", err)
	}
	return folder
}

// fullTable is opened once for all tests that want it.
var fullTable = sync.OnceValues(func() (*Table, error) { return Open(fullFiles) })

var fullFiles Files

func full(t testing.TB) *Table {
	t.Helper()
	fullFiles = Files{City: []string{dataFolder(t, "city")}, ASN: []string{dataFolder(t, "asn")}}
	start := time.Now()
	table, err := fullTable()
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > time.Second {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		t.Logf("loaded in %s, %d MB; %d runs and %d leaves, %d answers, %d places, %d ASes", d.Round(10*time.Millisecond), m.HeapAlloc>>20,
			len(table.v4.runs), len(table.v6.leaves), len(table.answers), len(table.places), len(table.systems))
	}
	return table
}

// TestFullGolden asks for addresses whose place is known from elsewhere: the
// region lists of their cloud, their operators' own words.
func TestFullGolden(t *testing.T) {
	table := full(t)
	tests := []struct {
		address, place, city string
		as                   uint32
	}{
		{"18.193.233.122", "DE-HE", "Frankfurt am Main", 16509}, // AWS eu-central-1; a handset's push server in the captures
		{"3.127.176.74", "DE-HE", "Frankfurt am Main", 16509},
		{"203.107.1.65", "CN-ZJ", "Hangzhou (Xihu Qu)", 37963}, // Alibaba Cloud's HTTPDNS
		{"220.181.38.148", "CN-BJ", "Beijing", 23724},          // a Beijing data centre of China Telecom
		{"34.213.1.1", "US-OR", "Boardman", 16509},             // AWS us-west-2
		{"54.254.0.1", "SG", "Singapore", 16509},               // AWS ap-southeast-1
		{"2400:da00::1", "CN-BJ", "Beijing", 38365},            // Baidu
	}
	for _, tt := range tests {
		a := table.Lookup(netip.MustParseAddr(tt.address))
		if a.Place == nil || a.AS == nil {
			t.Errorf("%s: %s", tt.address, said(a))
			continue
		}
		if a.PlaceCode() != tt.place || a.Place.City != tt.city || a.AS.Number != tt.as || a.Method != MethodCityDB || a.Confidence != Single || a.Reason != ReasonNone {
			t.Errorf("%s: %s", tt.address, said(a))
		}
	}
}

// TestFullASTable compares the AS of random addresses with a walk over the
// file itself, without this package's parser.
func TestFullASTable(t *testing.T) {
	table := full(t)
	r := rand.New(rand.NewPCG(1, 2))
	const probes = 60
	addrs := make([]netip.Addr, probes)
	want := make([]uint32, probes)
	from := make([]netip.Addr, probes)
	for i := range addrs {
		addrs[i] = addr4(key4(r.Uint32()))
	}
	f, err := os.Open(filepath.Join(dataFolder(t, "asn"), "asn-ipv4.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.SplitN(lines.Text(), ",", 4)
		first, last := netip.MustParseAddr(fields[0]), netip.MustParseAddr(fields[1])
		for i, a := range addrs {
			if !a.Less(first) && !last.Less(a) && (!from[i].IsValid() || from[i].Less(first)) {
				n, _ := strconv.ParseUint(fields[2], 10, 32)
				want[i], from[i] = uint32(n), first
			}
		}
	}
	for i, a := range addrs {
		got := table.Lookup(a)
		if got.Reason > ReasonNone && got.Reason < ReasonNotInTable {
			continue // special-purpose: no AS, whatever the file says
		}
		var number uint32
		if got.AS != nil {
			number = got.AS.Number
		}
		if number != want[i] {
			t.Errorf("%s: AS%d, the file says AS%d", a, number, want[i])
		}
	}
}

// everything gives the full tables with all layers that are here: a witness
// where one is installed, the published lists where they lie beside the
// checkout.
func everything(t testing.TB) (files Files, lists int) {
	t.Helper()
	city := dataFolder(t, "city")
	files = Files{City: []string{city}, ASN: []string{dataFolder(t, "asn")}}
	if witness := filepath.Join(city, "..", "witness"); exists(witness) {
		files.Witness = []string{witness}
	}
	published := filepath.Join("..", "..", "..", "shared", "testdata", "cloud")
	files.Cloud, _ = filepath.Glob(filepath.Join(published, "*.json.gz"))
	files.Anycast, _ = filepath.Glob(filepath.Join(published, "anycast-*.csv.gz"))
	return files, len(files.Cloud) + len(files.Anycast)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestFullTable builds the whole table within the memory that is promised, and
// in the time, unless the machine is busy otherwise.
func TestFullTable(t *testing.T) {
	if testing.Short() {
		t.Skip("the full table takes some seconds")
	}
	files, lists := everything(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	table, err := Open(files)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	megabytes := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20
	t.Logf("%d city tables as witness, %d published lists: loaded in %s, %d MB; %d runs and %d leaves, %d answers, %d places, %d ASes", len(files.Witness), lists,
		took.Round(10*time.Millisecond), megabytes, len(table.v4.runs), len(table.v6.leaves), len(table.answers), len(table.places), len(table.systems))
	if megabytes > 400 {
		t.Errorf("%d MB are more than 400", megabytes)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		a := addr4(key4(r.Uint32()))
		if n := testing.AllocsPerRun(1, func() { table.Lookup(a) }); n != 0 {
			t.Fatalf("%s: %v allocations", a, n)
		}
	}
	runtime.KeepAlive(table)
}

func BenchmarkLookup(b *testing.B) {
	files, _ := everything(b)
	table, err := Open(files)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	random4 := make([]netip.Addr, 1<<16)
	for i := range random4 {
		for !random4[i].IsValid() || table.Lookup(random4[i]).Place == nil {
			random4[i] = addr4(key4(r.Uint32()))
		}
	}
	random6 := make([]netip.Addr, 1<<16)
	for i := range random6 {
		// Random over the runs and not over the space, nearly all of which is empty.
		var raw [16]byte
		leaf := r.IntN(len(table.v6.leaves))
		first := table.v6.levels[len(table.v6.levels)-1][leaf]
		steps := uint64(table.v6.leaves[leaf][1+r.IntN(7)].steps)
		binary.BigEndian.PutUint64(raw[:8], first+steps<<table.v6.leaves[leaf][0].steps)
		binary.BigEndian.PutUint64(raw[8:], r.Uint64())
		random6[i] = netip.AddrFrom16(raw)
	}
	few := random4[:64]
	for _, bench := range []struct {
		name  string
		addrs []netip.Addr
	}{{"IPv4", random4}, {"IPv6", random6}, {"IPv4/few", few}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			var sink uint32
			for i := range b.N {
				sink += table.Lookup(bench.addrs[i&(len(bench.addrs)-1)]).ID
			}
			_ = sink
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	files, _ := everything(b)
	b.ReportAllocs()
	for range b.N {
		if _, err := Open(files); err != nil {
			b.Fatal(err)
		}
	}
}
