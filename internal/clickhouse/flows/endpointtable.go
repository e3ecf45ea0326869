package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// endpointTable is rows of endpoint_day. Two rows may have the same key: the table adds them up.
type endpointTable struct {
	table
	dimensions
	measures
	bucket, lastChange, firstSeen, lastSeen proto.ColDateTime
	address                                 proto.ColIPv6
	alternatives                            *lowCardinality
	handsets                                lists[uint64]
	ids                                     *proto.ColArr[uint64]

	rowOf []int32  // by endpoint of the rollup: its row; negative: none
	of    []uint32 // by row: its endpoint of the rollup
}

func newEndpointTable(n *names) *endpointTable {
	t := &endpointTable{table: table{name: "endpoint_day"}}
	t.seconds("bucket", &t.bucket)
	t.dimensions.in(&t.table, n)
	t.plain("remote_address", &t.address)
	t.alternatives = t.named("place_alternatives", n.alternatives)
	t.measures.in(&t.table)
	t.seconds("last_change", &t.lastChange)
	t.seconds("first_seen", &t.firstSeen)
	t.seconds("last_seen", &t.lastSeen)
	t.ids = proto.NewArray(new(proto.ColUInt64))
	t.plain("handset_ids", t.ids)
	return t
}

// seenTable is those columns of endpoint_day that endpoint_seen has.
func (t *endpointTable) seenTable() *table {
	seen := &table{name: "endpoint_seen"}
	for _, c := range t.input {
		switch c.Name {
		case "operator", "site", "vendor", "remote_address", "asn", "country_code", "subdivision_code",
			"first_seen", "last_seen", "flows", "bytes_up", "bytes_down":
			seen.input = append(seen.input, c)
		}
	}
	return seen
}

// choose gives rows to those that are an endpoint of a handset.
func (t *endpointTable) choose(endpoints []endpoint) {
	t.rowOf, t.of = t.rowOf[:0], t.of[:0]
	for i := range endpoints {
		e := &endpoints[i]
		if e.side == 0 || e.address == (proto.IPv6{}) {
			t.rowOf = append(t.rowOf, -1)
			continue
		}
		t.rowOf = append(t.rowOf, int32(len(t.of)))
		t.of = append(t.of, uint32(i))
	}
}

// fill replaces the rows by those chosen.
func (t *endpointTable) fill(r *rollup, planned time.Time) {
	n := len(t.of)
	t.dimensions.fill(n, r.names, func(i int) *cellKey { return &r.endpoints[t.of[i]].cellKey })
	t.measures.fill(n, func(i int) *sums { return &r.endpoints[t.of[i]].sums })
	t.bucket.Data, t.firstSeen.Data, t.lastSeen.Data = sized(t.bucket.Data, n), sized(t.firstSeen.Data, n), sized(t.lastSeen.Data, n)
	t.address = sized(t.address, n)
	alternatives := t.alternatives.sized(n)
	for i, at := range t.of {
		e := &r.endpoints[at]
		t.bucket.Data[i], t.address[i], alternatives[i] = proto.DateTime(e.day), e.address, e.alternatives
		t.firstSeen.Data[i], t.lastSeen.Data[i] = proto.DateTime(e.first), proto.DateTime(e.last)
	}
	t.lastChange.Data = repeat(t.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), n)
	t.ids.Offsets = t.handsets.ends
	*t.ids.Data.(*proto.ColUInt64) = t.handsets.values
}
