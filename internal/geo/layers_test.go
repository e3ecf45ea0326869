package geo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const cloudList = `{"syncToken": "1", "createDate": "2026-08-22-15-17-05", "prefixes": [
{"ip_prefix": "1.2.0.0/20", "region": "us-west-2", "service": "AMAZON", "network_border_group": "us-west-2"},
{"ip_prefix": "1.2.8.0/24", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"},
{"ip_prefix": "1.6.0.0/16", "region": "mars-north-1", "service": "AMAZON", "network_border_group": "mars-north-1"},
{"ip_prefix": "1.7.0.0/16", "region": "us-west-2", "service": "AMAZON", "network_border_group": "us-west-2"}],
"ipv6_prefixes": [
{"ipv6_prefix": "2600:1:1::/48", "region": "us-west-2", "service": "AMAZON", "network_border_group": "us-west-2"}]}
`

// layeredFiles has every kind of file.
func layeredFiles(t testing.TB) Files {
	t.Helper()
	dir := t.TempDir()
	path := func(name string, data string) string {
		p := filepath.Join(dir, name)
		write(t, p, []byte(data))
		return p
	}
	city, asn := tinyFiles(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("# seen from two places\n1.3.1.0/24,1.3.1.1\n1.2.9.0/24\n"))
	_ = z.Close()
	write(t, filepath.Join(asn, "asn-ipv4.csv"), []byte("1.2.0.0,1.2.127.255,4134,Chinanet\n1.4.0.0,1.4.0.255,14593,Space Exploration Technologies Corporation\n1.7.0.0,1.7.0.255,14593,Space Exploration Technologies Corporation\n1.8.0.0,1.8.0.255,14593,Space Exploration Technologies Corporation\n"))
	return Files{
		City: []string{city}, ASN: []string{asn}, Evidence: true,
		Witness: []string{path("witness.mmdb", string(writeMMDB(4, map[netip.Prefix]map[string]string{
			netip.MustParsePrefix("1.2.0.0/16"):  rec("CN", "Beijing", "Elsewhere"),
			netip.MustParsePrefix("1.3.0.0/18"):  rec("US", "California", "San Jose"),
			netip.MustParsePrefix("1.3.64.0/18"): rec("US", "", ""),
			netip.MustParsePrefix("1.4.0.0/16"):  rec("SG", "", ""),
			netip.MustParsePrefix("1.5.0.0/16"):  rec("MY", "", ""),
			netip.MustParsePrefix("1.9.0.0/16"):  rec("MY", "", ""),
		})))},
		Cloud:   []string{path("list.json", cloudList)},
		Anycast: []string{path("any.csv.gz", packed.String())},
		Overrides: path("own.csv", "prefix,country,subdivision,confidence,note,reference,cloud_provider,cloud_region\n"+
			"1.2.4.0/22,DE,DE-HE,published,moved,ticket 7,,\n1.2.5.0/24,IN,,,,,,\n1.4.0.0/28,SG,,agreed,,,,\n1.5.5.0/24,,,,,,aws,us-west-2\n"),
	}
}

func TestPrecedence(t *testing.T) {
	table, err := Open(layeredFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ address, want, rule, cloud, alternatives string }{
		{"1.2.3.4", "US-OR/ AS4134 Chinanet cloud_range published", "cloud", "aws us-west-2", ""},
		{"1.2.8.1", "CN-BJ/Beijing AS4134 Chinanet city_db agreed", "city", "aws ", ""}, // no region: the city table's place
		{"1.2.9.1", "/ AS4134 Chinanet anycast indeterminate anycast", "anycast", "aws ", ""},
		{"1.2.4.1", "DE-HE/ AS4134 Chinanet override published", "override", "aws ", ""},
		{"1.2.5.1", "IN/ AS4134 Chinanet override single", "override", "aws ", ""},
		{"1.2.100.1", "CN-BJ/Beijing AS4134 Chinanet city_db agreed", "city", " ", ""},
		{"1.3.1.7", "anycast indeterminate anycast", "anycast", "", ""},
		{"1.3.2.1", "US-OR/Boardman city_db disputed", "city", " ", "US-CA"},
		{"1.3.64.1", "US-OR/Boardman city_db single", "city", " ", ""}, // a witness without a subdivision
		{"1.3.128.1", "US-OR/Boardman city_db single", "city", " ", ""},
		{"1.4.0.200", "AS14593 Space Exploration Technologies Corporation none indeterminate satellite", "special:satellite", "", ""},
		{"1.4.0.1", "SG/ AS14593 Space Exploration Technologies Corporation override agreed", "override", " ", ""},
		{"1.4.1.1", "SG/Singapore city_db agreed", "city", " ", ""},
		{"1.5.1.1", "SG/Singapore city_db disputed", "city", " ", "MY"},
		{"1.5.5.1", "US-OR/ override single", "override", "aws us-west-2", ""},
		{"1.6.0.1", "/ none indeterminate not_in_table", "none", "aws mars-north-1", ""}, // a region that nobody places
		{"1.7.0.1", "US-OR/ AS14593 Space Exploration Technologies Corporation cloud_range published", "cloud", "aws us-west-2", ""},
		{"1.8.0.1", "AS14593 Space Exploration Technologies Corporation none indeterminate satellite", "special:satellite", "", ""},
		{"1.9.0.1", "none indeterminate not_in_table", "none", "", ""}, // the witness alone
		{"10.0.0.1", "none indeterminate private", "special:private", "", ""},
		{"2600:1:1::1", "US-OR/ cloud_range published", "cloud", "aws us-west-2", ""},
		{"::ffff:1.2.3.4", "US-OR/ AS4134 Chinanet cloud_range published", "cloud", "aws us-west-2", ""},
	}
	for _, tt := range tests {
		e := table.Evidence(netip.MustParseAddr(tt.address))
		var where, alternatives string
		if p := e.Answer.Place; p != nil {
			where = p.CloudProvider + " " + p.CloudRegion
		}
		for _, p := range e.Answer.Alternatives {
			alternatives += p.Code()
		}
		if got := said(e.Answer); got != tt.want || where != tt.cloud || alternatives != tt.alternatives || e.Rule != tt.rule {
			t.Errorf("%s: %q %q %q by %s\nwant %q %q %q by %s", tt.address, got, where, alternatives, e.Rule, tt.want, tt.cloud, tt.alternatives, tt.rule)
		}
		if got := table.Lookup(netip.MustParseAddr(tt.address)); got.ID != e.Answer.ID || int(got.ID) >= table.Answers() {
			t.Errorf("%s: answers %d and %d", tt.address, got.ID, e.Answer.ID)
		}
		decided := 0
		for _, s := range e.Sources {
			if s.Decided {
				decided++
			}
			if s.Version == "" && s.Set != "special" {
				t.Errorf("%s: %s without a version", tt.address, s.Set)
			}
		}
		if want := 1; tt.rule != "none" && decided != want {
			t.Errorf("%s: %d sources decided: %+v", tt.address, decided, e.Sources)
		}
	}
	e := table.Evidence(netip.MustParseAddr("::ffff:1.2.4.1"))
	var sets []string
	for _, s := range e.Sources {
		sets = append(sets, s.Set+" "+s.Place.Code()+" "+s.Note)
	}
	want := []string{"overrides DE-HE 1.2.4.0/22, line 2: moved; ticket 7", "aws US-OR 1.2.0.0/20", "city CN-BJ ", "witness CN-BJ ", "asn  "}
	if !slices.Equal(sets, want) || e.Address.String() != "1.2.4.1" {
		t.Errorf("%s: %q, want %q", e.Address, sets, want)
	}
	for _, a := range []string{"1.2.3.4", "1.3.2.1", "2600:1:1::1"} {
		address := netip.MustParseAddr(a)
		if n := testing.AllocsPerRun(100, func() { table.Lookup(address) }); n != 0 {
			t.Errorf("%s: %v allocations", a, n)
		}
	}
}

func TestBadLists(t *testing.T) {
	const header = "prefix,country,subdivision,cloud_provider,cloud_region,confidence\n"
	tests := []struct{ name, kind, text, want string }{
		{"no prefix", "anycast", "# nothing\n\n", "line 2: the list ends without a single prefix"},
		{"no prefix in the text", "anycast", "1.1.1.0/24\nhello\n", "line 2"},
		{"private", "anycast", "1.1.1.0/24\n10.1.0.0/16\n", "line 2: 10.1.0.0/16 touches 10.0.0.0/8 (private)"},
		{"around a bogon", "anycast", "0.0.0.0/0\n", "line 1"},
		{"mapped", "anycast", "::ffff:1.1.1.0/120\n", "line 1: ::ffff:1.1.1.0/120 maps IPv4"},
		{"bits too many", "anycast", "1.1.1.1/24\n", "1.1.1.0/24 is meant"},
		{"example elsewhere", "anycast", "1.1.1.0/24,1.1.2.1\n", "line 1: the example 1.1.2.1 is not in 1.1.1.0/24"},
		{"no header", "overrides", "1.1.1.0/24,DE\n", `line 1: there is no column "1.1.1.0/24"`},
		{"no country column", "overrides", "prefix,city\n", "line 1: the column country is missing"},
		{"column twice", "overrides", "prefix,country,prefix\n", "line 1: the column prefix is there twice"},
		{"no rows", "overrides", header, "without a single prefix"},
		{"twice", "overrides", header + "1.1.1.0/24,DE,,,,\n1.1.0.0/16,DE,,,,\n1.1.1.0/24,FR,,,,\n", "line 4: 1.1.1.0/24 stands in line 2 already"},
		{"private prefix", "overrides", header + "192.168.0.0/24,DE,,,,\n", "line 2: 192.168.0.0/24 touches 192.168.0.0/16 (private)"},
		{"no such country", "overrides", header + "1.1.1.0/24,XX,,,,\n", `line 2: country "XX"`},
		{"another's subdivision", "overrides", header + "1.1.1.0/24,DE,US-OR,,,\n", `line 2: subdivision "US-OR" is not an ISO 3166-2 code of DE`},
		{"no such subdivision", "overrides", header + "1.1.1.0/24,DE,DE-XX,,,\n", `line 2: subdivision "DE-XX"`},
		{"no country", "overrides", header + "1.1.1.0/24,,,,,\n", "line 2: there is no country"},
		{"no such region", "overrides", header + "1.1.1.0/24,,,aws,mars-1,\n", "line 2: there is no country, and where the region mars-1"},
		{"region of nobody", "overrides", header + "1.1.1.0/24,DE,,,x,\n", "line 2: the cloud region x has no cloud_provider"},
		{"confidence", "overrides", header + "1.1.1.0/24,DE,,,,sure\n", `line 2: confidence "sure"`},
		{"fields", "overrides", header + "1.1.1.0/24,DE\n", "line 2"},
	}
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.name, func(t *testing.T) {
			var err error
			if tt.kind == "anycast" {
				_, err = parseAnycast(newFile("a.list", nil), []byte(tt.text))
			} else {
				_, err = parseOverrides(newFile("a.list", nil), []byte(tt.text), codes)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "a.list") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestLayersAreTheNaiveLists lays random anycast, override and cloud prefixes
// over random city tables, and asks every list in turn for every edge.
func TestLayersAreTheNaiveLists(t *testing.T) {
	prefixes := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) netip.Prefix {
		bits := rapid.IntRange(24, 32).Draw(t, "bits")
		a := netip.AddrFrom4([4]byte{20, 0, byte(rapid.IntRange(0, 1).Draw(t, "net")), byte(rapid.IntRange(0, 255).Draw(t, "host"))})
		return netip.PrefixFrom(a, bits).Masked()
	}), 0, 6, rapid.ID[netip.Prefix])
	countries := []string{"DE", "FR", "IN", "SG", "US"}
	longest := func(list []netip.Prefix, a netip.Addr) int {
		best := -1
		for i, p := range list {
			if p.Contains(a) && (best < 0 || p.Bits() > list[best].Bits()) {
				best = i
			}
		}
		return best
	}
	layerOf := func(list []netip.Prefix, places []Place) layer {
		var c claims
		for i, p := range list {
			c.add(p, uint32(i%len(places)+1))
		}
		return c.flatten()
	}
	rapid.Check(t, func(t *rapid.T) {
		var places []Place
		for _, c := range countries {
			places = append(places, Place{CountryCode: c})
		}
		anycast, overrides, clouds := prefixes.Draw(t, "anycast"), prefixes.Draw(t, "overrides"), prefixes.Draw(t, "clouds")
		city, witness, as := prefixes.Draw(t, "city"), prefixes.Draw(t, "witness"), prefixes.Draw(t, "as")
		s := &sources{anycasts: []*anycastFile{{prefixes: anycast}}, overrides: &overrideFile{}, clouds: []*cloudFile{{set: "cloud"}}}
		for i, p := range overrides {
			s.overrides.rows = append(s.overrides.rows, override{prefix: p, place: places[i%5], confidence: Single})
		}
		for i, p := range clouds {
			place := Place{CloudProvider: "x"}
			if i%2 == 0 {
				place.CountryCode = countries[i%5]
			}
			s.clouds[0].ranges = append(s.clouds[0].ranges, cloudRange{p, place})
		}
		systems := []AS{{1, "one"}, {14593, "satellites"}}
		s.cities = []*cityFile{{layer: layerOf(city, places), places: slices.Clone(places)}}
		s.witnesses = []*cityFile{{layer: layerOf(witness, places), places: slices.Clone(places)}}
		asLayer := claims{}
		for i, p := range as {
			asLayer.add(p, uint32(i%2+1))
		}
		s.asns = []*asnFile{{layer: asLayer.flatten(), systems: systems}}
		for _, f := range []*file{&s.cities[0].file, &s.witnesses[0].file, &s.asns[0].file, &s.anycasts[0].file, &s.clouds[0].file, &s.overrides.file} {
			*f = newFile("", nil)
		}
		table, err := build(s, false)
		if err != nil {
			t.Fatal(err)
		}
		for host := range 512 {
			a := netip.AddrFrom4([4]byte{20, 0, byte(host >> 8), byte(host)})
			o, c, p, w, n := longest(overrides, a), longest(clouds, a), longest(city, a), longest(witness, a), longest(as, a)
			var want string
			switch {
			case longest(anycast, a) >= 0:
				want = " anycast indeterminate anycast"
			case o >= 0:
				want = countries[o%5] + " override single "
			case c >= 0 && c%2 == 0:
				want = countries[c%5] + " cloud_range published "
			case n >= 0 && n%2 == 1:
				want = " none indeterminate satellite"
			case p >= 0 && w < 0:
				want = countries[p%5] + " city_db single "
			case p >= 0 && p%5 == w%5:
				want = countries[p%5] + " city_db agreed "
			case p >= 0:
				want = countries[p%5] + " city_db disputed " + countries[w%5]
			default:
				want = " none indeterminate not_in_table"
			}
			got := table.Lookup(a)
			text := fmt.Sprintf("%s %s %s %s", got.PlaceCode(), got.Method, got.Confidence, got.Reason)
			for _, other := range got.Alternatives {
				text += other.Code()
			}
			if text != want {
				t.Fatalf("%s: %q, want %q", a, text, want)
			}
			if (c >= 0) != (got.Place != nil && got.Place.CloudProvider == "x") {
				t.Fatalf("%s: in cloud range %d, but %+v", a, c, got.Place)
			}
			if (n >= 0) != (got.AS != nil) || (n >= 0 && *got.AS != systems[n%2]) {
				t.Fatalf("%s: AS of %d, got %+v", a, n, got.AS)
			}
		}
	})
}
