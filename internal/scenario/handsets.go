package scenario

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// OUIs gives the registered MAC prefixes (24 bits, in the low bits) of a maker of handsets.
type OUIs func(brand string) []uint32

// handset is one subscriber's.
type handset struct {
	v4, v6 netip.Addr // v6 is the zero Addr where it has none
	mac    uint64
	brand  uint8 // how it behaves
	vendor uint8 // what can be seen of that: a brand, or len(brands) for randomised
}

// SubscriberPrefixes are what the enricher must take for the handset side: carrier-grade NAT space
// (RFC 6598) and the documentation prefix (RFC 3849).
func SubscriberPrefixes() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("2001:db8::/32")}
}

const (
	randomisedShare = 120 // per mille of handsets whose MAC address is random
	ipv6Share       = 350 // per mille that have IPv6 too
	strayShare      = 40  // per mille of the static table's handsets that are in another brand's prefix

	blockBits  = 18 // each exporter's subscribers have a /14 of 100.64.0.0/10
	vendorBits = 14 // each brand's have a /18 in the one of the exporter without MACs
)

func subscriberV4(block, host uint32) netip.Addr {
	u := uint32(100)<<24 | uint32(64)<<16 | block<<blockBits | host
	return netip.AddrFrom4([4]byte{byte(u >> 24), byte(u >> 16), byte(u >> 8), byte(u)})
}

// subscriberV6 is an address in the handset's own /64, whose last half is a privacy address.
func subscriberV6(block, host uint32, random uint64) netip.Addr {
	a := netip.MustParseAddr("2001:db8::").As16()
	a[4], a[5] = byte(block<<4|host>>16), 0
	a[6], a[7] = byte(host>>8), byte(host)
	for i := range 8 {
		a[8+i] = byte(random >> (8 * i))
	}
	return netip.AddrFrom16(a)
}

// pickBrand draws by the brands' shares.
func pickBrand(rng *rand.PCG, all []brand) int {
	n := below(rng, 1000)
	for i, b := range all {
		if n -= b.share; n < 0 {
			return i
		}
	}
	return len(all) - 1
}

// withMACs makes the subscribers of an exporter that tells MAC addresses.
func withMACs(rng *rand.PCG, block uint32, count int, ouis [][]uint32) []handset {
	all := brands()
	handsets := make([]handset, count)
	for i := range handsets {
		b := pickBrand(rng, all)
		host := uint32(i) * 40503 & (1<<blockBits - 1) // odd: no two are the same
		h := handset{v4: subscriberV4(block, host), brand: uint8(b), vendor: uint8(b)}
		random := rng.Uint64() & (1<<48 - 1)
		if below(rng, 1000) < randomisedShare {
			h.mac = random&^(1<<40) | 1<<41 // individual, locally administered: IEEE 802c
			h.vendor = uint8(len(all))
		} else {
			oui := ouis[b][below(rng, len(ouis[b]))]
			h.mac = uint64(oui)<<24 | random&0xffffff
		}
		if v6 := rng.Uint64(); below(rng, 1000) < ipv6Share {
			h.v6 = subscriberV6(block, host, v6)
		}
		handsets[i] = h
	}
	return handsets
}

// brandOUIs asks for the prefixes of every brand and leaves out those that a handset's address would
// not be recognised by. The order that they come in does not matter.
func brandOUIs(ouis OUIs) ([][]uint32, error) {
	var lists [][]uint32
	for _, b := range brands() {
		var list []uint32
		for _, oui := range ouis(b.name) {
			if oui>>24 == 0 && oui&0x030000 == 0 { // individual, universally administered
				list = append(list, oui)
			}
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("no MAC prefix of %s is known", b.name)
		}
		slices.Sort(list)
		lists = append(lists, slices.Compact(list))
	}
	return lists, nil
}

// StaticVendor is a row of the table that tells the vendors of handsets without a MAC address.
type StaticVendor struct {
	Prefix netip.Prefix
	Vendor string
}

// withPrefixes makes the subscribers of the exporter without MAC addresses, and the table that tells
// their vendors: a prefix for each brand, and single addresses in it of handsets of another brand, so
// that the longest prefix must win.
func withPrefixes(rng *rand.PCG, block uint32, count int) ([]handset, []StaticVendor) {
	all := brands()
	var table, strays []StaticVendor
	for i, b := range all {
		first := subscriberV4(block, uint32(i)<<vendorBits)
		table = append(table, StaticVendor{netip.PrefixFrom(first, 32-vendorBits), b.name})
	}
	used := make([]uint32, len(all))
	handsets := make([]handset, count)
	for i := range handsets {
		home := pickBrand(rng, all)
		b := home
		if below(rng, 1000) < strayShare {
			b = pickBrand(rng, all)
		}
		host := uint32(home)<<vendorBits | used[home]*10007&(1<<vendorBits-1)
		used[home]++
		handsets[i] = handset{v4: subscriberV4(block, host), brand: uint8(b), vendor: uint8(b)}
		if b != home {
			strays = append(strays, StaticVendor{netip.PrefixFrom(handsets[i].v4, 32), all[b].name})
		}
	}
	return handsets, append(table, strays...)
}

// StaticVendors gives the table for the subscribers of the NetFlow v5 exporter, which tells no MAC
// addresses. It depends on cfg's seed and number of subscribers only.
func StaticVendors(cfg Config) []StaticVendor {
	_, table := staticHandsets(cfg)
	return table
}

func staticHandsets(cfg Config) ([]handset, []StaticVendor) {
	return withPrefixes(stream(cfg.Seed, "handsets netflow5"), blockNetFlow5, subscribersOf(cfg, netflow5))
}

// WriteStaticVendors writes that table as CSV with the columns prefix and vendor.
func WriteStaticVendors(cfg Config, path string) error {
	var text bytes.Buffer
	w := bufio.NewWriter(&text)
	fmt.Fprintln(w, "prefix,vendor")
	for _, row := range StaticVendors(cfg) {
		fmt.Fprintf(w, "%s,%s\n", row.Prefix, row.Vendor)
	}
	w.Flush()
	if err := writeFile(path, text.Bytes()); err != nil {
		return fmt.Errorf("write static vendors: %w", err)
	}
	return nil
}
