package scenario

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// place is somewhere that handsets send to: its code, and the city table's own names for it.
type place struct {
	code           string // ISO 3166-2 where the table tells a subdivision of it, else ISO 3166-1
	country, state string // country_code and state1 of the table
}

const (
	beijing = iota
	guangdong
	shanghai
	oregon
	california
	virginia
	singapore
	hesse
	leinster
	maharashtra
	tokyo
	seoul
	hongKong
	england
	placeCount
)

func places() [placeCount]place {
	return [placeCount]place{
		beijing:     {"CN-BJ", "CN", "Beijing"},
		guangdong:   {"CN-GD", "CN", "Guangdong"},
		shanghai:    {"CN-SH", "CN", "Shanghai"},
		oregon:      {"US-OR", "US", "Oregon"},
		california:  {"US-CA", "US", "California"},
		virginia:    {"US-VA", "US", "Virginia"},
		singapore:   {"SG", "SG", ""},
		hesse:       {"DE-HE", "DE", "Hesse"},
		leinster:    {"IE-L", "IE", "Leinster"},
		maharashtra: {"IN-MH", "IN", "Maharashtra"},
		tokyo:       {"JP-13", "JP", "Tokyo"},
		seoul:       {"KR-11", "KR", "Seoul"},
		hongKong:    {"HK", "HK", "Kowloon"}, // ISO 3166-2 has no subdivision of HK
		england:     {"GB-ENG", "GB", "England"},
	}
}

// remotes are the destinations of one place.
type remotes struct{ v4, v6 []netip.Addr }

const (
	remotesIPv4  = 40
	remotesIPv6  = 8
	remotesLeast = 10 // of IPv4, fewer is an error
	drawsIPv4    = 2_000_000
	drawsIPv6    = 40_000 // for each range
)

// cityRecord is what the draw needs of a record of the table.
type cityRecord struct {
	Country string `maxminddb:"country_code"`
	State   string `maxminddb:"state1"`
}

// drawRemotes draws public addresses by the seed and keeps those that the tables put in our places.
func drawRemotes(seed uint64, ipv4, ipv6 string) ([placeCount]remotes, error) {
	var found [placeCount]remotes
	rng := stream(seed, "destinations IPv4")
	err := withCityTable(ipv4, func(db *maxminddb.Reader) error {
		missing := placeCount
		for range drawsIPv4 {
			u := rng.Uint64()
			// The last byte is a host's, not a network's or a broadcast address.
			a := netip.AddrFrom4([4]byte{byte(u), byte(u >> 8), byte(u >> 16), byte(1 + (u>>24)%254)})
			if !public(a) {
				continue
			}
			i, _, err := placeOf(db, a)
			if err != nil {
				return err
			}
			if i < 0 || len(found[i].v4) == remotesIPv4 {
				continue
			}
			found[i].v4 = append(found[i].v4, a)
			if len(found[i].v4) == remotesIPv4 {
				if missing--; missing == 0 {
					return nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	for i, p := range places() {
		if len(found[i].v4) < remotesLeast {
			return found, fmt.Errorf("city table %s: only %d addresses found in %s (%s, %s)", ipv4, len(found[i].v4), p.code, p.country, p.state)
		}
	}
	if ipv6 == "" {
		return found, nil
	}
	return found, drawIPv6(stream(seed, "destinations IPv6"), ipv6, &found)
}

// drawIPv6 looks in the registries' blocks, as nearly all of the address space is empty. A place for
// which it finds none has IPv4 only.
func drawIPv6(rng *rand.PCG, path string, found *[placeCount]remotes) error {
	return withCityTable(path, func(db *maxminddb.Reader) error {
		for _, block := range []string{"2001:200::/23", "2001:400::/23", "2400::/12", "2600::/12", "2620::/23", "2a00::/12"} {
			prefix := netip.MustParsePrefix(block)
			for range drawsIPv6 {
				a := randomIn(rng, prefix)
				i, bits, err := placeOf(db, a)
				if err != nil {
					return err
				}
				// Short prefixes are what the table says of space that nobody has been given.
				if i < 0 || bits < 28 || len(found[i].v6) == remotesIPv6 {
					continue
				}
				found[i].v6 = append(found[i].v6, a)
			}
		}
		return nil
	})
}

// randomIn gives a random address whose network part is at most 64 bits and whose last bytes are a
// server's.
func randomIn(rng *rand.PCG, p netip.Prefix) netip.Addr {
	a := p.Addr().As16()
	u := rng.Uint64()
	for bit := p.Bits(); bit < 64; bit++ {
		a[bit/8] |= byte(u>>bit&1) << (7 - bit%8)
	}
	a[14], a[15] = byte(rng.Uint64()), 1
	return netip.AddrFrom16(a)
}

func withCityTable(path string, use func(*maxminddb.Reader) error) error {
	// A memory map of a directory or of nothing fails less clearly than this.
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("city table: %w", err)
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("city table %s is not a file", path)
	}
	db, err := maxminddb.Open(path)
	if err != nil {
		return fmt.Errorf("open city table %s: %w", path, err)
	}
	defer db.Close()
	return use(db)
}

// placeOf looks a up in the raw table. It returns -1 for somewhere else.
func placeOf(db *maxminddb.Reader, a netip.Addr) (index, bits int, err error) {
	var r cityRecord
	result := db.Lookup(a)
	if err := result.Decode(&r); err != nil {
		return -1, 0, fmt.Errorf("city table, look up %s: %w", a, err)
	}
	if !result.Found() {
		return -1, 0, nil
	}
	for i, p := range places() {
		if p.country == r.Country && p.state == r.State {
			return i, result.Prefix().Bits(), nil
		}
	}
	return -1, 0, nil
}

// public tells whether an IPv4 address is one that a server on the internet may have: none of IANA's
// special-purpose registry (RFC 6890), no multicast, nothing reserved.
func public(a netip.Addr) bool {
	b := a.As4()
	switch {
	case b[0] == 0, b[0] == 10, b[0] == 127, b[0] >= 224,
		b[0] == 100 && b[1]&0xc0 == 64,
		b[0] == 169 && b[1] == 254,
		b[0] == 172 && b[1]&0xf0 == 16,
		b[0] == 192 && b[1] == 0 && (b[2] == 0 || b[2] == 2),
		b[0] == 192 && b[1] == 88 && b[2] == 99,
		b[0] == 192 && b[1] == 168,
		b[0] == 198 && b[1]&0xfe == 18,
		b[0] == 198 && b[1] == 51 && b[2] == 100,
		b[0] == 203 && b[1] == 0 && b[2] == 113:
		return false
	}
	return true
}
