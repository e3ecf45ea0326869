package panel

import (
	"context"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// overtakes answers with who got ahead of whom for good, and since when.
func overtakes(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	number := env.ForExpression || q.Format == formatNumber
	q.Format = formatAuto // the bucket is of the figures beneath
	_, b, err := q.residencyForm(env, t)
	if err != nil {
		return nil, err
	}
	a, err := ask(ctx, env, q, t, b)
	if err != nil {
		return nil, err
	}
	c := about(a.Basis)
	c.buckets(a.Buckets, env, true)
	c.dataSets(a.DataSets, a.DataSetsMore)
	c.withheld(a)
	type row = query.Overtake
	rows := query.Overtakes(a, q.By[0])
	columns := []column[row]{
		texts("ahead", "Ahead", func(r *row) string { return value(&r.Ahead, q.By[0]) }),
		texts("behind", "Behind", func(r *row) string { return value(&r.Behind, q.By[0]) }),
	}
	if number {
		columns = append(columns, figures("lead", "Lead", unitShare, "Share of the one ahead less that of the one behind, in the last bucket.", func(r *row) *float64 {
			lead := r.AheadShare - r.BehindShare
			return &lead
		}))
		return c.attach(data.FrameTypeNumericLong, numberTable(rows, columns)), nil
	}
	columns = append(columns,
		moments("since", "Since", func(r *row) time.Time { return r.Since }),
		moments("certain", "Certain since", func(r *row) time.Time { return r.Certain }),
		figures("ahead_share", "Share of the one ahead", unitShare, "Of the bytes up, in the last bucket.", func(r *row) *float64 { return &r.AheadShare }),
		figures("behind_share", "Share of the one behind", unitShare, "Of the bytes up, in the last bucket.", func(r *row) *float64 { return &r.BehindShare }))
	if slices.Contains([]query.Dimension{query.ByPlace, query.ByCountry, query.ByASN}, q.By[0]) {
		columns = append(columns,
			texts("ahead_name", "Name of the one ahead", func(r *row) string { return r.Ahead.Label(q.By[0], env.Name) }),
			texts("behind_name", "Name of the one behind", func(r *row) string { return r.Behind.Label(q.By[0], env.Name) }))
	}
	return c.attach(data.FrameTypeTable, table(rows, columns)), nil
}
