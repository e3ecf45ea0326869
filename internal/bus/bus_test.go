package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// limit bounds a test that hangs; nothing waits for it to pass.
const limit = 60 * time.Second

func newClient(t *testing.T, addr string, change ...func(*bus.Config)) *bus.Client {
	t.Helper()
	c := bus.DefaultConfig()
	c.Brokers = []string{addr}
	c.TopicPrefix = fmt.Sprintf("%s-%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), time.Now().UnixNano())
	c.Partitions = 2
	c.SessionTimeout = 6 * time.Second // the least that Apache Kafka accepts
	for _, f := range change {
		f(&c)
	}
	client, err := bus.New(c, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestMessagesComeInOrderAndGoOnFromTheCommit(t *testing.T) {
	addr := kafkatest.Start(t)
	client := newClient(t, addr)
	ctx := deadline(t)
	partitions, err := client.EnsureTopics(ctx, bus.TopicFlows)
	if err != nil || partitions != 2 {
		t.Fatalf("%d partitions, %v", partitions, err)
	}
	if again, err := client.EnsureTopics(ctx, bus.TopicFlows); err != nil || again != 2 {
		t.Fatalf("again: %d partitions, %v", again, err)
	}
	const messages = 20
	for i := range messages {
		offset, err := client.Produce(ctx, bus.TopicFlows, i%2, fmt.Appendf(nil, "m%d", i), bus.Header{Key: "k", Value: []byte("v")})
		if err != nil || offset != int64(i/2) {
			t.Fatalf("message %d at offset %d, %v", i, offset, err)
		}
	}

	// consume reads partition 1 from where it was committed up to offset last, and commits after it.
	consume := func(last int64) (committed int64, metadata string, got []string) {
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		err := client.Consume(inner, "group", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
			if p.ID != 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			committed, metadata = p.Committed, p.Metadata
			for {
				m, err := p.Fetch(ctx)
				if err != nil {
					return err
				}
				if len(m.Headers) != 1 || m.Headers[0].Key != "k" {
					t.Errorf("headers %v", m.Headers)
				}
				got = append(got, string(m.Value))
				if m.Offset == last {
					break
				}
			}
			if err := p.Commit(ctx, last+1, fmt.Sprintf("note %d", last)); err != nil {
				t.Error(err)
			}
			cancel()
			return nil
		})
		if err != nil {
			t.Errorf("consume: %v", err)
		}
		return committed, metadata, got
	}
	committed, metadata, got := consume(3)
	if committed >= 0 || metadata != "" || fmt.Sprint(got) != "[m1 m3 m5 m7]" {
		t.Errorf("first: from %d %q: %v", committed, metadata, got)
	}
	committed, metadata, got = consume(9)
	if committed != 4 || metadata != "note 3" || fmt.Sprint(got) != "[m9 m11 m13 m15 m17 m19]" {
		t.Errorf("second: from %d %q: %v", committed, metadata, got)
	}
}

func TestSeekToGoesBack(t *testing.T) {
	client := newClient(t, kafkatest.Start(t), func(c *bus.Config) { c.Partitions = 1 })
	ctx := deadline(t)
	if _, err := client.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		if _, err := client.Produce(ctx, bus.TopicFlows, 0, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	err := client.Consume(inner, "group", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
		for len(got) < 9 {
			m, err := p.Fetch(ctx)
			if err != nil {
				return err
			}
			got = append(got, string(m.Value))
			if len(got) == 4 {
				p.SeekTo(1)
			}
		}
		cancel()
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[0 1 2 3 1 2 3 4 5]" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCommitOfAFormerOwnerIsFenced(t *testing.T) {
	addr := kafkatest.Start(t)
	first := newClient(t, addr, func(c *bus.Config) { c.Partitions = 1 })
	ctx := deadline(t)
	if _, err := first.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		t.Fatal(err)
	}
	held := make(chan *bus.Partition, 1)
	inner, leave := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- first.Consume(inner, "group", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
			if err := p.Commit(ctx, 0, "mine"); err != nil {
				t.Error(err)
			}
			held <- p
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	var former *bus.Partition
	select {
	case former = <-held:
	case <-ctx.Done():
		t.Fatal("no partition assigned")
	}
	leave()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	err := first.Consume(ctx, "group", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
		if p.Metadata != "mine" {
			t.Errorf("the new owner finds %q", p.Metadata)
		}
		if err := former.Commit(ctx, 0, "late"); !errors.Is(err, bus.ErrFenced) {
			t.Errorf("the former owner's commit: %v", err)
		}
		return errors.New("done")
	})
	if err == nil || err.Error() != "done" {
		t.Errorf("a handler's error does not end Consume: %v", err)
	}
}

func TestTopicsWithDifferentPartitionsAreRefused(t *testing.T) {
	addr := kafkatest.Start(t)
	prefix := ""
	two := newClient(t, addr, func(c *bus.Config) { prefix = c.TopicPrefix })
	four := newClient(t, addr, func(c *bus.Config) { c.Partitions, c.TopicPrefix = 4, prefix })
	ctx := deadline(t)
	if _, err := two.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		t.Fatal(err)
	}
	if _, err := four.EnsureTopics(ctx, bus.TopicFlows, bus.TopicEnriched); err == nil || !strings.Contains(err.Error(), "partitions") {
		t.Errorf("%v", err)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*bus.Config){
		"brokers":            func(c *bus.Config) { c.Brokers = nil },
		"not on this machi":  func(c *bus.Config) { c.Brokers = []string{"192.0.2.1:9092"} },
		"topic_prefix":       func(c *bus.Config) { c.TopicPrefix = "" },
		"partitions":         func(c *bus.Config) { c.Partitions = 0 },
		"replication_factor": func(c *bus.Config) { c.ReplicationFactor = 0 },
		"retention":          func(c *bus.Config) { c.Retention = time.Minute },
		"compression":        func(c *bus.Config) { c.Compression = "rar" },
		"session_timeout":    func(c *bus.Config) { c.SessionTimeout = 0 },
		"sasl.mechanism":     func(c *bus.Config) { c.SASL.Mechanism = "kerberos" },
	} {
		c := bus.DefaultConfig()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
