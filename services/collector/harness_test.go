package collector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// embedded is a broker that can go and come back at the same address.
type embedded struct {
	t    *testing.T
	dir  string
	port int
	b    *broker.Broker
}

// reserve chooses an address for a broker that is not there yet.
func reserve(t *testing.T) *embedded {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	e := &embedded{t: t, dir: t.TempDir(), port: port}
	t.Cleanup(e.stop)
	return e
}

func (e *embedded) addr() string { return fmt.Sprintf("127.0.0.1:%d", e.port) }

func (e *embedded) start() {
	e.t.Helper()
	c := broker.DefaultConfig()
	c.Port, c.Dir, c.SyncWrites = e.port, e.dir, false
	b, err := broker.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		e.t.Fatal(err)
	}
	if err := b.Start(context.Background()); err != nil {
		e.t.Fatal(err)
	}
	e.b = b
}

func (e *embedded) stop() {
	if e.b == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.b.Shutdown(ctx); err != nil {
		e.t.Errorf("stop broker: %v", err)
	}
	e.b = nil
}

// running is a collector under test, and a sender to each of its sockets.
type running struct {
	t       *testing.T
	s       *Service
	config  Config
	topics  bus.Config
	reg     *prometheus.Registry
	senders []net.Conn
	failed  atomic.Pointer[error]
}

func testConfig(t *testing.T) Config {
	c := DefaultConfig()
	c.Name, c.Site = "collector-1", "site-1"
	c.Listen = []Listen{{Address: "127.0.0.1:0", Protocol: ProtocolNetFlow}, {Address: "127.0.0.1:0", Protocol: ProtocolSFlow}}
	c.SpoolDir = filepath.Join(t.TempDir(), "spool")
	c.BatchMaxAge = 10 * time.Millisecond
	return c
}

func busConfig(addr string) bus.Config {
	b := bus.DefaultConfig()
	b.Brokers = []string{addr}
	b.TopicPrefix = kafkatest.Name("collector")
	b.Partitions = 3
	return b
}

// start runs a collector; wrap may put something between it and Kafka.
func start(t *testing.T, config Config, topics bus.Config, wrap func(Producer) Producer) *running {
	t.Helper()
	r := &running{t: t, config: config, topics: topics, reg: prometheus.NewRegistry()}
	client, err := bus.New(topics, slog.New(slog.DiscardHandler), r.reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var producer Producer = client
	if wrap != nil {
		producer = wrap(client)
	}
	r.s, err = New(config, producer, slog.New(slog.DiscardHandler), r.reg, func(err error) { r.failed.Store(&err) })
	if err != nil {
		t.Fatal(err)
	}
	r.s.ledgerEvery = 30 * time.Millisecond
	if err := r.s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.shutdown(10 * time.Second) })
	for _, a := range r.s.Addresses() {
		c, err := net.Dial("udp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		r.senders = append(r.senders, c)
	}
	return r
}

func (r *running) shutdown(within time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := r.s.Shutdown(ctx); err != nil {
		r.t.Errorf("shutdown: %v", err)
	}
	if err := r.failed.Load(); err != nil {
		r.t.Errorf("failed: %v", *err)
	}
}

// send sends datagrams of NetFlow v5, each with flows whose octets count up from *next.
func (r *running) send(datagrams, flows int, next *uint64) {
	r.t.Helper()
	for range datagrams {
		if _, err := r.senders[0].Write(netflow5(flows, next)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func netflow5(flows int, next *uint64) []byte {
	now := time.Now()
	b := make([]byte, 24+48*flows)
	binary.BigEndian.PutUint16(b, 5)
	binary.BigEndian.PutUint16(b[2:], uint16(flows))
	binary.BigEndian.PutUint32(b[4:], 3600_000)
	binary.BigEndian.PutUint32(b[8:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(b[16:], uint32(*next))
	for i := range flows {
		record := b[24+48*i:]
		copy(record, []byte{10, 0, 0, 1, 203, 0, 113, 7})
		binary.BigEndian.PutUint32(record[16:], 1)
		binary.BigEndian.PutUint32(record[20:], uint32(*next))
		binary.BigEndian.PutUint32(record[24:], 3599_000)
		binary.BigEndian.PutUint32(record[28:], 3599_500)
		*next++
	}
	return b
}

// metric returns the sum of a metric's values over the labels that match.
func (r *running) metric(name string, labels map[string]string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "landfall_collector_"+name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			have := make(map[string]string)
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for k, v := range labels {
				if have[k] != v {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// received is what Kafka has.
type received struct {
	batches    int
	duplicates int
	flows      []flow.Record
	ledger     counts
	// unlike are the batches whose ledger does not say that their flows, and no others, were counted.
	unlike []string
}

// counts are the ledger's, added up.
type counts map[counted]uint64

type counted struct {
	exporter netip.Addr
	protocol landfallv1.ExportProtocol
	minuteMs int64
	what     landfallv1.LedgerCount
}

// of adds up what matches: the zero value of a field matches all.
func (c counts) of(like counted) uint64 {
	var sum uint64
	for k, n := range c {
		if (!like.exporter.IsValid() || like.exporter == k.exporter) && (like.protocol == 0 || like.protocol == k.protocol) &&
			(like.minuteMs == 0 || like.minuteMs == k.minuteMs) && like.what == k.what {
			sum += n
		}
	}
	return sum
}

func (c counts) add(ledger []*landfallv1.LedgerEntry) {
	for _, e := range ledger {
		for i, what := range e.What {
			c[counted{flow.Addr(e.Exporter, 0), e.ExportProtocol, e.MinuteMs, what}] += e.Amount[i]
		}
	}
}

// readAll reads the flows topic until it has this many flows, and checks the rules: within a
// partition an epoch's sequence only rises, except for copies of a batch that is there; a batch is in
// the partition of its sequence.
func (r *running) readAll(flows int) received {
	r.t.Helper()
	got, err := readTopic(r.t, r.topics, flows, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// readTopic reads until it has the flows and, if given, enough says so.
func readTopic(t *testing.T, topics bus.Config, flows int, enough func(*received) bool) (received, error) {
	client := &kafka.Client{Addr: kafka.TCP(topics.Brokers...), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	topic := topics.TopicPrefix + "." + bus.TopicFlows
	got := received{ledger: make(counts)}
	type origin struct {
		epoch, sequence uint64
	}
	seen := make(map[origin]bool)
	last := make([]map[uint64]uint64, topics.Partitions)
	offsets := make([]int64, topics.Partitions)
	deadline := time.Now().Add(60 * time.Second)
	for (len(got.flows) < flows || enough != nil && !enough(&got)) && time.Now().Before(deadline) {
		for p := range offsets {
			response, err := client.Fetch(t.Context(), &kafka.FetchRequest{Topic: topic, Partition: p, Offset: offsets[p], MinBytes: 1, MaxBytes: 32 << 20, MaxWait: 20 * time.Millisecond})
			if err == nil {
				err = response.Error
			}
			if err != nil { // the broker has just come, and the topic with it
				time.Sleep(20 * time.Millisecond)
				continue
			}
			for {
				record, err := response.Records.ReadRecord()
				if err != nil {
					break
				}
				offsets[p] = record.Offset + 1
				value, err := kafka.ReadAll(record.Value)
				if err != nil {
					return got, err
				}
				var b flow.Batch
				if err := b.Unmarshal(value); err != nil {
					return got, err
				}
				o := b.Columns().Origin
				if o.Collector != "collector-1" || b.Columns().Site != "site-1" || b.Columns().ReceivedMs == 0 {
					return got, fmt.Errorf("batch is stamped %v", b.Columns())
				}
				if int((o.Sequence-1)%uint64(topics.Partitions)) != p {
					return got, fmt.Errorf("batch %d is in partition %d", o.Sequence, p)
				}
				if seen[origin{o.Epoch, o.Sequence}] {
					got.duplicates++
					continue
				}
				seen[origin{o.Epoch, o.Sequence}] = true
				if last[p] == nil {
					last[p] = make(map[uint64]uint64)
				}
				if o.Sequence <= last[p][o.Epoch] {
					return got, fmt.Errorf("partition %d: batch %d comes after %d", p, o.Sequence, last[p][o.Epoch])
				}
				last[p][o.Epoch] = o.Sequence
				got.batches++
				got.ledger.add(b.Columns().Ledger)
				says, has := make(counts), make(counts)
				says.add(b.Columns().Ledger)
				var f flow.Record
				for i := range b.Len() {
					b.At(i, &f)
					got.flows = append(got.flows, f)
					has[counted{exporter: f.Exporter, protocol: f.ExportProtocol, what: landfallv1.LedgerCount_LEDGER_COUNT_FLOWS}]++
				}
				for k, n := range says {
					if k.what == landfallv1.LedgerCount_LEDGER_COUNT_FLOWS {
						k.minuteMs = 0
						has[k] -= n
					}
				}
				for k, n := range has {
					if n != 0 {
						got.unlike = append(got.unlike, fmt.Sprintf("batch %d: %d flows of %s", o.Sequence, int64(n), k.exporter))
					}
				}
			}
		}
	}
	if enough != nil && !enough(&got) {
		return got, fmt.Errorf("not all is in Kafka: ledger %v", got.ledger)
	}
	if len(got.flows) != flows {
		return got, fmt.Errorf("%d flows in Kafka, want %d", len(got.flows), flows)
	}
	return got, nil
}

// exactly checks that every flow from 1 to n is there once.
func (g received) exactly(t *testing.T, n uint64) {
	t.Helper()
	if len(g.unlike) > 0 {
		t.Errorf("ledgers that say something else than their batches hold: %v", g.unlike)
	}
	seen := make(map[uint64]bool)
	for i := range g.flows {
		f := &g.flows[i]
		if seen[f.Octets] || f.Octets < 1 || f.Octets > n {
			t.Fatalf("flow %d is there twice, or was never sent", f.Octets)
		}
		seen[f.Octets] = true
		if f.SourceAddress != netip.MustParseAddr("10.0.0.1") || f.DestinationAddress != netip.MustParseAddr("203.0.113.7") || f.Exporter != netip.MustParseAddr("127.0.0.1") || f.EndMs-f.StartMs != 500 {
			t.Fatalf("flow %+v", f)
		}
	}
	if uint64(len(seen)) != n {
		t.Fatalf("%d flows, want %d", len(seen), n)
	}
}

// faulty puts faults between the collector and a real Kafka.
type faulty struct {
	Producer
	before func() error // of a write: it is not made
	after  func() error // of a write: it is made, but nobody is told
}

var errInjected = errors.New("a fault of the test")

func (f *faulty) Produce(ctx context.Context, topic string, partition int, value []byte, headers ...bus.Header) (int64, error) {
	if err := f.before(); err != nil {
		return 0, err
	}
	offset, err := f.Producer.Produce(ctx, topic, partition, value, headers...)
	if err == nil {
		err = f.after()
	}
	return offset, err
}
