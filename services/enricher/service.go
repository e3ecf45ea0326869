package enricher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gaissmai/bart"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/flow"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/enrich"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

// group is the consumer group of the enrichers.
const group = "enricher"

// commitInterval bounds how much is enriched again after a crash. Again is not twice: the
// aggregator knows the second copy by the source offset.
const commitInterval = time.Second

// Service is one enricher: a lifecycle component.
type Service struct {
	config  Config
	bus     *bus.Client
	log     *slog.Logger
	fail    func(error)
	metrics *metrics

	key         pseudonym.Key
	subscribers *bart.Lite
	inForce     atomic.Pointer[inForce]
	attempt     string // what was tried last to put into service; of Start, then of watch

	cancel  context.CancelFunc
	watched chan struct{}
	stopped chan struct{}
}

// New assembles an enricher; fail is called with a failure in the background that it cannot mend.
func New(c Config, b *bus.Client, log *slog.Logger, reg prometheus.Registerer, fail func(error)) (*Service, error) {
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	return &Service{config: c, bus: b, log: log.With("service", "enricher"), fail: fail, metrics: m}, nil
}

// Start loads the tables, waits for the topics and begins to consume.
func (s *Service) Start(ctx context.Context) error {
	var err error
	if s.key, err = pseudonym.LoadKey(s.config.PseudonymKeyFile); err != nil {
		return err
	}
	prefixes, err := s.config.prefixes()
	if err != nil {
		return err
	}
	s.subscribers = &bart.Lite{}
	for _, p := range prefixes {
		s.subscribers.Insert(p)
	}
	first, _, _, err := s.find(nil)
	if err != nil {
		return err
	}
	s.serve(first)
	if _, err = s.bus.EnsureTopics(ctx, bus.TopicFlows, bus.TopicEnriched, bus.TopicDeadLetter); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel, s.stopped, s.watched = cancel, make(chan struct{}), make(chan struct{})
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer close(s.watched)
		defer signal.Stop(hangups)
		s.watch(run, hangups)
	}()
	go func() {
		defer close(s.stopped)
		if err := s.bus.Consume(run, group, bus.TopicFlows, s.handle); err != nil {
			s.fail(fmt.Errorf("enricher: %w", err))
		}
	}()
	return nil
}

// Shutdown stops consuming; what was not committed is enriched again by the next enricher.
func (s *Service) Shutdown(ctx context.Context) error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	for _, end := range []chan struct{}{s.stopped, s.watched} {
		select {
		case <-end:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// serve exchanges what batches are judged by from now on, in one step.
func (s *Service) serve(f *inForce) {
	s.inForce.Store(f)
	s.metrics.loaded.SetToCurrentTime()
}

// handle enriches one partition for one generation of the group.
func (s *Service) handle(ctx context.Context, p *bus.Partition) error {
	w := &worker{service: s, partition: p, enricher: enrich.New(s.key), committed: p.Committed, done: p.Committed, lastCommit: time.Now()}
	err := w.run(ctx)
	// Save the next enricher some work; that it fails when the broker is gone is no loss.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if e := w.commit(last); e != nil {
		s.log.Debug("last commit of a partition failed", "partition", p.ID, "error", e)
	}
	return err
}

// worker is the enricher of one partition.
type worker struct {
	service   *Service
	partition *bus.Partition
	enricher  *enrich.Enricher
	batch     flow.Batch
	buffer    []byte

	done       int64 // messages below this offset are written
	committed  int64
	lastCommit time.Time
}

func (w *worker) run(ctx context.Context) error {
	for {
		m, err := w.fetch(ctx)
		if err != nil {
			return err
		}
		if m == nil { // quiet: commit what is done
			if err := w.commit(ctx); err != nil {
				return err
			}
			continue
		}
		if err := w.enrich(ctx, m); err != nil {
			return err
		}
		w.done = m.Offset + 1
		if time.Since(w.lastCommit) >= commitInterval {
			if err := w.commit(ctx); err != nil {
				return err
			}
		}
	}
}

// fetch returns the next message, or nil if none came within the commit interval.
func (w *worker) fetch(ctx context.Context) (*bus.Message, error) {
	wait, cancel := context.WithTimeout(ctx, commitInterval)
	defer cancel()
	m, err := w.partition.Fetch(wait)
	if err != nil {
		if ctx.Err() == nil && wait.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	return &m, nil
}

// commit writes down how far the partition is done. That the broker is gone is not an error: the
// next commit covers this one.
func (w *worker) commit(ctx context.Context) error {
	w.lastCommit = time.Now()
	if w.done == w.committed {
		return nil
	}
	err := w.partition.Commit(ctx, w.done, "")
	switch {
	case err == nil:
		w.committed = w.done
	case errors.Is(err, bus.ErrFenced):
		return err
	default:
		w.service.log.Warn("commit failed, will be tried again", "error", err)
	}
	return nil
}

// enrich writes the enriched form of one message, or the message itself to the dead letters if it
// cannot be read.
func (w *worker) enrich(ctx context.Context, m *bus.Message) error {
	s := w.service
	if err := w.batch.Unmarshal(m.Value); err != nil {
		reason := "malformed"
		if errors.Is(err, flow.ErrSchemaVersion) {
			reason = "schema_version"
		}
		return w.deadLetter(ctx, m, reason, err)
	}
	if at := w.batch.Columns().ReceivedMs; at < minReceivedMs || at > maxReceivedMs {
		return w.deadLetter(ctx, m, "absurd_time", fmt.Errorf("received_ms %d is not in the years 2000 to 2100", at))
	}
	source := &landfallv1.Source{Topic: w.partition.Topic, Partition: int32(w.partition.ID), Offset: m.Offset}
	out, sides := w.enricher.Enrich(&w.batch, source, s.inForce.Load().at)
	var err error
	if w.buffer, err = appendMarshal(w.buffer[:0], out); err != nil {
		return w.deadLetter(ctx, m, "marshal", err)
	}
	var headers []bus.Header
	if mark := m.Replay(); mark != "" {
		headers = append(headers, bus.ReplayHeader(mark))
	}
	if err := w.write(ctx, bus.TopicEnriched, w.buffer, headers...); err != nil {
		if errors.Is(err, bus.ErrTooLarge) {
			return w.deadLetter(ctx, m, "too_large", err)
		}
		return err
	}
	s.metrics.batches.Inc()
	for side, n := range sides {
		s.metrics.flows[side].Add(float64(n))
	}
	return nil
}

func (w *worker) deadLetter(ctx context.Context, m *bus.Message, reason string, cause error) error {
	w.service.metrics.refused.WithLabelValues(reason).Inc()
	return w.service.bus.DeadLetter(ctx, w.partition.Topic, w.partition.ID, *m, reason, cause)
}

// The times at which a batch can have arrived: 2000 to 2100, in milliseconds since 1970.
const (
	minReceivedMs = 946_684_800_000
	maxReceivedMs = 4_102_444_800_000
)

// write writes until it succeeds, ctx ends, or the broker says that it will never take the message.
// The order of the partition holds: nothing else is written meanwhile.
func (w *worker) write(ctx context.Context, topic string, value []byte, headers ...bus.Header) error {
	delay := 10 * time.Millisecond
	for {
		begin := time.Now()
		_, err := w.service.bus.Produce(ctx, topic, w.partition.ID, value, headers...)
		if err == nil {
			w.service.metrics.writeSeconds.Observe(time.Since(begin).Seconds())
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, bus.ErrTooLarge) {
			return err
		}
		w.service.metrics.retries.Inc()
		if delay == 10*time.Millisecond {
			w.service.log.Warn("waiting for Kafka", "for", "a write", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
		delay = min(2*delay, 2*time.Second)
	}
}

func appendMarshal(dst []byte, b *landfallv1.EnrichedBatch) ([]byte, error) {
	size := b.SizeVT()
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	dst = dst[:size]
	n, err := b.MarshalToSizedBufferVT(dst)
	if err != nil {
		return nil, fmt.Errorf("marshal enriched batch: %w", err)
	}
	return dst[:n], nil
}
