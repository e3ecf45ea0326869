package reprocess

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/audit"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
)

const day = 24 * time.Hour

// Options say what is computed anew.
type Options struct {
	// Since and Until (excluded) are whole days, UTC.
	Since, Until time.Time
	Note         string // why, for whoever reads the list of revisions
	Places       Places
	Policy       *policy.Policy // nil: there is none, and no verdict
	// Ahead is how long after its arrival a flow may begin (aggregator.max_flow_ahead).
	Ahead time.Duration
	// Lead is how long before its cutoff a revision is announced. It has to be longer than the
	// aggregators go on with an old list of revisions, and than clocks differ.
	Lead time.Duration
	// Outstanding says how many inserts were planned before the cutoff and are not known to be made.
	Outstanding func(ctx context.Context, before time.Time) (int, error)
	// Repair puts the new figures in force although their totals are not those that counted before.
	Repair bool
	// Progress is told how far it is; it may be nil.
	Progress func(Progress)
	Log      *slog.Logger
	// Wait pauses between two looks at something that is waited for; nil: for a second.
	Wait func(context.Context) error
}

// Places are the tables that judge now: a [geo.Table].
type Places interface {
	Lookup(netip.Addr) geo.Answer
	Versions() []geo.Version
}

// DefaultLead is what Lead should be in production.
const DefaultLead = 30 * time.Second

// Progress is how far a run is.
type Progress struct {
	Stage    string // announced, waiting, computing, checking, active
	Revision uint16
	Done     time.Duration // of the period's length, while computing
	Of       time.Duration
	Waiting  int // inserts under way, while waiting
}

// Period is what can be computed anew of what was asked for.
type Period struct {
	Since    time.Time        `json:"since"`
	Until    time.Time        `json:"until"`
	Flows    uint64           `json:"flows"`
	DataSets []string         `json:"data_sets"` // that judged the flows when they came
	Days     []DayInForce     `json:"days"`
	Building []audit.Revision `json:"-"` // others that are not finished
}

// DayInForce is a day and the revision whose figures are read.
type DayInForce struct {
	Day      time.Time `json:"day"`
	Revision uint16    `json:"revision"`
}

// Result is what a run came to.
type Result struct {
	Revision uint16 `json:"revision"`
	Period
	NewDataSets []string     `json:"new_data_sets"`
	Totals      audit.Sums   `json:"totals"` // of the new revision's own rows
	Places      []Difference `json:"places"` // by place, the most moved bytes first
}

// ErrNotKept says that flows of the period are not all kept any more.
var ErrNotKept = errors.New("not all flows of the period are kept any more")

// ErrTotals says that the new figures would not add up to those that count now.
var ErrTotals = errors.New("the totals would change")

// ErrClocks says that inserts were planned without knowledge of the revision.
var ErrClocks = errors.New("inserts were planned without knowledge of the revision")

// run is one recomputation.
type run struct {
	Options
	conn      driver.Conn
	revisions []audit.Revision // all but this one
	self      audit.Revision
	settings  clickhousego.Settings // of its inserts
	dataSets  map[string]string
}

// Look says what a run would compute, and refuses what it would refuse.
func Look(ctx context.Context, conn driver.Conn, o Options) (*Period, error) {
	r := &run{Options: o, conn: conn}
	return r.look(ctx)
}

// Run computes the period anew and puts the result in force. When it fails, what is read is what was
// read before, and its own rows are removed if the server can be reached.
func Run(ctx context.Context, conn driver.Conn, o Options) (*Result, error) {
	if o.Wait == nil {
		o.Wait = func(ctx context.Context) error { return sleep(ctx, time.Second) }
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	r := &run{Options: o, conn: conn, dataSets: make(map[string]string)}
	period, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.announce(ctx); err != nil {
		return nil, err
	}
	result, err := r.compute(ctx, period)
	if err != nil {
		return nil, errors.Join(err, r.giveUp(ctx))
	}
	return result, nil
}

// compute does everything between the announcement and the switch, and the switch.
func (r *run) compute(ctx context.Context, period *Period) (*Result, error) {
	if err := r.await(ctx); err != nil {
		return nil, err
	}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	chunks, err := r.chunks(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range chunks {
		r.tell("computing", c.since.Sub(r.Since), 0)
		if err := r.chunk(ctx, c.since, c.until); err != nil {
			return nil, err
		}
	}
	r.tell("checking", r.Until.Sub(r.Since), 0)
	result := &Result{Revision: r.self.Revision, Period: *period}
	if result.Totals, err = r.check(ctx); err != nil {
		return nil, err
	}
	if result.Places, err = r.differences(ctx); err != nil {
		return nil, err
	}
	for _, name := range r.dataSets {
		result.NewDataSets = append(result.NewDataSets, name)
	}
	slices.Sort(result.NewDataSets)
	result.NewDataSets = slices.Compact(result.NewDataSets)
	if err := r.setState(ctx, stateActive); err != nil {
		return nil, err
	}
	r.tell("active", r.Until.Sub(r.Since), 0)
	return result, nil
}

func (r *run) tell(stage string, done time.Duration, waiting int) {
	r.Progress(Progress{Stage: stage, Revision: r.self.Revision, Done: done, Of: r.Until.Sub(r.Since), Waiting: waiting})
}

// look checks the period.
func (r *run) look(ctx context.Context) (*Period, error) {
	var now time.Time
	if err := r.conn.QueryRow(ctx, "SELECT now64(3, 'UTC')").Scan(&now); err != nil {
		return nil, fmt.Errorf("read the server's clock: %w", err)
	}
	if !r.Since.Before(r.Until) || r.Since.Truncate(day) != r.Since || r.Until.Truncate(day) != r.Until {
		return nil, fmt.Errorf("compute %s to %s anew: not whole days in their order", r.Since, r.Until)
	}
	if today := now.Truncate(day); r.Until.After(today.Add(day)) {
		return nil, fmt.Errorf("compute %s to %s anew: the last day can be today, %s", dateOf(r.Since), dateOf(r.Until.Add(-day)), dateOf(today))
	}
	kept, err := audit.Retention(ctx, r.conn)
	if err != nil {
		return nil, err
	}
	if keep := kept["flows"]; keep != 0 {
		// The first whole day of which no flow is forgotten yet, nor within the next hours.
		oldest := now.Add(slack + r.Ahead - keep).Truncate(day).Add(day)
		if r.Since.Before(oldest) {
			return nil, fmt.Errorf("%w: single flows are kept for %s after they arrive, so the oldest day that can be computed anew is %s", ErrNotKept, keep, dateOf(oldest))
		}
	}
	if r.revisions, err = audit.Revisions(ctx, r.conn); err != nil {
		return nil, err
	}
	p := &Period{Since: r.Since, Until: r.Until}
	for begin := r.Since; begin.Before(r.Until); begin = begin.Add(day) {
		p.Days = append(p.Days, DayInForce{begin, inForce(r.revisions, begin)})
	}
	for _, v := range r.revisions {
		if v.State == stateBuilding {
			p.Building = append(p.Building, v)
		}
	}
	rows, err := r.conn.Query(ctx, "SELECT toString(data_sets), sum(flows) FROM data_set_day "+
		"WHERE revision = 0 AND bucket >= {since:DateTime('UTC')} AND bucket < {until:DateTime('UTC')} GROUP BY 1 ORDER BY 1", r.period()...)
	if err != nil {
		return nil, fmt.Errorf("read the data sets of the period: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var flows uint64
		if err := rows.Scan(&name, &flows); err != nil {
			return nil, fmt.Errorf("read the data sets of the period: %w", err)
		}
		p.DataSets, p.Flows = append(p.DataSets, name), p.Flows+flows
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the data sets of the period: %w", err)
	}
	if p.Flows == 0 {
		return nil, fmt.Errorf("compute %s to %s anew: there are no flows of these days", dateOf(r.Since), dateOf(r.Until.Add(-day)))
	}
	return p, nil
}

// slack keeps a run away from flows that are forgotten while it works.
const slack = 6 * time.Hour

// await waits until the cutoff is over and every insert that was planned before it is made.
func (r *run) await(ctx context.Context) error {
	for {
		left := time.Until(r.self.Cutoff)
		if left <= 0 {
			break
		}
		r.tell("announced", 0, 0)
		if err := sleep(ctx, min(left, 5*time.Second)); err != nil {
			return err
		}
	}
	for failed := 0; ; {
		n, err := r.Outstanding(ctx, r.self.Cutoff)
		switch {
		case err == nil && n == 0:
			return nil
		case err == nil:
			failed = 0
			r.tell("waiting", 0, n)
		default:
			if failed++; failed == maxTries || ctx.Err() != nil {
				return fmt.Errorf("ask for inserts under way: %w", err)
			}
		}
		if err := r.Wait(ctx); err != nil {
			return err
		}
	}
}

func dateOf(t time.Time) string { return t.Format(time.DateOnly) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
