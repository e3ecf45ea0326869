package panel

import (
	"context"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// compare answers with two times against each other.
func compare(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if q.Type == TypeShifts {
		q.Metric = metricShare
	}
	ask := query.Compare{Question: q.question(env, t, query.BucketTotal)}
	if q.Type == TypeShifts || q.Order == "shift" {
		ask.Order = query.OrderShift
	}
	ask.AfterSince, ask.AfterUntil = ask.Question.Since, ask.Question.Until
	ask.BeforeSince, ask.BeforeUntil = q.Before.of(ask.AfterSince, ask.AfterUntil)
	a, err := env.Client.Compare(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i := range a.Rows {
		a.Rows[i].Name(env.Name)
	}
	c := aboutBoth(a, env)
	m := q.figure()
	if env.ForExpression || q.Format == formatNumber {
		title, difference := "difference", q.difference(m)
		unit := m.unit
		if q.Metric == metricShare {
			title = "share_difference"
		}
		rows := slices.DeleteFunc(slices.Clone(a.Rows), func(r query.CompareRow) bool { v, _ := difference(&r); return v == nil })
		if len(rows) == 0 {
			known, err := counted(ctx, env, a.After)
			if err != nil {
				return nil, err
			}
			if known(time.Time{}) {
				rows = append(rows, query.CompareRow{})
			}
		}
		columns := append(compareKeys(q.By), figures(title, "Difference", unit, "After less before.", func(r *query.CompareRow) *float64 { v, _ := difference(r); return v }))
		return c.attach(data.FrameTypeNumericLong, numberTable(rows, columns)), nil
	}
	f := table(a.Rows, q.compareColumns(m))
	for _, column := range []string{"after", "share_after"} {
		env.link(f, column, "Endpoints of this time", q.endpointsOf(fromColumns(q.By)))
	}
	return c.attach(data.FrameTypeTable, f), nil
}

// aboutBoth is what is said of both times: the later one's, with what limits either.
func aboutBoth(a query.CompareAnswer, env Env) *Custom {
	c := about(a.After.Basis)
	c.buckets(a.After.Buckets, env, false)
	for _, s := range a.Before.Statements {
		s.For = "before: " + s.For
		c.Statements = append(c.Statements, s)
	}
	before := about(a.Before.Basis)
	before.buckets(a.Before.Buckets, env, false)
	c.Before = before
	for _, n := range before.notices {
		n.Text = "Before: " + n.Text
		c.notices = append(c.notices, n)
	}
	for _, r := range before.Revisions {
		if !slices.Contains(c.Revisions, r) {
			c.Revisions = append(c.Revisions, r)
		}
	}
	slices.Sort(c.Revisions)
	for _, w := range a.Warnings {
		c.warn("%s", w)
	}
	c.dataSets(a.After.DataSets, a.After.DataSetsMore)
	n := 0
	for i := range a.Rows {
		if a.Rows[i].Before.Suppressed || a.Rows[i].After.Suppressed {
			n++
		}
	}
	c.suppressed(n, a.Question.Question.MinHandsets)
	return c
}

func compareKeys(by []query.Dimension) []column[query.CompareRow] {
	var out []column[query.CompareRow]
	for _, c := range keyColumns(by) {
		out = append(out, texts(c.name, c.title, func(r *query.CompareRow) string { return c.of(&r.Key) }))
	}
	return out
}

type estimateOf = func(r *query.CompareRow) (*float64, estimate.Interval)

// difference is after less before, of the metric. Where the question does not have its interval, the
// ends of both sides make one, which is wider than 95 %.
func (q *Query) difference(m metric) estimateOf {
	return func(r *query.CompareRow) (*float64, estimate.Interval) {
		if r.Before.Suppressed || r.After.Suppressed {
			return nil, estimate.Interval{}
		}
		before, b := m.of(&r.Before.Cell)
		after, a := m.of(&r.After.Cell)
		v := after - before
		switch m.field {
		case "bytes_up":
			return &v, r.DifferenceUpInterval
		case "share_up":
			return &v, r.DifferenceShareUpInterval
		}
		return &v, estimate.Interval{Low: a.Low - b.High, High: a.High - b.Low}
	}
}

func (q *Query) compareColumns(m metric) []column[query.CompareRow] {
	type row = query.CompareRow
	told := func(cell func(*row) *query.Cell, m metric) estimateOf {
		return func(r *row) (*float64, estimate.Interval) {
			c := cell(r)
			if c.Suppressed {
				return nil, estimate.Interval{}
			}
			v, i := m.of(c)
			return &v, i
		}
	}
	before := func(r *row) *query.Cell { return &r.Before.Cell }
	after := func(r *row) *query.Cell { return &r.After.Cell }
	outside := func(m metric) func(*row) *bool {
		return func(r *row) *bool {
			if r.Before.Suppressed || r.After.Suppressed {
				return nil
			}
			b, bi := m.of(&r.Before.Cell)
			a, ai := m.of(&r.After.Cell)
			out := (a < bi.Low || a > bi.High) && (b < ai.Low || b > ai.High)
			return &out
		}
	}
	figure := m
	if m.field == "share_up" || m.field == "share_down" { // has columns of its own
		figure = (&Query{Metric: metricBytes, Direction: q.Direction}).figure()
	}
	share := (&Query{Metric: metricShare, Direction: q.Direction}).figure()
	out := compareKeys(q.By)
	out = append(out, estimated("before", figure.title+" before", figure.unit, figure.description, told(before, figure))...)
	out = append(out, estimated("after", figure.title+" after", figure.unit, figure.description, told(after, figure))...)
	out = append(out, estimated("difference", "Difference", figure.unit, "After less before.", q.difference(figure))...)
	out = append(out,
		figures("ratio", "Ratio", unitNumber, "After by before.", func(r *row) *float64 {
			b, _ := told(before, figure)(r)
			a, _ := told(after, figure)(r)
			if a == nil || b == nil || *b == 0 {
				return nil
			}
			return number(*a / *b)
		}),
		truths("outside", "Outside", "Each side lies outside of the other's interval: sampling does not explain the difference.", outside(figure)))
	out = append(out, estimated("share_before", "Share before", unitShare, share.description, told(before, share))...)
	out = append(out, estimated("share_after", "Share after", unitShare, share.description, told(after, share))...)
	out = append(out, estimated("share_difference", "Shift of share", unitShare, "Share after less share before.", q.difference(share))...)
	return append(out, truths("outside_share", "Share outside", "Likewise for the shares.", outside(share)))
}
