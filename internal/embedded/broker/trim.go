package broker

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Why messages were deleted: the bounded values of the label `reason`.
const (
	trimmedRead      = "read"      // every consumer group has read them
	trimmedRetention = "retention" // the topic's own retention.bytes or retention.ms
)

// trimmer deletes what is not needed any more and measures what is left.
//
// What a consumer group still has to read is kept: a group counts for a topic
// once it has committed an offset in any of its partitions, and a partition of
// that topic in which it has committed none counts as unread. A topic that no
// group has ever read keeps everything. Only a topic that was created with
// retention.bytes or retention.ms loses messages as on any Kafka broker, read
// or not. The newest message of a partition always stays: kfake forgets at
// which offset an empty partition was.
type trimmer struct {
	b      *Broker
	client *kafka.Client
	seen   map[string]bool // topics with a gauge
}

func newTrimmer(b *Broker, addr string) *trimmer {
	tcp, _ := net.ResolveTCPAddr("tcp", addr) // a literal address
	return &trimmer{
		b: b,
		client: &kafka.Client{
			Addr:      tcp,
			Timeout:   10 * time.Second,
			Transport: &kafka.Transport{ClientID: "landfall-trimmer", MetadataTTL: b.cfg.TrimEvery},
		},
		seen: map[string]bool{},
	}
}

func (t *trimmer) close() { t.client.Transport.(*kafka.Transport).CloseIdleConnections() }

func (t *trimmer) run(ctx context.Context) {
	tick := time.NewTicker(t.b.cfg.TrimEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.pass(ctx)
		}
	}
}

// pass does all topics once. What fails is tried again at the next pass.
func (t *trimmer) pass(ctx context.Context) {
	if err := t.trimAll(ctx); err != nil && ctx.Err() == nil {
		t.b.log.Warn("old messages could not be deleted", "error", err)
	}
}

func (t *trimmer) trimAll(ctx context.Context) error {
	meta, err := t.client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	groups, err := t.groups(ctx)
	if err != nil {
		return err
	}
	before, bytes := t.b.usage.mark(), map[string]int64{}
	for _, topic := range meta.Topics {
		if topic.Error != nil {
			continue
		}
		parts := t.b.cluster.PartitionInfos(topic.Name)
		read := readUpTo(groups, topic.Name)
		own := t.ownRetention(topic.Name)
		for _, p := range parts {
			share := t.b.cfg.RetainBytes / int64(len(parts))
			if read != nil {
				t.trim(topic.Name, p, min(excess(p, share), read(p)), trimmedRead)
			}
			if own.bytes >= 0 {
				t.trim(topic.Name, p, excess(p, own.bytes), trimmedRetention)
			}
			if own.age >= 0 {
				t.trim(topic.Name, p, t.olderThan(ctx, topic.Name, p, own.age), trimmedRetention)
			}
		}
		var sum int64
		for _, p := range t.b.cluster.PartitionInfos(topic.Name) {
			sum += p.NumBytes
		}
		bytes[topic.Name] = sum
	}
	t.b.usage.set(bytes, before)
	for topic := range t.seen {
		if _, ok := bytes[topic]; !ok {
			t.b.stored.DeleteLabelValues(topic)
			delete(t.seen, topic)
		}
	}
	for topic, n := range bytes {
		t.b.stored.WithLabelValues(topic).Set(float64(n))
		t.seen[topic] = true
	}
	return nil
}

// trim deletes what is before offset.
func (t *trimmer) trim(topic string, p *kfake.PartitionInfo, offset int64, reason string) {
	offset = min(offset, p.HighWatermark-1)
	if offset <= p.LogStartOffset {
		return
	}
	if err := t.b.cluster.DeleteRecords(topic, p.Partition, offset); err != nil {
		t.b.log.Warn("old messages could not be deleted", "topic", topic, "partition", p.Partition, "before", offset, "error", err)
		return
	}
	t.b.trimmed.WithLabelValues(reason).Add(float64(offset - p.LogStartOffset))
	p.LogStartOffset = offset
}

// excess is the offset before which a partition has more than keep bytes,
// if its messages are all of one size; with others it takes a pass more.
func excess(p *kfake.PartitionInfo, keep int64) int64 {
	count := p.HighWatermark - p.LogStartOffset
	if p.NumBytes <= keep || count <= 0 {
		return p.LogStartOffset
	}
	return p.LogStartOffset + int64(float64(count)*float64(p.NumBytes-keep)/float64(p.NumBytes))
}

// groups gives the consumer groups that hold messages back.
func (t *trimmer) groups(ctx context.Context) ([]*kfake.GroupInfo, error) {
	list, err := t.client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err == nil {
		err = list.Error
	}
	if err != nil {
		return nil, fmt.Errorf("list consumer groups: %w", err)
	}
	var groups []*kfake.GroupInfo
	for _, g := range list.Groups {
		if info := t.b.cluster.GroupInfo(g.GroupID); info != nil && !idle(info, t.b.cfg.GroupIdle) {
			groups = append(groups, info)
		}
	}
	return groups, nil
}

func idle(g *kfake.GroupInfo, limit time.Duration) bool {
	if len(g.Members) > 0 {
		return false
	}
	for _, parts := range g.Commits {
		for _, c := range parts {
			if time.Since(c.At) < limit {
				return false
			}
		}
	}
	return true
}

// readUpTo gives for a topic the offset of a partition before which every
// group has read everything, or nil when no group reads the topic.
func readUpTo(groups []*kfake.GroupInfo, topic string) func(*kfake.PartitionInfo) int64 {
	var commits []map[int32]kfake.GroupCommit
	for _, g := range groups {
		if c, ok := g.Commits[topic]; ok {
			commits = append(commits, c)
		}
	}
	if len(commits) == 0 {
		return nil
	}
	return func(p *kfake.PartitionInfo) int64 {
		upTo := p.HighWatermark
		for _, c := range commits {
			if commit, ok := c[p.Partition]; ok {
				upTo = min(upTo, commit.Offset)
			} else {
				upTo = p.LogStartOffset
			}
		}
		return upTo
	}
}

// retention is what a topic was created with; -1 is no bound.
type retention struct {
	bytes int64 // per partition
	age   time.Duration
}

func (t *trimmer) ownRetention(topic string) retention {
	info := t.b.cluster.TopicInfo(topic)
	number := func(key string) int64 {
		if info == nil || info.Configs[key] == nil {
			return -1
		}
		n, err := strconv.ParseInt(*info.Configs[key], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	r := retention{bytes: number("retention.bytes"), age: -1}
	if ms := number("retention.ms"); ms >= 0 && ms < never.Milliseconds() {
		r.age = time.Duration(ms) * time.Millisecond
	}
	return r
}

// olderThan is the offset of the first message that is not older than age.
func (t *trimmer) olderThan(ctx context.Context, topic string, p *kfake.PartitionInfo, age time.Duration) int64 {
	resp, err := t.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.TimeOffsetOf(int(p.Partition), time.Now().Add(-age))}},
	})
	if err != nil {
		return p.LogStartOffset
	}
	for _, po := range resp.Topics[topic] {
		if po.Partition != int(p.Partition) || po.Error != nil {
			continue
		}
		if len(po.Offsets) == 0 {
			return p.HighWatermark // every message is older
		}
		for offset := range po.Offsets {
			if offset >= 0 {
				return offset
			}
			return p.HighWatermark
		}
	}
	return p.LogStartOffset
}
