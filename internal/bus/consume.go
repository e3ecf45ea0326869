package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrFenced says that the partition has been given to another consumer of the group: what this one
// was about to do for it must not be done.
var ErrFenced = errors.New("the partition has been given to another consumer")

// Consume joins the group and calls handle for each partition of the topic (both names without the
// prefix) that is assigned to it, each in a goroutine of its own. handle returns when its context
// ends: on a rebalance, when the broker is gone, or at shutdown. Consume then joins again. It
// returns nil when ctx ends, or the first other error that handle returned.
func (c *Client) Consume(ctx context.Context, group, topic string, handle func(context.Context, *Partition) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	members, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     c.Group(group),
		Brokers:                c.config.Brokers,
		Topics:                 []string{c.Topic(topic)},
		Dialer:                 c.dialer,
		SessionTimeout:         c.config.SessionTimeout,
		RebalanceTimeout:       c.config.SessionTimeout,
		HeartbeatInterval:      c.config.SessionTimeout / 5,
		JoinGroupBackoff:       500 * time.Millisecond,
		StartOffset:            kafka.FirstOffset,
		WatchPartitionChanges:  true,
		PartitionWatchInterval: 30 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("join consumer group %s: %w", c.Group(group), err)
	}
	// The members' Close waits for the handlers, whose contexts end with ctx.
	defer members.Close()

	wait := c.waiter("consumer group " + c.Group(group))
	for {
		generation, err := members.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return endOf(ctx)
			}
			if !errors.Is(err, kafka.RebalanceInProgress) && !wait.retry(ctx, err) {
				return endOf(ctx)
			}
			continue
		}
		partitions, err := c.assigned(ctx, generation, topic)
		if err != nil {
			if ctx.Err() != nil {
				return endOf(ctx)
			}
			c.log.Warn("cannot read committed offsets, joining again", "group", generation.GroupID, "error", err)
			generation.Start(func(context.Context) {}) // a function that returns ends the generation
			continue
		}
		wait.over()
		for _, p := range partitions {
			generation.Start(func(gen context.Context) {
				inner, stop := context.WithCancel(ctx)
				defer stop()
				defer context.AfterFunc(gen, stop)()
				defer p.close()
				err := handle(inner, p)
				if err != nil && inner.Err() == nil && !errors.Is(err, ErrFenced) {
					cancel(err)
				}
			})
		}
	}
}

// endOf returns why ctx ended: nil if it was merely told to, otherwise the error of a handler.
func endOf(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// assigned reads what was committed for the generation's partitions. It is read after the
// generation has begun, so that no earlier consumer can commit any more.
func (c *Client) assigned(ctx context.Context, g *kafka.Generation, topic string) ([]*Partition, error) {
	name := c.Topic(topic)
	var ids []int
	for _, a := range g.Assignments[name] {
		ids = append(ids, a.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: g.GroupID, Topics: map[string][]int{name: ids}})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return nil, fmt.Errorf("fetch offsets of %s: %w", g.GroupID, err)
	}
	var partitions []*Partition
	for _, p := range response.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("fetch offset of %s %s/%d: %w", g.GroupID, name, p.Partition, p.Error)
		}
		partitions = append(partitions, &Partition{
			Topic: name, ID: p.Partition, Committed: p.CommittedOffset, Metadata: p.Metadata,
			client: c, generation: g, next: p.CommittedOffset,
		})
	}
	if len(partitions) != len(ids) {
		return nil, fmt.Errorf("fetch offsets of %s: %d of %d partitions answered", g.GroupID, len(partitions), len(ids))
	}
	return partitions, nil
}

// Message is one message of a partition.
type Message struct {
	Offset  int64
	Value   []byte // the caller's to keep
	Headers []Header
	Time    time.Time
}

// Partition is a partition that this consumer holds for one generation of its group. It is for one
// goroutine.
type Partition struct {
	Topic     string // full name
	ID        int
	Committed int64  // the offset to go on from; negative: nothing was committed yet
	Metadata  string // what was committed along with it

	client     *Client
	generation *kafka.Generation
	reader     *kafka.Reader
	next       int64 // the offset of the next message; negative: the first there is
	wait       *waiter
	closing    sync.Once
}

// SeekTo sets the offset of the next message.
func (p *Partition) SeekTo(offset int64) {
	p.next = offset
	if p.reader != nil {
		p.position()
	}
}

// Fetch returns the next message. It waits for one, and for a broker that is gone, until ctx ends;
// then it returns ctx's error. Messages that Kafka deleted before they were read are passed over,
// counted and logged.
func (p *Partition) Fetch(ctx context.Context) (Message, error) {
	if p.reader == nil {
		p.open()
	}
	if p.wait == nil { // one for all calls, which may be short: an outage is said every 30 seconds
		p.wait = p.client.waiter(fmt.Sprintf("%s/%d", p.Topic, p.ID))
	}
	for {
		m, err := p.reader.ReadMessage(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return Message{}, ctx.Err()
			}
			if !p.wait.retry(ctx, err) {
				return Message{}, ctx.Err()
			}
			continue
		}
		p.wait.over()
		if p.next >= 0 && m.Offset < p.next {
			continue // read ahead before a SeekTo
		}
		if p.next >= 0 && m.Offset > p.next {
			p.client.skipped.WithLabelValues(p.Topic).Add(float64(m.Offset - p.next))
			p.client.log.Error("messages were deleted by Kafka before they were read: their flows are lost; lengthen kafka.retention",
				"topic", p.Topic, "partition", p.ID, "from", p.next, "to", m.Offset)
		}
		p.next = m.Offset + 1
		return Message{Offset: m.Offset, Value: m.Value, Headers: m.Headers, Time: m.Time}, nil
	}
}

func (p *Partition) open() {
	p.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers:        p.client.config.Brokers,
		Topic:          p.Topic,
		Partition:      p.ID,
		Dialer:         p.client.dialer,
		MinBytes:       1,
		MaxBytes:       2 * MaxMessageBytes,
		MaxWait:        250 * time.Millisecond,
		QueueCapacity:  8,
		ReadBackoffMin: 5 * time.Millisecond,
		ReadBackoffMax: time.Second,
	})
	p.position()
}

// position sets the reader to the next message.
func (p *Partition) position() {
	offset := p.next
	if offset < 0 {
		offset = kafka.FirstOffset
	}
	_ = p.reader.SetOffset(offset) // fails only on a closed reader
}

func (p *Partition) close() {
	p.closing.Do(func() {
		if p.reader != nil {
			_ = p.reader.Close()
		}
	})
}

// Commit writes an offset with metadata (at most 4096 bytes by Kafka's default) for this partition.
// It returns ErrFenced if the partition has been given to another consumer since; after any other
// error the commit may or may not have been written.
func (p *Partition) Commit(ctx context.Context, offset int64, metadata string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := p.client.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID:      p.generation.GroupID,
		GenerationID: int(p.generation.ID),
		MemberID:     p.generation.MemberID,
		Topics:       map[string][]kafka.OffsetCommit{p.Topic: {{Partition: p.ID, Offset: offset, Metadata: metadata}}},
	})
	if err == nil {
		if answers := response.Topics[p.Topic]; len(answers) == 1 {
			err = answers[0].Error
		} else {
			err = errors.New("the answer does not name the partition")
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		return fmt.Errorf("commit %s/%d at %d: %w (%w)", p.Topic, p.ID, offset, ErrFenced, err)
	}
	return fmt.Errorf("commit %s/%d at %d: %w", p.Topic, p.ID, offset, err)
}
