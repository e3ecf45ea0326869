package aggregator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// partition is what a worker needs of a *bus.Partition.
type partition interface {
	Fetch(context.Context) (bus.Message, error)
	SeekTo(offset int64)
	Commit(ctx context.Context, offset int64, metadata string) error
}

// worker inserts the messages of one partition, for one generation of the consumer group.
type worker struct {
	*Service
	partition partition
	topic     string
	id        int
	log       *slog.Logger
	// inserting outlives the worker's own context, so that an insert under way may end.
	inserting context.Context

	block *flows.Block
	batch landfallv1.EnrichedBatch

	offset int64 // everything before it is inserted; negative: wherever the partition begins
	seen   seen  // before offset
	// unconfirmed: Kafka has not been told of offset. It is false while an insert is planned, for a
	// plan must stand until its insert is known to be made.
	unconfirmed bool
	// singly: messages before this offset are inserted one by one, because the server refused an
	// insert that they were in.
	singly int64
}

// planWrite is how long after its time a plan is in Kafka at the latest: a try to commit it ends
// sooner, and the next try takes a new time.
const planWrite = 15 * time.Second

// gathered is the messages of an insert to be.
type gathered struct {
	from, to int64 // offsets, to excluded
	seen     seen  // before to
	batches  int
	identity xxhash.Digest // over the origins of the batches
	token    string
	messages int
	bytes    int
	first    time.Time // when the first message was written
	last     time.Time // … and the last
	planned  time.Time // to the millisecond
	refused  []refusal
	single   *bus.Message // the one message, if messages are inserted singly
}

// refusal is a message that is no batch, and why. It goes to the dead letters when the batches around
// it are inserted.
type refusal struct {
	message bus.Message
	reason  string
	err     error
}

// The most messages of an insert, whatever rows are in them.
const (
	maxRefused = 100
	maxBytes   = 128 << 20
)

// full says that no more messages are to be gathered.
func (g *gathered) full() bool { return len(g.refused) >= maxRefused || g.bytes >= maxBytes }

func (s *Service) newWorker(inserting context.Context, p partition, topic string, id int) *worker {
	return &worker{
		Service: s, partition: p, topic: topic, id: id, inserting: inserting,
		log:   s.log.With("topic", topic, "partition", id),
		block: flows.NewBlock(flows.Clock{MaxAge: s.config.MaxFlowAge, MaxAhead: s.config.MaxFlowAhead}),
	}
}

// run works from what was committed until ctx ends. It returns an error only for what cannot be
// mended.
func (w *worker) run(ctx context.Context, committed int64, metadata string) error {
	p, err := decodePlan(committed, metadata)
	if err != nil {
		return fmt.Errorf("read the commit of %s/%d at %d: %w", w.topic, w.id, committed, err)
	}
	w.offset, w.seen = committed, p.seen
	// Another process may have the partition next, and its lag.
	defer w.metrics.lagSeconds.DeleteLabelValues(strconv.Itoa(w.id))
	if p.next > 0 {
		if err := w.repeat(ctx, &p); err != nil {
			return w.end(ctx, err)
		}
	}
	for {
		if err := w.step(ctx); err != nil {
			return w.end(ctx, err)
		}
	}
}

// end says what a worker's error means for its service, and confirms what was inserted.
func (w *worker) end(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if w.unconfirmed {
		last, cancel := context.WithTimeout(w.inserting, 2*time.Second)
		defer cancel()
		// If it fails, the next start makes the insert again, which changes nothing.
		if err := w.partition.Commit(last, w.offset, (&plan{seen: w.seen}).encode(w.offset)); err != nil {
			w.metrics.commitErrors.Inc()
			w.log.Debug("the last insert is not confirmed", "error", err)
		}
	}
	return nil
}

// repeat makes the insert again that was planned but not confirmed.
func (w *worker) repeat(ctx context.Context, p *plan) error {
	w.log.Info("an insert was not confirmed, making it again", "from", w.offset, "to", p.next)
	w.metrics.insertsRepeated.Inc()
	g := w.begin()
	for g.to < p.next {
		m, err := w.partition.Fetch(ctx)
		if err != nil {
			return err
		}
		if m.Offset >= p.next { // the end of the range is not in Kafka any more
			w.partition.SeekTo(p.next)
			break
		}
		w.add(g, m)
	}
	g.to, g.planned = p.next, p.planned
	if p.refused {
		return w.refuseAll(ctx, g)
	}
	g.token = w.token(g.from, g.to, p.identity)
	if g.identity.Sum64() == p.identity {
		return w.finish(ctx, g)
	}
	if g.messages == int(p.next-w.offset) || g.first.After(p.planned.Add(time.Minute)) {
		// Nothing is missing, or all is newer than the plan: the topic was made anew.
		w.log.Warn("the messages of a planned insert are others: the topic was made anew", "from", w.offset, "to", p.next)
		w.metrics.insertsIncomplete.WithLabelValues(reasonAnew).Inc()
		if err := w.plan(ctx, g); err != nil {
			return err
		}
		return w.finish(ctx, g)
	}
	// Kafka has deleted messages of the range. What is left goes in under the token of the whole:
	// tables that have the whole drop it, tables that do not take it.
	made, err := w.made(ctx, g)
	if err != nil {
		return err
	}
	reason := reasonLost
	if made {
		reason = reasonWasInserted
	}
	w.metrics.insertsIncomplete.WithLabelValues(reason).Inc()
	w.log.Error("messages of a planned insert are not in Kafka any more", "from", w.offset, "to", p.next, "was_inserted", made)
	return w.finish(ctx, g)
}

// made says whether the flows table has rows of an insert; its rollups may still lack them.
func (w *worker) made(ctx context.Context, g *gathered) (bool, error) {
	wait := clickhouse.NewWait(w.log, "a look for an insert")
	for {
		var rows uint64
		try, cancel := context.WithTimeout(ctx, w.config.InsertTimeout)
		err := w.revisions.conn.QueryRow(try, `SELECT count() FROM flows
WHERE inserted = fromUnixTimestamp64Milli(?, 'UTC') AND source_partition = ? AND source_offset >= ? AND source_offset < ?`,
			g.planned.UnixMilli(), int32(w.id), g.from, g.to).Scan(&rows)
		cancel()
		if err == nil {
			wait.Over()
			return rows > 0, nil
		}
		if !wait.Retry(ctx, err) {
			return false, ctx.Err()
		}
	}
}

// step gathers messages, plans their insert and makes it.
func (w *worker) step(ctx context.Context) error {
	g, err := w.gather(ctx)
	if err != nil {
		return err
	}
	if !w.block.Empty() {
		if err := w.plan(ctx, g); err != nil {
			return err
		}
	}
	return w.finish(ctx, g)
}

// plan writes down what is to be inserted. That confirms the insert before it, too.
func (w *worker) plan(ctx context.Context, g *gathered) error {
	w.unconfirmed = false
	g.token = w.token(g.from, g.to, g.identity.Sum64())
	return w.commit(ctx, g.from, func() *plan {
		g.planned = time.Now().UTC().Truncate(time.Millisecond)
		return &plan{next: g.to, planned: g.planned, identity: g.identity.Sum64(), seen: w.seen}
	})
}

func (w *worker) begin() *gathered {
	w.block.Reset()
	w.seen.fit()
	g := &gathered{from: w.offset, to: w.offset, seen: w.seen.clone()}
	g.identity.Reset()
	return g
}

// gather reads messages until there are enough for an insert or the first is old enough.
func (w *worker) gather(ctx context.Context) (*gathered, error) {
	g := w.begin()
	m, err := w.first(ctx)
	if err != nil {
		return nil, err
	}
	if g.from < 0 {
		g.from = m.Offset
	}
	until, cancel := context.WithTimeout(ctx, w.config.InsertMaxAge)
	defer cancel()
	for {
		w.add(g, m)
		if w.block.Rows() >= w.config.InsertMaxRows || g.to <= w.singly || g.full() {
			return g, nil
		}
		if m, err = w.partition.Fetch(until); err != nil {
			if ctx.Err() == nil && until.Err() != nil {
				return g, nil
			}
			return nil, err
		}
	}
}

// commitEvery is how often a partition in which nothing happens is committed again: Kafka forgets
// what a group committed long ago (offsets.retention.minutes, a week by default).
const commitEvery = 6 * time.Hour

// first waits for a message. If none comes soon, it confirms the last insert and waits on.
func (w *worker) first(ctx context.Context) (bus.Message, error) {
	for {
		patience := commitEvery
		if w.unconfirmed {
			patience = w.config.InsertMaxAge
		}
		soon, cancel := context.WithTimeout(ctx, patience)
		m, err := w.partition.Fetch(soon)
		idle := err != nil && soon.Err() != nil && ctx.Err() == nil
		cancel()
		if !idle {
			return m, err
		}
		if w.offset < 0 {
			continue // nothing to write down yet
		}
		if err := w.commit(ctx, w.offset, func() *plan { return &plan{seen: w.seen} }); err != nil {
			return bus.Message{}, err
		}
		w.metrics.lagSeconds.WithLabelValues(strconv.Itoa(w.id)).Set(0)
	}
}

// add decodes a message into the block, unless it was counted before or is not a batch.
func (w *worker) add(g *gathered, m bus.Message) {
	if g.messages == 0 {
		g.first = m.Time
	}
	g.to, g.last = m.Offset+1, m.Time
	g.messages++
	g.bytes += len(m.Value)
	if m.Offset < w.singly {
		g.single = &m
	}
	if err := flows.Decode(m.Value, &w.batch); err != nil {
		reason := reasonMalformed
		if errors.Is(err, flows.ErrSchemaVersion) {
			reason = reasonSchemaVersion
		}
		g.refused = append(g.refused, refusal{m, reason, err})
		return
	}
	mark := m.Replay()
	origin := originID(w.batch.Origin, mark)
	if duplicate := g.seen.add(origin, &w.batch, bus.ReplayedStraight(mark, bus.TopicEnriched)); duplicate != "" {
		w.metrics.batchesDuplicate.WithLabelValues(duplicate).Inc()
		return
	}
	g.batches++
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:], origin)
	binary.LittleEndian.PutUint64(id[8:], w.batch.Origin.Sequence)
	_, _ = g.identity.Write(id[:]) // a Digest does not fail
	w.recorder.note(&w.batch)
	corrected := w.block.Append(&w.batch, int32(w.id), m.Offset)
	if corrected.TooOld > 0 {
		w.metrics.flowsCorrected.WithLabelValues(reasonTooOld).Add(float64(corrected.TooOld))
	}
	if corrected.TooNew > 0 {
		w.metrics.flowsCorrected.WithLabelValues(reasonTooNew).Add(float64(corrected.TooNew))
	}
}

// finish inserts what was gathered, and goes on from its end.
func (w *worker) finish(ctx context.Context, g *gathered) error {
	if rows := w.block.Rows(); !w.block.Empty() {
		err := w.insert(ctx, g)
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			return w.refuse(ctx, g, refused)
		case err != nil:
			return err
		default:
			w.metrics.inserts.Inc()
			w.metrics.insertRows.Observe(float64(rows))
			w.metrics.flowsInserted.Add(float64(rows))
			w.metrics.batchesInserted.Add(float64(g.batches))
			w.metrics.lagSeconds.WithLabelValues(strconv.Itoa(w.id)).Set(time.Since(g.last).Seconds())
		}
	}
	return w.advance(ctx, g)
}

// advance goes on from the end of what was gathered, after the messages in it that are no batches
// are in the dead letters.
func (w *worker) advance(ctx context.Context, g *gathered) error {
	for _, r := range g.refused {
		if err := w.bus.DeadLetter(ctx, w.topic, w.id, r.message, r.reason, r.err); err != nil {
			return err
		}
		w.metrics.messagesRefused.WithLabelValues(r.reason).Inc()
	}
	w.offset, w.seen, w.unconfirmed = g.to, g.seen, true
	if w.block.Empty() {
		// Nothing will plan from here, so that a stretch of copies would be read again and again.
		w.seen.fit()
		return w.commit(ctx, w.offset, func() *plan { return &plan{seen: w.seen} })
	}
	return nil
}

// refuse deals with an insert of which the server has taken nothing, for its rows. It is made again
// message by message; a message that is refused by itself goes to the dead letters.
func (w *worker) refuse(ctx context.Context, g *gathered, refused *refusedError) error {
	if g.single == nil {
		w.log.Warn("the server refuses rows of an insert; making it again message by message", "from", g.from, "to", g.to, "error", refused)
		w.singly = g.to
		w.partition.SeekTo(g.from)
		return nil
	}
	g.refused = append(g.refused, refusal{*g.single, reasonInsertRefused, refused})
	// That it was refused is written down before the letter is: after a crash, the server might take
	// the message, and the letter would be replayed as well.
	w.unconfirmed = false
	if err := w.commit(ctx, g.from, func() *plan { return &plan{next: g.to, planned: g.planned, refused: true, seen: w.seen} }); err != nil {
		return err
	}
	return w.advance(ctx, g)
}

// refuseAll puts the messages of a range that was refused before a crash into the dead letters.
func (w *worker) refuseAll(ctx context.Context, g *gathered) error {
	w.partition.SeekTo(g.from)
	g.refused = nil
	for at := g.from; at < g.to; {
		m, err := w.partition.Fetch(ctx)
		if err != nil {
			return err
		}
		if at = m.Offset + 1; m.Offset < g.to {
			g.refused = append(g.refused, refusal{m, reasonInsertRefused, errRefusedBefore})
		}
	}
	w.partition.SeekTo(g.to)
	return w.advance(ctx, g)
}

var errRefusedBefore = errors.New("the server refused it before the aggregator was started anew")

// commit tells Kafka how far the partition is inserted and what comes next, however often that
// takes; each try asks for the plan again. It returns bus.ErrFenced if the partition belongs to
// another.
func (w *worker) commit(ctx context.Context, offset int64, next func() *plan) error {
	delay := 50 * time.Millisecond
	for {
		err := w.partition.Commit(ctx, offset, next().encode(offset))
		switch {
		case err == nil:
			w.unconfirmed = false
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, bus.ErrFenced):
			return err
		}
		w.metrics.commitErrors.Inc()
		w.log.Warn("cannot commit to Kafka, trying again", "offset", offset, "error", err)
		if !pause(ctx, delay) {
			return ctx.Err()
		}
		delay = min(2*delay, 5*time.Second)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// token names an insert. The origins are in it beside the offsets, because a topic that was made
// anew begins at offset 0 again.
func (w *worker) token(from, to int64, identity uint64) string {
	return fmt.Sprintf("%s/%d/%d-%d/%016x", w.topic, w.id, from, to, identity)
}

// refusedError says that the server will not take the rows.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// insert inserts the block, however often that takes.
func (w *worker) insert(ctx context.Context, g *gathered) error {
	var connection inserter
	select {
	case connection = <-w.inserters:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { w.inserters <- connection }()
	attempts := w.config.InsertAttempts
	if g.single != nil {
		attempts = 1 // its neighbours have waited long enough
	}
	generations, err := w.revisions.at(ctx, g.planned)
	if err != nil {
		return err
	}
	w.block.Seal(g.planned, generations)
	for i, in := range w.block.Inserts() {
		err := w.insertOne(ctx, connection, in, g.token, attempts)
		var refused *refusedError
		if !errors.As(err, &refused) {
			if err != nil {
				return err
			}
			continue
		}
		// Refused rows of flows are in no table. Rows that a rollup refuses are in flows and in some of
		// the rollups, as a server inserts into one after the other; a second insert of them, under
		// another token, would double them.
		made := i > 0
		if !made {
			if made, err = w.made(ctx, g); err != nil {
				return err
			}
		}
		if !made {
			return refused
		}
		w.metrics.insertsIncomplete.WithLabelValues(reasonRollupRefused).Inc()
		w.log.Error("the server took flows and refused what is summed up of them; landfall audit shows the days, landfall reprocess mends them",
			"table", in.Table, "from", g.from, "to", g.to, "error", refused)
	}
	return nil
}

func (w *worker) insertOne(ctx context.Context, connection inserter, in flows.Insert, token string, attempts int) error {
	wait := clickhouse.NewWait(w.log, "insert of messages "+token)
	for refusals := 0; ; {
		begin := time.Now()
		try, cancel := context.WithTimeout(w.inserting, w.config.InsertTimeout)
		err := connection.Insert(try, in.Table, in.Columns, token)
		cancel()
		if err == nil {
			w.metrics.insertSeconds.Observe(time.Since(begin).Seconds())
			wait.Over()
			return nil
		}
		w.metrics.insertErrors.WithLabelValues(insertReason(err)).Inc()
		if clickhouse.ContentRefused(err) {
			if refusals++; refusals == attempts {
				return &refusedError{err}
			}
		}
		if !wait.Retry(ctx, err) {
			return ctx.Err()
		}
	}
}

func insertReason(err error) string {
	switch {
	case clickhouse.ContentRefused(err):
		return reasonRefused
	case clickhouse.FromServer(err):
		return reasonServer
	}
	return reasonConnection
}
