package aggregator

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// rig is a broker and a database of a test's own, and what was sent to them.
type rig struct {
	t       testing.TB
	log     *slog.Logger
	kafka   bus.Config
	bus     *bus.Client
	db      *chtest.Server
	conn    driver.Conn
	ch      clickhouse.Config
	random  *rand.Rand
	want    flowstest.Totals
	batches uint64
	sources []int64 // next source offset, by partition
}

func newRig(t testing.TB, partitions int) *rig {
	t.Helper()
	r := &rig{t: t, log: slog.New(slog.NewTextHandler(io.Discard, nil)), random: rand.New(rand.NewPCG(1, 2)), sources: make([]int64, partitions)}
	if testing.Verbose() {
		r.log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	r.db = chtest.Start(t)
	r.conn = r.db.Conn(t)
	r.ch = flowstest.Config(r.db)
	r.kafka = bus.DefaultConfig()
	r.kafka.Brokers = []string{kafkatest.Start(t)}
	r.kafka.TopicPrefix = kafkatest.Name("aggregator")
	r.kafka.Partitions = partitions
	r.kafka.SessionTimeout = 6 * time.Second
	r.bus = r.client()
	if _, err := r.bus.EnsureTopics(t.Context(), bus.TopicEnriched, bus.TopicDeadLetter); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) client() *bus.Client {
	r.t.Helper()
	c, err := bus.New(r.kafka, r.log, prometheus.NewRegistry())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

// config makes small inserts, quickly, and keeps all rows.
func (r *rig) config() Config {
	c := DefaultConfig()
	c.InsertMaxRows = 500
	c.InsertMaxAge = 50 * time.Millisecond
	c.MaxFlowAge = 3 * 365 * 24 * time.Hour
	c.Retention = clickhouse.Retention{}
	return c
}

var week = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday

// batch makes the next batch, of n flows of twelve weeks. It is not counted yet.
func (r *rig) batch(n int) (*landfallv1.EnrichedBatch, []flowstest.Flow) {
	r.batches++
	fs := flowstest.Random(r.random, n, week, week.AddDate(0, 0, 84))
	partition := (r.batches - 1) % uint64(len(r.sources))
	p := flowstest.Batch("collector", r.batches, r.sources[partition], week.AddDate(0, 0, 85), fs...)
	r.sources[partition]++
	return p, fs
}

func (r *rig) partition(p *landfallv1.EnrichedBatch) int {
	return int((p.Origin.Sequence - 1) % uint64(len(r.sources)))
}

func (r *rig) produce(partition int, message []byte) {
	r.t.Helper()
	if _, err := r.bus.Produce(r.t.Context(), bus.TopicEnriched, partition, message); err != nil {
		r.t.Fatal(err)
	}
}

// send makes count batches, counts them, and writes them to Kafka; some twice, as a producer's retry
// (its own offset at the enricher's source) or an enricher's replay (the same source) does.
func (r *rig) send(count, flows int) {
	r.t.Helper()
	for range count {
		p, fs := r.batch(flows)
		r.want.Add(fs...)
		r.produce(r.partition(p), flowstest.Message(r.t, p))
		switch r.random.IntN(4) {
		case 0:
			r.produce(r.partition(p), flowstest.Message(r.t, p))
		case 1:
			p.Source.Offset = r.sources[r.partition(p)]
			r.sources[r.partition(p)]++
			r.produce(r.partition(p), flowstest.Message(r.t, p))
		}
	}
}

// start starts an aggregator that is stopped after the test.
func (r *rig) start(c Config) (*Service, *prometheus.Registry) {
	r.t.Helper()
	reg := prometheus.NewRegistry()
	s, err := New(c, r.client(), r.ch, r.log, reg, func(err error) { r.t.Errorf("the aggregator failed: %v", err) })
	if err != nil {
		r.t.Fatal(err)
	}
	if err := s.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			r.t.Error(err)
		}
	})
	return s, reg
}

// settle waits until every flow is counted at every level, and compares.
func (r *rig) settle() {
	r.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		least := r.want.Flows
		for _, level := range flowstest.Levels(r.t, r.conn) {
			least = min(least, level.Flows)
		}
		if least == r.want.Flows {
			break
		}
		pause(r.t.Context(), 50*time.Millisecond)
	}
	r.compare()
}

func (r *rig) compare() {
	r.t.Helper()
	want := make(map[string]flowstest.Totals)
	for _, table := range flowstest.Tables {
		want[table] = r.want
	}
	got := flowstest.Levels(r.t, r.conn)
	if diff := cmp.Diff(want, maps.Clone(got)); diff != "" {
		r.t.Errorf("totals (-want +got):\n%s", diff)
	}
}

// metric reads one counter.
func metric(t testing.TB, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			if label == "" || m.Label[0].GetValue() == label {
				return m.Counter.GetValue()
			}
		}
	}
	t.Fatalf("no metric %s{%s}", name, label)
	return 0
}
