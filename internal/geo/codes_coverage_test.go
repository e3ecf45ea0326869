package geo

import (
	"cmp"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// coverage sorts the address space of the city table by what its subdivision
// name comes to. Units: IPv4 addresses and IPv6 /48s; IPv6 networks larger than
// a /16 are not counted.
type coverage struct {
	all, resolved, itself, nameless, unresolved [2]float64
	missed                                      map[[2]string]*[2]float64 // country and name
	names, known                                int
}

// TestSubdivisionCoverage measures how much of the full city table has its
// ISO 3166-2 code. A name that is the country's own ("Taiwan"), or a district of a
// country that is shown as one place (Hong Kong), gets none and is counted apart;
// so are networks without any name. With -v it lists the
// names without a code, those with the most addresses first.
func TestSubdivisionCoverage(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataFolder(t, "city"), "*.mmdb"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no MMDB in the city folder: %v", err)
	}
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	c := coverage{missed: map[[2]string]*[2]float64{}}
	space := map[[2]string]*[2]float64{}
	for _, file := range files {
		measure(t, file, space)
	}
	countries := map[string]bool{}
	for key, n := range space {
		to := &c.unresolved
		switch country, name := key[0], key[1]; {
		case name == "":
			to = &c.nameless
		case codes.subdivision(country, name) != "":
			to = &c.resolved
			c.known++
			countries[country] = true
		case cityState[country] || plain(name) == plain(codes.countries[country].Name):
			to = &c.itself
		default:
			c.missed[key] = n
		}
		if key[1] != "" {
			c.names++
		}
		for i := range n {
			to[i] += n[i]
			c.all[i] += n[i]
		}
	}
	t.Logf("%d of %d names of the table have a code, in %d countries; %d have none", c.known, c.names, len(countries), len(c.missed))
	for i, unit := range []string{"IPv4 addresses", "IPv6 /48s"} {
		share := func(n [2]float64) float64 { return 100 * n[i] / c.all[i] }
		named := c.resolved[i] + c.unresolved[i]
		t.Logf("%s: %.3f %% with a code, %.3f %% shown as the country itself, %.3f %% without any name, %.3f %% with a name that has no code; of those that name a subdivision, %.3f %% have its code",
			unit, share(c.resolved), share(c.itself), share(c.nameless), share(c.unresolved), 100*c.resolved[i]/named)
		if c.resolved[i]/named < 0.99 {
			t.Errorf("%s: less than 99 %% of the named", unit)
		}
		if (c.resolved[i]+c.itself[i])/c.all[i] < 0.99 {
			t.Errorf("%s: less than 99 %% of all, the countries that are their own subdivision among them", unit)
		}
	}
	c.list(t, codes)
}

// cityState has the countries that are shown as one place.
var cityState = map[string]bool{"SG": true, "HK": true, "MO": true, "MC": true, "VA": true, "GI": true}

func (c *coverage) list(t *testing.T, codes *codeBook) {
	names := make([][2]string, 0, len(c.missed))
	for key := range c.missed {
		names = append(names, key)
	}
	slices.SortFunc(names, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(c.missed[b][0], c.missed[a][0]), cmp.Compare(c.missed[b][1], c.missed[a][1]), slices.Compare(a[:], b[:]))
	})
	for _, key := range names {
		why := "not known, or shared by two"
		if codes.byName[key[0]] == nil {
			why = "the country has no subdivisions in ISO 3166-2"
		}
		n := c.missed[key]
		t.Logf("  %s %q: %.0f IPv4 addresses, %.2f IPv6 /48s (%s)", key[0], key[1], n[0], n[1], why)
		// A new spelling of something large is to be seen at once.
		if n[0] > 500_000 && !withoutCode[key[0]+" "+key[1]] {
			t.Errorf("%s %q with %.0f addresses has no code", key[0], key[1], n[0])
		}
	}
}

// withoutCode has large names that ISO 3166-2 knows no code for: not units, or
// units that are no more and lie in several of today's.
var withoutCode = map[string]bool{
	"NO Viken": true, "RS Central Serbia": true, "PS West Bank": true, "MG Analamanga": true, "MK Grad Skopje": true, "PR San Juan": true,
}

// measure adds the networks of an MMDB file to the space of their names.
func measure(t *testing.T, file string, space map[[2]string]*[2]float64) {
	t.Helper()
	r, err := maxminddb.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	byOffset := map[uintptr]*[2]float64{}
	for network := range r.Networks() {
		n := byOffset[network.Offset()]
		if n == nil {
			var rec struct {
				CountryCode string `maxminddb:"country_code"`
				State1      string `maxminddb:"state1"`
			}
			if err := network.Decode(&rec); err != nil {
				t.Fatalf("%s: %v", network.Prefix(), err)
			}
			key := [2]string{rec.CountryCode, rec.State1}
			if n = space[key]; n == nil {
				n = new([2]float64)
				if rec.CountryCode != "" && rec.CountryCode != "ZZ" {
					space[key] = n
				}
			}
			byOffset[network.Offset()] = n
		}
		p := network.Prefix()
		if p.Addr().Is6() && p.Bits() < 16 {
			continue // no registry gave out so much: what the table fills its gaps with
		}
		if p.Addr().Is4() {
			n[0] += float64(uint64(1) << (32 - p.Bits()))
		} else if p.Bits() <= 48 {
			n[1] += float64(uint64(1) << (48 - p.Bits()))
		} else {
			n[1] += 1 / float64(uint64(1)<<min(p.Bits()-48, 63))
		}
	}
}
