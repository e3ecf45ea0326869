package panel

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// maxSeries bounds what a browser has to draw. What is more is cut, and said.
const maxSeries = 200

// A series is the figures of one key, one for each bucket.
type series struct {
	key                 query.Key
	name                string
	labels              data.Labels
	bytes               uint64
	observed            []bool // it has a row in the bucket, of something that was seen
	value, lower, upper []*float64
}

// laid is an answer as series that all have the same buckets.
type laid struct {
	times  []time.Time // one zero time for a total
	known  []bool      // something was counted in the bucket, of whatever key
	series []*series
	cut    int // series left out
}

// lay sorts the rows of an answer into series. Where a key has no row it sent nothing that was seen:
// its figure is 0, and its upper end what may have been sent unseen. A bucket of which nothing is
// known has no figure, so that an outage does not look like silence.
func lay(ctx context.Context, env Env, q Query, a query.ResidencyAnswer, m metric) (*laid, error) {
	l := &laid{times: []time.Time{{}}}
	by := a.Question.By
	if step := length(a.Question.Bucket); step > 0 {
		l.times = l.times[:0]
		for at := a.Question.Since; at.Before(a.Question.Until); at = at.Add(step) {
			l.times = append(l.times, at)
		}
	}
	index := make(map[time.Time]int, len(l.times))
	for i, at := range l.times {
		index[at] = i
	}
	known, err := counted(ctx, env, a)
	if err != nil {
		return nil, err
	}
	l.known = make([]bool, len(l.times))
	for i, at := range l.times {
		l.known[i] = known(at)
	}

	all := make([]map[string]float64, len(l.times)) // bytes, by what shares are of
	byKey := make(map[query.Key]*series)
	for i := range a.Rows {
		r := &a.Rows[i]
		at, ok := index[r.Bucket]
		if !ok {
			continue
		}
		s := byKey[r.Key]
		if s == nil {
			s = newSeries(len(l.times), name(&r.Key, by, env.Name), labels(&r.Key, by))
			s.key = r.Key
			byKey[r.Key] = s
			l.series = append(l.series, s)
		}
		l.known[at] = true
		if all[at] == nil {
			all[at] = make(map[string]float64)
		}
		all[at][whole(&r.Key, q.ShareOf)] += m.whole(&r.Cell)
		s.bytes += r.BytesUp
		s.observed[at] = !r.Unobserved
		s.set(at, &r.Cell, m)
	}
	if len(l.series) == 0 && slices.Contains(l.known, true) {
		l.series = append(l.series, nothing(len(l.times), by))
	}
	l.zeros(a, q, m, all)
	l.order(by)
	if len(l.series) > maxSeries && !env.ForExpression {
		l.series, l.cut = l.series[:maxSeries], len(l.series)-maxSeries
	}
	return l, nil
}

func newSeries(n int, name string, l data.Labels) *series {
	return &series{
		name: name, labels: l, observed: make([]bool, n),
		value: make([]*float64, n), lower: make([]*float64, n), upper: make([]*float64, n),
	}
}

// nothing is the series of an answer without a row in a time of which something is known.
func nothing(n int, by []query.Dimension) *series {
	if len(by) == 0 {
		return newSeries(n, "all", data.Labels{})
	}
	return newSeries(n, "nothing", data.Labels{})
}

// whole names what a share of the key is of.
func whole(k *query.Key, of []query.Dimension) string {
	parts := make([]string, len(of))
	for i, d := range of {
		parts[i] = strings.Join(k.Values(d), "\x00")
	}
	return strings.Join(parts, "\x01")
}

func (s *series) set(at int, c *query.Cell, m metric) {
	if c.Suppressed {
		s.value[at], s.lower[at], s.upper[at] = nil, nil, nil
		return
	}
	v, interval := m.of(c)
	s.value[at], s.lower[at], s.upper[at] = &v, &interval.Low, &interval.High
}

// zeros fills the buckets of which something is known, and in which nothing of a key was seen. The
// upper end of a share there needs all that was sent in the bucket.
func (l *laid) zeros(a query.ResidencyAnswer, q Query, m metric, all []map[string]float64) {
	for _, s := range l.series {
		of := whole(&s.key, q.ShareOf)
		for i := range l.times {
			if !l.known[i] || s.observed[i] {
				continue
			}
			bounded := m.atMost != nil && a.UpperBoundOfZero != nil
			if s.value[i] == nil {
				s.value[i], s.lower[i], s.upper[i] = number(0), number(0), number(0)
			} else if m.unit != unitShare {
				continue // the row has its own
			}
			if bounded {
				s.upper[i] = number(m.atMost(*a.UpperBoundOfZero, all[i][of]))
			}
		}
	}
}

// order puts the most bytes first, and other last.
func (l *laid) order(by []query.Dimension) {
	rank := func(s *series) int {
		if s.key.IsOther(by) {
			return 1
		}
		return 0
	}
	slices.SortFunc(l.series, func(x, y *series) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(y.bytes, x.bytes), cmp.Compare(x.name, y.name))
	})
}

// counted tells of a bucket whether anything was counted in it, from any exporter.
func counted(ctx context.Context, env Env, a query.ResidencyAnswer) (func(time.Time) bool, error) {
	if a.Question.Bucket == query.BucketTotal {
		some := a.UpperBoundOfZero != nil // from the sampling in force, which some flow told
		for _, b := range a.Buckets {
			some = some || b.Completeness.Share != nil || b.Completeness.ExportersHeard > 0
		}
		return func(time.Time) bool { return some }, nil
	}
	buckets := make(map[time.Time]bool)
	note := func(at time.Time, s query.CompletenessSummary) {
		buckets[at] = buckets[at] || s.Share != nil || s.ExportersHeard > 0
	}
	if a.Question.Bucket != query.BucketMinute {
		for _, b := range a.Buckets {
			note(b.Bucket, b.Completeness)
		}
		return func(at time.Time) bool { return buckets[at] }, nil
	}
	// An answer by the minute speaks of the minutes with rows only; the ledger knows the hours.
	ledger, err := env.Client.Completeness(ctx, query.Completeness{
		Operators: a.Question.Operators, Sites: a.Question.Sites, Bucket: query.BucketHour,
		Since: a.Question.Since, Until: a.Question.Until,
	})
	if err != nil {
		return nil, err
	}
	for _, b := range ledger.Buckets {
		note(b.Bucket, b.CompletenessSummary)
	}
	return func(at time.Time) bool { return buckets[at.Truncate(time.Hour)] }, nil
}
