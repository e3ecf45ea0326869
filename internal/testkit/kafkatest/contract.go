package kafkatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// Contract tests what Landfall needs of a Kafka broker, with kafka-go and
// nothing else. It runs against the embedded broker and against Apache Kafka;
// what passes on one of them only is not part of the contract.
func Contract(t *testing.T, brokers []string) {
	addr := brokers[0]
	for _, c := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"create topics", testCreateTopics},
		{"produce to a named partition", testExplicitPartition},
		{"compression and sizes", testCompressionAndSizes},
		{"too large a message", testTooLarge},
		{"fetch waits for a message", testFetchWaits},
		{"offset out of range", testOutOfRange},
		{"list offsets", testListOffsets},
		{"commit with metadata, no members", testCommitMetadata},
		{"commit with metadata, as a member", testCommitAsMember},
		{"commit by a former member", testCommitFenced},
		{"group resumes at its commit", testGroupResumes},
		{"group of two shares partitions", testGroupOfTwo},
		{"writer", testWriter},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, addr) })
	}
}

func random(seed uint64, n int) []byte {
	r := rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, seed)))
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func testCreateTopics(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "create", 5)
	resp, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 5, ReplicationFactor: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(resp.Errors[topic], kafka.TopicAlreadyExists) {
		t.Errorf("creating %s again: %v, want TopicAlreadyExists", topic, resp.Errors[topic])
	}
	meta, err := c.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(meta.Topics[0].Partitions); n != 5 {
		t.Errorf("%d partitions, want 5", n)
	}
	if _, err := Produce(t.Context(), c, Name("absent"), 0, 0, nil, []byte("x")); err == nil {
		t.Error("a message for a topic that does not exist was accepted")
	}
}

func testExplicitPartition(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "explicit", 3)
	for p := range 3 {
		for i := range 4 {
			offset, err := Produce(t.Context(), c, topic, p, 0, []byte("key"), fmt.Appendf(nil, "%d/%d", p, i))
			if err != nil || offset != int64(i) {
				t.Fatalf("partition %d, message %d: offset %d, %v", p, i, offset, err)
			}
		}
	}
	for p := range 3 {
		values, err := Fetch(t.Context(), c, topic, p, 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if want := fmt.Sprintf("%d/%d", p, i+1); string(v) != want {
				t.Errorf("partition %d at %d: %q, want %q", p, i+1, v, want)
			}
		}
	}
}

func testCompressionAndSizes(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "sizes", 1)
	var want [][]byte
	for _, compression := range []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd} {
		for _, size := range []int{0, 1, 200 << 10, 1 << 20, 4 << 20} {
			value := random(uint64(size), size)
			if size == 1<<20 { // one that does get smaller
				value = bytes.Repeat([]byte("landfall"), size/8)
			}
			if _, err := Produce(t.Context(), c, topic, 0, compression, nil, value); err != nil {
				t.Fatalf("%s, %d bytes: %v", compression, size, err)
			}
			want = append(want, value)
		}
	}
	got, err := Fetch(t.Context(), c, topic, 0, 0, len(want))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("message %d: %d bytes came back of %d, or others", i, len(got[i]), len(want[i]))
		}
	}
}

func testTooLarge(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "large", 1)
	if _, err := Produce(t.Context(), c, topic, 0, 0, nil, random(1, 9<<20)); !errors.Is(err, kafka.MessageSizeTooLarge) {
		t.Errorf("9 MiB for a topic of at most 8: %v, want MessageSizeTooLarge", err)
	}
	if offset, err := Produce(t.Context(), c, topic, 0, 0, nil, []byte("next")); err != nil || offset != 0 {
		t.Errorf("the message after it: offset %d, %v", offset, err)
	}
}

func testFetchWaits(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "waits", 1)
	produced := make(chan error, 1)
	go func() {
		time.Sleep(200 * time.Millisecond) // within the fetch's MaxWait
		_, err := Produce(t.Context(), Client(t, addr), topic, 0, 0, nil, []byte("late"))
		produced <- err
	}()
	begun := time.Now()
	resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{Topic: topic, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 10 * time.Second})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Records.ReadRecord(); err != nil {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
	if d := time.Since(begun); d > 8*time.Second {
		t.Errorf("the message woke nobody: %s", d)
	}
	if err := <-produced; err != nil {
		t.Error(err)
	}
}

func testOutOfRange(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "range", 1)
	if _, err := Produce(t.Context(), c, topic, 0, 0, nil, []byte("x")); err != nil {
		t.Fatal(err)
	}
	resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{Topic: topic, Offset: 100, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
	if err == nil {
		err = resp.Error
	}
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Errorf("offset 100 of 1: %v, want OffsetOutOfRange", err)
	}
}

func testListOffsets(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "list", 2)
	for range 3 {
		if _, err := Produce(t.Context(), c, topic, 1, 0, nil, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0), kafka.FirstOffsetOf(1), kafka.LastOffsetOf(1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.Topics[topic] {
		if want := int64(3 * p.Partition); p.Error != nil || p.FirstOffset != 0 || p.LastOffset != want {
			t.Errorf("partition %d: [%d, %d), %v; want [0, %d)", p.Partition, p.FirstOffset, p.LastOffset, p.Error, want)
		}
	}
}

func testWriter(t *testing.T, addr string) {
	c := Client(t, addr)
	topic := Topic(t, addr, "writer", 3)
	w := &kafka.Writer{
		Addr: kafka.TCP(addr), Topic: topic, RequiredAcks: kafka.RequireAll, Compression: kafka.Zstd,
		BatchBytes: 8 << 20, BatchTimeout: time.Millisecond,
		Balancer:  kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.Partition }),
		Transport: c.Transport,
	}
	defer w.Close()
	// The balancer above is how a writer is told the partition.
	var messages []kafka.Message
	for i := range 30 {
		messages = append(messages, kafka.Message{Partition: i % 3, Value: fmt.Append(nil, i)})
	}
	if err := w.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	for p := range 3 {
		values, err := Fetch(t.Context(), c, topic, p, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if want := fmt.Sprint(3*i + p); string(v) != want {
				t.Errorf("partition %d at %d: %s, want %s", p, i, v, want)
			}
		}
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{addr}, Topic: topic, Partition: 2, MaxBytes: 16 << 20, MaxWait: time.Second})
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 10 {
		m, err := r.ReadMessage(ctx)
		if err != nil || m.Offset != int64(i) {
			t.Fatalf("reader at %d: offset %d, %v", i, m.Offset, err)
		}
	}
	if err := r.SetOffset(kafka.LastOffset); err != nil {
		t.Fatal(err)
	}
	short, done := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer done()
	if m, err := r.ReadMessage(short); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read %v at the end of the partition, %v", m, err)
	}
}
