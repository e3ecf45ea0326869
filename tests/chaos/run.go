package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/landfall-telemetry/landfall/internal/scenario"
)

// Config of one run.
type Config struct {
	Program  string        // the landfall binary
	Root     string        // of the repository: data sets, engine, Kafka's scripts
	Dir      string        // where the run's folder is made; "": the system's temporary folder
	Kafka    bool          // Apache Kafka instead of the embedded broker
	Seed     uint64        // of the traffic and the schedule
	Duration time.Duration // of the faults
	Pace     time.Duration // between two faults, in the mean
	Rate     int           // flows a second, all senders together
	Keep     bool          // the folder, also when all is right
	Log      io.Writer     // what happens, for a person
}

// Result is what a run found. Maps are by what was killed, frozen, cut, or refused.
type Result struct {
	Lost       uint64         `json:"lost"`        // flows that are missing, in the table where most are
	Doubled    uint64         `json:"doubled"`     // flows too many, likewise
	CellsWrong int            `json:"cells_wrong"` // of all tables, in flows, bytes or packets
	Kills      map[string]int `json:"kills"`
	Freezes    map[string]int `json:"freezes"`
	Cuts       map[string]int `json:"cuts"`
	Refusals   map[string]int `json:"refusals"`
	Rebalances int            `json:"rebalances"` // members added and removed
	Flows      uint64         `json:"flows"`      // sent
	Bytes      uint64         `json:"bytes"`
	Batches    uint64         `json:"batches"` // of the writers
	Copies     uint64         `json:"copies"`  // that they wrote again
	Retries    uint64         `json:"retries"` // tries of theirs that failed, and may have written
	Deaths     uint64         `json:"deaths"`  // of collectors that they played
	Exits      []string       `json:"exits"`   // processes that ended by themselves
	Tables     []string       `json:"tables"`  // compared
	Broker     string         `json:"broker"`
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"duration_s"` // of the faults
	Drained    float64        `json:"drained_s"`  // until all was counted
	Wrong      []string       `json:"wrong"`      // the first cells that are
	Dir        string         `json:"dir,omitempty"`
}

// OK tells whether nothing is lost or doubled.
func (r Result) OK() bool { return r.Lost == 0 && r.Doubled == 0 && r.CellsWrong == 0 && r.Flows > 0 }

// maxWrong is how many cells a result describes.
const maxWrong = 40

// Run breaks a whole Landfall for a while and says what is lost and doubled. It keeps the folder of a run
// that went wrong. An error means that the run itself could not be made.
func Run(ctx context.Context, c Config) (result Result, err error) {
	dir, err := os.MkdirTemp(c.Dir, "landfall-chaos-")
	if err != nil {
		return Result{}, err
	}
	result.Dir = dir
	defer func() {
		if err == nil && result.OK() && !c.Keep {
			result.Dir = ""
			err = os.RemoveAll(dir)
		}
	}()
	s, err := newSystem(c, dir)
	if err != nil {
		return result, err
	}
	defer s.close()
	if err := s.up(ctx); err != nil {
		return result, err
	}
	r := &run{system: s, breaker: newBreaker(s, c.Seed, c.Pace), truth: &truth{spots: make(map[spot]counts)}}
	if err := r.learn(ctx); err != nil {
		return result, err
	}
	if err := r.play(ctx); err != nil {
		return result, err
	}
	if err := r.settle(ctx, &result); err != nil {
		return result, err
	}
	r.report(&result)
	return result, nil
}

type run struct {
	*system
	breaker   *breaker
	truth     *truth
	exporters scenario.Truth
}

// learn waits for the tables and reads which there are.
func (r *run) learn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := r.connect("landfall")
		if err == nil {
			r.tables, err = tables(ctx, conn)
			conn.Close()
			if err == nil && slices.ContainsFunc(r.tables, func(t table) bool { return t.name == "flows" }) && r.migrated(ctx) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the tables are not there: %w", errors.Join(ctx.Err(), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// migrated tells whether the last table of the migrations is there.
func (r *run) migrated(ctx context.Context) bool {
	conn, err := r.connect("landfall")
	if err != nil {
		return false
	}
	defer conn.Close()
	var n uint64
	err = conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name IN ('revisions', 'policies')").Scan(&n)
	return err == nil && n == 2
}

// play runs the senders and breaks things meanwhile.
func (r *run) play(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended, enough := make(chan error), make(chan struct{})
	senders := 0
	for i := range uint64(2) {
		w, err := newWriter(r.system, r.truth, i+1)
		if err != nil {
			return err
		}
		senders++
		go func() { ended <- w.run(ctx, enough) }()
	}
	// The clock runs from the first flow counted: how long it takes until all have started says nothing.
	var counted atomic.Uint64
	go r.count(ctx, &counted)
	err := r.first(ctx, &counted)
	if err == nil {
		var exporting *process
		if exporting, err = r.export(); err == nil {
			senders++
			go func() {
				select {
				case <-exporting.done:
				case <-ctx.Done():
					exporting.kill()
				}
				ended <- exporting.err
			}()
			err = r.breaker.run(ctx, r.c.Duration, &counted)
		}
	}
	close(enough)
	// Senders end by themselves; until then the parts are kept alive.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Minute)
	for senders > 0 {
		if err != nil {
			cancel()
		}
		select {
		case e := <-ended:
			senders--
			if e != nil && err == nil {
				err = fmt.Errorf("sender: %w", e)
			}
		case <-tick.C:
			if err == nil {
				err = r.breaker.step(ctx, true)
			}
		case <-limit:
			err = errors.New("the senders do not end")
		}
	}
	if err != nil {
		return err
	}
	if r.exporters, err = scenario.ReadTruth(filepath.Join(r.dir, "truth.json")); err != nil {
		return err
	}
	r.breaker.note("all is sent: %d flows by exporters, %d by writers", r.exporters.FlowsSent, r.truth.total.flows)
	return nil
}

// count watches how many flows are counted, as far as ClickHouse is there to ask.
func (r *run) count(ctx context.Context, counted *atomic.Uint64) {
	conn, err := r.connect("landfall")
	if err != nil {
		return // it was possible before; the faults wait for nothing then
	}
	defer conn.Close()
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		var n uint64
		if err := conn.QueryRow(try, "SELECT count() FROM flows").Scan(&n); err == nil {
			counted.Store(n)
		}
		cancel()
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// first waits for the first flow.
func (r *run) first(ctx context.Context, counted *atomic.Uint64) error {
	limit := time.After(startLimit)
	for counted.Load() == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return errors.New("no flow is counted")
		case <-time.After(50 * time.Millisecond):
		}
	}
	r.breaker.note("the first flows are counted")
	return nil
}

// export starts the simulated exporters.
func (r *run) export() (*process, error) {
	rate := r.c.Rate / 2
	flows := int(float64(rate) * r.c.Duration.Seconds())
	return r.spawn.start("simulate", r.dir, nil, r.c.Program, "--config", r.config, "simulate", "migration",
		"--weeks", "3", "--flows", strconv.Itoa(flows*9/10), "--live-flows", strconv.Itoa(flows/10), "--rate", strconv.Itoa(rate),
		"--truth", filepath.Join(r.dir, "truth.json"))
}

// Bounds on the wait for the last flow.
const (
	// stillLimit is how long nothing more may come until what is missing counts as lost: longer than any
	// timeout of a service.
	stillLimit = time.Minute
	// settled is how long the figures must stand still when they are right: longer than a repetition takes.
	settled = 3 * time.Second
	// settleLimit is for a machine that is too busy to count.
	settleLimit = 20 * time.Minute
)

// settle waits until every table is right and stays so, or until nothing comes any more.
func (r *run) settle(ctx context.Context, result *Result) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	begin := time.Now()
	moved, said, right := begin, begin, time.Time{}
	last := ""
	for {
		if err := r.breaker.step(ctx, true); err != nil {
			return err
		}
		// The totals are cheap; the cells are looked at when these are right, or do not move any more.
		found, err := r.compare(ctx, false)
		if state := fmt.Sprint(found); err == nil && state != last {
			last, moved = state, time.Now()
		}
		still := time.Since(moved) > stillLimit
		if err == nil && (len(found) == 0 || still) {
			found, err = r.compare(ctx, true)
		}
		if err == nil {
			switch {
			case len(found) > 0:
				right = time.Time{}
			case right.IsZero():
				right = time.Now()
				result.Drained = right.Sub(begin).Seconds()
			}
			if still || !right.IsZero() && time.Since(right) > settled {
				result.found(found)
				return nil
			}
		}
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			lost, doubled := lostAndDoubled(found)
			r.breaker.note("%d flows to come, %d too many, %d figures differ; %v", lost, doubled, len(found), err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func (r *Result) found(all []difference) {
	r.Lost, r.Doubled = lostAndDoubled(all)
	r.CellsWrong = len(all)
	r.Wrong = []string{}
	for _, f := range all[:min(len(all), maxWrong)] {
		r.Wrong = append(r.Wrong, f.String())
	}
}

// compare compares the totals of every table with what was sent, or every cell.
func (r *run) compare(ctx context.Context, cells bool) ([]difference, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	conn, err := r.connect("landfall")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Those that were there at the start may be all but the last migration's.
	if r.tables, err = tables(ctx, conn); err != nil {
		return nil, err
	}
	all, err := newSent(ctx, conn, r.exporters, r.truth)
	if err != nil {
		return nil, err
	}
	found, err := differences(ctx, conn, r.tables, all, cells)
	if err != nil {
		return nil, err
	}
	entries, err := ledger(ctx, conn, r.exporters, r.truth)
	return append(found, entries...), err
}

func (r *run) report(result *Result) {
	d := r.breaker
	result.Kills, result.Freezes, result.Refusals, result.Rebalances = d.kills, d.freezes, d.refusals, d.rebalances
	result.Cuts = map[string]int{roleEngine: int(r.click.cuts.Load())}
	result.Broker = "embedded"
	if r.kafka != nil {
		result.Cuts[roleBroker] = int(r.kafka.cuts.Load())
		result.Broker = "kafka"
	}
	result.Flows = r.exporters.FlowsSent + r.truth.total.flows
	result.Bytes = r.exporters.BytesSent + r.truth.total.bytesUp + r.truth.total.bytesDown
	result.Batches, result.Copies, result.Retries, result.Deaths = r.truth.batches, r.truth.copies, r.truth.refused, r.truth.resurrections
	result.Exits = append([]string{}, r.exits...)
	for _, t := range r.tables {
		result.Tables = append(result.Tables, t.name)
	}
	result.Tables = append(result.Tables, "ledger_minute")
	result.Seed, result.Seconds = r.c.Seed, r.c.Duration.Seconds()
	if result.OK() {
		return
	}
	for _, w := range result.Wrong {
		fmt.Fprintln(r.c.Log, "WRONG", w)
	}
	fmt.Fprintln(r.c.Log, "the last events:")
	for _, e := range d.events[max(0, len(d.events)-40):] {
		fmt.Fprintln(r.c.Log, e)
	}
	fmt.Fprintln(r.c.Log, "everything is kept in", r.dir)
}
