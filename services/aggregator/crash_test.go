package aggregator

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
)

var errKilled = errors.New("the process was killed")

// mortal is a partition whose process is killed at a step of the worker: nothing that the worker
// does afterwards reaches Kafka.
type mortal struct {
	*bus.Partition
	die       func()
	steps     int  // commits until it is killed
	before    bool // the last one is not written any more
	dead      bool
	committed int64
	metadata  string
}

func (m *mortal) Fetch(ctx context.Context) (bus.Message, error) {
	if m.dead {
		return bus.Message{}, errKilled
	}
	return m.Partition.Fetch(ctx)
}

func (m *mortal) Commit(ctx context.Context, offset int64, metadata string) error {
	m.steps--
	if m.dead || m.steps == 0 && m.before {
		m.kill()
		return errKilled
	}
	if err := m.Partition.Commit(ctx, offset, metadata); err != nil {
		return err
	}
	m.committed, m.metadata = offset, metadata
	if m.steps == 0 {
		m.kill()
	}
	return nil
}

// dying is a connection whose process is killed after so many inserts.
type dying struct {
	inserter
	die     func()
	inserts int
}

func (d *dying) Insert(ctx context.Context, table string, columns proto.Input, token string) error {
	if d.inserts == 0 {
		return errKilled
	}
	err := d.inserter.Insert(ctx, table, columns, token)
	if err == nil {
		if d.inserts--; d.inserts == 0 {
			d.die()
		}
	}
	return err
}

// revive gives the service's connection to the next life.
func (s *Service) revive(d *dying) {
	d.inserter = <-s.inserters
	if last, ok := d.inserter.(*dying); ok {
		d.inserter = last.inserter
	}
	s.inserters <- d
}

func (m *mortal) kill() {
	m.dead = true
	m.die()
}

// An aggregator that is killed before or after any commit, hence after a plan and before its insert,
// or after an insert and before its confirmation, or within an insert, leaves the totals exact.
func TestKilledAnywhere(t *testing.T) {
	r := newRig(t, 1)
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	deaths := 40
	if testing.Short() {
		deaths = 12
	}
	config := r.config()
	config.InsertMaxAge = 20 * time.Millisecond
	config.InsertConnections = 1
	s, err := New(config, r.client(), r.ch, r.log, prometheus.NewRegistry(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.revisions.conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	random := rand.New(rand.NewPCG(3, 4))
	repeated := 0
	for range deaths / 4 {
		r.send(8, 100)
		// Each round is a member of the group of its own; within it, the process dies four times.
		round, stop := context.WithCancel(ctx)
		err = s.bus.Consume(round, "mortals", bus.TopicEnriched, func(ctx context.Context, p *bus.Partition) error {
			defer stop()
			at, metadata := p.Committed, p.Metadata
			for range 4 {
				life, die := context.WithCancel(ctx)
				m := &mortal{Partition: p, die: die, steps: 1 + random.IntN(3), before: random.IntN(2) == 0, committed: at, metadata: metadata}
				// Or after the first of a plan's inserts, or the second, …
				if random.IntN(3) == 0 {
					m.steps = -1
					s.revive(&dying{die: die, inserts: 1 + random.IntN(4)})
				} else {
					s.revive(&dying{inserts: -1})
				}
				if random.IntN(4) == 0 { // within whatever it does then
					m.steps = -1
					time.AfterFunc(time.Duration(random.IntN(150))*time.Millisecond, die)
				}
				if at >= 0 {
					p.SeekTo(at)
				}
				if plan, err := decodePlan(at, metadata); err != nil || plan.next > 0 {
					repeated++
				}
				w := s.newWorker(life, m, p.Topic, p.ID)
				idle := time.AfterFunc(time.Second, die) // all is inserted
				err := w.run(life, at, metadata)
				idle.Stop()
				die()
				if err != nil && !errors.Is(err, errKilled) {
					return err
				}
				at, metadata = m.committed, m.metadata
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if repeated < deaths/8 {
		t.Errorf("only %d inserts were found planned and not confirmed: the test tests nothing", repeated)
	}
	t.Logf("%d deaths, %d of them with an insert planned and not confirmed", deaths, repeated)
	config.Group = "mortals" // the last of them lives
	r.start(config)
	r.settle()
}

// The server is killed at random moments while inserts go on; it comes back, and every flow is
// counted once at every level.
func TestServerKilled(t *testing.T) {
	r := newRig(t, 2)
	kills := 20
	if testing.Short() {
		kills = 4
	}
	config := r.config()
	config.InsertMaxRows = 3000
	_, reg := r.start(config)
	random := rand.New(rand.NewPCG(5, 6))
	var sending sync.WaitGroup
	done := make(chan struct{})
	sending.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			// Never more than a few inserts ahead, or there is nothing to kill between.
			if float64(r.want.Flows)-metric(t, reg, "landfall_aggregator_flows_inserted_total", "") > 15_000 {
				pause(t.Context(), 5*time.Millisecond)
				continue
			}
			r.send(2, 1000)
		}
	})
	before := metric(t, reg, "landfall_aggregator_inserts_total", "")
	for range kills {
		// At least one insert has gone well since the last kill, then at any moment.
		for metric(t, reg, "landfall_aggregator_inserts_total", "") == before {
			if !pause(t.Context(), 5*time.Millisecond) {
				t.Fatal(t.Context().Err())
			}
		}
		pause(t.Context(), time.Duration(random.IntN(300))*time.Millisecond)
		r.db.Kill(t)
		before = metric(t, reg, "landfall_aggregator_inserts_total", "")
	}
	close(done)
	sending.Wait()
	r.untilBack()
	r.settle()
	t.Logf("%d kills, %d flows, %v inserts, %v tries failed for the connection", kills, r.want.Flows,
		metric(t, reg, "landfall_aggregator_inserts_total", ""), metric(t, reg, "landfall_aggregator_insert_errors_total", "connection"))
}

func (r *rig) untilBack() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	for r.conn.Ping(ctx) != nil {
		if !pause(ctx, 50*time.Millisecond) {
			r.t.Fatal("the server did not come back")
		}
	}
}

// A try that is given up leaves it open whether an insert was made. An aggregator that is told
// to stop then must leave its plan to the next one.
func TestStoppedWhileUnsure(t *testing.T) {
	r := newRig(t, 1)
	config := r.config()
	config.InsertMaxRows = 20_000
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	unsure := 0.0
	for range 4 {
		r.send(4, 10_000)
		reg := prometheus.NewRegistry()
		s, err := New(config, r.client(), r.ch, r.log, reg, func(err error) { t.Errorf("failed: %v", err) })
		if err != nil {
			t.Fatal(err)
		}
		s.config.InsertTimeout = 20 * time.Millisecond // less than Validate takes
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(10 * time.Second)
		for metric(t, reg, "landfall_aggregator_insert_errors_total", "connection") == 0 && time.Now().Before(deadline) {
			pause(t.Context(), 5*time.Millisecond)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		unsure += metric(t, reg, "landfall_aggregator_insert_errors_total", "connection")
		r.send(1, 10) // shifts what the next would gather
	}
	if unsure == 0 {
		t.Error("every insert was answered in time: the test tests nothing")
	}
	r.start(r.config())
	r.settle()
}
