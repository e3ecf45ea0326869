package enricher_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher"
)

type rig struct {
	t        *testing.T
	ctx      context.Context
	config   bus.Config
	bus      *bus.Client
	enricher enricher.Config
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r := &rig{t: t, ctx: ctx, config: bus.DefaultConfig(), enricher: enricher.DefaultConfig()}
	r.config.Brokers = []string{kafkatest.Start(t)}
	r.config.TopicPrefix = fmt.Sprintf("%s-%d", strings.ToLower(t.Name()), time.Now().UnixNano())
	r.config.Partitions, r.config.SessionTimeout = 2, 6*time.Second
	r.bus = r.client()
	r.enricher.PseudonymKeyFile = filepath.Join(t.TempDir(), "key")
	if _, err := r.bus.EnsureTopics(ctx, bus.TopicFlows, bus.TopicEnriched, bus.TopicDeadLetter); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) client() *bus.Client {
	r.t.Helper()
	client, err := bus.New(r.config, r.log(), prometheus.NewRegistry())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client
}

func (r *rig) log() *slog.Logger { return slog.New(slog.NewTextHandler(r.t.Output(), nil)) }

func (r *rig) start() (*enricher.Service, *prometheus.Registry) {
	r.t.Helper()
	registry := prometheus.NewRegistry()
	s, err := enricher.New(r.enricher, r.client(), r.log(), registry, func(err error) { r.t.Errorf("failed: %v", err) })
	if err != nil {
		r.t.Fatal(err)
	}
	if err := s.Start(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return s, registry
}

func (r *rig) send(partition int, sequence uint64, flows int) {
	r.t.Helper()
	var b flow.Batch
	for i := range flows {
		b.Append(&flow.Record{SourceAddress: netip.MustParseAddr("100.64.0.1"), DestinationAddress: netip.MustParseAddr("192.0.2.1"), Octets: uint64(i + 1)})
	}
	b.Stamp(&landfallv1.Origin{Collector: "c", Epoch: 1, Sequence: sequence}, "", "site", 1_800_000_000_000)
	message, err := b.AppendMarshal(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sendRaw(partition, message)
}

func (r *rig) sendRaw(partition int, message []byte) {
	r.t.Helper()
	if _, err := r.bus.Produce(r.ctx, bus.TopicFlows, partition, message); err != nil {
		r.t.Fatal(err)
	}
}

// read returns the first n messages of a topic, by partition.
func (r *rig) read(topic string, n int) map[int][]bus.Message {
	r.t.Helper()
	type placed struct {
		partition int
		bus.Message
	}
	found := make(chan placed)
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- r.bus.Consume(ctx, fmt.Sprintf("reader-%d", time.Now().UnixNano()), topic, func(ctx context.Context, p *bus.Partition) error {
			for {
				m, err := p.Fetch(ctx)
				if err != nil {
					return err
				}
				select {
				case found <- placed{p.ID, m}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
	}()
	messages := map[int][]bus.Message{}
	for range n {
		select {
		case m := <-found:
			messages[m.partition] = append(messages[m.partition], m.Message)
		case <-r.ctx.Done():
			r.t.Fatalf("%s: not %d messages: %v", topic, n, messages)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		r.t.Error(err)
	}
	return messages
}

func TestEnricherKeepsPartitionOrderAndOrigin(t *testing.T) {
	r := newRig(t)
	for i := range 10 {
		r.send(i%2, uint64(i+1), i+1)
	}
	_, registry := r.start()
	messages := r.read(bus.TopicEnriched, 10)
	for partition, list := range messages {
		if len(list) != 5 {
			t.Errorf("partition %d has %d messages", partition, len(list))
		}
		for i, m := range list {
			var b landfallv1.EnrichedBatch
			if err := b.UnmarshalVT(m.Value); err != nil {
				t.Fatal(err)
			}
			want := uint64(2*i + partition + 1)
			if b.Origin.Sequence != want || b.Source.Offset != int64(i) || int(b.Source.Partition) != partition || uint64(b.Count) != want || b.Source.Topic != r.bus.Topic(bus.TopicFlows) {
				t.Errorf("partition %d, message %d: %v from %v, %d flows", partition, i, b.Origin, b.Source, b.Count)
			}
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP landfall_enricher_flows_total Flows enriched, by the end of the flow that is a handset.
# TYPE landfall_enricher_flows_total counter
landfall_enricher_flows_total{side="both"} 0
landfall_enricher_flows_total{side="destination"} 0
landfall_enricher_flows_total{side="none"} 0
landfall_enricher_flows_total{side="source"} 55
`), "landfall_enricher_flows_total"); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReadGoesToTheDeadLettersAndTheRestGoesOn(t *testing.T) {
	r := newRig(t)
	r.send(0, 1, 1)
	r.sendRaw(0, []byte("not a batch"))
	version := &landfallv1.FlowBatch{SchemaVersion: 99, Origin: &landfallv1.Origin{Collector: "c", Sequence: 2}}
	message, err := version.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	r.sendRaw(0, message)
	r.send(0, 3, 1)
	version.SchemaVersion = flow.SchemaVersion
	absurd, err := version.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	r.sendRaw(0, absurd)
	_, registry := r.start()
	if good := r.read(bus.TopicEnriched, 2)[0]; len(good) != 2 {
		t.Errorf("%d good messages", len(good))
	}
	dead := r.read(bus.TopicDeadLetter, 3)[0]
	for i, want := range []struct{ reason, origin, value string }{
		{"malformed", r.bus.Topic(bus.TopicFlows) + "/0/1", "not a batch"},
		{"schema_version", r.bus.Topic(bus.TopicFlows) + "/0/2", string(message)},
		{"absurd_time", r.bus.Topic(bus.TopicFlows) + "/0/4", string(absurd)},
	} {
		got := map[string]string{}
		for _, h := range dead[i].Headers {
			got[h.Key] = string(h.Value)
		}
		if from := got["topic"] + "/" + got["partition"] + "/" + got["offset"]; got["reason"] != want.reason || from != want.origin || string(dead[i].Value) != want.value {
			t.Errorf("dead letter %d: %v %q", i, got, dead[i].Value)
		}
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP landfall_enricher_messages_refused_total Messages that could not be enriched and went to the dead letters.
# TYPE landfall_enricher_messages_refused_total counter
landfall_enricher_messages_refused_total{reason="absurd_time"} 1
landfall_enricher_messages_refused_total{reason="malformed"} 1
landfall_enricher_messages_refused_total{reason="schema_version"} 1
`), "landfall_enricher_messages_refused_total"); err != nil {
		t.Error(err)
	}
}

func TestNextEnricherGoesOnWhereTheLastStopped(t *testing.T) {
	r := newRig(t)
	r.send(0, 1, 1)
	first, _ := r.start()
	r.read(bus.TopicEnriched, 1)
	if err := first.Shutdown(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.send(0, 2, 1)
	r.start()
	list := r.read(bus.TopicEnriched, 2)[0]
	var b landfallv1.EnrichedBatch
	if err := b.UnmarshalVT(list[1].Value); err != nil || b.Origin.Sequence != 2 {
		t.Errorf("the second message is batch %v, %v: the first was enriched again although it was committed", b.Origin, err)
	}
}

func TestLifecycle(t *testing.T) {
	r := newRig(t)
	s, _ := r.start()
	for range 2 {
		if err := s.Shutdown(r.ctx); err != nil {
			t.Error(err)
		}
	}
	idle, err := enricher.New(r.enricher, r.bus, r.log(), prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := idle.Shutdown(r.ctx); err != nil {
		t.Errorf("shutdown without start: %v", err)
	}
}

func TestBadDataFileIsNamed(t *testing.T) {
	r := newRig(t)
	bad := filepath.Join(t.TempDir(), "bad.mmdb")
	if err := os.WriteFile(bad, []byte("not a table"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*enricher.Config){
		bad:                    func(c *enricher.Config) { c.CityPath = bad },
		"/nowhere/asn.csv":     func(c *enricher.Config) { c.ASNPath = "/nowhere/asn.csv" },
		"/nowhere/oui.json":    func(c *enricher.Config) { c.OUIFile = "/nowhere/oui.json" },
		"/nowhere/vendors.csv": func(c *enricher.Config) { c.StaticVendorsFile = "/nowhere/vendors.csv" },
	} {
		c := r.enricher
		change(&c)
		s, err := enricher.New(c, r.bus, r.log(), prometheus.NewRegistry(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(r.ctx); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidate(t *testing.T) {
	c := enricher.DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.SubscriberPrefixes = []string{"100.64.0.0/10", "100.64.0.0", "x"}
	if err := c.Validate(); err == nil || strings.Count(err.Error(), "subscriber_prefixes") != 2 {
		t.Errorf("%v", err)
	}
	c.SubscriberPrefixes = nil
	if err := c.Validate(); err == nil {
		t.Error("no prefix at all is taken")
	}
}
