package aggregator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
)

// Duplicates, malformed messages and wrong clocks among good batches: the good ones count once, the
// rest is counted as what it is.
func TestCountsOnce(t *testing.T) {
	r := newRig(t, 2)
	r.send(20, 300)
	good, fs := r.batch(10)
	message := flowstest.Message(t, good)
	r.produce(r.partition(good), message[:len(message)/2])
	good.SchemaVersion = 9
	r.produce(r.partition(good), flowstest.Message(t, good))
	r.produce(0, nil)
	good.SchemaVersion = 1
	good.StartMs[0], good.StartMs[1] = good.ReceivedMs+48*3600*1000, -5
	r.want.Add(fs...)
	r.produce(r.partition(good), flowstest.Message(t, good))
	r.send(20, 300)

	s, reg := r.start(r.config())
	r.settle()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	origin := metric(t, reg, "landfall_aggregator_batches_duplicate_total", "origin")
	source := metric(t, reg, "landfall_aggregator_batches_duplicate_total", "source")
	if origin == 0 || source == 0 {
		t.Errorf("duplicates by origin %v, by source %v: the test has none", origin, source)
	}
	for label, want := range map[string]float64{"malformed": 2, "schema_version": 1, "insert_refused": 0} {
		if got := metric(t, reg, "landfall_aggregator_messages_refused_total", label); got != want {
			t.Errorf("%v messages refused as %s, want %v", got, label, want)
		}
	}
	for _, label := range []string{"too_old", "too_new"} {
		if got := metric(t, reg, "landfall_aggregator_flows_corrected_total", label); got != 1 {
			t.Errorf("%v flows corrected as %s, want 1", got, label)
		}
	}
	if got := metric(t, reg, "landfall_aggregator_flows_inserted_total", ""); got != float64(r.want.Flows) {
		t.Errorf("%v flows inserted by the metric, want %d", got, r.want.Flows)
	}
	if got := metric(t, reg, "landfall_aggregator_batches_inserted_total", ""); got != 41 {
		t.Errorf("%v batches inserted, want 41", got)
	}
	letters := r.deadLetters(3)
	reasons := map[string]int{}
	for _, m := range letters {
		h := headers(m)
		reasons[h["reason"]]++
		if h["topic"] != r.bus.Topic(bus.TopicEnriched) || h["offset"] == "" || h["partition"] == "" || h["error"] == "" {
			t.Errorf("a dead letter does not say where it is from: %v", h)
		}
	}
	if reasons["malformed"] != 2 || reasons["schema_version"] != 1 {
		t.Errorf("dead letters by reason: %v", reasons)
	}

	// A second aggregator goes on from there and counts nothing again.
	r.start(r.config())
	r.send(4, 100)
	r.settle()
}

func headers(m bus.Message) map[string]string {
	h := make(map[string]string)
	for _, kv := range m.Headers {
		h[kv.Key] = string(kv.Value)
	}
	return h
}

// deadLetters reads n messages of the dead-letter topic.
func (r *rig) deadLetters(n int) (out []bus.Message) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	found := make(chan bus.Message)
	done := make(chan error, 1)
	c := r.client()
	go func() {
		done <- c.Consume(ctx, "letters", bus.TopicDeadLetter, func(ctx context.Context, p *bus.Partition) error {
			for {
				m, err := p.Fetch(ctx)
				if err != nil {
					return nil
				}
				select {
				case found <- m:
				case <-ctx.Done():
				}
			}
		})
	}()
	for len(out) < n {
		select {
		case m := <-found:
			out = append(out, m)
		case <-ctx.Done():
			r.t.Fatalf("%d dead letters, want %d", len(out), n)
		}
	}
	cancel()
	if err := <-done; err != nil {
		r.t.Error(err)
	}
	return out
}

// What the server itself refuses goes to the dead-letter topic, message by message, and the rest
// goes on.
func TestRowsThatTheServerRefuses(t *testing.T) {
	r := newRig(t, 1)
	config := r.config()
	config.InsertAttempts = 2
	config.InsertMaxRows = 1
	_, reg := r.start(config)
	if err := r.db.Conn(t).Exec(t.Context(), "ALTER TABLE flows ADD CONSTRAINT no_such_port CHECK remote_port != 666"); err != nil {
		t.Fatal(err)
	}
	r.send(3, 10)
	bad, _ := r.batch(10)
	bad.RemotePort[3] = 666
	r.produce(0, flowstest.Message(t, bad))
	r.send(3, 10)
	r.settle()
	m := r.deadLetters(1)[0]
	if h := headers(m); h["reason"] != "insert_refused" || !strings.Contains(h["error"], "no_such_port") {
		t.Errorf("the dead letter says %v", h)
	}
	if string(m.Value) != string(flowstest.Message(t, bad)) {
		t.Error("the dead letter is not the message")
	}
	if got := metric(t, reg, "landfall_aggregator_insert_errors_total", "refused"); got != 3 {
		t.Errorf("%v tries refused, want 3: two for the insert, one for its only message", got)
	}
	if got := metric(t, reg, "landfall_aggregator_messages_refused_total", "insert_refused"); got != 1 {
		t.Errorf("%v messages refused, want 1", got)
	}
}

func TestLifecycle(t *testing.T) {
	r := newRig(t, 2)
	r.send(3, 10)
	if err := r.conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	ignore := goleak.IgnoreCurrent()
	client, err := bus.New(r.kafka, r.log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	fail := func(err error) { t.Errorf("failed: %v", err) }
	s, err := New(r.config(), client, r.ch, r.log, prometheus.NewRegistry(), fail)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("stop without start: %v", err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error("started twice")
	}
	r.settle()
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	client.Close()
	// The embedded broker starts a goroutine for each request that it reads, on connections of others too.
	goleak.VerifyNone(t, ignore, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"))
}

func TestNewReportsEveryFault(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Group, c.InsertMaxRows, c.InsertAttempts, c.Retention.Flows = "", 0, 0, time.Minute
	err := c.Validate()
	for _, key := range []string{"group:", "insert_max_rows:", "insert_attempts:", "retention.flows:"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("the error does not name %s: %v", key, err)
		}
	}
}

func TestCommitOfAnotherVersionIsFatal(t *testing.T) {
	r := newRig(t, 1)
	s, err := New(r.config(), r.client(), r.ch, r.log, prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.newWorker(t.Context(), nil, "landfall.enriched", 0).run(t.Context(), 7, "AQ")
	if !errors.Is(err, errPlanVersion) || !strings.Contains(err.Error(), "landfall.enriched/0") {
		t.Errorf("got %v", err)
	}
}
