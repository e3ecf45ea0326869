package sflow

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
)

var arrived = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// capture returns the UDP payloads of the sFlow capture (a pcap of Ethernet, IPv4, UDP).
func capture(t testing.TB) [][]byte {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above the test")
		}
		dir = filepath.Dir(dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, "..", "shared", "testdata", "netflow", "sflow.pcap"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no captures: %v", err)
		}
		t.Skipf("no captures at ../shared/testdata: %v", err)
	}
	var payloads [][]byte
	for b = b[24:]; len(b) >= 16; {
		n := binary.LittleEndian.Uint32(b[8:])
		payloads = append(payloads, b[16+14+20+8:16+n])
		b = b[16+n:]
	}
	return payloads
}

func decode(d *Decoder, datagram []byte) ([]flow.Record, netflow.Result) {
	var batch flow.Batch
	result := d.Decode(datagram, arrived, &batch)
	records := make([]flow.Record, batch.Len())
	for i := range records {
		batch.At(i, &records[i])
	}
	return records, result
}

func TestCapture(t *testing.T) {
	d := New(DefaultLimits())
	var got []flow.Record
	counters := 0
	for i, payload := range capture(t) {
		records, result := decode(d, payload)
		if result.ExportMs != arrived.UnixMilli() {
			t.Errorf("datagram %d: exported at %d", i, result.ExportMs)
		}
		if result.Refused != ([netflow.ReasonCount]uint32{}) || result.SequenceLost != 0 || result.Domain != 1 ||
			result.Exporter != netip.MustParseAddr("172.21.35.17") {
			t.Errorf("datagram %d: %+v", i, result)
		}
		counters += result.CounterSamples
		got = append(got, records...)
	}
	// As tshark reads it.
	want := []flow.Record{{
		Exporter: netip.MustParseAddr("172.21.35.17"), ObservationDomain: 1, ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW,
		SourceAddress: netip.MustParseAddr("172.21.32.254"), DestinationAddress: netip.MustParseAddr("172.21.32.241"), IPProtocol: 1,
		SourceMAC: 0x0019b9ddb264, DestinationMAC: 0x001c239f150b, VLANID: 32, IngressInterface: 1048, EgressInterface: 1043,
		FlowDirection: landfallv1.FlowDirection_FLOW_DIRECTION_EGRESS, Octets: 60, Packets: 1, SamplingInterval: 2048,
		StartMs: arrived.UnixMilli(), EndMs: arrived.UnixMilli(),
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || counters != 8 {
		t.Errorf("%d counter samples; flows differ (-want +got):\n%s", counters, diff)
	}
}

func be(width int, v uint64) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint64(b, v)
	return b[8-width:]
}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// tagged writes a format, a length and a body padded to words: a sample or a record.
func tagged(format uint32, body ...[]byte) []byte {
	b := join(body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return join(words(format, uint32(len(b))), b)
}

func datagram(sequence uint32, samples ...[]byte) []byte {
	return join(words(5, 1, 0xc0000209, 3, sequence, 1000, uint32(len(samples))), join(samples...))
}

func sampleOf(rate, input, output uint32, records ...[]byte) []byte {
	return tagged(1, words(1, input, rate, 0, 0, input, output, uint32(len(records))), join(records...))
}

func expandedOf(rate, input, output uint32, records ...[]byte) []byte {
	return tagged(3, words(1, 0, output, rate, 0, 0, 0, input, 0, output, uint32(len(records))), join(records...))
}

func raw(protocol, frameLength uint32, header []byte) []byte {
	return tagged(1, words(protocol, frameLength, 4, uint32(len(header))), header)
}

func ethernet(kind uint64, payload ...[]byte) []byte {
	return join(be(6, 0x112233445566), be(6, 0xaabbccddeeff), be(2, kind), join(payload...))
}

func ipv4(length, protocol uint64, payload ...[]byte) []byte {
	return join([]byte{0x45, 0x10}, be(2, length), be(4, 0), []byte{64, byte(protocol)}, be(2, 0), be(4, 0x0a000001), be(4, 0xcb007107), join(payload...))
}

func ipv6(length, next uint64, payload ...[]byte) []byte {
	return join([]byte{0x61, 0x20, 0, 0}, be(2, length), []byte{byte(next), 64}, be(8, 0x20010db800000000), be(8, 1), be(8, 0x20010db800000000), be(8, 2), join(payload...))
}

var tcp = join(be(2, 50000), be(2, 443), be(8, 0), []byte{0x50, 0x18})

// short describes what a packet's headers decide.
func short(r *flow.Record) string {
	return fmt.Sprintf("%s:%d > %s:%d proto=%d tcp=%#x tos=%#x octets=%d packets=%d rate=%d vlan=%d in=%d out=%d dir=%d macs=%x,%x",
		r.SourceAddress, r.SourcePort, r.DestinationAddress, r.DestinationPort, r.IPProtocol, r.TCPFlags, r.IPClassOfService,
		r.Octets, r.Packets, r.SamplingInterval, r.VLANID, r.IngressInterface, r.EgressInterface, r.FlowDirection, r.SourceMAC, r.DestinationMAC)
}

func TestSamples(t *testing.T) {
	const macs = " macs=aabbccddeeff,112233445566"
	for name, c := range map[string]struct {
		sample []byte
		want   string
	}{
		"IPv4": {
			sampleOf(512, 3, 4, raw(1, 1518, ethernet(0x0800, ipv4(1500, 6, tcp)))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=512 vlan=0 in=3 out=4 dir=1" + macs,
		},
		"expanded, egress": {
			expandedOf(512, 3, 4, raw(1, 1518, ethernet(0x0800, ipv4(1500, 6, tcp)))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=512 vlan=0 in=3 out=4 dir=2" + macs,
		},
		"two tags": {
			sampleOf(1, 3, 4, raw(1, 1526, ethernet(0x88a8, be(2, 100), be(2, 0x8100), be(2, 0x2000|200), be(2, 0x0800), ipv4(1500, 6, tcp)))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=1 vlan=200 in=3 out=4 dir=1" + macs,
		},
		"MPLS": {
			sampleOf(1, 3, 4, raw(1, 1526, ethernet(0x8847, words(0x00010040, 0x00020140), ipv4(1500, 6, tcp)))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=1 vlan=0 in=3 out=4 dir=1" + macs,
		},
		"IPv6": {
			sampleOf(1, 3, 4, raw(1, 1518, ethernet(0x86dd, ipv6(1460, 17, be(2, 53), be(2, 5353), be(4, 0))))),
			"2001:db8::1:53 > 2001:db8::2:5353 proto=17 tcp=0x0 tos=0x12 octets=1500 packets=1 rate=1 vlan=0 in=3 out=4 dir=1" + macs,
		},
		"IPv6 with extensions": {
			sampleOf(1, 3, 4, raw(12, 1500, ipv6(1460, 0, join(be(1, 44), make([]byte, 7)), join(be(1, 6), make([]byte, 7)), tcp))),
			"2001:db8::1:50000 > 2001:db8::2:443 proto=6 tcp=0x18 tos=0x12 octets=1500 packets=1 rate=1 vlan=0 in=3 out=4 dir=1 macs=0,0",
		},
		"no Ethernet": {
			sampleOf(1, 3, 4, raw(11, 1500, ipv4(1500, 6, tcp))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=1 vlan=0 in=3 out=4 dir=1 macs=0,0",
		},
		"segmentation offload": {
			sampleOf(1, 3, 4, raw(1, 9018, ethernet(0x0800, ipv4(0, 6, tcp)))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=9000 packets=1 rate=1 vlan=0 in=3 out=4 dir=1" + macs,
		},
		"interfaces that are none": {
			sampleOf(1, 0x3fffffff, 0x80000002, raw(11, 1500, ipv4(1500, 6, tcp))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=1 vlan=0 in=0 out=0 dir=0 macs=0,0",
		},
		"sampled IPv4 and Ethernet, no header": {
			sampleOf(8, 3, 4, tagged(2, words(1514), be(6, 1), be(2, 0), be(6, 2), be(2, 0), words(0x800)),
				tagged(3, words(1500, 17, 0x0a000001, 0xcb007107, 53, 54, 0, 0x20)), tagged(1001, words(300, 0, 301, 0))),
			"10.0.0.1:53 > 203.0.113.7:54 proto=17 tcp=0x0 tos=0x20 octets=1500 packets=1 rate=8 vlan=300 in=3 out=4 dir=1 macs=",
		},
		"bad record beside the header": {
			sampleOf(1, 3, 4, tagged(1003, words(1, 1)), raw(11, 1500, ipv4(1500, 6, tcp))),
			"10.0.0.1:50000 > 203.0.113.7:443 proto=6 tcp=0x18 tos=0x10 octets=1500 packets=1 rate=1 vlan=0 in=3 out=4 dir=1 macs=0,0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			// A neighbour on each side.
			records, result := decode(New(DefaultLimits()), datagram(1, sampleOf(1, 1, 2, raw(1, 60, ethernet(0x0806, make([]byte, 28)))), c.sample, c.sample))
			if len(records) != 2 || result.Flows != 2 || result.Refused[netflow.ReasonNotIP] != 1 {
				t.Fatalf("%d flows, %+v", len(records), result)
			}
			if got := short(&records[0]); !(got == c.want || (c.want[len(c.want)-1] == '=' && got[:len(c.want)] == c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if records[0].StartMs != arrived.UnixMilli() || records[0].Exporter != netip.MustParseAddr("192.0.2.9") || records[0].ObservationDomain != 3 {
				t.Errorf("got %+v", records[0])
			}
		})
	}
}

func TestRouting(t *testing.T) {
	records, _ := decode(New(DefaultLimits()), datagram(1, sampleOf(1, 3, 4, raw(11, 1500, ipv4(1500, 6, tcp)),
		tagged(1002, words(1, 0x0a0000fe, 24, 16)), tagged(1003, words(1, 0x0a0000fd, 65000, 65001, 65001, 1, 2, 2, 65002, 65003, 0, 100)))))
	if len(records) != 1 || records[0].NextHopAddress != netip.MustParseAddr("10.0.0.254") || records[0].BGPSourceAS != 65001 || records[0].BGPDestinationAS != 65003 {
		t.Errorf("got %+v", records)
	}
}

func TestRefusals(t *testing.T) {
	good := sampleOf(1, 3, 4, raw(11, 1500, ipv4(1500, 6, tcp)))
	for name, c := range map[string]struct {
		datagram []byte
		reason   netflow.Reason
		flows    int
	}{
		"empty":                           {nil, netflow.ReasonShort, 0},
		"header cut":                      {datagram(1)[:20], netflow.ReasonShort, 0},
		"version 4":                       {words(4, 1, 2, 3), netflow.ReasonUnknownVersion, 0},
		"agent of no kind":                {words(5, 3, 2, 3), netflow.ReasonMalformed, 0},
		"sample longer than the datagram": {join(datagram(1, good, good)[:28+len(good)], words(1, 9999)), netflow.ReasonMalformed, 1},
		"more samples than there are":     {join(words(5, 1, 9, 0, 1, 1, 0xffffffff), good), netflow.ReasonMalformed, 1},
		"4 billion records":               {datagram(1, tagged(3, words(1, 0, 4, 1, 0, 0, 0, 3, 0, 4, 0xffffffff)), good), netflow.ReasonMalformed, 1},
		"counter beyond belief":           {datagram(1, sampleOf(0xffffffff, 3, 4, tagged(3, words(0xffffffff, 17, 1, 2, 3, 4, 0, 0))), good), netflow.ReasonAbsurdCounter, 1},
	} {
		t.Run(name, func(t *testing.T) {
			records, result := decode(New(DefaultLimits()), c.datagram)
			if result.Refused[c.reason] == 0 || len(records) != c.flows {
				t.Errorf("%d flows, %+v", len(records), result)
			}
		})
	}
}

func TestSequenceByAgentAndSubAgent(t *testing.T) {
	d := New(DefaultLimits())
	other := func(sequence uint32) []byte { b := datagram(sequence); b[15] = 4; return b } // sub-agent 4
	for i, c := range []struct {
		datagram []byte
		lost     uint32
	}{{datagram(10), 0}, {other(500), 0}, {datagram(11), 0}, {other(502), 1}, {datagram(15), 3}} {
		if _, r := decode(d, c.datagram); r.SequenceLost != c.lost {
			t.Errorf("datagram %d: lost %d, want %d", i, r.SequenceLost, c.lost)
		}
	}
	limits := DefaultLimits()
	limits.Agents = 1
	d = New(limits)
	decode(d, datagram(1))
	if _, r := decode(d, other(1)); r.Refused[netflow.ReasonStateLimit] != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestEveryTruncation(t *testing.T) {
	payloads := append(capture(t), datagram(1, sampleOf(1, 3, 4, raw(1, 1518, ethernet(0x8100, be(2, 7), be(2, 0x86dd), ipv6(1460, 6, tcp)))),
		expandedOf(1, 3, 4, raw(1, 1518, ethernet(0x0800, ipv4(1500, 6, tcp))))))
	for _, payload := range payloads {
		whole, _ := decode(New(DefaultLimits()), payload)
		for n := range payload {
			got, result := decode(New(DefaultLimits()), payload[:n])
			if len(got) != result.Flows || len(got) > len(whole) || (len(got) > 0 && got[0] != whole[0]) {
				t.Fatalf("cut to %d bytes: %d flows of %d", n, len(got), len(whole))
			}
		}
	}
	// Every truncation of the sampled header, its lengths telling the truth.
	header := ethernet(0x8100, be(2, 7), be(2, 0x86dd), ipv6(1460, 0, join(be(1, 6), make([]byte, 7)), tcp))
	for n := range header {
		records, _ := decode(New(DefaultLimits()), datagram(1, sampleOf(1, 3, 4, raw(1, 1518, header[:n]))))
		if want := n >= 18+40; (len(records) == 1) != want {
			t.Errorf("header cut to %d bytes: %d flows", n, len(records))
		} else if want && records[0].Octets != 1500 {
			t.Errorf("header cut to %d bytes: octets %d", n, records[0].Octets)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, payload := range capture(f) {
		f.Add(payload)
	}
	f.Add(datagram(1, expandedOf(1, 3, 4, raw(1, 1518, ethernet(0x8100, be(2, 7), be(2, 0x86dd), ipv6(1460, 0, join(be(1, 6), make([]byte, 7)), tcp))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, result := decode(New(DefaultLimits()), data)
		if len(records) != result.Flows || len(records) > DefaultLimits().SamplesPerDatagram {
			t.Fatalf("%d flows, %+v", len(records), result)
		}
		for i := range records {
			if netflow.Absurd(&records[i]) || records[i].Packets != 1 {
				t.Fatalf("flow %+v", records[i])
			}
		}
	})
}

func TestParseAllocatesNothing(t *testing.T) {
	header := ethernet(0x8100, be(2, 7), be(2, 0x0800), ipv4(1500, 6, tcp))
	counters := datagram(1, tagged(2, words(1, 2, 0)))
	d := New(DefaultLimits())
	var batch flow.Batch
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := parse(headerEthernet, header, 1518); !ok {
			t.Fatal("not parsed")
		}
		d.Decode(counters, arrived, &batch)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	s := sampleOf(512, 3, 4, raw(1, 1518, ethernet(0x8100, be(2, 7), be(2, 0x0800), ipv4(1500, 6, tcp))))
	payload := datagram(1, s, s, s, s, s, s, s)
	d := New(DefaultLimits())
	var batch flow.Batch
	flows := 0
	b.ReportAllocs()
	for b.Loop() {
		batch.Reset()
		flows += d.Decode(payload, arrived, &batch).Flows
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(flows), "ns/flow")
}
