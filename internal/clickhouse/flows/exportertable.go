package flows

import (
	"encoding/binary"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// lateAfter is how long after its begin a flow is inserted to be called late.
const lateAfter = time.Hour

// exporterKey is an exporter's flows that one collector received on one day.
type exporterKey struct {
	bucket           uint32 // day of arrival, seconds since 1970
	protocol         uint32
	scope, collector uint32
	exporter         proto.IPv6
}

type exporterSums struct {
	sums
	first, last, received int64 // milliseconds since 1970
}

// exporterTable is rows of exporter_day.
type exporterTable struct {
	table
	names  *names
	groups groups[exporterKey]
	totals []exporterSums
	of     []uint32 // by flow: its group

	current  exporterKey // of the flow added last
	at       uint32      // its group
	found    bool
	received int64

	bucket                                            proto.ColDateTime
	exporter                                          proto.ColIPv6
	exportProtocol, operator, site                    *lowCardinality
	flows, bytesUp, bytesDown, packetsUp, packetsDown proto.ColUInt64
	firstFlow, lastFlow, lastReceived                 proto.ColDateTime64
}

func newExporterTable(n *names) *exporterTable {
	t := &exporterTable{table: table{name: "exporter_day"}, names: n}
	t.seconds("bucket", &t.bucket)
	t.plain("exporter", &t.exporter)
	t.exportProtocol = t.named("export_protocol", n.protocol)
	t.operator = t.named("operator", n.operator)
	t.site = t.named("site", n.site)
	t.plain("flows", &t.flows)
	t.plain("bytes_up", &t.bytesUp)
	t.plain("bytes_down", &t.bytesDown)
	t.plain("packets_up", &t.packetsUp)
	t.plain("packets_down", &t.packetsDown)
	t.millis("first_flow", &t.firstFlow)
	t.millis("last_flow", &t.lastFlow)
	t.millis("last_received", &t.lastReceived)
	return t
}

func (t *exporterTable) reset() {
	t.groups.reset()
	t.totals, t.of, t.found = t.totals[:0], t.of[:0], false
}

func (t *exporterTable) begin(p *landfallv1.EnrichedBatch, b *batchKeys) {
	t.received, t.found = p.ReceivedMs, false
	t.current = exporterKey{bucket: uint32(p.ReceivedMs / dayMs * 86_400), scope: b.scope, collector: b.collector}
}

// add counts flow i of the batch that was begun.
func (t *exporterTable) add(exporter proto.IPv6, protocol uint32, startMs int64, s *sums) {
	if k := &t.current; !t.found || k.exporter != exporter || k.protocol != protocol {
		k.exporter, k.protocol, t.found = exporter, protocol, true
		var fresh bool
		seeds := &t.names.seeds
		hash := seeds.three(binary.LittleEndian.Uint64(exporter[:]), binary.LittleEndian.Uint64(exporter[8:]),
			seeds.three(pair(k.bucket, protocol), pair(k.scope, k.collector), 0))
		if t.at, fresh = t.groups.find(hash, *k); fresh {
			t.totals = append(t.totals, exporterSums{first: startMs, last: startMs, received: t.received})
		}
	}
	t.of = append(t.of, t.at)
	e := &t.totals[t.at]
	e.add(s)
	e.first, e.last, e.received = min(e.first, startMs), max(e.last, startMs), max(e.received, t.received)
}

// late counts the flows that began long before their insert was planned, in the hour of their start.
func (t *exporterTable) late(starts []proto.DateTime64, planned time.Time, l *ledger) {
	bound := planned.Add(-lateAfter).UnixMilli()
	var last bucketKey // hour and group of the late flow before
	row := -1
	for i, start := range starts {
		if int64(start) >= bound {
			continue
		}
		key := bucketKey{uint32(int64(start) / hourMs * 3600), t.of[i]}
		if row < 0 || key != last {
			k := &t.groups.keys[key.cell]
			row = l.row(ledgerKey{
				scopeKeys: t.names.scopes.keys[k.scope], bucket: key.bucket, collector: k.collector,
				protocol: k.protocol, exporter: k.exporter,
			}, flowsLate)
			last = key
		}
		l.amount[row]++
	}
}

func (t *exporterTable) seal() Insert {
	t.table.reset()
	t.bucket.Data, t.exporter = t.bucket.Data[:0], t.exporter[:0]
	t.flows, t.bytesUp, t.bytesDown = t.flows[:0], t.bytesUp[:0], t.bytesDown[:0]
	t.packetsUp, t.packetsDown = t.packetsUp[:0], t.packetsDown[:0]
	t.firstFlow.Data, t.lastFlow.Data, t.lastReceived.Data = t.firstFlow.Data[:0], t.lastFlow.Data[:0], t.lastReceived.Data[:0]
	for i := range t.totals {
		k, e := &t.groups.keys[i], &t.totals[i]
		scope := t.names.scopes.keys[k.scope]
		t.bucket.Data = append(t.bucket.Data, proto.DateTime(k.bucket))
		t.exporter = append(t.exporter, k.exporter)
		t.exportProtocol.append(k.protocol)
		t.operator.append(scope.operator)
		t.site.append(scope.site)
		t.flows = append(t.flows, e.flows)
		t.bytesUp = append(t.bytesUp, e.bytesUp)
		t.bytesDown = append(t.bytesDown, e.bytesDown)
		t.packetsUp = append(t.packetsUp, e.packetsUp)
		t.packetsDown = append(t.packetsDown, e.packetsDown)
		t.firstFlow.Data = append(t.firstFlow.Data, proto.DateTime64(e.first))
		t.lastFlow.Data = append(t.lastFlow.Data, proto.DateTime64(e.last))
		t.lastReceived.Data = append(t.lastReceived.Data, proto.DateTime64(e.received))
	}
	return t.insert(len(t.totals))
}
