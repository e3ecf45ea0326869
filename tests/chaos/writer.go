package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/flow"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// writer writes batches straight into Kafka as a collector does, and badly: it writes some twice, at
// once or after later ones, and dies (goes on under another epoch, after what its spool holds). What it
// has made is written in the end, so that its truth is exact.
type writer struct {
	name    string
	truth   *truth
	client  *bus.Client
	random  *rand.Rand
	traffic *traffic
	rate    int // flows a second

	epoch    uint64
	sequence uint64
	epochs   int
	written  []message // the last ones of this epoch
}

type message struct {
	sequence uint64
	value    []byte
}

const (
	// maxEpochs keeps a writer within what the aggregator remembers of origins.
	maxEpochs = 60
	// spooled is how many batches that Kafka has may still be in a dead collector's spool.
	spooled = 8
)

func newWriter(s *system, t *truth, number uint64) (*writer, error) {
	c := bus.DefaultConfig()
	c.Brokers, c.TopicPrefix, c.Partitions = []string{s.brokerAt}, "chaos", partitions
	client, err := bus.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	w := &writer{
		name: fmt.Sprintf("writer-%d", number), truth: t, client: client, rate: s.c.Rate / 4,
		random:  rand.New(rand.NewPCG(s.c.Seed, 100+number)),
		traffic: newTraffic(s.c.Seed, number, time.Now()),
	}
	w.begin()
	return w, nil
}

func (w *writer) begin() {
	w.epoch, w.sequence, w.written = uint64(time.Now().UnixNano()), 0, nil
	w.epochs++
}

// run writes until enough is closed; then it ends, with everything written, or with ctx.
func (w *writer) run(ctx context.Context, enough <-chan struct{}) error {
	defer w.client.Close()
	if _, err := w.client.EnsureTopics(ctx, bus.TopicFlows); err != nil {
		return err
	}
	exporter := netip.MustParseAddr("192.0.2." + w.name[len("writer-"):])
	var batch flow.Batch
	next := time.Now()
	for {
		n := 20 + w.random.IntN(300)
		m, err := w.make(&batch, n, exporter)
		if err != nil {
			return err
		}
		if err := w.write(ctx, m); err != nil {
			return err
		}
		w.written = append(w.written, m)
		w.written = w.written[max(0, len(w.written)-spooled):]
		switch chance := w.random.IntN(1000); {
		case chance < 100: // the answer was lost, and the same again
			err = w.copy(ctx, m)
		case chance < 140: // the same, after later ones
			err = w.copy(ctx, w.written[w.random.IntN(len(w.written))])
		case chance < 150 && w.epochs < maxEpochs:
			err = w.die(ctx, &batch, exporter)
		}
		if err != nil {
			return err
		}
		next = next.Add(time.Duration(float64(n) / float64(w.rate) * float64(time.Second)))
		if late := time.Since(next); late > time.Second {
			next = time.Now() // what an outage took is not made up for
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-enough:
			return nil
		case <-time.After(time.Until(next)):
		}
	}
}

// die is the end of a collector's process: some of what its spool holds is in Kafka already. The next
// process writes all of it again, under its old name, before it has batches of its own.
func (w *writer) die(ctx context.Context, batch *flow.Batch, exporter netip.Addr) error {
	spool := append([]message(nil), w.written[w.random.IntN(len(w.written)+1):]...)
	for range w.random.IntN(3) {
		m, err := w.make(batch, 50, exporter)
		if err != nil {
			return err
		}
		spool = append(spool, m)
	}
	for _, m := range spool {
		if err := w.write(ctx, m); err != nil {
			return err
		}
	}
	w.begin()
	w.truth.mu.Lock()
	w.truth.resurrections++
	w.truth.mu.Unlock()
	return nil
}

// make makes the next batch and adds it to the truth.
func (w *writer) make(batch *flow.Batch, n int, exporter netip.Addr) (message, error) {
	batch.Reset()
	sums := make(map[spot]counts)
	total := w.traffic.fill(batch, n, exporter, sums)
	w.sequence++
	now := time.Now()
	batch.Stamp(&landfallv1.Origin{Collector: w.name, Epoch: w.epoch, Sequence: w.sequence}, "chaos", siteWriters, now.UnixMilli())
	address := exporter.As16()
	batch.AppendLedger(&landfallv1.LedgerEntry{
		Exporter: address[:], ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX, MinuteMs: now.Truncate(time.Minute).UnixMilli(),
		What:   []landfallv1.LedgerCount{landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS, landfallv1.LedgerCount_LEDGER_COUNT_FLOWS},
		Amount: []uint64{1, uint64(n)},
	})
	value, err := batch.AppendMarshal(nil)
	if err != nil {
		return message{}, err
	}
	t := w.truth
	t.mu.Lock()
	defer t.mu.Unlock()
	t.batches++
	t.total.add(total)
	for at, c := range sums {
		s := t.spots[at]
		s.add(c)
		t.spots[at] = s
	}
	return message{w.sequence, value}, nil
}

func (w *writer) copy(ctx context.Context, m message) error {
	w.truth.mu.Lock()
	w.truth.copies++
	w.truth.mu.Unlock()
	return w.write(ctx, m)
}

// write tries until Kafka has the message. A try that fails may have written it all the same.
func (w *writer) write(ctx context.Context, m message) error {
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := w.client.Produce(try, bus.TopicFlows, int((m.sequence-1)%partitions), m.value)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, bus.ErrTooLarge):
			return err
		}
		w.truth.mu.Lock()
		w.truth.refused++
		w.truth.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
