package geo

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustOpen(t testing.TB, cityPath, asnPath string) *Table {
	t.Helper()
	table, err := Open(Files{City: []string{cityPath}, ASN: []string{asnPath}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// said puts an answer into one line.
func said(a Answer) string {
	s := a.PlaceCode()
	if a.Place != nil {
		s += "/" + a.Place.City
	}
	if a.AS != nil {
		s += fmt.Sprintf(" AS%d %s", a.AS.Number, a.AS.Organization)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", s, a.Method, a.Confidence, a.Reason))
}

func TestLookup(t *testing.T) {
	table := mustOpen(t, first(tinyFiles(t)), "")
	tests := map[string]string{
		"1.2.3.4":                "CN-BJ/Beijing city_db single",
		"1.3.255.255":            "US-OR/Boardman city_db single",
		"1.4.0.0":                "SG/Singapore city_db single",
		"1.5.255.255":            "SG/Singapore city_db single",
		"1.6.0.0":                "none indeterminate not_in_table",
		"223.255.1.1":            "none indeterminate not_in_table", // country ZZ
		"2400::1":                "CN-BJ/Beijing city_db single",
		"2600:1:ffff::":          "US-OR/Boardman city_db single",
		"2600:2::ffff":           "DE-HE/Frankfurt am Main city_db single",
		"2600:2:0:1::3":          "SG/Singapore city_db single",
		"2600:2:0:1::4":          "none indeterminate not_in_table",
		"2001:470::1":            "none indeterminate not_in_table",
		"::ffff:1.2.3.4":         "CN-BJ/Beijing city_db single",
		"64:ff9b::1.3.0.1":       "US-OR/Boardman city_db single",
		"64:ff9b::10.0.0.1":      "none indeterminate private",
		"2400::1%eth0":           "CN-BJ/Beijing city_db single",
		"0.0.0.0":                "none indeterminate unspecified",
		"0.0.0.1":                "none indeterminate reserved",
		"10.1.1.1":               "none indeterminate private", // although the table has a place for it
		"100.64.0.1":             "none indeterminate shared",
		"100.128.0.0":            "none indeterminate not_in_table",
		"127.0.0.1":              "none indeterminate loopback",
		"169.254.1.1":            "none indeterminate link_local",
		"172.31.255.255":         "none indeterminate private",
		"172.32.0.0":             "none indeterminate not_in_table",
		"192.0.2.1":              "none indeterminate documentation",
		"192.168.0.1":            "none indeterminate private",
		"198.19.0.1":             "none indeterminate benchmarking",
		"224.0.0.1":              "none indeterminate multicast",
		"240.0.0.1":              "none indeterminate reserved",
		"255.255.255.255":        "none indeterminate broadcast",
		"255.255.255.254":        "none indeterminate reserved",
		"::":                     "none indeterminate unspecified",
		"::1":                    "none indeterminate loopback",
		"::2":                    "none indeterminate reserved",
		"64:ff9b:1::1":           "none indeterminate private",
		"2001:db8::1":            "none indeterminate documentation",
		"3fff:fff::1":            "none indeterminate documentation",
		"4000::1":                "none indeterminate reserved",
		"fd00::1":                "none indeterminate private",
		"fe80::1":                "none indeterminate link_local",
		"ff02::1":                "none indeterminate multicast",
		"ffff:ffff:ffff:ffff::1": "none indeterminate multicast",
	}
	for address, want := range tests {
		if got := said(table.Lookup(netip.MustParseAddr(address))); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := said(table.Lookup(netip.Addr{})); got != "none indeterminate invalid" {
		t.Errorf("no address: %q", got)
	}
}

func first(a, _ string) string { return a }

func TestLookupWithAS(t *testing.T) {
	city, asn := tinyFiles(t)
	table := mustOpen(t, city, asn)
	tests := map[string]string{
		"1.2.127.255":    "CN-BJ/Beijing AS4134 Chinanet city_db single",
		"1.2.128.0":      "CN-BJ/Beijing AS16509 Amazon.com, Inc. city_db single",
		"1.3.0.0":        "US-OR/Boardman AS16509 Amazon.com, Inc. city_db single",
		"1.4.0.0":        "SG/Singapore city_db single",
		"2400:7fff::":    "CN-BJ/Beijing AS4134 Chinanet city_db single",
		"2400:8000::":    "CN-BJ/Beijing city_db single",
		"2600:2::1":      "DE-HE/Frankfurt am Main city_db single",
		"::ffff:1.3.0.0": "US-OR/Boardman AS16509 Amazon.com, Inc. city_db single",
	}
	ids := map[uint32]string{}
	for address, want := range tests {
		a := table.Lookup(netip.MustParseAddr(address))
		if got := said(a); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		if other, ok := ids[a.ID]; (ok && other != want) || int(a.ID) >= table.Answers() {
			t.Errorf("%s: ID %d of %d stands for %q too", address, a.ID, table.Answers(), other)
		}
		ids[a.ID] = want
	}
	a, b := table.Lookup(netip.MustParseAddr("1.2.0.1")), table.Lookup(netip.MustParseAddr("2400::1"))
	if a.Place != b.Place || a.AS != b.AS {
		t.Error("the same place in both families is not one pointer")
	}
	only := mustOpen(t, "", asn)
	if got := said(only.Lookup(netip.MustParseAddr("1.2.0.1"))); got != "AS4134 Chinanet none indeterminate not_in_table" {
		t.Errorf("without a city table: %q", got)
	}
}

func TestVersions(t *testing.T) {
	city, asn := tinyFiles(t)
	versions := mustOpen(t, city, asn).Versions()
	if len(versions) != 2 || versions[0].Name != "asn" || versions[1].Name != "city" {
		t.Fatalf("%+v", versions)
	}
	if v := versions[1]; v.Version != "2026-06-05" || !v.Built.Equal(time.Unix(1780666922, 0)) || len(v.SHA256) != 2 {
		t.Errorf("city %+v", v)
	}
	if v := versions[0]; !strings.HasPrefix(v.Version, "sha256:") || len(v.SHA256) != 2 {
		t.Errorf("asn %+v", v)
	}
	// A manifest counts for the content that it names, not for its neighbours.
	sum := versions[0].SHA256
	write(t, filepath.Join(asn, "manifest.json"), fmt.Appendf(nil, `{"version":"7.7","files":[{"sha256":%q},{"sha256":%q}]}`, sum[0], sum[1]))
	if v := mustOpen(t, city, asn).Versions()[0]; v.Version != "7.7" {
		t.Errorf("with a manifest: %+v", v)
	}
	write(t, filepath.Join(asn, "asn-ipv6.csv"), []byte("2400::,2400::1,1,Other\n"))
	if v := mustOpen(t, city, asn).Versions()[0]; !strings.HasPrefix(v.Version, "7.7+sha256:") {
		t.Errorf("with a file put in by hand: %+v", v)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(city, asn string) (string, string)
		want  []string
	}{
		{"no file", func(city, asn string) (string, string) { return filepath.Join(city, "none.mmdb"), asn }, []string{"none.mmdb", "no such file"}},
		{"an empty folder", func(city, asn string) (string, string) { return t.TempDir(), asn }, []string{"holds no *.mmdb"}},
		{"an AS table as city table", func(city, asn string) (string, string) { return filepath.Join(asn, "asn-ipv4.csv"), asn }, []string{"asn-ipv4.csv", "no whole MMDB file"}},
		{"a city table as AS table", func(city, asn string) (string, string) { return city, filepath.Join(city, "v4.mmdb") }, []string{"v4.mmdb"}},
		{"an empty city table", func(city, asn string) (string, string) {
			write(t, filepath.Join(city, "v4.mmdb"), nil)
			return city, asn
		}, []string{"v4.mmdb", "empty"}},
		{"another kind of MMDB", func(city, asn string) (string, string) {
			write(t, filepath.Join(city, "v4.mmdb"), writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.0.0.0/8"): {"asn": "1"}}))
			return city, asn
		}, []string{"v4.mmdb", "names no country", "made by the test", "country_code, state1, city"}},
		{"a country that is none", func(city, asn string) (string, string) {
			write(t, filepath.Join(city, "v4.mmdb"), writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.0.0.0/8"): rec("China", "", "")}))
			return city, asn
		}, []string{"v4.mmdb", "1.0.0.0/8", `"China"`}},
		{"the same family twice", func(city, asn string) (string, string) {
			write(t, filepath.Join(city, "w4.mmdb"), writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.0.0.0/8"): rec("CN", "", "")}))
			return city, asn
		}, []string{"w4.mmdb", "holds IPv4 places, and so does a file before it"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			city, asn := tt.spoil(tinyFiles(t))
			table, err := Open(Files{City: []string{city}, ASN: []string{asn}})
			if err == nil || table != nil {
				t.Fatal("it was taken")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("does not say %q: %v", w, err)
				}
			}
		})
	}
}

func TestEveryTruncationOfACityTableIsRefused(t *testing.T) {
	city, _ := tinyFiles(t)
	path := filepath.Join(city, "v4.mmdb")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := parseCity(newFile(path, nil), whole[:n], codes); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestBadASLines(t *testing.T) {
	const good = "1.0.0.0,1.0.0.255,13335,Cloudflare\n"
	tests := []struct{ name, csv, want string }{
		{"three fields", good + "1.0.1.0,1.0.1.255,1\n", "line 2"},
		{"not an address", good + good + "x,1.0.1.255,1,A\n", "line 3: first address"},
		{"not an address at the end", good + "1.0.1.0,,1,A\n", "line 2: last address"},
		{"backwards", good + "1.0.1.9,1.0.1.0,1,A\n", "line 2: the range ends at 1.0.1.0, before it begins at 1.0.1.9"},
		{"two families", good + "1.0.1.0,2001::,1,A\n", "line 2"},
		{"mapped", good + "::ffff:1.0.1.0,::ffff:1.0.1.1,1,A\n", "line 2"},
		{"zone", good + "fe80::%a,fe80::1,1,A\n", "line 2"},
		{"AS no number", good + "1.0.1.0,1.0.1.1,AS1,A\n", `line 2: AS number "AS1"`},
		{"AS too large", good + "1.0.1.0,1.0.1.1,4294967296,A\n", "line 2"},
		{"AS negative", good + "1.0.1.0,1.0.1.1,-1,A\n", "line 2"},
		{"a quote left open", good + "1.0.1.0,1.0.1.1,1,\"A\n", "line 2"},
		{"cut short", good + "1.0.1.0,1.0.1.1,1,A", "cut short"},
		{"nothing", "", "cut short"},
		{"a web page", "<html>\n<body>\n", "line 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseASN(newFile("as.csv", nil), []byte(tt.csv))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "as.csv") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	if _, err := parseASN(newFile("as.csv", nil), []byte(good)); err != nil {
		t.Error(err)
	}
}

func FuzzCity(f *testing.F) {
	f.Add(nestedTable())
	f.Add(writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.2.0.0/16"): rec("CN", "Beijing", "Beijing"), netip.MustParsePrefix("1.3.0.0/16"): rec("US", "Oregon", "B")}))
	f.Add(writeMMDB(6, map[netip.Prefix]map[string]string{netip.MustParsePrefix("2400::/16"): rec("CN", "Beijing", "Beijing")}))
	codes, err := loadCodes()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCity(newFile("fuzz.mmdb", nil), data, codes)
		if err != nil {
			return
		}
		for _, v := range slices.Concat(c.v4.value, c.v6.value) {
			if int(v) > len(c.places) {
				t.Fatalf("value %d of %d places", v, len(c.places))
			}
		}
	})
}

func FuzzASN(f *testing.F) {
	f.Add([]byte("1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n2001::,2001::1,1,A\n"))
	f.Add([]byte("0.0.0.0,255.255.255.255,1,All\n::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,1,All\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseASN(newFile("fuzz.csv", nil), data)
		if err != nil {
			return
		}
		for _, v := range slices.Concat(a.v4.value, a.v6.value) {
			if int(v) > len(a.systems) {
				t.Fatalf("value %d of %d systems", v, len(a.systems))
			}
		}
	})
}

func TestLookupDoesNotAllocate(t *testing.T) {
	table := mustOpen(t, first(tinyFiles(t)), "")
	for _, s := range []string{"1.2.3.4", "9.9.9.9", "2400::1", "::ffff:1.2.3.4", "fe80::1"} {
		a := netip.MustParseAddr(s)
		if n := testing.AllocsPerRun(100, func() { table.Lookup(a) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

// TestRecordsOfAFewBytes has records so short that several meet in one slot of
// what the loader remembers.
func TestRecordsOfAFewBytes(t *testing.T) {
	records := map[netip.Prefix]map[string]string{}
	countries := []string{"CN", "US", "SG", "DE", "IN", "FR", "JP"}
	for i := range 70 {
		records[netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 0}), 16)] = map[string]string{"country_code": countries[i%len(countries)]}
	}
	path := filepath.Join(t.TempDir(), "short.mmdb")
	write(t, path, writeMMDB(4, records))
	table := mustOpen(t, path, "")
	for p, r := range records {
		if got := table.Lookup(p.Addr()).PlaceCode(); got != r["country_code"] {
			t.Errorf("%s: %q, want %q", p, got, r["country_code"])
		}
	}
}
