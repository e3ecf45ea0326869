package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// ErrTooLarge says that the brokers will never take a message of that size.
var ErrTooLarge = errors.New("the message is larger than the topic takes")

// Header is a message's header.
type Header = kafka.Header

// Client is a connection to a Kafka cluster. It is safe for concurrent use.
type Client struct {
	config      Config
	log         *slog.Logger
	compression kafka.Compression
	transport   *kafka.Transport
	client      *kafka.Client
	dialer      *kafka.Dialer

	skipped *prometheus.CounterVec
}

// New makes a client; it does not connect.
func New(c Config, log *slog.Logger, reg prometheus.Registerer) (*Client, error) {
	compression, err := c.compression()
	if err != nil {
		return nil, err
	}
	tls, err := c.TLS.Client()
	if err != nil {
		return nil, fmt.Errorf("kafka tls: %w", err)
	}
	mechanism, err := c.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("kafka sasl: %w", err)
	}
	dialer := &kafka.Dialer{Timeout: 5 * time.Second, DualStack: true, TLS: tls, SASLMechanism: mechanism, ClientID: "landfall"}
	transport := &kafka.Transport{DialTimeout: 5 * time.Second, TLS: tls, SASL: mechanism, ClientID: "landfall"}
	b := &Client{
		config:      c,
		log:         log,
		compression: compression,
		transport:   transport,
		client:      &kafka.Client{Addr: kafka.TCP(c.Brokers...), Transport: transport},
		dialer:      dialer,
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_bus_messages_skipped_total",
			Help: "Messages that Kafka had deleted before they were read.",
		}, []string{"topic"}),
	}
	if err := reg.Register(b.skipped); err != nil {
		return nil, fmt.Errorf("register bus metrics: %w", err)
	}
	return b, nil
}

// Close frees the connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Topic returns a topic's full name.
func (c *Client) Topic(name string) string { return c.config.TopicPrefix + "." + name }

// Group returns a consumer group's full name.
func (c *Client) Group(name string) string { return c.config.TopicPrefix + "." + name }

// EnsureTopics creates the topics (names without the prefix) that are missing and returns how many
// partitions they have. It waits for the brokers until ctx ends, and says what it waits for.
func (c *Client) EnsureTopics(ctx context.Context, topics ...string) (int, error) {
	wait := c.waiter("kafka topics")
	for {
		partitions, err := c.ensureTopics(ctx, topics)
		if err == nil {
			wait.over()
			return partitions, nil
		}
		if fatal := (*topicMismatchError)(nil); errors.As(err, &fatal) {
			return 0, err
		}
		if !wait.retry(ctx, err) {
			return 0, fmt.Errorf("create kafka topics at %v: %w", c.config.Brokers, errors.Join(ctx.Err(), err))
		}
	}
}

type topicMismatchError struct{ text string }

func (e *topicMismatchError) Error() string { return e.text }

func (c *Client) ensureTopics(ctx context.Context, topics []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request := &kafka.CreateTopicsRequest{}
	for _, t := range topics {
		largest := MaxMessageBytes
		if t == TopicDeadLetter {
			largest += letterBytes
		}
		request.Topics = append(request.Topics, kafka.TopicConfig{
			Topic:             c.Topic(t),
			NumPartitions:     c.config.Partitions,
			ReplicationFactor: c.config.ReplicationFactor,
			ConfigEntries: []kafka.ConfigEntry{
				{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(largest)},
				{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(c.config.Retention.Milliseconds(), 10)},
			},
		})
	}
	response, err := c.client.CreateTopics(ctx, request)
	if err != nil {
		return 0, err
	}
	for topic, err := range response.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return 0, fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	partitions, err := c.countPartitions(ctx, topics)
	if err != nil {
		return 0, err
	}
	return partitions, c.checkLeaders(ctx, topics, partitions)
}

// checkLeaders asks every partition for its offsets, which only its leader answers: a new partition
// has none for a moment, although the metadata names one already.
func (c *Client) checkLeaders(ctx context.Context, topics []string, partitions int) error {
	request := &kafka.ListOffsetsRequest{Topics: make(map[string][]kafka.OffsetRequest)}
	for _, t := range topics {
		for p := range partitions {
			request.Topics[c.Topic(t)] = append(request.Topics[c.Topic(t)], kafka.LastOffsetOf(p))
		}
	}
	response, err := c.client.ListOffsets(ctx, request)
	if err != nil {
		return err
	}
	for topic, offsets := range response.Topics {
		for _, o := range offsets {
			if o.Error != nil {
				return fmt.Errorf("leader of %s/%d: %w", topic, o.Partition, o.Error)
			}
		}
	}
	return nil
}

// countPartitions checks that all topics have the same number of partitions: an enriched batch lies
// in the partition of the number of its source.
func (c *Client) countPartitions(ctx context.Context, topics []string) (int, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = c.Topic(t)
	}
	metadata, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
	if err != nil {
		return 0, err
	}
	partitions := 0
	for _, t := range metadata.Topics {
		if t.Error != nil {
			return 0, fmt.Errorf("topic %s: %w", t.Name, t.Error)
		}
		if partitions == 0 {
			partitions = len(t.Partitions)
		}
		if len(t.Partitions) != partitions {
			return 0, &topicMismatchError{fmt.Sprintf(
				"topic %s has %d partitions, %s has %d: Landfall's topics need the same number; add partitions to the smaller one",
				t.Name, len(t.Partitions), metadata.Topics[0].Name, partitions)}
		}
	}
	if partitions == 0 {
		return 0, errors.New("the topics are not there yet")
	}
	return partitions, nil
}

// Produce writes one message to a partition of a topic (name without the prefix), waits until all
// in-sync replicas have it, and returns its offset. It tries once. After any error but
// ErrTooLarge the message may have been written all the same: whoever tries again relies on the
// message's own identity.
func (c *Client) Produce(ctx context.Context, topic string, partition int, value []byte, headers ...Header) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	response, err := c.client.Produce(ctx, &kafka.ProduceRequest{
		Topic:        c.Topic(topic),
		Partition:    partition,
		RequiredAcks: kafka.RequireAll,
		Compression:  c.compression,
		Records:      kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(value), Headers: headers, Time: time.Now()}),
	})
	if err == nil {
		err = response.Error
	}
	if err == nil {
		for _, e := range response.RecordErrors {
			err = errors.Join(err, e)
		}
	}
	if errors.Is(err, kafka.MessageSizeTooLarge) {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if err != nil {
		return 0, fmt.Errorf("produce to %s/%d: %w", c.Topic(topic), partition, err)
	}
	return response.BaseOffset, nil
}

// waiter spaces the tries to reach the brokers and says what is waited for: at once, then every 30
// seconds, and when it is over.
type waiter struct {
	c        *Client
	what     string
	since    time.Time
	lastSaid time.Time
	delay    time.Duration
}

func (c *Client) waiter(what string) *waiter { return &waiter{c: c, what: what} }

// retry waits before the next try; false if ctx has ended.
func (w *waiter) retry(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	now := time.Now()
	if w.since.IsZero() {
		w.since, w.delay = now, 50*time.Millisecond
	}
	if now.Sub(w.lastSaid) >= 30*time.Second {
		w.c.log.Warn("waiting for Kafka", "for", w.what, "brokers", w.c.config.Brokers, "since", now.Sub(w.since).Round(time.Second), "error", err)
		w.lastSaid = now
	}
	timer := time.NewTimer(w.delay)
	defer timer.Stop()
	w.delay = min(2*w.delay, 2*time.Second)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (w *waiter) over() {
	if !w.since.IsZero() {
		w.c.log.Info("Kafka is back", "for", w.what, "after", time.Since(w.since).Round(time.Millisecond))
	}
	*w = waiter{c: w.c, what: w.what}
}
