package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Commit is what a group has committed for a partition.
type Commit struct {
	Partition int
	Offset    int64 // negative: nothing
	Metadata  string
}

// Committed reads what a group has committed for all partitions of a topic (names without the
// prefix), without being a member.
func (c *Client) Committed(ctx context.Context, group, topic string) ([]Commit, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	partitions, err := c.countPartitions(ctx, []string{topic})
	if err != nil {
		return nil, fmt.Errorf("read the partitions of %s: %w", c.Topic(topic), err)
	}
	ids := make([]int, partitions)
	for i := range ids {
		ids[i] = i
	}
	name := c.Topic(topic)
	response, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: c.Group(group), Topics: map[string][]int{name: ids}})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return nil, fmt.Errorf("read what %s has committed: %w", c.Group(group), err)
	}
	out := make([]Commit, 0, partitions)
	for _, p := range response.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("read what %s has committed for %s/%d: %w", c.Group(group), name, p.Partition, p.Error)
		}
		out = append(out, Commit{p.Partition, p.CommittedOffset, p.Metadata})
	}
	if len(out) != partitions {
		return nil, fmt.Errorf("read what %s has committed for %s: %d of %d partitions answered", c.Group(group), name, len(out), partitions)
	}
	return out, nil
}

// scan calls each for the messages of a partition, from offset begin to what its end is now.
func (c *Client) scan(ctx context.Context, topic string, partition int, begin int64, each func(Message) error) error {
	response, err := c.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{c.Topic(topic): {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		return fmt.Errorf("read the offsets of %s/%d: %w", c.Topic(topic), partition, err)
	}
	var end int64
	for _, o := range response.Topics[c.Topic(topic)] {
		if o.Error != nil {
			return fmt.Errorf("read the offsets of %s/%d: %w", c.Topic(topic), partition, o.Error)
		}
		begin, end = max(begin, o.FirstOffset), max(end, o.LastOffset)
	}
	if begin >= end {
		return nil
	}
	p := &Partition{Topic: c.Topic(topic), ID: partition, client: c, next: begin}
	defer p.close()
	for at := begin; at < end; {
		m, err := p.Fetch(ctx)
		if err != nil {
			return fmt.Errorf("read %s/%d at %d: %w", c.Topic(topic), partition, at, err)
		}
		if at = m.Offset + 1; m.Offset >= end {
			return nil
		}
		if err := each(m); err != nil {
			return err
		}
	}
	return nil
}
