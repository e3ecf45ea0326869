package exporter

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// As Linux 6.18 printed them, on a little-endian machine.
const (
	udpTable = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
 4886: 0100007F:9ECD 00000000:0000 07 00000000:00005A00 00:00000000 00000000     0        0 50127 2 000000006c5e2ce2 17         
 7129: 0301007F:A790 0100007F:9ECD 01 00000000:00000000 00:00000000 00000000     0        0 50128 2 00000000c6cdaa64 0         
 7130: 00000000:0807 00000000:0000 07 00000000:00000010 00:00000000 00000000     0        0 50129 2 00000000c6cdaa64 0         
 7131: 00000000:0807 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 50130 2 00000000c6cdaa64 4         `
	udp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 00000000000000000000000000000000:1283 00000000000000000000000000000000:0000 07 00000000:00000900 00:00000000 00000000     0        0 51111 2 0000000000000000 2
 1235: 00000000000000000000000001000000:18C7 00000000000000000000000000000000:0000 07 00000000:00001200 00:00000000 00000000     0        0 51112 2 0000000000000000 0
`
)

func TestFindQueue(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the tables are those of a little-endian machine")
	}
	for _, c := range []struct {
		name, table, target string
		want                queue
		found               bool
	}{
		{"bound to the address", udpTable, "127.0.0.1:40653", queue{0x5a00, 17}, true},
		{"an exporter's own socket", udpTable, "127.0.1.3:42896", queue{}, false},
		{"another address", udpTable, "127.0.0.2:40653", queue{}, false},
		{"shared port: the fullest, all drops", udpTable, "127.0.0.1:2055", queue{0x300, 4}, true},
		{"no such port", udpTable, "127.0.0.1:6343", queue{}, false},
		{"IPv6 socket bound to any", udp6Table, "127.0.0.1:4739", queue{0x900, 2}, true},
		{"IPv6 loopback", udp6Table, "[::1]:6343", queue{0x1200, 0}, true},
		{"empty", "", "127.0.0.1:2055", queue{}, false},
	} {
		got, found := findQueue([]byte(c.table), netip.MustParseAddrPort(c.target))
		if got != c.want || found != c.found {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.name, got, found, c.want, c.found)
		}
	}
	target := netip.MustParseAddrPort("127.0.0.1:2055")
	table := []byte(udpTable)
	if n := testing.AllocsPerRun(100, func() { findQueue(table, target) }); n > 0 {
		t.Errorf("findQueue allocates %.0f times", n)
	}
}

func FuzzFindQueue(f *testing.F) {
	f.Add([]byte(udpTable))
	f.Add([]byte(udp6Table))
	f.Add([]byte(" 1: 0100007F:0807 00000000:0000 07 0:\n :"))
	target := netip.MustParseAddrPort("127.0.0.1:2055")
	f.Fuzz(func(_ *testing.T, table []byte) {
		findQueue(table, target) // must not panic
	})
}
