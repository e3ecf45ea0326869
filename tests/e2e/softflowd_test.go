package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestSoftflowd lets a real exporter read real captures of handsets and export them. The octets that
// Landfall counts must equal what the exporter itself says it has metered.
func TestSoftflowd(t *testing.T) {
	softflowd, err := exec.LookPath("softflowd")
	need(t, err == nil, "softflowd (apt-get install softflowd)")
	captures := filepath.Join(root, "..", "shared", "testdata", "pcap")
	_, err = os.Stat(captures)
	need(t, err == nil, "../shared/testdata/pcap")

	s := newSystem(t, "", "enricher: {subscriber_prefixes: [\"0.0.0.0/0\", \"::/0\"]}\n")
	s.up()
	var sent uint64
	for _, capture := range []string{"xiaomi.pcap", "android.pcap", "wechat.pcap", "alicloud.pcap"} {
		for _, version := range []string{"5", "9", "10"} {
			t.Run(fmt.Sprintf("%s by version %s", capture, version), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				// With a control socket it would wait at the end of the capture for ever.
				cmd := exec.CommandContext(ctx, softflowd, "-d", "-c", "none", "-p", filepath.Join(s.dir, "softflowd.pid"),
					"-r", filepath.Join(captures, capture), "-n", fmt.Sprintf("127.0.0.1:%d", s.ports["netflow"]), "-v", version)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("softflowd: %v\n%s", err, out)
				}
				sent += metered(t, out)
				s.eventually("octets of "+capture, func() (bool, string) {
					got := s.total("--by", "vendor")
					if got.up+got.down > sent {
						t.Fatalf("%d octets counted, %d sent", got.up+got.down, sent)
					}
					return got.up+got.down == sent, fmt.Sprintf("%d of %d octets", got.up+got.down, sent)
				})
			})
		}
	}
}

// protocolLine is a line of softflowd's own statistics: protocol, octets, packets, lives.
var protocolLine = regexp.MustCompile(`(?m)^\s*\S+ \(\d+\):\s+(\d+)\s+\d+`)

// metered sums the octets by protocol of softflowd's own statistics. With NetFlow v5 IPv6 is not
// among them. (It counts the padding of short Ethernet frames as octets of the flow.)
func metered(t *testing.T, statistics []byte) uint64 {
	t.Helper()
	var sum uint64
	for _, match := range protocolLine.FindAllSubmatch(statistics, -1) {
		octets, err := strconv.ParseUint(string(match[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += octets
	}
	if sum == 0 {
		t.Fatalf("no octets in softflowd's statistics:\n%s", statistics)
	}
	return sum
}
