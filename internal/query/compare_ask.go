package query

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// Compare asks the question of both times, and sets them against each other. A question that makes
// no sense, or whose answer would have more than MaxRows rows, is an *InvalidError.
func (c *Client) Compare(ctx context.Context, q Compare) (CompareAnswer, error) {
	if err := q.Validate(); err != nil {
		return CompareAnswer{}, err
	}
	q.BeforeSince, q.BeforeUntil = widen(q.BeforeSince, q.BeforeUntil, time.Minute)
	q.AfterSince, q.AfterUntil = widen(q.AfterSince, q.AfterUntil, time.Minute)
	q.Question.Bucket = BucketTotal
	a := CompareAnswer{Question: q, Rows: []CompareRow{}}
	ask := q.Question
	ask.Top = 0 // of both times together, which neither knows
	var before, after gathered
	g, within := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		ask := ask
		ask.Since, ask.Until = q.BeforeSince, q.BeforeUntil
		a.Before, before, err = c.gather(within, ask)
		return err
	})
	g.Go(func() (err error) {
		ask := ask
		ask.Since, ask.Until = q.AfterSince, q.AfterUntil
		a.After, after, err = c.gather(within, ask)
		return err
	})
	if err := g.Wait(); err != nil {
		return a, err
	}
	for name, cells := range map[string][]cell{"before": before.cells, "after": after.cells} {
		if len(cells) == 0 {
			a.Warnings = append(a.Warnings, "nothing was counted in the time "+name)
		}
	}
	slices.Sort(a.Warnings)
	keys, most := q.keys(before.cells, after.cells)
	for _, side := range []struct {
		answer *ResidencyAnswer
		got    *gathered
	}{{&a.Before, &before}, {&a.After, &after}} {
		if len(side.got.cells) > 0 {
			side.got.cells = q.Question.align(side.got.cells, keys, most)
		}
		side.answer.assemble(*side.got, c.largestPacket)
	}
	a.set(q.Question.By)
	if len(a.Rows) > c.maxRows {
		return a, c.tooMany()
	}
	return a, nil
}

// keys are those of both times, in the question's order; the first most of them are to be told by
// themselves.
func (q *Compare) keys(before, after []cell) (keys []Key, most int) {
	up := make(map[Key]uint64)
	shift := make(map[Key]float64)
	for i, cells := range [][]cell{before, after} {
		all := make(map[Key]uint64) // of what shares are of
		for j := range cells {
			all[cells[j].key.part(q.Question.ShareOf)] += cells[j].sums.bytesUp
		}
		for j := range cells {
			k, n := cells[j].key, cells[j].sums.bytesUp
			up[k] += n
			if n > 0 {
				shift[k] += float64(2*i-1) * float64(n) / float64(all[k.part(q.Question.ShareOf)])
			}
		}
	}
	for k := range up {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y Key) int {
		first := 0
		if q.Order == OrderShift {
			first = cmp.Compare(math.Abs(shift[y]), math.Abs(shift[x]))
		}
		return cmp.Or(first, cmp.Compare(up[y], up[x]), x.compare(&y, q.Question.By))
	})
	if q.Question.Top > 0 && len(q.Question.By) > 0 {
		return keys, min(len(keys), q.Question.Top)
	}
	return keys, len(keys)
}

// align gives the cells of one time all keys: those past the first most are added up as "other", and
// what was not observed is so noted. How many handsets the others are together is not known; it is at
// least as many as any of them.
//
// With ShareOf, the others of each group that has a key by itself are added up by themselves.
func (q *Residency) align(cells []cell, keys []Key, most int) []cell {
	at := make(map[Key]int, len(keys))
	out := make([]cell, 0, most+1)
	row := func(k Key) {
		if _, ok := at[k]; !ok {
			at[k] = len(out)
			out = append(out, cell{key: k, out: Cell{Unobserved: true}})
		}
	}
	told := make(map[Key]bool)
	for _, k := range keys[:most] {
		row(k)
		told[k.part(q.ShareOf)] = true
	}
	others := func(k Key) Key {
		other := otherKey(q.By)
		if part := k.part(q.ShareOf); len(q.ShareOf) > 0 && told[part] {
			other.take(&part, q.ShareOf)
		}
		return other
	}
	for _, k := range keys[most:] {
		row(others(k))
	}
	for i := range cells {
		j, ok := at[cells[i].key]
		if !ok {
			j = at[others(cells[i].key)]
		}
		out[j].sums.add(&cells[i].sums)
		out[j].handsets = max(out[j].handsets, cells[i].handsets)
		out[j].out.Unobserved = false
	}
	return out
}

// otherKey is the key of what Top leaves out.
func otherKey(by []Dimension) Key {
	var k Key
	for _, c := range columns(by) {
		if c.text != nil {
			*c.text(&k) = Other
		}
	}
	return k
}

// set joins the rows of both times.
func (a *CompareAnswer) set(by []Dimension) {
	at := make(map[Key]int)
	row := func(k Key) *CompareRow {
		i, ok := at[k]
		if !ok {
			i = len(a.Rows)
			at[k] = i
			unobserved := CompareSide{Cell{Unobserved: true}}
			a.Rows = append(a.Rows, CompareRow{Key: k, Before: unobserved, After: unobserved})
		}
		return &a.Rows[i]
	}
	for _, r := range a.Before.Rows {
		row(r.Key).Before.Cell = r.Cell
	}
	for _, r := range a.After.Rows {
		row(r.Key).After.Cell = r.Cell
	}
	known := len(a.Before.Rows) > 0 && len(a.After.Rows) > 0
	a.Before.Rows, a.After.Rows = nil, nil
	for i := range a.Rows {
		a.Rows[i].compare(known)
	}
	rank := func(r *CompareRow) int {
		switch {
		case a.Question.Question.Top > 0 && r.IsOther(by):
			return 2
		case r.Before.Suppressed || r.After.Suppressed:
			return 1
		}
		return 0
	}
	slices.SortFunc(a.Rows, func(x, y CompareRow) int {
		// The figures of a row with a suppressed side are half known: they do not order it.
		if r := cmp.Compare(rank(&x), rank(&y)); r != 0 || rank(&x) == 1 {
			return cmp.Or(r, x.Key.compare(&y.Key, by))
		}
		first := 0
		if a.Question.Order == OrderShift {
			first = cmp.Compare(math.Abs(y.DifferenceShareUp), math.Abs(x.DifferenceShareUp))
		}
		return cmp.Or(first, cmp.Compare(y.Before.BytesUp+y.After.BytesUp, x.Before.BytesUp+x.After.BytesUp), x.Key.compare(&y.Key, by))
	})
}

// compare works out the difference. known: something was counted in both times.
func (r *CompareRow) compare(known bool) {
	if !known || r.Before.Suppressed || r.After.Suppressed {
		return
	}
	r.DifferenceUp = int64(r.After.BytesUp) - int64(r.Before.BytesUp)
	r.DifferenceUpInterval = difference(float64(r.After.BytesUp), r.After.BytesUpInterval, float64(r.Before.BytesUp), r.Before.BytesUpInterval)
	if r.Before.BytesUp > 0 {
		ratio := float64(r.After.BytesUp) / float64(r.Before.BytesUp)
		r.RatioUp = &ratio
	}
	r.Outside = outside(float64(r.After.BytesUp), r.Before.BytesUpInterval) && outside(float64(r.Before.BytesUp), r.After.BytesUpInterval)
	r.DifferenceShareUp = r.After.ShareUp - r.Before.ShareUp
	i := difference(r.After.ShareUp, r.After.ShareUpInterval, r.Before.ShareUp, r.Before.ShareUpInterval)
	r.DifferenceShareUpInterval = estimate.Interval{Low: max(-1, i.Low), High: min(1, i.High)}
	r.OutsideShare = outside(r.After.ShareUp, r.Before.ShareUpInterval) && outside(r.Before.ShareUp, r.After.ShareUpInterval)
}

func outside(value float64, i estimate.Interval) bool { return value < i.Low || value > i.High }

// difference is the interval of x−y, two independent estimates, with the variances recovered from
// their intervals: Zou and Donner (2008), as in estimate.Share.
func difference(x float64, ofX estimate.Interval, y float64, ofY estimate.Interval) estimate.Interval {
	return estimate.Interval{
		Low:  x - y - math.Hypot(x-ofX.Low, ofY.High-y),
		High: x - y + math.Hypot(ofX.High-x, y-ofY.Low),
	}
}

// Name sets the display names of the rows' places and countries.
func (a *CompareAnswer) Name(name func(code string) string) {
	for i := range a.Rows {
		a.Rows[i].Name(name)
	}
}
