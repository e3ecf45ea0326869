package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// residencyTable is rows of residency_minute, residency_hour or residency_day.
type residencyTable struct {
	table
	dimensions
	measures
	bucket, lastChange proto.ColDateTime
	side, vendorMethod *lowCardinality
	generation         proto.ColUInt16

	// Of days only: what the server makes the states of handsets and endpoints of.
	handsets  lists[uint64]
	endpoints lists[proto.IPv6]
	ids       *proto.ColArr[uint64]
	addresses *proto.ColArr[proto.IPv6]
}

func newResidencyTable(name string, n *names) *residencyTable {
	t := &residencyTable{table: table{name: name}}
	t.seconds("bucket", &t.bucket)
	t.dimensions.in(&t.table, n)
	t.side = t.named("handset_side", n.side)
	t.vendorMethod = t.named("vendor_method", n.vendorMethod)
	t.plain("generation", &t.generation)
	t.measures.in(&t.table)
	t.seconds("last_change", &t.lastChange)
	return t
}

// addSets adds the columns of days.
func (t *residencyTable) addSets() {
	t.ids, t.addresses = proto.NewArray(new(proto.ColUInt64)), proto.NewArray(new(proto.ColIPv6))
	t.plain("handset_ids", t.ids)
	t.plain("endpoint_addresses", t.addresses)
}

// fill replaces the rows, the lists of the sets aside.
func (t *residencyTable) fill(r *rollup, keys []bucketKey, rows []sums, planned time.Time, g *generationsAt) {
	n := len(keys)
	cell := func(i int) *cellKey { return &r.cells.keys[keys[i].cell] }
	t.dimensions.fill(n, r.names, cell)
	t.measures.fill(n, func(i int) *sums { return &rows[i] })
	t.bucket.Data, t.generation = sized(t.bucket.Data, n), sized(t.generation, n)
	side, vendorMethod := t.side.sized(n), t.vendorMethod.sized(n)
	for i := range n {
		c := cell(i)
		t.bucket.Data[i], t.generation[i] = proto.DateTime(keys[i].bucket), g.get(int64(keys[i].bucket)*secondMs)
		side[i], vendorMethod[i] = uint32(c.side), r.names.vendors.keys[c.vendor].method
	}
	t.lastChange.Data = repeat(t.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), n)
	if t.ids != nil {
		t.ids.Offsets, t.addresses.Offsets = t.handsets.ends, t.endpoints.ends
		*t.ids.Data.(*proto.ColUInt64) = t.handsets.values
		*t.addresses.Data.(*proto.ColIPv6) = t.endpoints.values
	}
}
