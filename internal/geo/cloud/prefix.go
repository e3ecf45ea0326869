package cloud

import (
	"fmt"
	"net/netip"
)

// reserved are the blocks that no provider can publish, from IANA's IPv4 and
// IPv6 Special-Purpose Address Registries (RFC 6890) and multicast.
var reserved = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("224.0.0.0/3"), // multicast and class E

	netip.MustParsePrefix("2001:2::/48"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"),
}

// global is what IPv6 addresses are given out of.
var global = netip.MustParsePrefix("2000::/3")

// parsePrefix reads one prefix of globally reachable addresses.
func parsePrefix(text string) (netip.Prefix, error) {
	if text == "" {
		return netip.Prefix{}, fmt.Errorf("an entry without a prefix")
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a prefix", text) // netip's own text repeats the input
	}
	switch a := p.Addr(); {
	case a.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s maps IPv4 into IPv6", p)
	case a != p.Masked().Addr():
		return netip.Prefix{}, fmt.Errorf("%s has bits set beyond its length", p)
	case a.Is6() && (p.Bits() < global.Bits() || !global.Contains(a)):
		return netip.Prefix{}, fmt.Errorf("%s is not of globally reachable addresses", p)
	}
	for _, r := range reserved {
		if r.Overlaps(p) {
			return netip.Prefix{}, fmt.Errorf("%s is not of globally reachable addresses: it overlaps %s", p, r)
		}
	}
	return p, nil
}
