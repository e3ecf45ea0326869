package broker

import "github.com/twmb/franz-go/pkg/kmsg"

// answerUnknownGroups makes OffsetFetch for a group that does not exist say
// "no offset", as Apache Kafka does; kfake says GROUP_ID_NOT_FOUND. Versions
// from 8 on, which ask for many groups at once, are left as they are.
func (b *Broker) answerUnknownGroups() {
	b.control(kmsg.OffsetFetch, func(r kmsg.Request) (kmsg.Response, error, bool) {
		req, ok := r.(*kmsg.OffsetFetchRequest)
		if !ok || req.Version > 7 || req.Group == "" || b.cluster.GroupInfo(req.Group) != nil {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, t := range req.Topics {
			st := kmsg.NewOffsetFetchResponseTopic()
			st.Topic = t.Topic
			for _, p := range t.Partitions {
				sp := kmsg.NewOffsetFetchResponseTopicPartition()
				sp.Partition = p
				sp.Offset = -1
				sp.LeaderEpoch = -1
				sp.Metadata = kmsg.StringPtr("")
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
}
