package reprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/audit"
)

const sumsOf = "sum(flows), sum(bytes_up), sum(bytes_down), sum(packets_up), sum(packets_down)"

var errUnequal = errors.New("the sums are not those of the flows")

// countedSQL are the rows that counted before this revision, without those that will count beside it.
func (r *run) countedSQL(day time.Time) string {
	a := inForce(r.revisions, day)
	if a == 0 {
		return fmt.Sprintf("revision = 0 AND generation < %d", r.self.Revision)
	}
	return fmt.Sprintf("(revision = %d OR revision = 0 AND generation >= %d AND generation < %d)", a, a, r.self.Revision)
}

// check compares the new rows with the flows they were made of, at every level, and with what counted
// before. It returns the new totals.
func (r *run) check(ctx context.Context) (total audit.Sums, err error) {
	for begin := r.Since; begin.Before(r.Until); begin = begin.Add(day) {
		var sums audit.Sums
		if err := r.again(ctx, func() (err error) { sums, err = r.checkDay(ctx, begin); return err }); err != nil {
			return total, fmt.Errorf("check revision %d of %s: %w", r.self.Revision, dateOf(begin), err)
		}
		total.Add(sums)
	}
	return total, nil
}

func (r *run) checkDay(ctx context.Context, begin time.Time) (audit.Sums, error) {
	until := begin.Add(day)
	var flows audit.Sums
	var late, early uint64
	const flowsSQL = `SELECT countIf(inserted < {at:DateTime64(3)}), sumIf(octets_up * sampling_interval, inserted < {at:DateTime64(3)}),
       sumIf(octets_down * sampling_interval, inserted < {at:DateTime64(3)}), sumIf(packets_up * sampling_interval, inserted < {at:DateTime64(3)}),
       sumIf(packets_down * sampling_interval, inserted < {at:DateTime64(3)}),
       countIf(inserted >= {at:DateTime64(3)} AND generation < {revision:UInt16}), countIf(inserted < {at:DateTime64(3)} AND generation >= {revision:UInt16})
FROM flows
WHERE received >= toDateTime({received:Int64}, 'UTC') AND start >= toDateTime({since:Int64}, 'UTC') AND start < toDateTime({until:Int64}, 'UTC')`
	at := "fromUnixTimestamp64Milli({cutoff:Int64}, 'UTC')"
	row := r.conn.QueryRow(r.bounded(ctx), strings.ReplaceAll(flowsSQL, "{at:DateTime64(3)}", at), r.chunkParameters(begin, until)...)
	if err := row.Scan(&flows.Flows, &flows.BytesUp, &flows.BytesDown, &flows.PacketsUp, &flows.PacketsDown, &late, &early); err != nil {
		return flows, fmt.Errorf("read the sums of flows: %w", err)
	}
	if late+early > 0 {
		return flows, fmt.Errorf("%w: %d flows planned after %s do not know it, %d planned before do; do the machines' clocks agree?",
			ErrClocks, late, r.self.Cutoff.Format(time.RFC3339Nano), early)
	}
	for _, table := range Tables {
		own, counted := "revision = {revision:UInt16}", r.countedSQL(begin)
		if err := r.compareWith(ctx, begin, table, own, flows); err != nil {
			return flows, err
		}
		if r.Repair {
			continue
		}
		if err := r.compareWith(ctx, begin, table, counted, flows); err != nil {
			if !errors.Is(err, errUnequal) {
				return flows, err
			}
			return flows, fmt.Errorf("%w: what counted before: %w; landfall audit says more, and --repair puts the new figures in force all the same", ErrTotals, err)
		}
	}
	return flows, nil
}

// compareWith compares a table's rows of a day with sums.
func (r *run) compareWith(ctx context.Context, begin time.Time, table, where string, want audit.Sums) error {
	what := sumsOf
	if table == "data_set_day" {
		what = "sum(flows), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0)"
		want = audit.Sums{Flows: want.Flows}
	}
	var got audit.Sums
	sql := "SELECT " + what + " FROM " + table + " WHERE " + where + " AND bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC')"
	if err := r.conn.QueryRow(r.bounded(ctx), sql, r.chunkParameters(begin, begin.Add(day))...).Scan(
		&got.Flows, &got.BytesUp, &got.BytesDown, &got.PacketsUp, &got.PacketsDown); err != nil {
		return fmt.Errorf("read the sums of %s: %w", table, err)
	}
	if got != want {
		return fmt.Errorf("%w: %s has %+v, the flows %+v", errUnequal, table, got, want)
	}
	return nil
}

// Difference is what changed of one place: the bytes of the rows that the revision takes the place of
// before, and its own after.
type Difference struct {
	Place           string `json:"place"` // ISO 3166-2, else 3166-1; "unknown"
	BytesUpBefore   uint64 `json:"bytes_up_before"`
	BytesUpAfter    uint64 `json:"bytes_up_after"`
	BytesDownBefore uint64 `json:"bytes_down_before"`
	BytesDownAfter  uint64 `json:"bytes_down_after"`
}

func (d *Difference) moved() uint64 {
	apart := func(a, b uint64) uint64 { return max(a, b) - min(a, b) }
	return apart(d.BytesUpBefore, d.BytesUpAfter) + apart(d.BytesDownBefore, d.BytesDownAfter)
}

// differences reads, by place, what counted before and what will.
func (r *run) differences(ctx context.Context) ([]Difference, error) {
	byPlace := map[string]*Difference{}
	for begin := r.Since; begin.Before(r.Until); begin = begin.Add(day) {
		if err := r.differencesOf(ctx, begin, byPlace); err != nil {
			return nil, fmt.Errorf("read the figures by place: %w", err)
		}
	}
	out := []Difference{}
	for _, d := range byPlace {
		if d.BytesUpBefore+d.BytesUpAfter+d.BytesDownBefore+d.BytesDownAfter > 0 {
			out = append(out, *d)
		}
	}
	slices.SortFunc(out, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(b.moved(), a.moved()), cmp.Compare(b.BytesUpAfter, a.BytesUpAfter), cmp.Compare(a.Place, b.Place))
	})
	return out, nil
}

func (r *run) differencesOf(ctx context.Context, begin time.Time, byPlace map[string]*Difference) error {
	const sql = `SELECT multiIf(subdivision_code != '', toString(subdivision_code), country_code != '', toString(country_code), 'unknown') AS place,
       sumIf(bytes_up, %[1]s), sumIf(bytes_up, revision = {revision:UInt16}), sumIf(bytes_down, %[1]s), sumIf(bytes_down, revision = {revision:UInt16})
FROM residency_day
WHERE bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC') AND handset_side != 'none'
GROUP BY place`
	rows, err := r.conn.Query(r.bounded(ctx), fmt.Sprintf(sql, r.countedSQL(begin)), r.chunkParameters(begin, begin.Add(day))...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var d Difference
		if err := rows.Scan(&d.Place, &d.BytesUpBefore, &d.BytesUpAfter, &d.BytesDownBefore, &d.BytesDownAfter); err != nil {
			return err
		}
		sum := byPlace[d.Place]
		if sum == nil {
			sum = &Difference{Place: d.Place}
			byPlace[d.Place] = sum
		}
		sum.BytesUpBefore += d.BytesUpBefore
		sum.BytesUpAfter += d.BytesUpAfter
		sum.BytesDownBefore += d.BytesDownBefore
		sum.BytesDownAfter += d.BytesDownAfter
	}
	return rows.Err()
}
