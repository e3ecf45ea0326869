package flows

import "github.com/ClickHouse/ch-go/proto"

// lists is an array for each row of a table. How many values a row gets is said first, for all rows;
// then they are put.
type lists[T any] struct {
	ends   proto.ColUInt64
	values []T
}

func (l *lists[T]) begin(rows int) { l.ends = repeat(l.ends[:0], 0, rows) }

// expect says that a row gets n values more.
func (l *lists[T]) expect(row, n uint32) { l.ends[row] += uint64(n) }

// layOut ends the expectations. Until it is full, a row's end is where its next value goes.
func (l *lists[T]) layOut() {
	total := uint64(0)
	for i, n := range l.ends {
		l.ends[i] = total
		total += n
	}
	var none T
	l.values = repeat(l.values[:0], none, int(total))
}

func (l *lists[T]) put(row uint32, v T) {
	l.values[l.ends[row]] = v
	l.ends[row]++
}
