package flows

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// sums are the measures of a rollup's row. Counters are scaled by the flow's own sampling interval N.
// The variances are the terms of the error of what sampling estimates (see docs/evidence.md), for a
// flow of B octets in P packets as they were observed.
type sums struct {
	flows, bytesUp, bytesDown, packetsUp, packetsDown uint64
	lowUp, lowDown                                    float64 // N(N-1)B²/P
	highUp, highDown                                  float64 // N(N-1)B
	countUp, countDown                                float64 // N(N-1)P
	interval                                          uint32  // the largest N
}

// set makes the sums of one flow.
func (s *sums) set(octetsUp, octetsDown, packetsUp, packetsDown uint64, interval uint32) {
	n := uint64(interval)
	*s = sums{
		flows: 1, bytesUp: octetsUp * n, bytesDown: octetsDown * n,
		packetsUp: packetsUp * n, packetsDown: packetsDown * n, interval: interval,
	}
	if n <= 1 {
		return
	}
	k := float64(n) * float64(n-1)
	s.highUp, s.highDown = k*float64(octetsUp), k*float64(octetsDown)
	s.countUp, s.countDown = k*float64(packetsUp), k*float64(packetsDown)
	if packetsUp > 0 {
		s.lowUp = s.highUp * float64(octetsUp) / float64(packetsUp)
	}
	if packetsDown > 0 {
		s.lowDown = s.highDown * float64(octetsDown) / float64(packetsDown)
	}
}

func (s *sums) add(o *sums) {
	s.flows += o.flows
	s.bytesUp += o.bytesUp
	s.bytesDown += o.bytesDown
	s.packetsUp += o.packetsUp
	s.packetsDown += o.packetsDown
	if s.interval = max(s.interval, o.interval); o.interval <= 1 {
		return // nothing was sampled
	}
	s.lowUp += o.lowUp
	s.lowDown += o.lowDown
	s.highUp += o.highUp
	s.highDown += o.highDown
	s.countUp += o.countUp
	s.countDown += o.countDown
}

// measures are the columns of sums.
type measures struct {
	flows, bytesUp, bytesDown, packetsUp, packetsDown    proto.ColUInt64
	lowUp, lowDown, highUp, highDown, countUp, countDown proto.ColFloat64
	interval                                             proto.ColUInt32
}

func (m *measures) in(t *table) {
	t.plain("flows", &m.flows)
	t.plain("bytes_up", &m.bytesUp)
	t.plain("bytes_down", &m.bytesDown)
	t.plain("packets_up", &m.packetsUp)
	t.plain("packets_down", &m.packetsDown)
	t.plain("variance_low_up", &m.lowUp)
	t.plain("variance_low_down", &m.lowDown)
	t.plain("variance_high_up", &m.highUp)
	t.plain("variance_high_down", &m.highDown)
	t.plain("variance_packets_up", &m.countUp)
	t.plain("variance_packets_down", &m.countDown)
	t.plain("sampling_interval_max", &m.interval)
}

// fill replaces the rows.
func (m *measures) fill(n int, row func(i int) *sums) {
	m.flows, m.bytesUp, m.bytesDown = sized(m.flows, n), sized(m.bytesUp, n), sized(m.bytesDown, n)
	m.packetsUp, m.packetsDown, m.interval = sized(m.packetsUp, n), sized(m.packetsDown, n), sized(m.interval, n)
	m.lowUp, m.lowDown, m.highUp, m.highDown = sized(m.lowUp, n), sized(m.lowDown, n), sized(m.highUp, n), sized(m.highDown, n)
	m.countUp, m.countDown = sized(m.countUp, n), sized(m.countDown, n)
	for i := range n {
		s := row(i)
		m.flows[i], m.bytesUp[i], m.bytesDown[i] = s.flows, s.bytesUp, s.bytesDown
		m.packetsUp[i], m.packetsDown[i], m.interval[i] = s.packetsUp, s.packetsDown, s.interval
		m.lowUp[i], m.lowDown[i], m.highUp[i], m.highDown[i] = s.lowUp, s.lowDown, s.highUp, s.highDown
		m.countUp[i], m.countDown[i] = s.countUp, s.countDown
	}
}

// table is the columns of one of the tables.
type table struct {
	name  string
	names []*lowCardinality
	input proto.Input
}

func (t *table) plain(name string, c proto.ColInput) {
	t.input = append(t.input, proto.InputColumn{Name: name, Data: c})
}

// named adds a column of names of a dictionary, which other columns may share.
func (t *table) named(name string, d *dictionary) *lowCardinality {
	c := &lowCardinality{dictionary: d}
	c.native.Index = &d.names
	t.names = append(t.names, c)
	t.plain(name, &c.native)
	return c
}

// seconds adds a column of times.
func (t *table) seconds(name string, c *proto.ColDateTime) {
	c.Location = time.UTC
	t.plain(name, stated{c})
}

// millis adds a column of times to the millisecond.
func (t *table) millis(name string, c *proto.ColDateTime64) {
	c.WithPrecision(proto.PrecisionMilli)
	c.WithLocation(time.UTC)
	t.plain(name, stated{c})
}

// reset forgets the rows of the columns of names; the dictionaries are reset by their owner.
func (t *table) reset() {
	for _, c := range t.names {
		c.keys = c.keys[:0]
	}
}

// insert returns the insert of the table's rows.
func (t *table) insert(rows int) Insert {
	for _, c := range t.names {
		c.seal()
	}
	return Insert{Table: t.name, Columns: t.input, Rows: rows}
}
