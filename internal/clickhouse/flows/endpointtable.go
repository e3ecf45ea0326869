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
	handsets                                lists[uint64]
	ids                                     *proto.ColArr[uint64]

	rowOf []int32 // by endpoint of the rollup: its row; negative: none
}

func newEndpointTable(n *names) *endpointTable {
	t := &endpointTable{table: table{name: "endpoint_day"}}
	t.seconds("bucket", &t.bucket)
	t.dimensions.in(&t.table, n)
	t.plain("remote_address", &t.address)
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

// choose gives rows to those that are an endpoint of a handset, and returns their number.
func (t *endpointTable) choose(r *rollup) int {
	t.rowOf = t.rowOf[:0]
	rows := int32(0)
	for i := range r.endpoints.keys {
		key := &r.endpoints.keys[i]
		if r.cells.keys[key.cell].side == 0 || key.address == (proto.IPv6{}) {
			t.rowOf = append(t.rowOf, -1)
			continue
		}
		t.rowOf = append(t.rowOf, rows)
		rows++
	}
	return int(rows)
}

func (t *endpointTable) rows() int { return len(t.address) }

// fill replaces the rows by those chosen.
func (t *endpointTable) fill(r *rollup, planned time.Time) {
	t.table.reset()
	t.measures.reset()
	t.bucket.Data, t.firstSeen.Data, t.lastSeen.Data = t.bucket.Data[:0], t.firstSeen.Data[:0], t.lastSeen.Data[:0]
	t.address, t.asn = t.address[:0], t.asn[:0]
	for i := range r.endpoints.keys {
		if t.rowOf[i] < 0 {
			continue
		}
		key, s := &r.endpoints.keys[i], &r.endpointSums[i]
		t.bucket.Data = append(t.bucket.Data, proto.DateTime(key.bucket))
		t.firstSeen.Data = append(t.firstSeen.Data, proto.DateTime(s.first))
		t.lastSeen.Data = append(t.lastSeen.Data, proto.DateTime(s.last))
		t.dimensions.append(r.names, &r.cells.keys[key.cell])
		t.address = append(t.address, key.address)
		t.measures.append(&s.sums)
	}
	t.lastChange.Data = repeat(t.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), t.rows())
	t.ids.Offsets = t.handsets.ends
	*t.ids.Data.(*proto.ColUInt64) = t.handsets.values
}
