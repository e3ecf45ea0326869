package query

import (
	"cmp"
	"context"
	"slices"
	"strings"
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

// gathered is what the statements of a residency question brought.
type gathered struct {
	cells    []cell
	byDay    map[time.Time]uint32 // sampling intervals in force
	complete map[time.Time]CompletenessSummary
	segments []segment
}

// Residency answers a question from the coarsest rollup that can. A question that makes no sense,
// or whose answer would have more than MaxRows rows, is an *InvalidError.
func (c *Client) Residency(ctx context.Context, q Residency) (ResidencyAnswer, error) {
	a, g, err := c.gather(ctx, q)
	if err != nil {
		return a, err
	}
	a.assemble(g, c.largestPacket)
	if len(a.Rows) > c.maxRows {
		return a, c.tooMany()
	}
	return a, nil
}

// gather sends the statements of a question, side by side.
func (c *Client) gather(ctx context.Context, q Residency) (a ResidencyAnswer, got gathered, err error) {
	if err := q.Validate(); err != nil {
		return a, got, err
	}
	q = q.normal()
	a = ResidencyAnswer{Question: q, Rows: []ResidencyRow{}, Buckets: []BucketInfo{}, Basis: Basis{Rollup: q.rollup(), Since: q.Since, Until: q.Until}}
	if q.MinHandsets > 0 && a.Rollup != "residency_day" {
		return a, got, invalid("handsets are counted by the day: a minimum of %d handsets needs the bucket day, week or total, and times on whole days (UTC)", q.MinHandsets)
	}
	all, revisions, err := c.revisions(ctx)
	if err != nil {
		return a, got, err
	}
	if got.segments, err = inForce(all, q.Revision, q.Since, q.Until); err != nil {
		return a, got, err
	}
	figures := c.residencyStatement(q, got.segments)
	a.SQL = figures.sql
	a.Statements = []Statement{figures.public(), revisions.public()}
	g, within := errgroup.WithContext(ctx)
	g.Go(func() (err error) { got.cells, err = c.cells(within, figures, q); return err })
	if !strings.HasSuffix(a.Rollup, "_day") {
		s := c.keptStatement(a.Rollup)
		a.Statements = append(a.Statements, s.public())
		g.Go(func() error {
			k, err := c.kept(within, s)
			a.Warnings = k.warnings(a.Rollup, q.Since)
			return err
		})
	}
	if !q.FiguresOnly {
		sampling, sets, names, ledger := c.samplingStatement(q), c.dataSetsStatement(q, got.segments), c.dataSetNamesStatement(), c.summaryStatements(q.completeness())
		a.Statements = append(a.Statements, sampling.public(), sets.public(), names.public())
		a.Statements = append(a.Statements, ledger.public()...)
		g.Go(func() (err error) { got.byDay, err = c.samplingByDay(within, sampling); return err })
		g.Go(func() (err error) { a.DataSets, a.DataSetsMore, err = c.dataSets(within, sets, names); return err })
		g.Go(func() (err error) { got.complete, err = c.summaries(within, ledger); return err })
	}
	err = g.Wait()
	if q.Hours != nil && !q.FiguresOnly {
		a.Warnings = append(a.Warnings, "completeness and data sets are of the whole time, and not of the hours of the day only")
	}
	return a, got, err
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
func (a *ResidencyAnswer) assemble(g gathered, largestPacket float64) {
	q := &a.Question
	if most := samplingWithin(g.byDay, time.Time{}, time.Time{}); most > 0 {
		bound := zero(most, largestPacket)
		a.UpperBoundOfZero = &bound
	}
	info := make(map[time.Time]*BucketInfo)
	about := func(bucket time.Time) *BucketInfo {
		if info[bucket] == nil {
			info[bucket] = q.about(bucket, g)
		}
		return info[bucket]
	}
	if q.Bucket != BucketMinute {
		for bucket := range g.complete {
			about(bucket)
		}
	}
	byBucket := make(map[time.Time][]*cell)
	for i := range g.cells {
		byBucket[g.cells[i].bucket] = append(byBucket[g.cells[i].bucket], &g.cells[i])
	}
	for bucket, cells := range byBucket {
		from, to := q.Bucket.within(bucket, q.Since, q.Until)
		n := samplingWithin(g.byDay, from, to)
		b := about(bucket)
		for _, r := range cells {
			r.out.Figures = r.sums.figures(largestPacket, n)
			r.out.Handsets = r.handsets
			if r.sums.lastChange.After(b.LastChange) {
				b.LastChange = r.sums.lastChange.UTC()
			}
		}
		b.late(to)
		parts := groups(cells, q.ShareOf)
		for _, part := range parts {
			shares(part, largestPacket, n)
		}
		if q.MinHandsets > 0 {
			b.TotalWithheld = suppress(parts, uint64(q.MinHandsets))
		}
		for _, r := range cells {
			a.Rows = append(a.Rows, ResidencyRow{Bucket: bucket, Key: r.key, Cell: r.out})
		}
	}
	if !q.FiguresOnly {
		a.Rows = append(a.Rows, q.unobserved(a.Rows, g, largestPacket)...)
	}
	a.order()
	for _, i := range info {
		a.Buckets = append(a.Buckets, *i)
	}
	slices.SortFunc(a.Buckets, func(x, y BucketInfo) int { return x.Bucket.Compare(y.Bucket) })
}

// about is what is known of a bucket before its rows are.
func (q *Residency) about(bucket time.Time, g gathered) *BucketInfo {
	b := BucketInfo{Bucket: bucket}
	from, to := q.Bucket.within(bucket, q.Since, q.Until)
	b.Revision, b.Mixed = revisionOf(g.segments, from, to)
	if q.Bucket == BucketMinute {
		bucket = bucket.Truncate(time.Hour)
	}
	b.Completeness = g.complete[bucket]
	return &b
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
