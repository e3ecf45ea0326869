// Package kafka_test proves that the pinned Apache Kafka and kafka-go understand each other in
// everything that Landfall asks of Kafka. It runs against the node that tests/kafka/start.sh starts,
// or against whatever LANDFALL_TEST_KAFKA (host:port) names.
package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/landfall-telemetry/landfall/internal/bus"
)

// brokers returns the address of real Apache Kafka. Without one the test is skipped, and fails
// where CI=true.
func brokers(t *testing.T) []string {
	t.Helper()
	address := os.Getenv("LANDFALL_TEST_KAFKA")
	if address == "" {
		const reason = "LANDFALL_TEST_KAFKA names no broker; `make kafka` starts one at 127.0.0.1:19092"
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	return strings.Split(address, ",")
}

func client(t *testing.T, change func(*bus.Config)) *bus.Client {
	t.Helper()
	c := bus.DefaultConfig()
	c.Brokers = brokers(t)
	c.TopicPrefix = "t" + strings.ToLower(rand.Text()[:10])
	c.SessionTimeout = 6 * time.Second // the least that Kafka takes by default
	if change != nil {
		change(&c)
	}
	b, err := bus.New(c, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// produce waits for the partition's leader, which a topic just created may not have yet; after that
// there is one try.
func produce(ctx context.Context, b *bus.Client, partition int, value []byte, headers ...bus.Header) (int64, error) {
	for {
		offset, err := b.Produce(ctx, bus.TopicFlows, partition, value, headers...)
		if !errors.Is(err, kafka.NotLeaderForPartition) && !errors.Is(err, kafka.UnknownTopicOrPartition) {
			return offset, err
		}
	}
}

// TestEveryCompression writes to a chosen partition and reads it back in order, for each codec.
func TestEveryCompression(t *testing.T) {
	for _, compression := range []string{"none", "lz4", "snappy", "zstd", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			b := client(t, func(c *bus.Config) { c.Compression = compression })
			ctx := within(t, 60*time.Second)
			n, err := b.EnsureTopics(ctx, bus.TopicFlows, bus.TopicEnriched)
			if err != nil || n != 4 {
				t.Fatalf("EnsureTopics: %d partitions, %v", n, err)
			}
			if n, err = b.EnsureTopics(ctx, bus.TopicFlows); err != nil || n != 4 {
				t.Fatalf("EnsureTopics again: %d partitions, %v", n, err)
			}
			const count = 20
			for i := range count {
				value := strings.Repeat(fmt.Sprint(i, " "), 1000)
				offset, err := produce(ctx, b, 2, []byte(value), bus.Header{Key: "n", Value: []byte(fmt.Sprint(i))})
				if err != nil || offset != int64(i) {
					t.Fatalf("Produce %d: offset %d, %v", i, offset, err)
				}
			}
			stop, done := context.WithCancel(ctx)
			defer done()
			err = b.Consume(stop, "g", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
				if p.ID != 2 {
					<-ctx.Done()
					return nil
				}
				for i := range count {
					m, err := p.Fetch(ctx)
					if err != nil {
						return err
					}
					if m.Offset != int64(i) || string(m.Value) != strings.Repeat(fmt.Sprint(i, " "), 1000) ||
						len(m.Headers) != 1 || string(m.Headers[0].Value) != fmt.Sprint(i) {
						return fmt.Errorf("message %d: offset %d, %d bytes, headers %v", i, m.Offset, len(m.Value), m.Headers)
					}
				}
				done()
				return nil
			})
			if err != nil || ctx.Err() != nil {
				t.Fatalf("Consume: %v, %v", err, ctx.Err())
			}
		})
	}
}

// TestCommitWithMetadata commits as one consumer and goes on from it as the next; a commit of the
// first after that is refused.
func TestCommitWithMetadata(t *testing.T) {
	b := client(t, func(c *bus.Config) { c.Partitions = 1 })
	ctx := within(t, 60*time.Second)
	if _, err := b.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := produce(ctx, b, 0, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	plan := strings.Repeat("x", 4096) // Kafka's default limit
	var first *bus.Partition
	stop, done := context.WithCancel(ctx)
	err := b.Consume(stop, "g", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
		if p.Committed >= 0 || p.Metadata != "" {
			return fmt.Errorf("begins at %d %q", p.Committed, p.Metadata)
		}
		if err := p.Commit(ctx, 3, plan+"x"); !errors.Is(err, kafka.OffsetMetadataTooLarge) {
			return fmt.Errorf("metadata too large: %w", err)
		}
		if err := p.Commit(ctx, 3, plan); err != nil {
			return err
		}
		first = p
		done()
		return nil
	})
	if err != nil || first == nil {
		t.Fatalf("first consumer: %v, %v", err, ctx.Err())
	}
	stop, done = context.WithCancel(ctx)
	defer done()
	again := false
	err = b.Consume(stop, "g", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
		if p.Committed != 3 || p.Metadata != plan {
			return fmt.Errorf("goes on at %d with %d bytes", p.Committed, len(p.Metadata))
		}
		m, err := p.Fetch(ctx)
		if err != nil || m.Offset != 3 {
			return fmt.Errorf("fetch: offset %d, %w", m.Offset, err)
		}
		if err := first.Commit(ctx, 1, "late"); !errors.Is(err, bus.ErrFenced) {
			return fmt.Errorf("the first consumer committed after it lost the partition: %w", err)
		}
		p.SeekTo(1)
		if m, err = p.Fetch(ctx); err != nil || m.Offset != 1 {
			return fmt.Errorf("fetch after seek: offset %d, %w", m.Offset, err)
		}
		again = true
		done()
		return nil
	})
	if err != nil || !again {
		t.Fatalf("second consumer: %v, %v", err, ctx.Err())
	}
}

// TestTwoConsumersShare lets a second consumer join: the partitions are divided anew.
func TestTwoConsumersShare(t *testing.T) {
	b := client(t, nil)
	ctx := within(t, 90*time.Second)
	if _, err := b.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		t.Fatal(err)
	}
	type got struct{ consumer, partition int }
	assigned := make(chan got, 64)
	consume := func(consumer int) chan error {
		ended := make(chan error, 1)
		go func() {
			ended <- b.Consume(ctx, "g", bus.TopicFlows, func(ctx context.Context, p *bus.Partition) error {
				assigned <- got{consumer, p.ID}
				<-ctx.Done()
				return nil
			})
		}()
		return ended
	}
	next := func(n int) (seen []got) {
		t.Helper()
		for range n {
			select {
			case g := <-assigned:
				seen = append(seen, g)
			case <-ctx.Done():
				t.Fatalf("only %v were assigned", seen)
			}
		}
		return seen
	}
	consume(1)
	next(4)
	consume(2)
	shared := next(4)
	perConsumer := map[int]int{}
	var ids []int
	for _, g := range shared {
		perConsumer[g.consumer]++
		ids = append(ids, g.partition)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []int{0, 1, 2, 3}) || perConsumer[1] != 2 || perConsumer[2] != 2 {
		t.Fatalf("after the second joined: %v", shared)
	}
}
