// Package kafkatest gives tests a Kafka broker: the embedded one, or the real
// Apache Kafka that LANDFALL_TEST_KAFKA names. Its [Contract] is the list of what
// Landfall relies on in either. It is for tests only and must not know any
// topic or message of Landfall.
package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
)

// EnvBrokers names the variable with host:port of a real broker.
const EnvBrokers = "LANDFALL_TEST_KAFKA"

// Start gives host:port of a broker: the real one when LANDFALL_TEST_KAFKA is set,
// and else an embedded one on a free port and in a temporary folder, stopped
// after the test. Names of topics and groups must come from [Name], because
// the real one is shared.
func Start(t testing.TB) (addr string) {
	t.Helper()
	if addr := os.Getenv(EnvBrokers); addr != "" {
		addr, _, _ = strings.Cut(addr, ",")
		return addr
	}
	c := broker.DefaultConfig()
	c.Port = 0
	c.Dir = t.TempDir()
	// A test's folder does not outlive a power cut, and fsync is slow.
	c.SyncWrites = false
	b, err := broker.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Errorf("kafkatest: %v", err)
		}
	})
	return b.Addr()
}

// Name makes a name for a topic or a group that no other test has.
func Name(name string) string {
	return "test-" + name + "-" + strings.ToLower(rand.Text()[:10])
}

// Client is a client of the broker at addr, closed after the test.
func Client(t testing.TB, addr string) *kafka.Client {
	t.Helper()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	transport := &kafka.Transport{ClientID: "landfall-test"}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: tcp, Timeout: 30 * time.Second, Transport: transport}
}

// Topic creates a topic with a name of its own and waits until it can be
// written.
func Topic(t testing.TB, addr, name string, partitions int) string {
	t.Helper()
	topic := Name(name)
	c := Client(t, addr)
	resp, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{
			Topic: topic, NumPartitions: partitions, ReplicationFactor: 1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "8388608"}},
		}},
	})
	if err == nil {
		err = resp.Errors[topic]
	}
	if err != nil {
		t.Fatalf("kafkatest: create topic %s: %v", topic, err)
	}
	waitTopic(t, c, topic, partitions)
	return topic
}

// waitTopic waits until every partition's leader answers: a real broker answers
// CreateTopics before that, and names a leader that does not know it yet.
func waitTopic(t testing.TB, c *kafka.Client, topic string, partitions int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request := &kafka.ListOffsetsRequest{Topics: make(map[string][]kafka.OffsetRequest)}
	for p := range partitions {
		request.Topics[topic] = append(request.Topics[topic], kafka.LastOffsetOf(p))
	}
	for {
		resp, err := c.ListOffsets(ctx, request)
		if err == nil {
			for _, o := range resp.Topics[topic] {
				err = errors.Join(err, o.Error)
			}
			if err == nil && len(resp.Topics[topic]) == partitions {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("kafkatest: topic %s has no leaders: %v", topic, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// settle repeats a request as long as the broker says that it did nothing
// because a partition or a group has no home yet: a real one says so for some
// milliseconds after a topic or the first group is made.
func settle(ctx context.Context, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		err := request()
		switch {
		case errors.Is(err, kafka.NotLeaderForPartition),
			errors.Is(err, kafka.NotCoordinatorForGroup),
			errors.Is(err, kafka.GroupCoordinatorNotAvailable),
			errors.Is(err, kafka.GroupLoadInProgress):
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Produce writes one message to a partition with acks=all and gives its
// offset.
func Produce(ctx context.Context, c *kafka.Client, topic string, partition int, compression kafka.Compression, key, value []byte) (offset int64, err error) {
	err = settle(ctx, func() error {
		resp, err := c.Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Compression: compression,
			Records: kafka.NewRecordReader(kafka.Record{Time: time.Now(), Key: kafka.NewBytes(key), Value: kafka.NewBytes(value)}),
		})
		if err == nil {
			err = resp.Error
		}
		if err == nil {
			offset = resp.BaseOffset
		}
		return err
	})
	if err != nil {
		return -1, err
	}
	return offset, nil
}

// Fetch reads the values of a partition from an offset on, until it has n of
// them or ctx ends.
func Fetch(ctx context.Context, c *kafka.Client, topic string, partition int, offset int64, n int) (values [][]byte, err error) {
	for len(values) < n {
		resp, err := c.Fetch(ctx, &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: offset,
			MinBytes: 1, MaxBytes: 16 << 20, MaxWait: 500 * time.Millisecond,
		})
		if err == nil {
			err = resp.Error
		}
		if err != nil {
			return values, err
		}
		for {
			r, err := resp.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return values, err
			}
			// A compressed batch comes whole, also from its middle.
			if r.Offset < offset {
				continue
			}
			value, err := kafka.ReadAll(r.Value)
			if err != nil {
				return values, err
			}
			values = append(values, value)
			offset = r.Offset + 1
		}
		if err := ctx.Err(); err != nil {
			return values, err
		}
	}
	return values, nil
}

// Commit stores an offset with its metadata for a group without members.
func Commit(ctx context.Context, c *kafka.Client, group, topic string, partition int, offset int64, metadata string) error {
	return settle(ctx, func() error {
		return commitAs(ctx, c, group, -1, "", topic, partition, offset, metadata)
	})
}

func commitAs(ctx context.Context, c *kafka.Client, group string, generation int, member, topic string, partition int, offset int64, metadata string) error {
	resp, err := c.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: group, GenerationID: generation, MemberID: member,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: partition, Offset: offset, Metadata: metadata}}},
	})
	if err != nil {
		return err
	}
	for _, p := range resp.Topics[topic] {
		if p.Error != nil {
			return p.Error
		}
	}
	if len(resp.Topics[topic]) != 1 {
		return errors.New("the answer to OffsetCommit names no partition")
	}
	return nil
}

// Committed gives the offset and metadata of a group; offset -1 is none.
func Committed(ctx context.Context, c *kafka.Client, group, topic string, partition int) (offset int64, metadata string, err error) {
	err = settle(ctx, func() error {
		resp, err := c.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: group, Topics: map[string][]int{topic: {partition}},
		})
		if err == nil {
			err = resp.Error
		}
		if err != nil {
			return err
		}
		for _, p := range resp.Topics[topic] {
			if p.Partition == partition {
				offset, metadata = p.CommittedOffset, p.Metadata
				return p.Error
			}
		}
		return errors.New("the answer to OffsetFetch does not name the partition")
	})
	if err != nil {
		return -1, "", err
	}
	return offset, metadata, nil
}
