package collector

import (
	"sync"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/ledger"
	"github.com/landfall-telemetry/landfall/services/collector/internal/outbox"
)

// losses keeps what the ledgers of lost batches said, until a batch of its own carries it on: there it
// says that the flows were lost, where the lost one said that they were counted.
type losses struct {
	mu     sync.Mutex
	ledger *ledger.Ledger
	batch  flow.Batch // scratch
	putAt  time.Time
}

func newLosses() *losses { return &losses{ledger: ledger.New(ledger.DefaultLimits())} }

// add takes over the ledger of a batch that is lost.
func (l *losses) add(b *outbox.Batch, nowMs int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.batch.Unmarshal(b.Value); err != nil { // not ours, or of another version: its number of flows is all that is known
		l.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_LOST_FLOWS, uint64(b.Flows), nowMs)
		return
	}
	defer l.batch.Reset()
	entries := l.batch.Columns().Ledger
	var counted uint64
	for _, e := range entries {
		for i, what := range e.What {
			if what == landfallv1.LedgerCount_LEDGER_COUNT_FLOWS {
				counted += e.Amount[i]
			}
		}
	}
	// The ledger of a batch that was written in parts is with the last of them, and says what all of
	// them have: whose flows were lost is not known then.
	whole := counted == uint64(b.Flows)
	for _, e := range entries {
		for i, what := range e.What {
			if whole && what == landfallv1.LedgerCount_LEDGER_COUNT_FLOWS {
				e.What[i] = landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_LOST_FLOWS
			}
		}
		l.ledger.Merge(e, nowMs)
	}
	if !whole {
		l.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_LOST_FLOWS, uint64(b.Flows), nowMs)
	}
}

// damaged notes batches that the disk has spoiled.
func (l *losses) damaged(batches int, nowMs int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_SPOOL_DAMAGED_BATCHES, uint64(batches), nowMs)
}

// take hands out what waits, if that was not done less than so long ago.
func (l *losses) take(now time.Time, ago time.Duration) []*landfallv1.LedgerEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.putAt) < ago {
		return nil
	}
	l.putAt = now
	return l.ledger.Take()
}

// putLosses sends what is known of lost batches, in a batch without flows. If that is lost too, it
// comes back to be tried again; it is tried every so often at most.
func (s *Service) putLosses(every time.Duration) {
	now := time.Now()
	if entries := s.losses.take(now, every); len(entries) > 0 {
		var batch flow.Batch
		batch.AppendLedger(entries...)
		s.put(&batch, now.UnixMilli())
	}
}

// outboxMetrics is outbox.Metrics.
type outboxMetrics struct {
	*metrics
	losses *losses
}

// Lost implements outbox.Metrics.
func (m outboxMetrics) Lost(why outbox.Loss, b *outbox.Batch) {
	m.lostFlows.WithLabelValues(string(why)).Add(float64(b.Flows))
	m.losses.add(b, time.Now().UnixMilli())
}

// Damaged implements outbox.Metrics.
func (m outboxMetrics) Damaged(batches int) {
	m.lostFlows.WithLabelValues(string(outbox.LossSpoolDamaged)).Add(float64(batches))
	m.losses.damaged(batches, time.Now().UnixMilli())
}
