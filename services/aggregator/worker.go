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
}

// gathered is the messages of an insert to be.
type gathered struct {
	from, to int64 // offsets, to excluded
	seen     seen  // before to
	batches  int
	identity xxhash.Digest // over the origins of the batches
	last     time.Time     // when the last message was written
}

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
		if err := w.repeat(ctx, p.next); err != nil {
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
func (w *worker) repeat(ctx context.Context, next int64) error {
	w.log.Info("an insert was not confirmed, making it again", "from", w.offset, "to", next)
	w.metrics.insertsRepeated.Inc()
	g := w.begin()
	for g.to < next {
		m, err := w.partition.Fetch(ctx)
		if err != nil {
			return err
		}
		if m.Offset >= next { // the end of the range is not in Kafka any more
			w.partition.SeekTo(next)
			break
		}
		if err := w.add(ctx, g, m); err != nil {
			return err
		}
	}
	g.to = next
	return w.finish(ctx, g)
}

// step gathers messages, plans their insert and makes it.
func (w *worker) step(ctx context.Context) error {
	g, err := w.gather(ctx)
	if err != nil || g == nil {
		return err
	}
	if !w.block.Empty() {
		// This confirms the insert before it, too.
		w.unconfirmed = false
		if err := w.commit(ctx, g.from, &plan{next: g.to, seen: w.seen}); err != nil {
			return err
		}
	}
	return w.finish(ctx, g)
}

func (w *worker) begin() *gathered {
	w.block.Reset()
	w.seen.fit()
	g := &gathered{from: w.offset, to: w.offset, seen: w.seen.clone()}
	g.identity.Reset()
	return g
}

// gather reads messages until there are enough for an insert or the first is old enough. It returns
// nil if none came for a while and there is nothing more to confirm.
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
		if err := w.add(ctx, g, m); err != nil {
			return nil, err
		}
		if w.block.Rows() >= w.config.InsertMaxRows {
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

// first waits for a message. If none comes soon, it confirms the last insert and waits on.
func (w *worker) first(ctx context.Context) (bus.Message, error) {
	if w.unconfirmed {
		soon, cancel := context.WithTimeout(ctx, w.config.InsertMaxAge)
		m, err := w.partition.Fetch(soon)
		idle := err != nil && soon.Err() != nil && ctx.Err() == nil
		cancel()
		if !idle {
			return m, err
		}
		if err := w.commit(ctx, w.offset, &plan{seen: w.seen}); err != nil {
			return bus.Message{}, err
		}
		w.metrics.lagSeconds.WithLabelValues(strconv.Itoa(w.id)).Set(0)
	}
	return w.partition.Fetch(ctx)
}

// add decodes a message into the block, unless it was counted before or is not a batch.
func (w *worker) add(ctx context.Context, g *gathered, m bus.Message) error {
	g.to, g.last = m.Offset+1, m.Time
	if err := flows.Decode(m.Value, &w.batch); err != nil {
		reason := reasonMalformed
		if errors.Is(err, flows.ErrSchemaVersion) {
			reason = reasonSchemaVersion
		}
		return w.deadLetter(ctx, m, reason, err)
	}
	if duplicate := g.seen.add(&w.batch); duplicate != "" {
		w.metrics.batchesDuplicate.WithLabelValues(duplicate).Inc()
		return nil
	}
	g.batches++
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:], originID(w.batch.Origin))
	binary.LittleEndian.PutUint64(id[8:], w.batch.Origin.Sequence)
	_, _ = g.identity.Write(id[:]) // a Digest does not fail
	corrected := w.block.Append(&w.batch, int32(w.id), m.Offset)
	if corrected.TooOld > 0 {
		w.metrics.flowsCorrected.WithLabelValues(reasonTooOld).Add(float64(corrected.TooOld))
	}
	if corrected.TooNew > 0 {
		w.metrics.flowsCorrected.WithLabelValues(reasonTooNew).Add(float64(corrected.TooNew))
	}
	return nil
}

// finish inserts what was gathered, and goes on from its end.
func (w *worker) finish(ctx context.Context, g *gathered) error {
	if rows := w.block.Rows(); !w.block.Empty() {
		err := w.insert(ctx, g)
		var refused *refusedError
		switch {
		case errors.As(err, &refused):
			if err := w.deadLetterRange(ctx, g, refused); err != nil {
				return err
			}
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
	w.offset, w.seen, w.unconfirmed = g.to, g.seen, true
	if w.block.Empty() {
		// Nothing will plan from here, so that a stretch of copies would be read again and again.
		w.seen.fit()
		return w.commit(ctx, w.offset, &plan{seen: w.seen})
	}
	return nil
}

// commit tells Kafka how far the partition is inserted and what comes next, however often that
// takes. It returns bus.ErrFenced if the partition belongs to another.
func (w *worker) commit(ctx context.Context, offset int64, p *plan) error {
	metadata := p.encode(offset)
	delay := 50 * time.Millisecond
	for {
		err := w.partition.Commit(ctx, offset, metadata)
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
func (w *worker) token(g *gathered) string {
	return fmt.Sprintf("%s/%d/%d-%d/%016x", w.topic, w.id, g.from, g.to, g.identity.Sum64())
}

// refusedError says that the server will not take the rows.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// insert inserts the block, however often that takes.
func (w *worker) insert(ctx context.Context, g *gathered) error {
	var inserter *clickhouse.Inserter
	select {
	case inserter = <-w.inserters:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { w.inserters <- inserter }()
	token := w.token(g)
	w.block.Seal(time.Now(), nil)
	for _, in := range w.block.Inserts() {
		if err := w.insertOne(ctx, inserter, in, token); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) insertOne(ctx context.Context, inserter *clickhouse.Inserter, in flows.Insert, token string) error {
	wait := clickhouse.NewWait(w.log, "insert of messages "+token)
	for refusals := 0; ; {
		begin := time.Now()
		try, cancel := context.WithTimeout(w.inserting, w.config.InsertTimeout)
		err := inserter.Insert(try, in.Table, in.Columns, token)
		cancel()
		if err == nil {
			w.metrics.insertSeconds.Observe(time.Since(begin).Seconds())
			wait.Over()
			return nil
		}
		w.metrics.insertErrors.WithLabelValues(insertReason(err)).Inc()
		if clickhouse.ContentRefused(err) {
			if refusals++; refusals == w.config.InsertAttempts {
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
