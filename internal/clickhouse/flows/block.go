package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Clock bounds how far the start of a flow may lie from its arrival. A flow outside of it comes from
// an exporter whose clock is wrong; it is counted at its arrival, so that no bytes are lost and no
// partitions of the year 2106 come into being.
type Clock struct {
	MaxAge   time.Duration // start before arrival
	MaxAhead time.Duration // start after arrival
}

// Corrected counts the flows of a batch that were moved to their arrival.
type Corrected struct{ TooOld, TooNew int }

// Generations gives the generation of a flow by its start and the time at which its insert was
// planned: the highest revision that was computed without it, 0 if there is none. It must give the
// same for every start within one UTC day.
type Generations func(start, planned time.Time) uint16

// Insert is one of the inserts of a block.
type Insert struct {
	Table   string
	Columns proto.Input
	Rows    int
}

// Block is all that one plan inserts, in columns: flows, and what they come to in every other table.
// Append fills it, Seal ends it, Inserts reads it. Reset keeps the columns' memory, so one Block
// serves a goroutine for ever.
type Block struct {
	clock   Clock
	names   *names
	batch   batchKeys
	rows    int
	inserts []Insert

	flows     *flowTable
	rollup    *rollup
	exporters *exporterTable
	dataSets  *dataSetTable
	ledger    *ledger
}

// NewBlock returns an empty block.
func NewBlock(clock Clock) *Block {
	n := newNames()
	return &Block{
		clock: clock, names: n,
		flows: newFlowTable(n), rollup: newRollup(n), exporters: newExporterTable(n), dataSets: newDataSetTable(n), ledger: newLedger(n),
	}
}

// Rows returns the number of flows.
func (b *Block) Rows() int { return b.rows }

// Empty reports whether there is nothing to insert: neither flows nor entries of the ledger.
func (b *Block) Empty() bool { return b.rows == 0 && b.ledger.empty() }

// Reset empties the block and keeps its memory.
func (b *Block) Reset() {
	b.rows, b.inserts = 0, b.inserts[:0]
	b.names.reset()
	b.flows.reset()
	b.rollup.reset()
	b.exporters.reset()
	b.dataSets.reset()
	b.ledger.reset()
}

// Append adds the flows and the ledger of a batch that Validate accepted, which was read from that
// Kafka partition and offset.
func (b *Block) Append(p *landfallv1.EnrichedBatch, partition int32, offset int64) Corrected {
	b.batch.index(b.names, p)
	b.ledger.entries(p.Ledger, &b.batch)
	n := int(p.Count)
	if n == 0 {
		return Corrected{}
	}
	b.exporters.begin(p, &b.batch)
	b.dataSets.begin(&b.batch)
	corrected := b.appendTimes(p)
	b.flows.append(p, &b.batch, partition, offset)
	b.rollUp(p)
	b.rows += n
	return corrected
}

// appendTimes appends the flows' times, corrected.
func (b *Block) appendTimes(p *landfallv1.EnrichedBatch) (c Corrected) {
	received := p.ReceivedMs
	oldest, newest := received-b.clock.MaxAge.Milliseconds(), received+b.clock.MaxAhead.Milliseconds()
	for i := range int(p.Count) {
		start, end := value(p.StartMs, i), value(p.EndMs, i)
		switch {
		case start < oldest:
			start, end = received, received
			c.TooOld++
			b.ledger.corrected(p, &b.batch, i, tooOld)
		case start > newest:
			start, end = received, received
			c.TooNew++
			b.ledger.corrected(p, &b.batch, i, tooNew)
		case end < start || end > newest:
			end = start // only shown, never summed up
		}
		b.flows.start.Data = append(b.flows.start.Data, proto.DateTime64(start))
		b.flows.end.Data = append(b.flows.end.Data, proto.DateTime64(end))
	}
	return c
}

// rollUp adds the batch's flows, the last ones of the flows' columns, to all that is summed up.
func (b *Block) rollUp(p *landfallv1.EnrichedBatch) {
	f, n := b.flows, int(p.Count)
	at := len(f.octetsUp) - n
	starts, exporters, addresses, subscribers := f.start.Data[at:], f.exporter[at:], f.remoteAddress[at:], f.subscriber[at:]
	octetsUp, octetsDown, packetsUp, packetsDown := f.octetsUp[at:], f.octetsDown[at:], f.packetsUp[at:], f.packetsDown[at:]
	intervals := f.samplingInterval[at:]
	var s sums
	for from := 0; from < n; from += lookahead {
		to := min(from+lookahead, n)
		b.rollup.ahead = b.rollup.ahead[:0]
		for i := from; i < to; i++ {
			place := &b.batch.places[value(p.Place, i)]
			b.rollup.expect(endpointKey{
				cellKey: cellKey{
					scope: b.batch.scope, vendor: b.batch.vendors[value(p.Vendor, i)].id,
					place: place.id, network: b.batch.networks[value(p.Network, i)].id,
					side: uint16(value(p.HandsetSide, i)), verdict: uint16(value(p.Verdict, i)),
				},
				day: uint32(int64(starts[i]) / dayMs * 86_400), alternatives: place.alternatives, address: addresses[i],
			})
		}
		b.rollup.touch()
		for i := from; i < to; i++ {
			s.set(octetsUp[i], octetsDown[i], packetsUp[i], packetsDown[i], intervals[i])
			start := int64(starts[i])
			b.rollup.add(i-from, start, subscribers[i], &s)
			b.exporters.add(exporters[i], value(p.ExportProtocol, i), start, &s)
			b.dataSets.add(start, b.batch.dataSets[value(p.DataSet, i)])
		}
	}
}

// Seal ends a block: every row gets the time at which its insert was planned (to the millisecond)
// and its generation (nil: 0). For the same batches, planned and generations the inserts are the
// same, row by row.
func (b *Block) Seal(planned time.Time, generations Generations) {
	b.inserts = b.inserts[:0]
	if b.rows > 0 {
		g := generationsAt{of: generations, planned: planned}
		b.inserts = append(b.inserts, b.flows.seal(planned, &g))
		b.inserts = b.rollup.seal(b.inserts, planned, &g)
		b.inserts = append(b.inserts, b.exporters.seal(), b.dataSets.seal(&g))
		b.exporters.late(b.flows.start.Data, planned, b.ledger)
	}
	if !b.ledger.empty() {
		b.inserts = append(b.inserts, b.ledger.seal(planned))
	}
}

// Inserts returns what has to be inserted, in that order and under one token, after Seal. The
// columns are good until the next Append, Seal or Reset.
func (b *Block) Inserts() []Insert { return b.inserts }

// generationsAt remembers the generation of each day at one planned time.
type generationsAt struct {
	of      Generations
	planned time.Time
	days    map[int64]uint16
	day     int64 // the one asked for last
	last    uint16
	asked   bool
}

// get returns the generation of a start in milliseconds since 1970.
func (g *generationsAt) get(startMs int64) uint16 {
	if g.of == nil {
		return 0
	}
	day := startMs / dayMs
	if g.asked && day == g.day {
		return g.last
	}
	found, ok := g.days[day]
	if !ok {
		found = g.of(time.UnixMilli(day*dayMs).UTC(), g.planned)
		if g.days == nil {
			g.days = make(map[int64]uint16)
		}
		g.days[day] = found
	}
	g.day, g.last, g.asked = day, found, true
	return found
}

const (
	secondMs = int64(time.Second / time.Millisecond)
	minuteMs = 60 * secondMs
	hourMs   = 60 * minuteMs
	dayMs    = 24 * hourMs
)
