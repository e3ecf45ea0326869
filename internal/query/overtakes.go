package query

import (
	"cmp"
	"slices"
	"time"
)

// Overtake says that one value of a dimension got ahead of another, in bytes up, and stayed there until the
// end of the answer.
type Overtake struct {
	Ahead  Key `json:"ahead"`
	Behind Key `json:"behind"`
	// Since is the first bucket from which Ahead's bytes up are more than Behind's, until the end.
	Since time.Time `json:"since"`
	// Certain is the first bucket from which Ahead's interval lies above Behind's, until the end: sampling
	// does not explain it. Zero: not even in the last bucket.
	Certain time.Time `json:"certain,omitzero"`
	// AheadShare and BehindShare are the shares of the bytes up in the last bucket.
	AheadShare  float64 `json:"ahead_share"`
	BehindShare float64 `json:"behind_share"`
}

// maxOvertakers bounds the values that are set against each other: those with the most bytes up.
const maxOvertakers = 500

// Overtakes finds them in an answer by time along one dimension, the latest first. A pair is told if
// Behind was ahead in some bucket before. Buckets without any flow say nothing and are left out; so are
// those in which the figures of one of the two are withheld, and what they leave open is not said: a
// pair is ahead since after the last of them. What Top left out takes no part. nil: the answer is of
// another kind.
func Overtakes(a ResidencyAnswer, by Dimension) []Overtake {
	if len(a.Question.By) != 1 || a.Question.By[0] != by || a.Question.Bucket == BucketTotal || a.Question.Bucket == "" {
		return nil
	}
	buckets, all := a.courses(by)
	var out []Overtake
	for i := range all {
		for j := range all {
			if i != j {
				if o, ok := all[i].overtakes(&all[j], buckets); ok {
					out = append(out, o)
				}
			}
		}
	}
	slices.SortFunc(out, func(x, y Overtake) int {
		return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(y.AheadShare, x.AheadShare), cmp.Compare(y.BehindShare, x.BehindShare),
			x.Ahead.compare(&y.Ahead, a.Question.By), x.Behind.compare(&y.Behind, a.Question.By))
	})
	return out
}

// A course is what one key sent, bucket by bucket.
type course struct {
	key   Key
	total uint64
	cells []Cell
}

// courses are those of the keys with the most bytes up, over the buckets in which anything was observed.
// A key without a row in one of them sent nothing that was seen, and at most what the answer says of that.
func (a *ResidencyAnswer) courses(by Dimension) ([]time.Time, []course) {
	var buckets []time.Time
	for i := range a.Rows {
		if r := &a.Rows[i]; !r.Unobserved {
			buckets = append(buckets, r.Bucket)
		}
	}
	slices.SortFunc(buckets, time.Time.Compare)
	buckets = slices.CompactFunc(buckets, time.Time.Equal)
	var nothing Cell
	if a.UpperBoundOfZero != nil {
		nothing.BytesUpInterval.High = a.UpperBoundOfZero.Bytes
	}
	at := make(map[Key]int)
	var all []course
	for i := range a.Rows {
		r := &a.Rows[i]
		b, observed := slices.BinarySearchFunc(buckets, r.Bucket, time.Time.Compare)
		if !observed || a.Question.Top > 0 && r.IsOther(a.Question.By) {
			continue
		}
		k := r.part([]Dimension{by})
		j, ok := at[k]
		if !ok {
			j = len(all)
			at[k] = j
			all = append(all, course{key: r.Key, cells: slices.Repeat([]Cell{nothing}, len(buckets))})
		}
		all[j].cells[b] = r.Cell
		all[j].total += r.BytesUp
	}
	slices.SortFunc(all, func(x, y course) int {
		return cmp.Or(cmp.Compare(y.total, x.total), x.key.compare(&y.key, a.Question.By))
	})
	return buckets, all[:min(len(all), maxOvertakers)]
}

// overtakes looks back from the last bucket.
func (c *course) overtakes(other *course, buckets []time.Time) (Overtake, bool) {
	last := len(buckets) - 1
	since, certain := len(buckets), len(buckets)
	for i := last; i >= 0; i-- {
		x, y := &c.cells[i], &other.cells[i]
		if x.Suppressed || y.Suppressed || x.BytesUp <= y.BytesUp {
			break
		}
		if certain == i+1 && x.BytesUpInterval.Low > y.BytesUpInterval.High {
			certain = i
		}
		since = i
	}
	if since > last {
		return Overtake{}, false
	}
	was := false
	for i := range since {
		x, y := &c.cells[i], &other.cells[i]
		was = was || !x.Suppressed && !y.Suppressed && x.BytesUp < y.BytesUp
	}
	o := Overtake{Ahead: c.key, Behind: other.key, Since: buckets[since], AheadShare: c.cells[last].ShareUp, BehindShare: other.cells[last].ShareUp}
	if certain <= last {
		o.Certain = buckets[certain]
	}
	return o, was
}
