package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSoftflowd lets a real exporter read real captures of handsets and export them. What Landfall
// counts must equal a plain count of the captures' IP octets.
func TestSoftflowd(t *testing.T) {
	softflowd, err := exec.LookPath("softflowd")
	need(t, err == nil, "softflowd (apt-get install softflowd)")
	captures := filepath.Join(root, "..", "shared", "testdata", "pcap")
	_, err = os.Stat(captures)
	need(t, err == nil, "../shared/testdata/pcap")

	s := newSystem(t, "", "enricher: {subscriber_prefixes: [\"0.0.0.0/0\", \"::/0\"]}\n")
	s.up()
	var want figures
	for _, capture := range []string{"xiaomi.pcap", "android.pcap", "wechat.pcap", "alicloud.pcap"} {
		path := filepath.Join(captures, capture)
		octets := ipOctets(t, path)
		for _, version := range []string{"5", "9", "10"} {
			t.Run(fmt.Sprintf("%s by version %s", capture, version), func(t *testing.T) {
				expect := octets.all
				if version == "5" { // has no IPv6
					expect = octets.v4
				}
				want.up += expect
				cmd := exec.CommandContext(t.Context(), softflowd, "-r", path, "-n", fmt.Sprintf("127.0.0.1:%d", s.ports["netflow"]), "-v", version, "-p", filepath.Join(s.dir, "softflowd.pid"), "-c", filepath.Join(s.dir, "softflowd.ctl"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("softflowd: %v\n%s", err, out)
				}
				s.eventually("octets of "+capture, func() (bool, string) {
					got := s.total("--by", "vendor")
					if got.up+got.down > want.up {
						t.Fatalf("%d octets counted, %d sent", got.up+got.down, want.up)
					}
					return got.up+got.down == want.up, fmt.Sprintf("%d of %d octets", got.up+got.down, want.up)
				})
			})
		}
	}
}

type octetCount struct{ all, v4 uint64 }

// ipOctets counts the IP octets of an Ethernet capture in pcap format, without any library of ours.
func ipOctets(t *testing.T, path string) octetCount {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if binary.BigEndian.Uint32(b) == 0xa1b2c3d4 || binary.BigEndian.Uint32(b) == 0xa1b23c4d {
		order = binary.BigEndian
	}
	var count octetCount
	for at := 24; at+16 <= len(b); {
		length := int(order.Uint32(b[at+8:]))
		frame := b[at+16 : at+16+length]
		at += 16 + length
		if len(frame) < 34 {
			continue
		}
		switch binary.BigEndian.Uint16(frame[12:]) {
		case 0x0800:
			n := uint64(binary.BigEndian.Uint16(frame[16:]))
			count.all, count.v4 = count.all+n, count.v4+n
		case 0x86dd:
			count.all += 40 + uint64(binary.BigEndian.Uint16(frame[18:]))
		}
	}
	return count
}
