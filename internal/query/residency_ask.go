package query

import (
	"cmp"
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// A cell is a row under way.
type cell struct {
	bucket   time.Time
	key      Key
	sums     sums
	handsets uint64
	out      Cell
}

// Residency answers a question from the coarsest rollup that can. A question that makes no sense,
// or whose answer would have more than MaxRows rows, is an *InvalidError.
func (c *Client) Residency(ctx context.Context, q Residency) (ResidencyAnswer, error) {
	if err := q.Validate(); err != nil {
		return ResidencyAnswer{}, err
	}
	q = q.normal()
	a := ResidencyAnswer{Question: q, Rows: []ResidencyRow{}, Buckets: []BucketInfo{}, Basis: Basis{Rollup: q.rollup(), Since: q.Since, Until: q.Until}}
	if q.MinHandsets > 0 && a.Rollup != "residency_day" {
		return a, invalid("handsets are counted by the day: a minimum of %d handsets needs the bucket day, week or total, and times on whole days (UTC)", q.MinHandsets)
	}
	all, revisions, err := c.revisions(ctx)
	if err != nil {
		return a, err
	}
	segments, err := inForce(all, q.Revision, q.Since, q.Until)
	if err != nil {
		return a, err
	}

	figures := c.residencyStatement(q, segments)
	a.SQL = figures.sql
	var cells []cell
	kept := c.keptStatement(a.Rollup)
	var warnings []string
	sampling := c.samplingStatement(q)
	var byDay map[time.Time]uint32
	sets := c.dataSetsStatement(q, segments)
	ledger := c.summaryStatements(q.completeness())
	var complete map[time.Time]CompletenessSummary
	a.Statements = []Statement{figures.public(), revisions.public()}

	g, within := errgroup.WithContext(ctx)
	g.Go(func() (err error) { cells, err = c.cells(within, figures, q); return err })
	if a.Rollup != "residency_day" {
		a.Statements = append(a.Statements, kept.public())
		g.Go(func() (err error) { warnings, err = c.keptWarning(within, kept, a.Rollup, q.Since); return err })
	}
	if !q.FiguresOnly {
		a.Statements = append(a.Statements, sampling.public(), sets.public())
		a.Statements = append(a.Statements, ledger.public()...)
		g.Go(func() (err error) { byDay, err = c.samplingByDay(within, sampling); return err })
		g.Go(func() (err error) { a.DataSets, a.DataSetsMore, err = c.dataSets(within, sets); return err })
		g.Go(func() (err error) { complete, err = c.summaries(within, ledger); return err })
	}
	if err := g.Wait(); err != nil {
		return a, err
	}
	a.Warnings = warnings
	a.assemble(cells, byDay, complete, segments, c.largestPacket)
	if len(a.Rows) > c.maxRows {
		return a, c.tooMany()
	}
	return a, nil
}

// cells reads the answer of a residency statement, in its order.
func (c *Client) cells(ctx context.Context, s *statement, q Residency) ([]cell, error) {
	var cells []cell
	var r cell
	into := []any{&r.bucket}
	for _, column := range columns(q.By) {
		into = append(into, column.destination(&r.key))
	}
	into = append(into, r.sums.destinations()...)
	if q.MinHandsets > 0 {
		into = append(into, &r.handsets)
	}
	err := c.ask(ctx, s, into, func() error {
		if len(cells) == c.maxRows {
			return c.tooMany()
		}
		cells = append(cells, r)
		cells[len(cells)-1].bucket = q.Bucket.scanned(r.bucket)
		return nil
	})
	if q.MinHandsets > 0 && q.Bucket == BucketTotal {
		cells = overWeeks(cells)
	}
	return cells, err
}

// overWeeks adds up the weeks of each key; its handsets are those of the week with the most.
func overWeeks(cells []cell) []cell {
	at := make(map[Key]int)
	var out []cell
	for _, r := range cells {
		i, ok := at[r.key]
		if !ok {
			at[r.key] = len(out)
			out = append(out, r)
			continue
		}
		out[i].sums.add(&r.sums)
		out[i].handsets = max(out[i].handsets, r.handsets)
	}
	return out
}

// assemble makes the rows and what is said of each bucket.
func (a *ResidencyAnswer) assemble(cells []cell, byDay map[time.Time]uint32, complete map[time.Time]CompletenessSummary, segments []segment, largestPacket float64) {
	q := &a.Question
	if most := samplingWithin(byDay, time.Time{}, time.Time{}); most > 0 {
		bound := zero(most, largestPacket)
		a.UpperBoundOfZero = &bound
	}
	info := make(map[time.Time]*BucketInfo)
	about := func(bucket time.Time) *BucketInfo {
		if info[bucket] == nil {
			i := BucketInfo{Bucket: bucket}
			from, to := q.Bucket.within(bucket, q.Since, q.Until)
			i.Revision, i.Mixed = revisionOf(segments, from, to)
			ledger := bucket
			if q.Bucket == BucketMinute {
				ledger = bucket.Truncate(time.Hour)
			}
			i.Completeness = complete[ledger]
			info[bucket] = &i
		}
		return info[bucket]
	}
	for bucket := range complete {
		if q.Bucket != BucketMinute {
			about(bucket)
		}
	}

	byBucket := make(map[time.Time][]*cell)
	for i := range cells {
		byBucket[cells[i].bucket] = append(byBucket[cells[i].bucket], &cells[i])
	}
	for bucket, in := range byBucket {
		from, to := q.Bucket.within(bucket, q.Since, q.Until)
		n := samplingWithin(byDay, from, to)
		out, each := make([]*Cell, len(in)), make([]*sums, len(in))
		b := about(bucket)
		for i, r := range in {
			r.out.Figures = r.sums.figures(largestPacket, n)
			r.out.Handsets = r.handsets
			out[i], each[i] = &r.out, &r.sums
			if r.sums.lastChange.After(b.LastChange) {
				b.LastChange = r.sums.lastChange.UTC()
			}
		}
		shares(out, each, largestPacket, n)
		if !to.IsZero() && b.LastChange.After(to.Add(time.Hour)) {
			b.Late = true
		}
		if q.MinHandsets > 0 {
			b.TotalWithheld = suppress(out, uint64(q.MinHandsets))
		}
		for _, r := range in {
			a.Rows = append(a.Rows, ResidencyRow{Bucket: bucket, Key: r.key, Cell: r.out})
		}
	}
	if !q.FiguresOnly {
		a.Rows = append(a.Rows, q.unobserved(a.Rows, byDay, complete, largestPacket)...)
	}
	a.order()
	for _, i := range info {
		a.Buckets = append(a.Buckets, *i)
	}
	slices.SortFunc(a.Buckets, func(x, y BucketInfo) int { return x.Bucket.Compare(y.Bucket) })
}

// order sorts the rows. The order of suppressed rows must not show in their figures.
func (a *ResidencyAnswer) order() {
	rank := func(r *ResidencyRow) int {
		switch {
		case a.Question.Top > 0 && r.IsOther(a.Question.By):
			return 3
		case r.Suppressed:
			return 2
		case r.Unobserved:
			return 1
		}
		return 0
	}
	slices.SortFunc(a.Rows, func(x, y ResidencyRow) int {
		return cmp.Or(x.Bucket.Compare(y.Bucket), cmp.Compare(rank(&x), rank(&y)), cmp.Compare(y.BytesUp, x.BytesUp), x.compare(&y.Key, a.Question.By))
	})
}

// Name sets the display names of the rows' places and countries.
func (a *ResidencyAnswer) Name(name func(code string) string) {
	for i := range a.Rows {
		a.Rows[i].Name(name)
	}
}
