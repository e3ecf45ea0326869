package aggregator

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
)

// exec runs a statement on the server.
func (r *rig) exec(sql string) {
	r.t.Helper()
	if err := r.conn.Exec(r.t.Context(), sql); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for a counter.
func until(t *testing.T, reg *prometheus.Registry, name, label string, want float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for metric(t, reg, name, label) < want {
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatalf("%s{%s} is %v, want %v", name, label, metric(t, reg, name, label), want)
		}
	}
}

// replayAll replays the letters twice, the second time as after a crash that forgot the first.
func (r *rig) replayAll() (n int) {
	r.t.Helper()
	for range 2 {
		n = 0
		if err := r.bus.Letters(r.t.Context(), false, func(l bus.Letter) error {
			n++
			return r.bus.Replay(r.t.Context(), l)
		}); err != nil {
			r.t.Fatal(err)
		}
	}
	return n
}

// Of an insert of many messages only those that are refused by themselves go to the dead letters.
// When the cause is gone they are replayed, and each counts once.
func TestRefusedMessagesAreReplayed(t *testing.T) {
	r := newRig(t, 1)
	config := r.config()
	config.InsertAttempts = 2
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	r.exec("ALTER TABLE flows ADD CONSTRAINT no_such_port CHECK remote_port != 666")
	kept := r.want
	for i := range 9 {
		p, fs := r.batch(20)
		r.want.Add(fs...)
		if i%4 == 1 {
			p.RemotePort[3] = 666
		} else {
			kept.Add(fs...)
		}
		r.produce(0, flowstest.Message(t, p))
	}
	_, reg := r.start(config)
	all := r.want
	r.want = kept
	r.settle()
	until(t, reg, "landfall_aggregator_messages_refused_total", "insert_refused", 2)

	r.want = all
	r.exec("ALTER TABLE flows DROP CONSTRAINT no_such_port")
	if n := r.replayAll(); n != 2 {
		t.Fatalf("%d letters", n)
	}
	r.settle()
	until(t, reg, "landfall_aggregator_batches_duplicate_total", "origin", 2)
	r.send(3, 10)
	r.settle()
}

// Letters that are refused when they are replayed become letters again, and count when those are
// replayed.
func TestRefusedAgain(t *testing.T) {
	r := newRig(t, 1)
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	config := r.config()
	config.InsertAttempts = 1
	r.exec("ALTER TABLE flows ADD CONSTRAINT none CHECK remote_port != 443")
	r.send(1, 10)
	_, reg := r.start(config)
	until(t, reg, "landfall_aggregator_messages_refused_total", "insert_refused", 1)
	replay := func() {
		if err := r.bus.Letters(t.Context(), true, func(l bus.Letter) error {
			if err := r.bus.Replay(t.Context(), l); err != nil {
				return err
			}
			return r.bus.Replayed(t.Context(), l)
		}); err != nil {
			t.Fatal(err)
		}
	}
	replay()
	until(t, reg, "landfall_aggregator_messages_refused_total", "insert_refused", 2)
	r.exec("ALTER TABLE flows DROP CONSTRAINT none")
	replay()
	r.settle()
	replay() // there is nothing left
	r.compare()
}

// A rollup that refuses does not hold the partition up, and the flows are not inserted twice.
func TestRefusedByARollup(t *testing.T) {
	r := newRig(t, 1)
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	config := r.config()
	config.InsertAttempts = 2
	r.exec("ALTER TABLE residency_hour ADD CONSTRAINT none CHECK flows = 0")
	r.send(2, 10)
	_, reg := r.start(config)
	until(t, reg, "landfall_aggregator_inserts_incomplete_total", "rollup_refused", 1)
	r.exec("ALTER TABLE residency_hour DROP CONSTRAINT none")
	r.send(2, 10)
	until(t, reg, "landfall_aggregator_flows_inserted_total", "", float64(r.want.Flows))
	if got := flowstest.Levels(t, r.conn)["flows"]; got != r.want {
		t.Errorf("flows has %+v, want %+v", got, r.want)
	}
}

// forgetful is a partition of which Kafka has deleted the first messages.
type forgetful struct {
	*bus.Partition
	begin int64
}

func (f *forgetful) Fetch(ctx context.Context) (bus.Message, error) {
	for {
		m, err := f.Partition.Fetch(ctx)
		if err != nil || m.Offset >= f.begin {
			return m, err
		}
	}
}

// An aggregator that dies within its first plan finds a part of the plan's messages deleted. Whether
// the insert had been made or not, nothing is doubled, and what is left is counted.
func TestPlannedMessagesDeleted(t *testing.T) {
	for _, test := range []struct {
		name    string
		inserts int // before the crash
		reason  string
	}{{"made", 100, reasonWasInserted}, {"half made", 1, reasonWasInserted}, {"not made", 0, reasonLost}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, 1)
			if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
				t.Fatal(err)
			}
			var lost flowstest.Totals
			for i := range 4 {
				p, fs := r.batch(10)
				r.want.Add(fs...)
				if i >= 2 {
					lost.Add(fs...) // what is left, in fact
				}
				r.produce(0, flowstest.Message(t, p))
			}
			if test.inserts == 0 {
				r.want = lost
			}
			// What the tables have at the end. Where only the flows had been inserted, the rest is rolled up of
			// what is left; a reprocess mends it from flows.
			want := func() map[string]flowstest.Totals {
				all := make(map[string]flowstest.Totals)
				for _, table := range flowstest.Tables {
					if all[table] = r.want; test.inserts == 1 && table != "flows" {
						all[table] = lost
					}
				}
				return all
			}
			config := r.config()
			config.InsertConnections = 1
			reg := prometheus.NewRegistry()
			s, err := New(config, r.client(), r.ch, r.log, reg, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.open(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.revisions.conn.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = s.bus.Consume(ctx, config.Group, bus.TopicEnriched, func(ctx context.Context, p *bus.Partition) error {
				defer cancel()
				life, die := context.WithCancel(ctx)
				m := &mortal{Partition: p, die: die, steps: -1, committed: p.Committed, metadata: p.Metadata}
				if test.inserts == 0 {
					m.steps = 1
				}
				s.revive(&dying{die: m.kill, inserts: test.inserts})
				if test.inserts == 100 { // one that lives until its plan has been inserted
					s.revive(&dying{inserts: -1})
					m.steps = 2
					m.before = true
				}
				if err := s.newWorker(life, m, p.Topic, p.ID).run(life, p.Committed, p.Metadata); err != nil && !errors.Is(err, errKilled) {
					return err
				}
				next := context.WithoutCancel(ctx)
				s.revive(&dying{inserts: -1})
				plan, err := decodePlan(m.committed, m.metadata)
				if err != nil || plan.next == 0 {
					t.Errorf("no plan is left: %+v, %v", plan, err)
				}
				p.SeekTo(m.committed)
				f := &forgetful{p, m.committed + 2}
				life, die = context.WithCancel(next)
				var settled sync.WaitGroup
				defer settled.Wait()
				defer die()
				settled.Go(func() {
					defer die()
					for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && life.Err() == nil; pause(life, 50*time.Millisecond) {
						if maps.Equal(flowstest.Levels(t, r.conn), want()) {
							pause(life, time.Second) // for what would be inserted again
							return
						}
					}
				})
				return s.newWorker(life, f, p.Topic, p.ID).run(life, m.committed, m.metadata)
			})
			if err != nil && !strings.Contains(err.Error(), "killed") {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want(), flowstest.Levels(t, r.conn)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
			if got := metric(t, reg, "landfall_aggregator_inserts_incomplete_total", test.reason); got != 1 {
				t.Errorf("%v inserts were incomplete as %s, want 1", got, test.reason)
			}
		})
	}
}

// Flows that are planned after a revision's cutoff carry its number, for the days that it is of.
func TestGenerations(t *testing.T) {
	r := newRig(t, 1)
	s, _ := r.start(r.config())
	r.send(2, 50)
	r.settle()
	before := r.want.Flows
	r.exec("INSERT INTO revisions (revision, since, until, cutoff, state, created, changed) VALUES " +
		"(3, '2026-03-01', '2026-04-01', now64(3) - 1, 'building', now64(3), now64(3)), (4, '2026-03-01', '2026-04-01', now64(3) + 3600, 'building', now64(3), now64(3))")
	s.revisions.mu.Lock()
	s.revisions.read = time.Time{} // as if the list had grown too old
	s.revisions.mu.Unlock()
	r.send(2, 50)
	r.settle()
	for table, sql := range map[string]string{
		"flows":         "SELECT countIf(generation = 3), countIf(generation = 3 AND NOT (start >= '2026-03-01' AND start < '2026-04-01')), countIf(generation NOT IN (0, 3)) FROM flows",
		"residency_day": "SELECT sumIf(flows, generation = 3), sumIf(flows, generation = 3 AND toYYYYMM(bucket) != 202603), sumIf(flows, generation NOT IN (0, 3)) FROM residency_day",
	} {
		var of, wrong, other uint64
		if err := r.conn.QueryRow(t.Context(), sql).Scan(&of, &wrong, &other); err != nil {
			t.Fatal(err)
		}
		if of == 0 || of >= r.want.Flows-before || wrong+other > 0 {
			t.Errorf("%s: %d flows of generation 3, %d of other days, %d of other generations; %d were sent after the cutoff", table, of, wrong, other, r.want.Flows-before)
		}
	}
}
