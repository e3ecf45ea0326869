package geo

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// writeMMDB makes a small MaxMind DB (format 2.0, 32-bit records) that holds
// one flat record for each prefix. Prefixes must not lie within each other.
func writeMMDB(ipVersion int, records map[netip.Prefix]map[string]string) []byte {
	type node [2]int // index of a node, or ^index of a record, or none
	const none = 1 << 40
	nodes := []node{{none, none}}
	var data bytes.Buffer
	offsets := map[int]int{}
	prefixes := slices.SortedFunc(maps.Keys(records), func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	for i, p := range prefixes {
		offsets[i] = data.Len()
		writeMap(&data, records[p])
		bits, n := p.Addr().AsSlice(), 0
		for depth := range p.Bits() {
			side := int(bits[depth/8]>>(7-depth%8)) & 1
			if depth == p.Bits()-1 {
				nodes[n][side] = ^i
				break
			}
			if nodes[n][side] == none {
				nodes = append(nodes, node{none, none})
				nodes[n][side] = len(nodes) - 1
			}
			n = nodes[n][side]
		}
	}
	var out bytes.Buffer
	for _, n := range nodes {
		for _, child := range n {
			value := uint32(child)
			if child == none {
				value = uint32(len(nodes))
			} else if child < 0 {
				value = uint32(len(nodes) + 16 + offsets[^child])
			}
			_ = binary.Write(&out, binary.BigEndian, value)
		}
	}
	out.Write(make([]byte, 16))
	out.Write(data.Bytes())
	out.WriteString("\xab\xcd\xefMaxMind.com")
	out.WriteByte(7<<5 | 7)
	number := func(name string, kind, size byte, v uint64) {
		writeString(&out, name)
		if kind > 7 {
			out.Write([]byte{size, kind - 7})
		} else {
			out.WriteByte(kind<<5 | size)
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], v)
		out.Write(b[8-size:])
	}
	number("node_count", 6, 4, uint64(len(nodes)))
	number("record_size", 5, 2, 32)
	number("ip_version", 5, 2, uint64(ipVersion))
	number("binary_format_major_version", 5, 2, 2)
	number("binary_format_minor_version", 5, 2, 0)
	number("build_epoch", 9, 8, 1780666922)
	writeString(&out, "database_type")
	writeString(&out, "made by the test")
	return out.Bytes()
}

func writeMap(out *bytes.Buffer, m map[string]string) {
	out.WriteByte(7<<5 | byte(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		writeString(out, k)
		writeString(out, m[k])
	}
}

func writeString(out *bytes.Buffer, s string) {
	if len(s) >= 29 {
		panic("too long for this small writer")
	}
	out.WriteByte(2<<5 | byte(len(s)))
	out.WriteString(s)
}

func rec(country, state, city string) map[string]string {
	return map[string]string{"country_code": country, "state1": state, "city": city, "postcode": ""}
}

// tinyFiles writes a city table and an AS table of a few lines.
func tinyFiles(t testing.TB) (cityPath, asnPath string) {
	t.Helper()
	dir := t.TempDir()
	cityPath, asnPath = filepath.Join(dir, "city"), filepath.Join(dir, "asn")
	write(t, filepath.Join(cityPath, "v4.mmdb"), writeMMDB(4, map[netip.Prefix]map[string]string{
		netip.MustParsePrefix("1.2.0.0/16"):     rec("CN", "Beijing", "Beijing"),
		netip.MustParsePrefix("1.3.0.0/16"):     rec("US", "Oregon", "Boardman"),
		netip.MustParsePrefix("1.4.0.0/15"):     rec("SG", "", "Singapore"),
		netip.MustParsePrefix("10.0.0.0/8"):     rec("US", "Oregon", "Nowhere"),
		netip.MustParsePrefix("223.255.0.0/16"): rec("ZZ", "", ""),
	}))
	write(t, filepath.Join(cityPath, "v6.mmdb"), writeMMDB(6, map[netip.Prefix]map[string]string{
		netip.MustParsePrefix("2400::/16"):        rec("CN", "Beijing", "Beijing"),
		netip.MustParsePrefix("2600:1::/32"):      rec("US", "Oregon", "Boardman"),
		netip.MustParsePrefix("2600:2::/64"):      rec("DE", "Hesse", "Frankfurt am Main"),
		netip.MustParsePrefix("2600:2:0:1::/126"): rec("SG", "", "Singapore"),
	}))
	write(t, filepath.Join(asnPath, "asn-ipv4.csv"), []byte("1.2.0.0,1.2.127.255,4134,Chinanet\n1.2.128.0,1.3.255.255,16509,\"Amazon.com, Inc.\"\n"))
	write(t, filepath.Join(asnPath, "asn-ipv6.csv"), []byte("2400::,2400:7fff:ffff:ffff:ffff:ffff:ffff:ffff,4134,Chinanet\n"))
	write(t, filepath.Join(asnPath, "asn-ipv4-num.csv"), []byte("not read\n"))
	return cityPath, asnPath
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
