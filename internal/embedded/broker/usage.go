package broker

import (
	"maps"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// usage counts the bytes of each topic: what the trimmer found, and what was
// produced since.
type usage struct {
	most int64

	mu       sync.Mutex
	stored   map[string]int64 // by the trimmer's last pass
	produced map[string]int64 // since the mark that this pass began with
}

// mark begins a measurement: what is admitted from now on counts on top of it.
// What was admitted before is kept until [usage.set].
func (u *usage) mark() (before map[string]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.produced)
}

// set replaces the counts of the measured topics. A batch written since mark
// may count twice until the next measurement, but never not at all.
func (u *usage) set(stored, before map[string]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stored == nil {
		u.stored, u.produced = map[string]int64{}, map[string]int64{}
	}
	for topic, bytes := range stored {
		u.stored[topic] = bytes
		u.produced[topic] -= before[topic]
	}
}

// admit says whether the topic has room, and counts the bytes if so. It is
// asked before the write, so that a burst between two measurements is bounded
// too.
func (u *usage) admit(topic string, bytes int64) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stored[topic]+u.produced[topic]+bytes > u.most {
		return false
	}
	if u.produced == nil {
		u.stored, u.produced = map[string]int64{}, map[string]int64{}
	}
	u.produced[topic] += bytes
	return true
}

// control looks at every request of one kind before kfake does. A control
// function of kfake keeps the last request of every connection there ever was,
// with its messages, so each one is used for one request only.
func (b *Broker) control(key kmsg.Key, fn func(kmsg.Request) (kmsg.Response, error, bool)) {
	b.cluster.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.DropControl()
		b.control(key, fn)
		return fn(r)
	})
}

// refuseWhenFull answers a produce request for a full topic with
// KAFKA_STORAGE_ERROR, which clients treat as temporary and try again. The
// bound is per topic and not for all together: a stage must be able to write
// its output in order to get rid of its input.
func (b *Broker) refuseWhenFull() {
	b.control(kmsg.Produce, func(r kmsg.Request) (kmsg.Response, error, bool) {
		req, ok := r.(*kmsg.ProduceRequest)
		if !ok {
			return nil, nil, false
		}
		full := false
		for _, t := range req.Topics {
			var bytes int64
			for _, p := range t.Partitions {
				bytes += int64(len(p.Records))
			}
			full = full || !b.usage.admit(b.topicName(t), bytes)
		}
		if !full {
			return nil, nil, false
		}
		b.refused.WithLabelValues(reasonFull).Inc()
		if req.Acks == 0 {
			return nil, nil, true
		}
		return refuseProduce(req), nil, true
	})
}

// topicName is the topic's name; from version 13 on a request has its id only.
func (b *Broker) topicName(t kmsg.ProduceRequestTopic) string {
	if t.Topic != "" {
		return t.Topic
	}
	if info := b.cluster.TopicIDInfo(t.TopicID); info != nil {
		return info.Topic
	}
	return ""
}

func refuseProduce(req *kmsg.ProduceRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	why := "the topic is full: its consumers are too far behind"
	for _, t := range req.Topics {
		st := kmsg.NewProduceResponseTopic()
		st.Topic, st.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			sp := kmsg.NewProduceResponseTopicPartition()
			sp.Partition = p.Partition
			sp.ErrorCode = kerr.KafkaStorageError.Code
			sp.BaseOffset = -1
			if req.Version >= 8 {
				sp.ErrorMessage = &why
			}
			st.Partitions = append(st.Partitions, sp)
		}
		resp.Topics = append(resp.Topics, st)
	}
	return resp
}
