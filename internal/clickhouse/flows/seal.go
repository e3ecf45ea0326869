package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// Insert is one of the inserts of a block.
type Insert struct {
	Table   string
	Columns proto.Input
	Rows    int
}

// Generations gives the generation of a flow by its start and the time at which its insert was
// planned: the highest revision that was computed without it, 0 if there is none. It must give the
// same for every start within one UTC day.
type Generations func(start, planned time.Time) uint16

const dayMs = 24 * 60 * 60 * 1000

// Seal ends a block: every row gets the time at which its insert was planned (to the millisecond)
// and its generation (nil: 0). For the same batches, planned and generations the inserts are the
// same, row by row.
func (b *Block) Seal(planned time.Time, generations Generations) {
	b.inserted.Data = repeat(b.inserted.Data[:0], proto.DateTime64(planned.UnixMilli()), b.rows)
	b.generation = repeat(b.generation[:0], 0, b.rows)
	if generations != nil {
		byDay := make(map[int64]uint16)
		for i, start := range b.start.Data {
			day := int64(start) / dayMs
			g, ok := byDay[day]
			if !ok {
				g = generations(time.UnixMilli(day*dayMs).UTC(), planned)
				byDay[day] = g
			}
			b.generation[i] = g
		}
	}
	b.inserts = b.inserts[:0]
	if b.rows > 0 {
		for _, c := range b.names {
			c.seal()
		}
		b.inserts = append(b.inserts, Insert{Table: "flows", Columns: b.input, Rows: b.rows})
	}
	columns := b.ledger.seal(planned)
	if rows := len(b.ledger.amount); rows > 0 {
		b.inserts = append(b.inserts, Insert{Table: "ledger_minute", Columns: columns, Rows: rows})
	}
}

// Inserts returns what has to be inserted, in that order and under one token, after Seal. The
// columns are good until the next Append, Seal or Reset.
func (b *Block) Inserts() []Insert { return b.inserts }
