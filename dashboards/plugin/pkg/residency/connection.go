package residency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// grace is what the server gets beyond a statement's time to say that it is over.
const grace = 5 * time.Second

// errNoAnswer is why a question ends that the server does not end by itself.
var errNoAnswer = errors.New("no answer in time")

// unhurried hides the deadline of a caller, which the driver would make the server's time limit, past
// the data source's own. The context still ends when the caller's does.
type unhurried struct{ context.Context }

func (unhurried) Deadline() (time.Time, bool) { return time.Time{}, false }

// within bounds the time of a question that waits for the server.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(unhurried{ctx})
	timer := time.AfterFunc(limit, func() { cancel(errNoAnswer) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// queue lets as many statements through as there are connections. The driver's own pool would refuse
// one that has waited for the time of a dial.
type queue struct {
	driver.Conn
	slots chan struct{}
}

func newQueue(conn driver.Conn, connections int) *queue {
	return &queue{Conn: conn, slots: make(chan struct{}, connections)}
}

// Query holds its connection until the rows are closed.
func (q *queue) Query(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a connection: %w", context.Cause(ctx))
	}
	rows, err := q.Conn.Query(ctx, sql, args...)
	if err != nil {
		<-q.slots
		return nil, err
	}
	return &queued{Rows: rows, slots: q.slots}, nil
}

type queued struct {
	driver.Rows
	slots  chan struct{}
	closed bool
}

// Close lets the next one through. It may be called twice, by one goroutine.
func (r *queued) Close() error {
	err := r.Rows.Close()
	if !r.closed {
		r.closed = true
		<-r.slots
	}
	return err
}
