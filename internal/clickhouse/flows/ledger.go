package flows

import (
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The counts that the aggregator adds.
const (
	tooOld    = landfallv1.LedgerCount_LEDGER_COUNT_START_TOO_OLD
	tooNew    = landfallv1.LedgerCount_LEDGER_COUNT_START_TOO_NEW
	flowsLate = landfallv1.LedgerCount_LEDGER_COUNT_FLOWS_LATE
)

// ledgerNames are the counts' names in the table, by their number.
var ledgerNames = func() []string {
	out := make([]string, len(landfallv1.LedgerCount_name))
	for number, name := range landfallv1.LedgerCount_name {
		out[number] = strings.ToLower(strings.TrimPrefix(name, "LEDGER_COUNT_"))
	}
	return out
}()

// ledgerKey is what a row of the ledger is about.
type ledgerKey struct {
	scopeKeys
	bucket              uint32 // seconds since 1970
	collector, protocol uint32
	exporter            proto.IPv6
}

type ledgerCell struct {
	ledgerKey
	what landfallv1.LedgerCount
}

// ledger is rows of ledger_minute, added up over the batches of a block.
type ledger struct {
	table
	rows map[ledgerCell]int

	bucket, lastChange                              proto.ColDateTime
	operator, site, collector, exportProtocol, what *lowCardinality
	exporter                                        proto.ColIPv6
	amount                                          proto.ColUInt64
}

func newLedger(n *names) *ledger {
	l := &ledger{table: table{name: "ledger_minute"}, rows: make(map[ledgerCell]int)}
	l.seconds("bucket", &l.bucket)
	l.operator = l.named("operator", n.operator)
	l.site = l.named("site", n.site)
	l.collector = l.named("collector", n.collector)
	l.plain("exporter", &l.exporter)
	l.exportProtocol = l.named("export_protocol", n.protocol)
	l.what = l.named("what", n.what)
	l.plain("amount", &l.amount)
	l.seconds("last_change", &l.lastChange)
	return l
}

func (l *ledger) empty() bool { return len(l.amount) == 0 }

func (l *ledger) reset() {
	l.table.reset()
	clear(l.rows)
	l.bucket.Data, l.exporter, l.amount = l.bucket.Data[:0], l.exporter[:0], l.amount[:0]
}

// entries takes over those of a batch.
func (l *ledger) entries(entries []*landfallv1.LedgerEntry, b *batchKeys) {
	for _, e := range entries {
		key := ledgerKey{
			scopeKeys: b.scopeKeys, bucket: uint32(e.MinuteMs / secondMs), collector: b.collector,
			protocol: uint32(e.ExportProtocol), exporter: proto.IPv6(e.Exporter),
		}
		for i, what := range e.What {
			if int(what) < len(ledgerNames) && e.Amount[i] > 0 { // a newer collector may know more
				l.amount[l.row(key, what)] += e.Amount[i]
			}
		}
	}
}

// corrected counts a flow of a batch that is counted at its arrival.
func (l *ledger) corrected(p *landfallv1.EnrichedBatch, b *batchKeys, i int, what landfallv1.LedgerCount) {
	key := ledgerKey{
		scopeKeys: b.scopeKeys, bucket: uint32(p.ReceivedMs / minuteMs * 60), collector: b.collector,
		protocol: value(p.ExportProtocol, i),
	}
	if len(p.Exporter) > 0 {
		key.exporter = proto.IPv6(p.Exporter[i*addrSize:])
	}
	l.amount[l.row(key, what)]++
}

// row returns the number of a row, which is added if need be.
func (l *ledger) row(key ledgerKey, what landfallv1.LedgerCount) int {
	cell := ledgerCell{key, what}
	row, ok := l.rows[cell]
	if !ok {
		row = len(l.amount)
		l.rows[cell] = row
		l.bucket.Data = append(l.bucket.Data, proto.DateTime(key.bucket))
		l.operator.append(key.operator)
		l.site.append(key.site)
		l.collector.append(key.collector)
		l.exporter = append(l.exporter, key.exporter)
		l.exportProtocol.append(key.protocol)
		l.what.append(uint32(what))
		l.amount = append(l.amount, 0)
	}
	return row
}

// seal stamps the rows with the time of the plan.
func (l *ledger) seal(planned time.Time) Insert {
	l.lastChange.Data = repeat(l.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), len(l.amount))
	return l.insert(len(l.amount))
}
