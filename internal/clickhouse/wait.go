package clickhouse

import (
	"context"
	"log/slog"
	"time"
)

// sayEvery is how often a wait that goes on is mentioned again.
const sayEvery = 30 * time.Second

// Wait spaces the tries of something that the server will not take yet, and says what is waited
// for: at the first failure, then every 30 seconds, and when it is over. It is for one goroutine.
type Wait struct {
	log      *slog.Logger
	what     string
	first    time.Duration
	most     time.Duration
	delay    time.Duration
	since    time.Time
	lastSaid time.Time
}

// NewWait returns a wait that begins with pauses of 50 ms and ends with pauses of 5 s.
func NewWait(log *slog.Logger, what string) *Wait {
	return &Wait{log: log, what: what, first: 50 * time.Millisecond, most: 5 * time.Second}
}

// Retry pauses before the next try; it returns false if ctx has ended.
func (w *Wait) Retry(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	now := time.Now()
	if w.since.IsZero() {
		w.since, w.delay = now, w.first
	}
	if now.Sub(w.lastSaid) >= sayEvery {
		w.log.Warn("waiting for ClickHouse", "for", w.what, "since", now.Sub(w.since).Round(time.Second), "error", err)
		w.lastSaid = now
	}
	timer := time.NewTimer(w.delay)
	defer timer.Stop()
	w.delay = min(2*w.delay, w.most)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Over ends the wait; it may begin anew.
func (w *Wait) Over() {
	if !w.since.IsZero() {
		w.log.Info("ClickHouse is back", "for", w.what, "after", time.Since(w.since).Round(time.Millisecond))
	}
	w.since, w.lastSaid = time.Time{}, time.Time{}
}
