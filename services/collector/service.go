package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/dnstap"
	"github.com/landfall-telemetry/landfall/services/collector/internal/names"
	"github.com/landfall-telemetry/landfall/services/collector/internal/outbox"
	"github.com/landfall-telemetry/landfall/services/collector/internal/udp"
)

// Producer writes to Kafka; bus.Client is one.
type Producer = outbox.Producer

// Service is a collector: a lifecycle component.
type Service struct {
	config   Config
	name     string
	allowed  []netip.Prefix
	producer Producer
	log      *slog.Logger
	metrics  *metrics
	losses   *losses
	// ledgerEvery is how long counts wait for flows to travel with before they go alone.
	ledgerEvery time.Duration
	fail        func(error)

	outbox    *outbox.Outbox
	listeners []*udp.Listener
	receiving sync.WaitGroup
	dnstap    *dnstap.Server // nil: no resolver reports
	names     *names.Table

	mu       sync.Mutex // of what numbers and orders the batches
	epoch    uint64
	sequence uint64
}

// New makes a collector that writes through producer. fail is called for a failure in the background
// that the collector cannot mend.
func New(config Config, producer Producer, log *slog.Logger, reg prometheus.Registerer, fail func(error)) (*Service, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	allowed, err := config.allowed()
	if err != nil {
		return nil, err
	}
	name, err := config.name()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(reg, config.MaxMeteredExporters)
	if err != nil {
		return nil, err
	}
	return &Service{config: config, name: name, allowed: allowed, producer: producer, log: log, metrics: m, losses: newLosses(), ledgerEvery: 5 * time.Second, fail: fail}, nil
}

// Start opens the spool and the sockets, and returns when datagrams are received. It does not wait
// for Kafka: what comes before Kafka does goes to the spool.
func (s *Service) Start(ctx context.Context) error {
	out, err := outbox.Start(outbox.Config{
		Topic: bus.TopicFlows, SpoolDir: s.config.SpoolDir, SpoolMaxBytes: s.config.SpoolMaxBytes, Queue: s.config.BatchQueue,
	}, s.producer, s.log, outboxMetrics{s.metrics, s.losses}, s.fail)
	if err != nil {
		return fmt.Errorf("collector.spool_dir: %w", err)
	}
	s.outbox = out
	s.epoch = uint64(time.Now().UnixNano())
	if err := s.startNames(ctx); err != nil {
		return fmt.Errorf("collector.dnstap: %w", err)
	}
	receivers := make([]*receiver, 0, len(s.config.Listen))
	for i, c := range s.config.Listen {
		m := s.metrics.listener(c.Address)
		l, err := udp.Listen(ctx, c.Address, s.config.ReceiveBufferBytes, s.config.DatagramQueue, m)
		if err != nil {
			return fmt.Errorf("collector.listen[%d]: %w", i, err) // Shutdown closes those before it
		}
		s.listeners = append(s.listeners, l)
		receivers = append(receivers, newReceiver(s, c.Protocol, l, m))
		if l.ReceiveBuffer < s.config.ReceiveBufferBytes {
			s.log.Warn("the kernel gives a smaller receive buffer than was asked for; raise net.core.rmem_max",
				"address", l.Addr().String(), "bytes", l.ReceiveBuffer, "asked", s.config.ReceiveBufferBytes)
		}
	}
	for i, l := range s.listeners {
		s.receiving.Go(func() {
			if err := l.Run(); err != nil {
				s.fail(err)
			}
		})
		s.receiving.Go(receivers[i].run)
		s.log.Info("receiving", "address", l.Addr().String(), "protocol", s.config.Listen[i].Protocol)
	}
	return nil
}

// Addresses returns the addresses that are received on, in the order of the configuration.
func (s *Service) Addresses() []netip.AddrPort {
	var addresses []netip.AddrPort
	for _, l := range s.listeners {
		addresses = append(addresses, l.Addr())
	}
	return addresses
}

// Shutdown closes the sockets, decodes what has arrived, and writes what has been decoded: to Kafka
// if it takes it before ctx's deadline, and else to the spool.
func (s *Service) Shutdown(ctx context.Context) error {
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Stop())
	}
	s.receiving.Wait()
	if s.dnstap != nil {
		s.dnstap.Close()
		s.dnstap = nil
	}
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.listeners = nil
	if s.outbox != nil {
		s.putLosses(0)
		errs = append(errs, s.outbox.Shutdown(ctx))
		s.outbox = nil
	}
	return errors.Join(errs...)
}

// allows reports whether datagrams of the sender are taken.
func (s *Service) allows(from netip.Addr) bool {
	if len(s.allowed) == 0 {
		return true
	}
	for _, p := range s.allowed {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

// maxMessage is the size above which a batch is written in parts: Kafka's limit on the topic, with
// room for what it adds.
const maxMessage = bus.MaxMessageBytes - 1<<16

// put numbers a batch and hands it to the outbox. Numbers rise in the order in which batches are
// written.
func (s *Service) put(batch *flow.Batch, receivedMs int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putParts(batch, receivedMs)
}

func (s *Service) putParts(batch *flow.Batch, receivedMs int64) {
	sequence := s.sequence + 1
	batch.Stamp(&landfallv1.Origin{Collector: s.name, Epoch: s.epoch, Sequence: sequence}, s.config.Operator, s.config.Site, receivedMs)
	value, err := batch.AppendMarshal(nil)
	if err != nil { // a column of the wrong length: a fault of the program
		s.fail(err)
		return
	}
	if len(value) > maxMessage && batch.Len() > 1 {
		var half flow.Batch
		var r flow.Record
		for _, part := range [2][2]int{{0, batch.Len() / 2}, {batch.Len() / 2, batch.Len()}} {
			half.Reset()
			for i := part[0]; i < part[1]; i++ {
				batch.At(i, &r)
				half.Append(&r)
			}
			if part[1] == batch.Len() { // the ledger is of all flows up to the last
				half.AppendLedger(batch.Columns().Ledger...)
			}
			s.putParts(&half, receivedMs)
		}
		return
	}
	s.sequence = sequence
	s.outbox.Put(outbox.Batch{Epoch: s.epoch, Sequence: sequence, Flows: batch.Len(), Value: value})
}
