package panel

import (
	"context"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// residency answers with figures over time or in total.
func residency(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	format, bucket, err := q.residencyForm(env, t)
	if err != nil {
		return nil, err
	}
	a, err := ask(ctx, env, q, t, bucket)
	if err != nil {
		return nil, err
	}
	c := about(a.Basis)
	byTime := a.Question.Bucket != query.BucketTotal
	c.buckets(a.Buckets, env, byTime)
	c.dataSets(a.DataSets, a.DataSetsMore)
	c.withheld(a)
	m := q.figure()
	switch format {
	case formatTable:
		f := residencyTable(a)
		env.link(f, "bytes_up", "Endpoints", q.endpointsOf(fromColumns(q.By)))
		return c.attach(data.FrameTypeTable, f), nil
	case formatNumber:
		s, err := lay(ctx, env, q, a, m)
		if err != nil {
			return nil, err
		}
		if env.ForExpression {
			return c.attach(data.FrameTypeNumericLong, s.numberTable(m)), nil
		}
		return c.attach(data.FrameTypeNumericMulti, s.frames(c, env, q, m)...), nil
	}
	s, err := lay(ctx, env, q, a, m)
	if err != nil {
		return nil, err
	}
	return c.attach(data.FrameTypeTimeSeriesMulti, s.frames(c, env, q, m)...), nil
}

// residencyForm is the form of the answer and the bucket that it has.
func (q *Query) residencyForm(env Env, t times) (format string, b query.Bucket, err error) {
	shortest, why := query.BucketMinute, ""
	switch {
	case env.MinHandsets > 0:
		shortest, why = query.BucketDay, "figures of fewer than "+plural(env.MinHandsets, "handset")+" are withheld here, and handsets are counted by the day"
	case q.Metric == metricHandsets:
		shortest, why = query.BucketDay, "handsets are counted by the day"
	}
	asked, format := q.Bucket, q.Format
	if format == formatNumber {
		if asked == bucketAuto {
			asked = string(query.BucketTotal)
		}
		if asked != string(query.BucketTotal) {
			return "", "", badQuery("a number is a total, and the bucket is the %s: take bucket total, or a time series", asked)
		}
	}
	if b, err = t.bucket(asked, shortest, why); err != nil {
		return "", "", err
	}
	if b == query.BucketTotal && format == formatSeries {
		return "", "", badQuery("a total is no time series: take another bucket, or the format number")
	}
	if format == formatAuto || env.ForExpression {
		format = formatSeries
		if b == query.BucketTotal {
			format = formatNumber
		}
	}
	return format, b, nil
}

// question is the residency question of a panel by a bucket.
func (q *Query) question(env Env, t times, b query.Bucket) query.Residency {
	atLeast := length(query.BucketMinute)
	least := env.MinHandsets
	if q.Metric == metricHandsets {
		least = max(least, 1) // who asks for handsets asks by the day
	}
	if least > 0 {
		atLeast = day
	}
	since, until := t.span(b, atLeast)
	asns, _ := numbers(q.ASNs) // checked
	return query.Residency{
		Vendors: q.Vendors, Places: q.Places, Countries: q.Countries, ASNs: asns, Operators: q.Operators, Sites: q.Sites,
		Jurisdictions: q.Jurisdictions, Verdicts: q.Verdicts, Confidences: q.Confidences, Sides: q.Sides,
		Where: q.where(query.ByCloudRegion), By: q.By, ShareOf: q.ShareOf, Hours: q.hours(),
		Bucket: b, Since: since, Until: until, Top: q.Top, Revision: q.Revision, MinHandsets: least,
	}
}

func (q *Query) hours() *query.Hours {
	if q.Hours == nil {
		return nil
	}
	return &query.Hours{From: q.Hours.From, To: q.Hours.To, Location: q.Hours.Location}
}

// ask asks by the bucket. Where what answers is not kept for all of the time, it asks by the next
// coarser one that is, unless the bucket was chosen.
func ask(ctx context.Context, env Env, q Query, t times, b query.Bucket) (query.ResidencyAnswer, error) {
	for {
		a, err := env.Client.Residency(ctx, q.question(env, t, b))
		if err != nil {
			return a, err
		}
		a.Name(env.Name)
		coarser := map[string]query.Bucket{"residency_minute": query.BucketHour, "residency_hour": query.BucketDay}[a.Rollup]
		if !gone(a.Warnings) || coarser == "" || q.Bucket != bucketAuto && b != query.BucketTotal {
			return a, nil
		}
		if t.least = length(coarser); b != query.BucketTotal {
			b = coarser
		}
	}
}

// gone reports whether a rollup no longer has all of the time, by what internal/query says.
func gone(warnings []string) bool {
	for _, w := range warnings {
		if strings.Contains(w, "is kept from") || strings.Contains(w, "has nothing: the answer is empty") {
			return true
		}
	}
	return false
}

// withheld says how many figures are not told.
func (c *Custom) withheld(a query.ResidencyAnswer) {
	n := 0
	for i := range a.Rows {
		if a.Rows[i].Suppressed {
			n++
		}
	}
	c.suppressed(n, a.Question.MinHandsets)
}

func (c *Custom) suppressed(n, least int) {
	if n > 0 {
		c.inform("%s of fewer than %d handsets, or that would give such figures away, %s withheld.", plural(n, "figure"), least, is(n))
	}
}
