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
	bucket, lastChange              proto.ColDateTime
	side, vendorMethod, placeMethod *lowCardinality
	generation                      proto.ColUInt16

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
	t.placeMethod = t.named("place_method", n.placeMethod)
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

// fill replaces the rows, the sets aside.
func (t *residencyTable) fill(r *rollup, keys []bucketKey, rows []sums, planned time.Time, g *generationsAt) {
	t.table.reset()
	t.measures.reset()
	t.bucket.Data, t.asn, t.generation = t.bucket.Data[:0], t.asn[:0], t.generation[:0]
	for i := range keys {
		cell := &r.cells.keys[keys[i].cell]
		t.bucket.Data = append(t.bucket.Data, proto.DateTime(keys[i].bucket))
		t.generation = append(t.generation, g.get(int64(keys[i].bucket)*secondMs))
		vendor, place := t.dimensions.append(r.names, cell)
		t.side.append(uint32(cell.side))
		t.vendorMethod.append(vendor.method)
		t.placeMethod.append(place.method)
		t.measures.append(&rows[i])
	}
	t.lastChange.Data = repeat(t.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), len(keys))
	if t.ids != nil {
		t.ids.Offsets, t.addresses.Offsets = t.handsets.ends, t.endpoints.ends
		*t.ids.Data.(*proto.ColUInt64) = t.handsets.values
		*t.addresses.Data.(*proto.ColIPv6) = t.endpoints.values
	}
}
