package flows

import (
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// The counts that the aggregator adds.
const (
	tooOld = landfallv1.LedgerCount_LEDGER_COUNT_START_TOO_OLD
	tooNew = landfallv1.LedgerCount_LEDGER_COUNT_START_TOO_NEW
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
	bucket                    uint32 // seconds since 1970
	operator, site, collector uint32
	protocol                  uint32
	exporter                  proto.IPv6
}

type ledgerCell struct {
	ledgerKey
	what landfallv1.LedgerCount
}

// ledger is rows of the ledger_minute table, added up over the batches of a block.
type ledger struct {
	rows map[ledgerCell]int

	bucket, lastChange                              proto.ColDateTime
	operator, site, collector, exportProtocol, what *lowCardinality
	exporter                                        proto.ColIPv6
	amount                                          proto.ColUInt64
	names                                           []*lowCardinality
	input                                           proto.Input

	// Those of the batch being appended.
	of ledgerKey
}

func newLedger() *ledger {
	l := &ledger{rows: make(map[ledgerCell]int)}
	plain := func(name string, c proto.ColInput) {
		l.input = append(l.input, proto.InputColumn{Name: name, Data: c})
	}
	names := func(name string) *lowCardinality {
		c := newLowCardinality()
		l.names = append(l.names, c)
		plain(name, &c.native)
		return c
	}
	l.bucket.Location, l.lastChange.Location = time.UTC, time.UTC
	plain("bucket", &l.bucket)
	l.operator = names("operator")
	l.site = names("site")
	l.collector = names("collector")
	plain("exporter", &l.exporter)
	l.exportProtocol = names("export_protocol")
	l.what = names("what")
	plain("amount", &l.amount)
	plain("last_change", stated{&l.lastChange})
	return l
}

func (l *ledger) empty() bool { return len(l.amount) == 0 }

func (l *ledger) reset() {
	clear(l.rows)
	l.bucket.Data, l.lastChange.Data = l.bucket.Data[:0], l.lastChange.Data[:0]
	l.exporter, l.amount = l.exporter[:0], l.amount[:0]
	for _, c := range l.names {
		c.reset()
	}
}

// begin takes over the entries of a batch.
func (l *ledger) begin(p *landfallv1.EnrichedBatch) {
	l.of = ledgerKey{
		operator: l.operator.key(p.Operator), site: l.site.key(p.Site), collector: l.collector.key(p.Origin.GetCollector()),
	}
	for _, e := range p.Ledger {
		key := l.of
		key.bucket, key.exporter = uint32(e.MinuteMs/1000), proto.IPv6(e.Exporter)
		key.protocol = l.exportProtocol.key(exportProtocols[e.ExportProtocol])
		for i, what := range e.What {
			if int(what) < len(ledgerNames) { // a newer collector may know more
				l.add(key, what, e.Amount[i])
			}
		}
	}
}

// flow returns the key of a flow of the batch that was begun, in the minute of at (milliseconds).
func (l *ledger) flow(p *landfallv1.EnrichedBatch, i int, at int64) ledgerKey {
	key := l.of
	key.bucket = uint32(at / 60_000 * 60)
	if len(p.Exporter) > 0 {
		key.exporter = proto.IPv6(p.Exporter[i*addrSize:])
	}
	key.protocol = l.exportProtocol.key(exportProtocols[value(p.ExportProtocol, i)])
	return key
}

func (l *ledger) add(key ledgerKey, what landfallv1.LedgerCount, amount uint64) {
	if amount == 0 {
		return
	}
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
		l.what.append(l.what.key(ledgerNames[what]))
		l.amount = append(l.amount, 0)
	}
	l.amount[row] += amount
}

// seal stamps the rows with the time of the plan and returns the columns.
func (l *ledger) seal(planned time.Time) proto.Input {
	l.lastChange.Data = repeat(l.lastChange.Data[:0], proto.DateTime(uint32(planned.Unix())), len(l.amount))
	for _, c := range l.names {
		c.seal()
	}
	return l.input
}
