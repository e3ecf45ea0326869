package aggregator

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
)

// maxListAge is how old the list of revisions may be for an insert. A revision is announced longer
// than this before its cutoff.
const maxListAge = 10 * time.Second

// revisions gives the generation of flows. It is safe for concurrent use.
type revisions struct {
	conn driver.Conn
	log  *slog.Logger

	mu   sync.Mutex
	read time.Time // when list was read
	list []revision
}

type revision struct {
	number               uint16
	since, until, cutoff time.Time
}

// Every revision counts here, in whatever state: a generation must not change when one is abandoned,
// or an insert that is made again would not be the same.
const revisionsSQL = "SELECT revision, since, until, cutoff FROM revisions FINAL"

// at returns the generations for an insert that was planned then. It waits for a server that is gone
// until ctx ends.
func (r *revisions) at(ctx context.Context, planned time.Time) (flows.Generations, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read.Before(planned.Add(-maxListAge)) {
		wait := clickhouse.NewWait(r.log, "the list of revisions")
		for {
			begin := time.Now()
			list, err := r.query(ctx)
			if err == nil {
				r.read, r.list = begin, list
				wait.Over()
				break
			}
			if !wait.Retry(ctx, err) {
				return nil, ctx.Err()
			}
		}
	}
	list := r.list
	return func(start, planned time.Time) (highest uint16) {
		for _, v := range list {
			if v.number > highest && !start.Before(v.since) && start.Before(v.until) && !planned.Before(v.cutoff) {
				highest = v.number
			}
		}
		return highest
	}, nil
}

func (r *revisions) query(ctx context.Context) ([]revision, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rows, err := r.conn.Query(ctx, revisionsSQL)
	if err != nil {
		return nil, fmt.Errorf("read the revisions: %w", err)
	}
	defer rows.Close()
	var list []revision
	for rows.Next() {
		var v revision
		if err := rows.Scan(&v.number, &v.since, &v.until, &v.cutoff); err != nil {
			return nil, fmt.Errorf("read the revisions: %w", err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the revisions: %w", err)
	}
	return list, nil
}

// Outstanding says how many inserts the aggregators of a group planned before a time and have not
// confirmed. A plan is in Kafka at most planWrite after its time, so that the answer is good from
// then on.
func Outstanding(ctx context.Context, b *bus.Client, group string, before time.Time) (int, error) {
	if left := time.Until(before.Add(planWrite)); left > 0 && !pause(ctx, left) {
		return 0, ctx.Err()
	}
	commits, err := b.Committed(ctx, group, bus.TopicEnriched)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range commits {
		p, err := decodePlan(c.Offset, c.Metadata)
		if err != nil {
			return 0, fmt.Errorf("read the commit of %s/%d: %w", bus.TopicEnriched, c.Partition, err)
		}
		if p.next > 0 && p.planned.Before(before) {
			n++
		}
	}
	return n, nil
}
