package aggregator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
)

// Service is one aggregator: a lifecycle component.
type Service struct {
	config     Config
	clickhouse clickhouse.Config
	bus        *bus.Client
	log        *slog.Logger
	metrics    *metrics
	fail       func(error)

	inserters chan inserter
	revisions *revisions // from Start on
	recorder  *recorder  // from Start on

	mu      sync.Mutex
	stop    context.CancelFunc // ends the intake; nil before Start
	abandon context.CancelFunc // ends the inserts that are under way
	stopped chan struct{}
	// The recorder outlives the intake: what was inserted last may name something new.
	stopRecording context.CancelFunc
	recorded      chan struct{}
}

// inserter is a *clickhouse.Inserter.
type inserter interface {
	Insert(ctx context.Context, table string, columns proto.Input, token string) error
	Close()
}

// New checks the configurations and assembles an aggregator. fail takes the error of a failure in
// the background that it cannot mend.
func New(c Config, consumer *bus.Client, ch clickhouse.Config, log *slog.Logger, reg prometheus.Registerer, fail func(error)) (*Service, error) {
	if err := errors.Join(c.Validate(), ch.Validate()); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	s := &Service{
		config: c, clickhouse: ch, bus: consumer,
		log: log.With("service", "aggregator"), metrics: m, fail: fail,
		inserters: make(chan inserter, c.InsertConnections),
	}
	for range c.InsertConnections {
		i, err := clickhouse.NewInserter(ch)
		if err != nil {
			return nil, fmt.Errorf("aggregator: %w", err)
		}
		s.inserters <- i
	}
	return s, nil
}

// Start brings the schema up to date, makes the topics that are missing, and begins to consume. It
// waits for ClickHouse and Kafka until ctx ends, and says what it waits for.
func (s *Service) Start(ctx context.Context) error {
	if err := clickhouse.Migrate(ctx, s.clickhouse, s.config.Retention, s.log); err != nil {
		return err
	}
	if _, err := s.bus.EnsureTopics(ctx, bus.TopicEnriched, bus.TopicDeadLetter); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return errors.New("the aggregator was started before")
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	var run, insert context.Context
	insert, s.abandon = context.WithCancel(context.WithoutCancel(ctx))
	run, s.stop = context.WithCancel(insert)
	s.stopped, s.recorded = make(chan struct{}), make(chan struct{})
	record, stopRecording := context.WithCancel(insert)
	s.stopRecording = stopRecording
	go func() {
		defer close(s.recorded)
		s.recorder.run(record, insert)
	}()
	go func() {
		defer close(s.stopped)
		err := s.bus.Consume(run, s.config.Group, bus.TopicEnriched, func(ctx context.Context, p *bus.Partition) error {
			return s.newWorker(insert, p, p.Topic, p.ID).run(ctx, p.Committed, p.Metadata)
		})
		if err != nil {
			s.fail(fmt.Errorf("aggregator: %w", err))
		}
	}()
	return nil
}

// open connects for what is read, beside the inserts.
func (s *Service) open(ctx context.Context) error {
	conn, err := clickhouse.Open(ctx, s.clickhouse, s.log)
	if err != nil {
		return err
	}
	s.revisions = &revisions{conn: conn, log: s.log}
	s.recorder = newRecorder(conn, s.log, s.metrics, s.config.PolicyPath)
	return nil
}

// Shutdown stops reading, lets inserts under way end within ctx, and confirms them. What had been
// read but not inserted is still in Kafka.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		return nil
	}
	s.stop()
	var err error
	select {
	case <-s.stopped:
	case <-ctx.Done():
		s.abandon()
		<-s.stopped
		err = fmt.Errorf("stop aggregator: inserts were left to the next start: %w", context.Cause(ctx))
	}
	s.stopRecording()
	select {
	case <-s.recorded:
	case <-ctx.Done():
	}
	s.abandon()
	<-s.recorded
	for range cap(s.inserters) {
		i := <-s.inserters
		i.Close()
		s.inserters <- i
	}
	return errors.Join(err, s.revisions.conn.Close())
}
