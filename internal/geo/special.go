package geo

import "net/netip"

// special lists the blocks that are nowhere, from IANA's IPv4 and IPv6
// Special-Purpose Address Registries (RFC 6890) and multicast spaces. A block
// inside another wins over it. 192.88.99.0/24, 2001::/32 and their like, which
// IANA lists as possibly reachable, are left to the tables.
var special = [...]struct {
	prefix string
	reason Reason
}{
	{"0.0.0.0/8", ReasonReserved},
	{"0.0.0.0/32", ReasonUnspecified},
	{"10.0.0.0/8", ReasonPrivate},
	{"100.64.0.0/10", ReasonShared},
	{"127.0.0.0/8", ReasonLoopback},
	{"169.254.0.0/16", ReasonLinkLocal},
	{"172.16.0.0/12", ReasonPrivate},
	{"192.0.0.0/24", ReasonReserved},
	{"192.0.2.0/24", ReasonDocumentation},
	{"192.168.0.0/16", ReasonPrivate},
	{"198.18.0.0/15", ReasonBenchmarking},
	{"198.51.100.0/24", ReasonDocumentation},
	{"203.0.113.0/24", ReasonDocumentation},
	{"224.0.0.0/4", ReasonMulticast},
	{"240.0.0.0/4", ReasonReserved},
	{"255.255.255.255/32", ReasonBroadcast},

	// Only 2000::/3 is global unicast today; the tables say nothing of the rest.
	{"::/3", ReasonReserved},
	{"::/128", ReasonUnspecified},
	{"::1/128", ReasonLoopback},
	{"64:ff9b:1::/48", ReasonPrivate}, // local-use translation, RFC 8215
	{"2001:2::/48", ReasonBenchmarking},
	{"2001:db8::/32", ReasonDocumentation},
	{"3fff::/20", ReasonDocumentation},
	{"4000::/2", ReasonReserved},
	{"8000::/1", ReasonReserved},
	{"fc00::/7", ReasonPrivate},
	{"fe80::/10", ReasonLinkLocal},
	{"ff00::/8", ReasonMulticast},
}

// lastOf gives a prefix's highest address.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		switch keep := p.Bits() - 8*i; {
		case keep <= 0:
			b[i] = 0xff
		case keep < 8:
			b[i] |= 0xff >> keep
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
