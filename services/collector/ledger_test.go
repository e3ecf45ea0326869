package collector

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/exporter"
	"github.com/landfall-telemetry/landfall/internal/netflow"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
	"github.com/landfall-telemetry/landfall/services/collector/internal/ledger"
	"github.com/landfall-telemetry/landfall/services/collector/internal/udp"
)

const (
	v5    = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V5
	v9    = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V9
	ipfix = landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX
	sFlow = landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW
)

// wire keeps what an exporter sends.
type wire [][]byte

func (w *wire) Send(_ context.Context, datagram []byte, _ int) error {
	*w = append(*w, bytes.Clone(datagram))
	return nil
}

// exported lets a simulated exporter send this many datagrams, one a second from begin.
func exported(t *testing.T, begin time.Time, datagrams int, open func(out exporter.Sender, boot time.Time) exporter.Exporter) wire {
	t.Helper()
	var out wire
	e := open(&out, begin.Add(-time.Hour))
	random := rand.New(rand.NewPCG(1, uint64(begin.Unix())))
	for i := range datagrams {
		now := begin.Add(time.Duration(i) * time.Second)
		for range 1 + random.IntN(4) { // an exporter whose datagrams are all alike does not show how it numbers
			f := exporter.Flow{
				Start: now.Add(-10 * time.Second), End: now.Add(-time.Second),
				Src: netip.MustParseAddr("100.64.0.1"), Dst: netip.MustParseAddr("192.0.2.1"), Proto: 6, SrcPort: 50000, DstPort: 443,
				Octets: 1000, Packets: 1, Input: 1, Output: 2,
			}
			if _, err := e.Add(t.Context(), now, &f); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Flush(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) != datagrams {
		t.Fatalf("%d datagrams, want %d", len(out), datagrams)
	}
	return out
}

func openNetFlow5(t *testing.T) func(exporter.Sender, time.Time) exporter.Exporter {
	return func(out exporter.Sender, boot time.Time) exporter.Exporter {
		e, err := exporter.NewNetFlow5(exporter.NetFlow5Config{Boot: boot}, out)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
}

func openNetFlow9(out exporter.Sender, boot time.Time) exporter.Exporter {
	return exporter.NewNetFlow9(exporter.NetFlow9Config{Boot: boot, Samplers: []exporter.Sampler{{ID: 1, Interval: 1}}, Refresh: exporter.TemplateRefresh{Packets: 1000, Every: time.Hour}}, out)
}

func openIPFIX(out exporter.Sender, _ time.Time) exporter.Exporter {
	return exporter.NewIPFIX(exporter.IPFIXConfig{Refresh: exporter.TemplateRefresh{Packets: 1000, Every: time.Hour}}, out)
}

func openSFlow(out exporter.Sender, boot time.Time) exporter.Exporter {
	e, err := exporter.NewSFlow(exporter.SFlowConfig{Agent: netip.MustParseAddr("10.9.9.9"), Interval: 512, Boot: boot, Counters: exporter.TemplateRefresh{Packets: 10, Every: time.Hour}}, out)
	if err != nil {
		panic(err) // the agent has an address
	}
	return e
}

// sent is one datagram of the mixed stream.
type sent struct {
	from     string
	protocol string // of the socket
	payload  []byte
}

// mixedStream is every protocol with gaps, reordering, a restart, missing templates and what cannot
// be decoded.
func mixedStream(t *testing.T, begin time.Time) []sent {
	var stream []sent
	add := func(protocol, from string, payloads ...[]byte) {
		for _, p := range payloads {
			stream = append(stream, sent{from, protocol, p})
		}
	}
	for _, kind := range []struct {
		protocol, from string
		open           func(exporter.Sender, time.Time) exporter.Exporter
	}{{ProtocolNetFlow, "10.0.0.5", openNetFlow5(t)}, {ProtocolNetFlow, "10.0.0.9", openNetFlow9}, {ProtocolNetFlow, "10.0.0.10", openIPFIX}, {ProtocolSFlow, "10.0.0.7", openSFlow}} {
		w := exported(t, begin, 150, kind.open)
		w[60], w[61] = w[61], w[60]                                    // reordered
		again := exported(t, begin.Add(10*time.Minute), 20, kind.open) // after a restart
		add(kind.protocol, kind.from, w[:40]...)
		add(kind.protocol, kind.from, w[47:100]...) // 7 lost
		add(kind.protocol, kind.from, w[101:]...)   // 1 lost
		add(kind.protocol, kind.from, again...)
	}
	// Without the first datagrams, and with them the templates.
	add(ProtocolNetFlow, "10.0.1.9", exported(t, begin, 5, openNetFlow9)[1:]...)
	add(ProtocolNetFlow, "10.0.1.10", exported(t, begin, 5, openIPFIX)[1:]...)
	// What cannot be decoded, or not as it is.
	whole5 := exported(t, begin, 1, openNetFlow5(t))[0]
	future := bytes.Clone(whole5)
	binary.BigEndian.PutUint32(future[8:], uint32(begin.Add(1000*24*time.Hour).Unix()))
	arp := bytes.Clone(exported(t, begin, 1, openSFlow)[0])
	arp[11] = 8 // another agent
	arp[bytes.Index(arp, []byte{0x08, 0x00, 0x45})+1] = 0x06
	emptyTemplate := []byte{0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0, 8, 1, 0, 0, 0}
	// Records of octets alone: none, which is no flow, and more than there can be. Neither has a time.
	odd := []byte{0, 10, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 12, 1, 0, 0, 1, 0, 1, 0, 8, 1, 0, 0, 20}
	odd = append(odd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
	add(ProtocolNetFlow, "10.0.2.1", nil, []byte{5}, []byte("no protocol at all"), whole5[:60], future, emptyTemplate, odd)
	add(ProtocolSFlow, "10.0.2.1", nil, []byte{0, 0, 0, 4}, arp[:20], arp[:100], arp)
	for id := range uint32(netflow.DefaultLimits().Domains + 3) {
		p := make([]byte, 20)
		p[1] = 9
		binary.BigEndian.PutUint32(p[16:], id)
		add(ProtocolNetFlow, "10.0.2.2", p)
	}
	return stream
}

// TestLedgerAgreesWithTheMetrics sends the mixed stream. Each count stands in the ledger as often as in
// the metrics; and every batch says of the flows that it carries, and of no others, that they were
// counted.
func TestLedgerAgreesWithTheMetrics(t *testing.T) {
	config := testConfig(t)
	config.AllowedExporters = []string{"10.0.0.0/8"}
	config.BatchMaxFlows = 100
	r := start(t, config, busConfig(kafkatest.Start(t)), nil)
	begin := time.Now().Add(-3 * time.Hour).Truncate(time.Minute)
	arrived := time.Now()
	receivers := make(map[string]*receiver)
	for _, protocol := range []string{ProtocolNetFlow, ProtocolSFlow} {
		receivers[protocol] = newReceiver(r.s, protocol, nil, r.s.metrics.listener("test "+protocol))
	}
	stream := append(mixedStream(t, begin), sent{"192.0.2.1", ProtocolNetFlow, nil}, sent{"192.0.2.1", ProtocolSFlow, nil})
	flows := 0
	for _, d := range stream {
		in := receivers[d.protocol]
		before := in.batch.Len()
		in.take(&udp.Datagram{Data: d.payload, From: netip.AddrPortFrom(netip.MustParseAddr(d.from), 9), Received: arrived})
		flows += in.batch.Len() - before
		if in.batch.Len() >= config.BatchMaxFlows {
			in.flush()
		}
	}
	receivers[ProtocolSFlow].metrics.QueueFull(3)
	receivers[ProtocolSFlow].metrics.Kernel(4)
	for _, protocol := range []string{ProtocolNetFlow, ProtocolSFlow} {
		receivers[protocol].flush()
		receivers[protocol].flush() // nothing is left
	}
	const kernel = landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_KERNEL
	got, err := readTopic(t, r.topics, flows, func(got *received) bool { return got.ledger.of(counted{what: kernel}) > 0 })
	if err != nil {
		t.Fatal(err)
	}
	if len(got.unlike) > 0 || got.batches < 10 {
		t.Errorf("%d batches, ledgers that say something else than their batches hold: %v", got.batches, got.unlike)
	}

	zero := netip.Addr{}
	agree := func(name string, labels map[string]string, like counted) float64 {
		t.Helper()
		n := r.metric(name, labels)
		if l := got.ledger.of(like); float64(l) != n {
			t.Errorf("%s%v is %v, the ledger has %d", name, labels, n, l)
		}
		return n
	}
	for _, p := range []landfallv1.ExportProtocol{v5, v9, ipfix, sFlow} {
		label := map[string]string{"protocol": protocolLabel(p)}
		for name, what := range map[string]landfallv1.LedgerCount{
			"datagrams_total":      landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS,
			"datagram_bytes_total": landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAM_BYTES,
			"flows_total":          landfallv1.LedgerCount_LEDGER_COUNT_FLOWS,
		} {
			if agree(name, label, counted{protocol: p, what: what}) == 0 {
				t.Errorf("%s%v: the stream has none", name, label)
			}
		}
	}
	var exporters []string
	for k := range got.ledger {
		if k.exporter != zero && !slices.Contains(exporters, k.exporter.String()) {
			exporters = append(exporters, k.exporter.String())
		}
	}
	for reason := range netflow.ReasonCount {
		var all float64
		for _, e := range exporters {
			all += agree("refused_total", map[string]string{"exporter": e, "reason": reason.String()},
				counted{exporter: netip.MustParseAddr(e), what: ledger.Refused(reason)})
		}
		if n := r.metric("refused_total", map[string]string{"reason": reason.String()}); n != all {
			t.Errorf("%s: %v under exporters that the ledger does not have", reason, n-all)
		}
		if all == 0 {
			t.Errorf("%s: the stream has none", reason)
		}
	}
	for _, e := range exporters {
		for what, unit := range map[landfallv1.LedgerCount]string{
			landfallv1.LedgerCount_LEDGER_COUNT_LOST_FLOWS: "flows", landfallv1.LedgerCount_LEDGER_COUNT_LOST_DATAGRAMS: "datagrams",
		} {
			agree("sequence_gap_total", map[string]string{"exporter": e, "unit": unit}, counted{exporter: netip.MustParseAddr(e), what: what})
		}
		agree("sequence_late_total", map[string]string{"exporter": e, "unit": "datagrams"}, counted{exporter: netip.MustParseAddr(e), what: landfallv1.LedgerCount_LEDGER_COUNT_LATE_DATAGRAMS})
		agree("exporter_restarts_total", map[string]string{"exporter": e}, counted{exporter: netip.MustParseAddr(e), what: landfallv1.LedgerCount_LEDGER_COUNT_RESTARTS})
	}
	for reason, what := range map[string]landfallv1.LedgerCount{
		"queue_full": landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_QUEUE_FULL, "kernel": kernel, "not_allowed": landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_NOT_ALLOWED,
	} {
		if n := agree("lost_datagrams_total", map[string]string{"reason": reason}, counted{what: what}); n < 2 {
			t.Errorf("%s: %v", reason, n)
		}
	}

	// What was lost on purpose, in the minute in which it shows; datagram n was sent in second n.
	w5, w10 := exported(t, begin, 150, openNetFlow5(t)), exported(t, begin, 150, openIPFIX)
	count5 := func(i int) uint64 { return uint64(binary.BigEndian.Uint16(w5[i][2:])) }
	number10 := func(i int) uint64 { return uint64(binary.BigEndian.Uint32(w10[i][8:])) }
	var lost5 uint64
	for i := 40; i < 47; i++ {
		lost5 += count5(i)
	}
	const (
		lostFlows, lateFlows         = landfallv1.LedgerCount_LEDGER_COUNT_LOST_FLOWS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_FLOWS
		lostDatagrams, lateDatagrams = landfallv1.LedgerCount_LEDGER_COUNT_LOST_DATAGRAMS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_DATAGRAMS
	)
	sFlowMinute := arrived.Truncate(time.Minute)
	for _, want := range []struct {
		from     string
		protocol landfallv1.ExportProtocol
		minute   time.Time
		what     landfallv1.LedgerCount
		n        uint64
	}{
		{"10.0.0.5", v5, begin, lostFlows, lost5},
		{"10.0.0.5", v5, begin.Add(time.Minute), lostFlows, count5(60) + count5(100)},
		{"10.0.0.5", v5, begin.Add(time.Minute), lateFlows, count5(60)},
		{"10.0.0.10", ipfix, begin, lostFlows, number10(47) - number10(40)},
		{"10.0.0.10", ipfix, begin.Add(time.Minute), lostFlows, number10(61) - number10(60) + number10(101) - number10(100)},
		{"10.0.0.10", ipfix, begin.Add(time.Minute), lateFlows, number10(61) - number10(60)},
		{"10.0.0.9", v9, begin, lostDatagrams, 7},
		{"10.0.0.9", v9, begin.Add(time.Minute), lostDatagrams, 2},
		{"10.0.0.9", v9, begin.Add(time.Minute), lateDatagrams, 1},
		{"10.9.9.9", sFlow, sFlowMinute, lostDatagrams, 9},
		{"10.9.9.9", sFlow, sFlowMinute, lateDatagrams, 1},
	} {
		if n := got.ledger.of(counted{netip.MustParseAddr(want.from), want.protocol, want.minute.UnixMilli(), want.what}); n != want.n {
			t.Errorf("%s %s at %s: %d, want %d", want.from, want.what, want.minute.Format(time.TimeOnly), n, want.n)
		}
	}
	for from, n := range map[string]uint64{"10.0.0.5": 1, "10.0.0.9": 1, "10.0.0.10": 1, "10.9.9.9": 1} {
		if got := got.ledger.of(counted{exporter: netip.MustParseAddr(from), what: landfallv1.LedgerCount_LEDGER_COUNT_RESTARTS}); got != n {
			t.Errorf("%s: %d restarts, want %d", from, got, n)
		}
	}
}
