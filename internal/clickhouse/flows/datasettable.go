package flows

import "github.com/ClickHouse/ch-go/proto"

// dataSetKey is the flows of one day that the same data sets judged.
type dataSetKey struct{ bucket, scope, dataSets uint32 }

// dataSetTable is rows of data_set_day.
type dataSetTable struct {
	table
	names  *names
	groups groups[dataSetKey]
	flows  proto.ColUInt64

	current dataSetKey // of the flow added last
	at      uint32     // its group
	found   bool

	bucket                   proto.ColDateTime
	operator, site, dataSets *lowCardinality
	generation               proto.ColUInt16
}

func newDataSetTable(n *names) *dataSetTable {
	t := &dataSetTable{table: table{name: "data_set_day"}, names: n}
	t.seconds("bucket", &t.bucket)
	t.operator = t.named("operator", n.operator)
	t.site = t.named("site", n.site)
	t.dataSets = t.named("data_sets", n.dataSets)
	t.plain("generation", &t.generation)
	t.plain("flows", &t.flows)
	return t
}

func (t *dataSetTable) reset() {
	t.groups.reset()
	t.flows, t.found = t.flows[:0], false
}

func (t *dataSetTable) begin(b *batchKeys) {
	t.current, t.found = dataSetKey{scope: b.scope}, false
}

// add counts a flow of the batch that was begun.
func (t *dataSetTable) add(startMs int64, dataSets uint32) {
	if day := uint32(startMs / dayMs * 86_400); !t.found || day != t.current.bucket || dataSets != t.current.dataSets {
		t.current.bucket, t.current.dataSets, t.found = day, dataSets, true
		var fresh bool
		if t.at, fresh = t.groups.find(t.names.seeds.three(uint64(day), pair(t.current.scope, t.current.dataSets), 0), t.current); fresh {
			t.flows = append(t.flows, 0)
		}
	}
	t.flows[t.at]++
}

func (t *dataSetTable) seal(g *generationsAt) Insert {
	t.table.reset()
	t.bucket.Data, t.generation = t.bucket.Data[:0], t.generation[:0]
	for i := range t.groups.keys {
		k := &t.groups.keys[i]
		scope := t.names.scopes.keys[k.scope]
		t.bucket.Data = append(t.bucket.Data, proto.DateTime(k.bucket))
		t.operator.append(scope.operator)
		t.site.append(scope.site)
		t.dataSets.append(k.dataSets)
		t.generation = append(t.generation, g.get(int64(k.bucket)*secondMs))
	}
	return t.insert(len(t.groups.keys))
}
