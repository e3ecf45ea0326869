package broker_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

const message = 100 << 10

func smallConfig(t testing.TB) broker.Config {
	c := testConfig(t)
	c.SyncWrites = false
	c.MaxMessageBytes = 1 << 20
	c.SegmentBytes = 512 << 10
	c.RetainBytes = 1 << 20
	c.MaxTopicBytes = 4 << 20
	c.TrimEvery = 10 * time.Millisecond
	return c
}

func offsets(t testing.TB, c *kafka.Client, topic string, partition int) (first, last int64) {
	t.Helper()
	resp, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[topic][0].FirstOffset, resp.Topics[topic][0].LastOffset
}

func diskUse(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// What is read is deleted, what is unread stays, a full topic refuses, and
// offsets go on over a restart.
func TestBounds(t *testing.T) {
	config := smallConfig(t)
	b, reg := start(t, config)
	c := kafkatest.Client(t, b.Addr())
	topic, other := kafkatest.Topic(t, b.Addr(), "bounds", 1), kafkatest.Topic(t, b.Addr(), "other", 1)
	group := kafkatest.Name("group")
	value := []byte(strings.Repeat("x", message))
	produced := int64(0)
	fill := func() {
		t.Helper()
		for {
			_, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, value)
			if errors.Is(err, kafka.KafkaStorageError) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if produced++; produced > 1000 {
				t.Fatal("the topic never gets full")
			}
		}
	}
	fill()
	if bytes := produced * message; bytes > config.MaxTopicBytes || bytes < config.MaxTopicBytes*3/4 {
		t.Errorf("full at %d bytes of %d", bytes, config.MaxTopicBytes)
	}
	if n := metric(t, reg, "landfall_embedded_broker_refused_requests_total", "topic_full"); n != 1 {
		t.Errorf("%v refusals counted, want 1", n)
	}
	// A full topic stops no other, or a stage could not empty it.
	if _, err := kafkatest.Produce(t.Context(), c, other, 0, 0, nil, value); err != nil {
		t.Errorf("another topic: %v", err)
	}
	if first, last := offsets(t, c, topic, 0); first != 0 || last != produced {
		t.Errorf("unread messages: [%d, %d), want [0, %d)", first, last, produced)
	}
	// Half is read by one group, nothing yet by another that has started.
	if err := kafkatest.Commit(t.Context(), c, group, topic, 0, produced, ""); err != nil {
		t.Fatal(err)
	}
	slow := kafkatest.Name("slow")
	if err := kafkatest.Commit(t.Context(), c, slow, topic, 0, produced/2, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "half is trimmed", func() bool { first, _ := offsets(t, c, topic, 0); return first == produced/2 })
	if err := kafkatest.Commit(t.Context(), c, slow, topic, 0, produced, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "only what is to be retained is left", func() bool {
		first, last := offsets(t, c, topic, 0)
		left := (last - first) * message
		return left <= config.RetainBytes+message && left > 0
	})
	eventually(t, "the trimmed messages are counted", func() bool {
		first, _ := offsets(t, c, topic, 0)
		return metric(t, reg, "landfall_embedded_broker_trimmed_messages_total", "read") == float64(first)
	})
	eventually(t, "there is room again", func() bool {
		return metric(t, reg, "landfall_embedded_broker_stored_bytes", topic) < float64(config.RetainBytes)+2*message
	})
	if use, most := diskUse(t, config.Dir), config.RetainBytes+3*config.SegmentBytes; use > most {
		t.Errorf("%d bytes on disk, want at most %d", use, most)
	}
	fill()
	_, last := offsets(t, c, topic, 0)
	shutdown(t, b)
	b, _ = start(t, config)
	c = kafkatest.Client(t, b.Addr())
	if _, again := offsets(t, c, topic, 0); again != last {
		t.Errorf("the next offset is %d after a restart, was %d", again, last)
	}
}

// The newest message stays whatever is read, because a partition without any
// would start again at offset 0.
func TestNewestMessageStays(t *testing.T) {
	config := smallConfig(t)
	config.RetainBytes = 0
	b, _ := start(t, config)
	c := kafkatest.Client(t, b.Addr())
	topic := kafkatest.Topic(t, b.Addr(), "newest", 1)
	for range 7 {
		if _, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, make([]byte, message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kafkatest.Commit(t.Context(), c, kafkatest.Name("group"), topic, 0, 7, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all but one is trimmed", func() bool { first, _ := offsets(t, c, topic, 0); return first == 6 })
	shutdown(t, b)
	b, _ = start(t, config)
	c = kafkatest.Client(t, b.Addr())
	if offset, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, []byte("x")); err != nil || offset != 7 {
		t.Errorf("after a restart: offset %d, %v; want 7", offset, err)
	}
}

// A topic's own retention holds without any reader, as on Apache Kafka.
func TestOwnRetention(t *testing.T) {
	config := smallConfig(t)
	b, reg := start(t, config)
	c := kafkatest.Client(t, b.Addr())
	create := func(name, key, value string) string {
		t.Helper()
		topic := kafkatest.Name(name)
		resp, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
			Topic: topic, NumPartitions: 1, ReplicationFactor: 1,
			ConfigEntries: []kafka.ConfigEntry{{ConfigName: key, ConfigValue: value}},
		}}})
		if err == nil {
			err = resp.Errors[topic]
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, make([]byte, message)); err != nil {
				t.Fatal(err)
			}
		}
		return topic
	}
	bySize := create("bysize", "retention.bytes", "350000")
	byAge := create("byage", "retention.ms", "500")
	eventually(t, "trimmed by size", func() bool { first, _ := offsets(t, c, bySize, 0); return first >= 6 })
	eventually(t, "trimmed by age", func() bool { first, _ := offsets(t, c, byAge, 0); return first == 9 })
	if first, last := offsets(t, c, bySize, 0); first > 7 || last != 10 {
		t.Errorf("by size: [%d, %d)", first, last)
	}
	eventually(t, "counted", func() bool {
		return metric(t, reg, "landfall_embedded_broker_trimmed_messages_total", "retention") >= 15
	})
}

// An abandoned group must not hold messages back for ever.
func TestIdleGroupHoldsNothing(t *testing.T) {
	config := smallConfig(t)
	config.RetainBytes = 0
	config.GroupIdle = 300 * time.Millisecond
	b, _ := start(t, config)
	c := kafkatest.Client(t, b.Addr())
	topic := kafkatest.Topic(t, b.Addr(), "idle", 1)
	for range 5 {
		if _, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, make([]byte, message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := kafkatest.Commit(t.Context(), c, kafkatest.Name("abandoned"), topic, 0, 1, ""); err != nil {
		t.Fatal(err)
	}
	live := kafkatest.Name("live")
	eventually(t, "the live group's position counts alone", func() bool {
		if err := kafkatest.Commit(t.Context(), c, live, topic, 0, 4, ""); err != nil {
			t.Fatal(err)
		}
		first, _ := offsets(t, c, topic, 0)
		return first == 4
	})
}

// Connections come and go for as long as the process lives; what they sent
// last must not stay in memory.
func TestClosedConnectionsKeepNothing(t *testing.T) {
	config := smallConfig(t)
	config.MaxTopicBytes = 1 << 30
	b, _ := start(t, config)
	topic := kafkatest.Topic(t, b.Addr(), "memory", 1)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	value := make([]byte, 900<<10)
	client := func() {
		c := kafkatest.Client(t, b.Addr())
		if _, err := kafkatest.Produce(t.Context(), c, topic, 0, 0, nil, value); err != nil {
			t.Fatal(err)
		}
		c.Transport.(*kafka.Transport).CloseIdleConnections()
	}
	client()
	before := heap()
	const clients = 60
	for range clients {
		client()
	}
	eventually(t, "the memory of the clients is given back", func() bool { return heap() < before+clients*uint64(len(value))/4 })
}
