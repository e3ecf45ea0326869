package collector

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

func TestDatagramsBecomeMessages(t *testing.T) {
	r := start(t, testConfig(t), busConfig(kafkatest.Start(t)), nil)
	next := uint64(1)
	for range 20 {
		r.send(20, 30, &next)
		until(t, "the datagrams", func() bool { return r.metric("flows_total", nil) == float64(next-1) })
	}
	got := r.readAll(int(next - 1))
	got.exactly(t, next-1)
	if got.duplicates != 0 {
		t.Errorf("%d duplicates", got.duplicates)
	}
	exporter := map[string]string{"exporter": "127.0.0.1", "protocol": "netflow_v5"}
	for name, want := range map[string]float64{"datagrams_total": 400, "flows_total": 12000, "datagram_bytes_total": 400 * (24 + 30*48)} {
		if n := r.metric(name, exporter); n != want {
			t.Errorf("%s: %v, want %v", name, n, want)
		}
	}
	until(t, "the last acknowledgement", func() bool { return r.metric("written_flows_total", nil) == 12000 })
	if n := r.metric("kafka_write_seconds", nil); n != float64(got.batches) || r.metric("written_batches_total", nil) != n {
		t.Errorf("%v writes timed, %d batches", n, got.batches)
	}
	if n := r.metric("spool_bytes", nil) + r.metric("lost_flows_total", nil) + r.metric("lost_datagrams_total", nil) + r.metric("sequence_gap_total", nil); n != 0 {
		t.Errorf("something was spooled or lost: %v", n)
	}
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	r := start(t, testConfig(t), busConfig(kafkatest.Start(t)), nil)
	next := uint64(1)
	v9missing := []byte{0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77, 1, 4, 0, 8, 1, 2, 3, 4}
	for i, send := range []struct {
		to       int
		datagram []byte
	}{
		{0, nil},
		{0, []byte{0}},
		{0, []byte("random bytes, no protocol at all")},
		{0, v9missing},
		{0, v9missing},
		{0, []byte{0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0, 8, 1, 0, 0, 0}}, // a template of no size
		{1, []byte{0, 0, 0, 4}},
		{1, nil},
	} {
		if _, err := r.senders[send.to].Write(send.datagram); err != nil {
			t.Fatal(i, err)
		}
	}
	gap := next + 100
	r.send(1, 1, &next)
	r.send(1, 1, &gap)
	until(t, "the datagrams", func() bool { return r.metric("datagrams_total", nil) == 10 })
	for reason, want := range map[string]float64{"short": 3, "unknown_version": 2, "template_missing": 2, "template_refused": 1} {
		if n := r.metric("refused_total", map[string]string{"exporter": "127.0.0.1", "reason": reason}); n != want {
			t.Errorf("%s: %v, want %v", reason, n, want)
		}
	}
	if n := r.metric("template_missing_total", map[string]string{"exporter": "127.0.0.1", "domain": "77", "template": "260"}); n != 2 {
		t.Errorf("template_missing_total: %v, want 2", n)
	}
	if n := r.metric("sequence_gap_total", map[string]string{"exporter": "127.0.0.1", "unit": "flows"}); n != 99 {
		t.Errorf("sequence_gap_total: %v, want 99", n) // the first flow is 1, the second 101
	}
	r.readAll(2)
}

func TestAllowedExporters(t *testing.T) {
	config := testConfig(t)
	config.AllowedExporters = []string{"192.0.2.0/24", "127.0.0.2"}
	r := start(t, config, busConfig(kafkatest.Start(t)), nil)
	next := uint64(1)
	r.send(3, 1, &next)
	until(t, "the refusals", func() bool {
		return r.metric("lost_datagrams_total", map[string]string{"listener": "127.0.0.1:0", "reason": "not_allowed"}) == 3
	})
	d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c, err := d.Dial("udp", r.s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(netflow5(1, &next)); err != nil {
		t.Fatal(err)
	}
	until(t, "the allowed one", func() bool { return r.metric("flows_total", map[string]string{"exporter": "127.0.0.2"}) == 1 })
}

func TestExportersBeyondTheBoundShareALabel(t *testing.T) {
	config := testConfig(t)
	config.MaxMeteredExporters = 2
	r := start(t, config, busConfig(kafkatest.Start(t)), nil)
	next := uint64(1)
	for host := byte(1); host <= 5; host++ {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, host)}}
		c, err := d.Dial("udp", r.s.Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 {
			if _, err := c.Write(netflow5(1, &next)); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "the flows", func() bool { return r.metric("flows_total", nil) == float64(2*host) })
	}
	if own, other := r.metric("flows_total", map[string]string{"exporter": "127.0.0.2"}), r.metric("flows_total", map[string]string{"exporter": "other"}); own != 2 || other != 6 {
		t.Errorf("%v and %v flows", own, other)
	}
}

func TestKafkaIsNotThereAtTheStart(t *testing.T) {
	e := reserve(t)
	r := start(t, testConfig(t), busConfig(e.addr()), nil)
	next := uint64(1)
	for range 10 {
		r.send(10, 30, &next)
		until(t, "the datagrams", func() bool { return r.metric("flows_total", nil) == float64(next-1) })
	}
	until(t, "the spool", func() bool { return r.metric("spool_bytes", nil) > 0 })
	e.start()
	r.readAll(int(next-1)).exactly(t, next-1)
	until(t, "the spool to be empty", func() bool { return r.metric("spool_bytes", nil) == 0 && r.metric("spool_batches", nil) == 0 })
	if n := r.metric("lost_flows_total", nil); n != 0 {
		t.Errorf("%v flows lost", n)
	}
}

func TestKafkaGoesAndComesBack(t *testing.T) {
	e := reserve(t)
	e.start()
	r := start(t, testConfig(t), busConfig(e.addr()), nil)
	next := uint64(1)
	stopped, done := make(chan struct{}), make(chan struct{})
	stop := sync.OnceFunc(func() {
		close(stopped)
		<-done
	})
	t.Cleanup(stop)
	go func() {
		defer close(done)
		for {
			select {
			case <-stopped:
				return
			default:
				if _, err := r.senders[0].Write(netflow5(30, &next)); err != nil {
					t.Error(err)
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	for round := range 3 {
		written := r.metric("written_flows_total", nil)
		until(t, "flows in Kafka", func() bool { return r.metric("written_flows_total", nil) > written })
		e.stop()
		until(t, fmt.Sprintf("the spool, round %d", round), func() bool { return r.metric("spool_batches", nil) > 3 })
		e.start()
	}
	stop() // a slow disk takes batches in faster than it gives them back
	n := next - 1
	until(t, "the spool to be empty", func() bool { return r.metric("spool_batches", nil) == 0 })
	until(t, "the datagrams", func() bool { return r.metric("flows_total", nil) == float64(n) })
	got := r.readAll(int(n))
	got.exactly(t, n)
	if r.metric("kafka_write_errors_total", nil) == 0 {
		t.Error("no write failed")
	}
	t.Logf("%d flows, %d batches, %d duplicates", n, got.batches, got.duplicates)
}

// TestWritesThatFail makes a third of the writes fail, half of those after Kafka has the message.
func TestWritesThatFail(t *testing.T) {
	fault := func() error {
		if rand.N(6) == 0 {
			return errInjected
		}
		return nil
	}
	var f *faulty
	config := testConfig(t)
	config.BatchQueue, config.BatchMaxFlows = 4, 30
	r := start(t, config, busConfig(kafkatest.Start(t)), func(p Producer) Producer {
		f = &faulty{Producer: p, before: fault, after: fault}
		return f
	})
	next := uint64(1)
	for range 40 {
		r.send(2, 30, &next)
		until(t, "the datagrams", func() bool { return r.metric("flows_total", nil) == float64(next-1) })
	}
	got := r.readAll(int(next - 1))
	got.exactly(t, next-1)
	t.Logf("%d batches, %d duplicates", got.batches, got.duplicates)
}

func TestShutdownWritesWhatWaits(t *testing.T) {
	config := testConfig(t)
	config.BatchMaxAge = time.Minute
	r := start(t, config, busConfig(kafkatest.Start(t)), nil)
	next := uint64(1)
	r.send(20, 30, &next) // in no batch yet, or still in the kernel
	r.shutdown(10 * time.Second)
	r.readAll(int(next-1)).exactly(t, next-1)
}

// TestRestartSendsTheSpool stops a collector without Kafka; the next one sends what it left, under
// the old origin.
func TestRestartSendsTheSpool(t *testing.T) {
	e := reserve(t)
	config, topics := testConfig(t), busConfig(e.addr())
	next := uint64(1)
	for range 2 {
		r := start(t, config, topics, nil)
		r.send(20, 30, &next)
		begin := time.Now()
		r.shutdown(3 * time.Second)
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("shutdown took %s", took)
		}
		if n := r.metric("lost_flows_total", nil); n != 0 || r.metric("spool_batches", nil) == 0 {
			t.Errorf("%v flows lost", n)
		}
	}
	e.start()
	r := start(t, config, topics, nil)
	r.send(1, 30, &next)
	got := r.readAll(int(next - 1))
	got.exactly(t, next-1)
	if got.flows[len(got.flows)-1].Octets == 0 {
		t.Error("no flows")
	}
}

func TestSpoolOverflowIsCounted(t *testing.T) {
	e := reserve(t)
	config := testConfig(t)
	config.SpoolMaxBytes = 1 << 20
	config.BatchMaxFlows = 30
	config.BatchQueue = 1
	r := start(t, config, busConfig(e.addr()), nil)
	next := uint64(1)
	for r.metric("lost_flows_total", map[string]string{"reason": "spool_full"}) == 0 {
		r.send(20, 30, &next)
		until(t, "the datagrams", func() bool { return r.metric("flows_total", nil) == float64(next-1) })
		if next > 1_000_000 {
			t.Fatal("nothing overflows")
		}
	}
	if bytes := r.metric("spool_bytes", nil); bytes > 1<<20 {
		t.Errorf("the spool has %v bytes", bytes)
	}
	e.start()
	lost := r.metric("lost_flows_total", nil)
	until(t, "the spool to be empty", func() bool { return r.metric("spool_batches", nil) == 0 })
	r.send(1, 30, &next) // it goes on
	until(t, "the next write", func() bool { return r.metric("written_flows_total", nil) == float64(next-1)-lost })
	// The ledger says of every flow, under its exporter, either that it was counted or that it was lost.
	exporter := netip.MustParseAddr("127.0.0.1")
	const spoolLost = landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_LOST_FLOWS
	got, err := readTopic(t, r.topics, int(float64(next-1)-lost), func(got *received) bool { return float64(got.ledger.of(counted{what: spoolLost})) >= lost })
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[landfallv1.LedgerCount]float64{
		landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS: float64(next-1) / 30, landfallv1.LedgerCount_LEDGER_COUNT_LOST_FLOWS: 0,
		landfallv1.LedgerCount_LEDGER_COUNT_FLOWS: float64(next-1) - lost, spoolLost: lost,
	} {
		if n := got.ledger.of(counted{exporter: exporter, protocol: v5, what: what}); float64(n) != want {
			t.Errorf("%s: %d, want %v", what, n, want)
		}
	}
	if len(got.unlike) > 0 {
		t.Errorf("ledgers that say something else than their batches hold: %v", got.unlike)
	}
}

// TestTooLargeForKafka: one batch that Kafka will never take costs itself only.
func TestTooLargeForKafka(t *testing.T) {
	config := testConfig(t)
	config.BatchMaxFlows = 30
	var writes atomic.Int32
	r := start(t, config, busConfig(kafkatest.Start(t)), func(p Producer) Producer {
		return &faulty{Producer: p, before: func() error {
			if writes.Add(1) == 3 {
				return fmt.Errorf("%w: as Kafka says it", bus.ErrTooLarge)
			}
			return nil
		}, after: func() error { return nil }}
	})
	next := uint64(1)
	r.send(5, 30, &next)
	until(t, "the datagrams", func() bool {
		return r.metric("written_flows_total", nil)+r.metric("lost_flows_total", map[string]string{"reason": "too_large"}) == 150
	})
	lost := r.metric("lost_flows_total", nil)
	const spoolLost = landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_LOST_FLOWS
	got, err := readTopic(t, r.topics, 150-int(lost), func(got *received) bool { return float64(got.ledger.of(counted{what: spoolLost})) >= lost })
	if err != nil {
		t.Fatal(err)
	}
	if n := got.ledger.of(counted{what: landfallv1.LedgerCount_LEDGER_COUNT_FLOWS}); lost == 0 || lost == 150 || float64(n) != 150-lost || len(got.unlike) > 0 {
		t.Errorf("%v lost, the ledger has %d; %v", lost, n, got.unlike)
	}
}

// TestTopicVanishes deletes the topic under a running collector.
func TestTopicVanishes(t *testing.T) {
	e := reserve(t)
	e.start()
	r := start(t, testConfig(t), busConfig(e.addr()), nil)
	next := uint64(1)
	r.send(1, 30, &next)
	until(t, "the first flows", func() bool { return r.metric("written_flows_total", nil) == 30 })
	topic := r.topics.TopicPrefix + "." + bus.TopicFlows
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&kafka.Client{Addr: kafka.TCP(e.addr()), Transport: transport}).DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil || response.Errors[topic] != nil {
		t.Fatal(err, response)
	}
	r.send(1, 30, &next)
	until(t, "a write that fails", func() bool { return r.metric("kafka_write_errors_total", nil) > 0 })
	until(t, "the flows in the new topic", func() bool { return r.metric("written_flows_total", nil) == 60 })
	if got := r.readAll(30); got.flows[0].Octets != 31 {
		t.Errorf("flow %d comes first", got.flows[0].Octets)
	}
}

// TestLedgerGoesAlone where nothing can be decoded; and where nothing comes, nothing goes.
func TestLedgerGoesAlone(t *testing.T) {
	r := start(t, testConfig(t), busConfig(kafkatest.Start(t)), nil)
	for range 3 {
		if _, err := r.senders[0].Write([]byte("no protocol at all")); err != nil {
			t.Fatal(err)
		}
	}
	const refused = landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_UNKNOWN_VERSION
	got, err := readTopic(t, r.topics, 0, func(got *received) bool { return got.ledger.of(counted{what: refused}) == 3 })
	if err != nil {
		t.Fatal(err)
	}
	if n := r.metric("written_batches_total", nil); got.batches < 1 || got.batches > 3 || n != float64(got.batches) {
		t.Errorf("%d batches, %v written", got.batches, n)
	}
	if n := got.ledger.of(counted{exporter: netip.MustParseAddr("127.0.0.1"), what: landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS}); n != 3 {
		t.Errorf("%d datagrams", n)
	}
	r.shutdown(10 * time.Second)
	if n := r.metric("written_batches_total", nil); n != float64(got.batches) {
		t.Errorf("%v batches were written, %d with something in them", n, got.batches)
	}
}

// TestLargeBatchesAreWrittenInParts hands on a batch that is larger than a message can be.
func TestLargeBatchesAreWrittenInParts(t *testing.T) {
	r := start(t, testConfig(t), busConfig(kafkatest.Start(t)), nil)
	var batch flow.Batch
	name := strings.Repeat("x", 240)
	const n = 60_000
	for i := range n {
		batch.Append(&flow.Record{
			SourceAddress: netip.AddrFrom4([4]byte{10, 0, 0, 1}), DestinationAddress: netip.AddrFrom4([4]byte{10, 0, 0, 2}), Octets: uint64(i + 1), SourceMAC: 1<<48 - 1, DestinationMAC: 1<<48 - 1,
			NextHopAddress: netip.AddrFrom4([4]byte{10, 0, 0, 1}), PostNATSourceAddress: netip.AddrFrom4([4]byte{10, 0, 0, 1}),
			ApplicationName: fmt.Sprint(name, i%16_000), StartMs: 1, EndMs: 1,
		})
	}
	batch.AppendLedger(&landfallv1.LedgerEntry{
		Exporter: make([]byte, flow.AddrSize), MinuteMs: 1_800_000_000_000, What: []landfallv1.LedgerCount{landfallv1.LedgerCount_LEDGER_COUNT_FLOWS}, Amount: []uint64{n},
	})
	r.s.put(&batch, 1)
	got := r.readAll(n)
	if got.batches < 2 {
		t.Errorf("%d batches", got.batches)
	}
	if counted := got.ledger.of(counted{what: landfallv1.LedgerCount_LEDGER_COUNT_FLOWS}); counted != n {
		t.Errorf("the ledger has %d flows", counted)
	}
	seen := make(map[uint64]bool)
	for i := range got.flows {
		f := &got.flows[i]
		seen[f.Octets] = true
		if f.ApplicationName != fmt.Sprint(name, (f.Octets-1)%16_000) {
			t.Fatalf("flow %+v", f)
		}
	}
	if len(seen) != n {
		t.Errorf("%d flows", len(seen))
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := testConfig(t)
	config.Listen[1].Address = taken.LocalAddr().String()
	client, err := bus.New(busConfig("127.0.0.1:1"), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s, err := New(config, client, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "collector.listen[1]") || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestLifecycle(t *testing.T) {
	addr := kafkatest.Start(t)
	// The broker starts a goroutine for each request that it reads.
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"))
	client, err := bus.New(busConfig(addr), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	stop := func(s *Service) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
	var failures atomic.Int32
	two := make([]*Service, 2) // at once in one process
	for i := range two {
		config := testConfig(t)
		config.SpoolDir = filepath.Join(t.TempDir(), fmt.Sprint(i))
		config.DNSTap.UnixSocket, config.DNSTap.Listen = filepath.Join(t.TempDir(), "tap"), "127.0.0.1:0"
		if two[i], err = New(config, client, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) { failures.Add(1) }); err != nil {
			t.Fatal(err)
		}
	}
	stop(two[0]) // without a start
	for _, s := range two {
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, a := range s.dnstap.Addresses() { // resolvers that are still there at the end
			w, _ := resolver(t, a, i == 0)
			if _, err := w.WriteFrame(tapped(t, "www.example.")); err != nil {
				t.Error(err)
			}
		}
	}
	for _, s := range two {
		stop(s)
		stop(s)
	}
	if failures.Load() != 0 {
		t.Errorf("%d failures", failures.Load())
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, l := range DefaultConfig().Listen {
		if !strings.HasPrefix(l.Address, "127.0.0.1:") {
			t.Errorf("listens on %s by default", l.Address)
		}
	}
	c := DefaultConfig()
	c.Name = strings.Repeat("x", 300)
	c.Listen = []Listen{{"nowhere", "netflow"}, {"127.0.0.1:2055", "snmp"}, {"127.0.0.1:2055", "sflow"}, {"example.org:1", "sflow"}}
	c.AllowedExporters = []string{"10.0.0.0/33"}
	c.BatchMaxFlows, c.BatchMaxAge, c.SpoolDir, c.SpoolMaxBytes, c.DatagramQueue = 0, 0, "", 0, 0
	err := c.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, path := range []string{"name:", "listen[0].address", "listen[1].protocol", "listen[2].address", "listen[3].address", "allowed_exporters[0]", "batch_max_flows", "batch_max_age", "spool_dir", "spool_max_bytes", "datagram_queue"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not in the message:\n%v", path, err)
		}
	}
}
