package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// The headers of a dead letter. A letter keeps headerReplay of its message.
const (
	headerReason    = "reason"
	headerError     = "error"
	headerTopic     = "topic"
	headerPartition = "partition"
	headerOffset    = "offset"
	headerCut       = "value_left_out" // the message was too large for the topic
	headerReplay    = "replay"         // topic/round: of a message that is a letter replayed
)

// letterBytes is the room that a letter needs beside its message.
const letterBytes = 64 << 10

// maxErrorText bounds the text of an error in a letter, in bytes.
const maxErrorText = 2048

// Letter is a message that a reader refused, as it lies in the dead-letter topic.
type Letter struct {
	Partition int       // of the dead-letter topic
	Offset    int64     // in it
	At        time.Time // when it was refused
	Reason    string
	Error     string
	// Where the message was read: topic (without the prefix), partition and offset.
	Topic          string
	TopicPartition int
	TopicOffset    int64
	Value          []byte
	rounds         int    // how often its message had been replayed when it was refused
	problem        string // why it cannot be replayed; "": it can
}

// Problem says why the letter cannot be replayed; "": it can.
func (l *Letter) Problem() string { return l.problem }

// DeadLetter puts a message that cannot be used into the dead-letter topic, with why and where it was
// read: topic is the full name. It tries until it succeeds or ctx ends. After a crash the letter may
// be there twice.
func (c *Client) DeadLetter(ctx context.Context, topic string, partition int, m Message, reason string, why error) error {
	text := why.Error()
	headers := []Header{
		{Key: headerReason, Value: []byte(reason)},
		{Key: headerError, Value: []byte(text[:min(len(text), maxErrorText)])},
		{Key: headerTopic, Value: []byte(topic)},
		{Key: headerPartition, Value: []byte(strconv.Itoa(partition))},
		{Key: headerOffset, Value: []byte(strconv.FormatInt(m.Offset, 10))},
	}
	if mark := m.Replay(); mark != "" {
		headers = append(headers, Header{Key: headerReplay, Value: []byte(mark)})
	}
	wait := c.waiter("dead letters")
	for value := m.Value; ; {
		_, err := c.Produce(ctx, TopicDeadLetter, partition, value, headers...)
		if errors.Is(err, ErrTooLarge) && value != nil {
			// Only a topic that was made with a smaller limit gets here.
			value, headers = nil, append(headers, Header{Key: headerCut, Value: []byte(strconv.Itoa(len(m.Value)))})
			continue
		}
		if err == nil {
			wait.over()
			c.log.Error("a message was refused and is in the dead-letter topic", "topic", topic, "partition", partition,
				"offset", m.Offset, "bytes", len(m.Value), "reason", reason, "error", why)
			return nil
		}
		if !wait.retry(ctx, err) {
			return fmt.Errorf("write message %d of %s/%d to the dead letters: %w", m.Offset, topic, partition, errors.Join(ctx.Err(), err))
		}
	}
}

// letter reads a message of the dead-letter topic.
func (c *Client) letter(partition int, m Message) Letter {
	l := Letter{Partition: partition, Offset: m.Offset, At: m.Time.UTC(), Value: m.Value, TopicPartition: -1, TopicOffset: -1}
	for _, h := range m.Headers {
		text := string(h.Value)
		switch h.Key {
		case headerReason:
			l.Reason = text
		case headerError:
			l.Error = text
		case headerTopic:
			l.Topic = strings.TrimPrefix(text, c.config.TopicPrefix+".")
		case headerPartition:
			if n, err := strconv.Atoi(text); err == nil {
				l.TopicPartition = n
			}
		case headerOffset:
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				l.TopicOffset = n
			}
		case headerReplay:
			_, round, _ := strings.Cut(text, "/")
			l.rounds, _ = strconv.Atoi(round)
		case headerCut:
			l.problem = "its message was too large to be kept"
		}
	}
	switch {
	case l.TopicPartition < 0:
		l.problem = "it does not say which partition it was read from"
	case l.Topic != TopicFlows && l.Topic != TopicEnriched:
		l.problem = fmt.Sprintf("it was read from %q, which is no topic of flows", l.Topic)
	}
	return l
}

// Letters calls each for every dead letter that there is when it is called, partition by partition in
// the order of their offsets, until each returns an error. unreplayed leaves out what has been
// replayed.
func (c *Client) Letters(ctx context.Context, unreplayed bool, each func(Letter) error) error {
	partitions, err := c.EnsureTopics(ctx, TopicDeadLetter)
	if err != nil {
		return err
	}
	begin := make(map[int]int64)
	if unreplayed {
		commits, err := c.Committed(ctx, replayGroup, TopicDeadLetter)
		if err != nil {
			return err
		}
		for _, k := range commits {
			begin[k.Partition] = k.Offset
		}
	}
	for partition := range partitions {
		if err := c.scan(ctx, TopicDeadLetter, partition, begin[partition], func(m Message) error { return each(c.letter(partition, m)) }); err != nil {
			return err
		}
	}
	return nil
}

// replayGroup is the group under which it is noted how far the dead letters have been replayed.
const replayGroup = "deadletter-replay"

// ErrNoReplay says that a letter cannot be replayed.
var ErrNoReplay = errors.New("the letter cannot be replayed")

// Replay writes a letter back to the topic and partition that it was read from. Its readers know it
// by its mark and its own origin, however often it is written.
func (c *Client) Replay(ctx context.Context, l Letter) error {
	if l.problem != "" {
		return fmt.Errorf("%w: %s", ErrNoReplay, l.problem)
	}
	mark := fmt.Sprintf("%s/%d", l.Topic, l.rounds+1)
	_, err := c.Produce(ctx, l.Topic, l.TopicPartition, l.Value, ReplayHeader(mark))
	return err
}

// Replayed notes that the letters of a partition up to this one have been replayed or passed over.
func (c *Client) Replayed(ctx context.Context, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	topic := c.Topic(TopicDeadLetter)
	response, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: c.Group(replayGroup), GenerationID: -1, // no member of the group: whoever replays
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: l.Partition, Offset: l.Offset + 1}}},
	})
	if err == nil {
		for _, answer := range response.Topics[topic] {
			err = errors.Join(err, answer.Error)
		}
	}
	if err != nil {
		return fmt.Errorf("note the replay of letter %d/%d: %w", l.Partition, l.Offset, err)
	}
	return nil
}

// Replay returns the mark of a message that is a letter replayed, "topic/round"; "": it is none. The
// batches after it have passed its origin's sequence, so that a reader takes the mark into the name
// of the origin. Letters are replayed in order: sequences rise in a round as they do in any origin.
// The topic keeps those that go straight to the aggregator apart from those that the enricher passes
// on, and may be slower; the round those that were refused again.
func (m *Message) Replay() string {
	for _, h := range m.Headers {
		if h.Key == headerReplay {
			return string(h.Value)
		}
	}
	return ""
}

// ReplayHeader is the header by which a message carries a mark on.
func ReplayHeader(mark string) Header { return Header{Key: headerReplay, Value: []byte(mark)} }

// ReplayedStraight says that a mark is of a letter that was read from this topic itself.
func ReplayedStraight(mark, topic string) bool { return strings.HasPrefix(mark, topic+"/") }
