package query

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

var (
	dimensions  = []Dimension{ByVendor, ByPlace, ByCountry, ByASN, ByCloudRegion, ByConfidence}
	buckets     = []Bucket{BucketMinute, BucketHour, BucketDay, BucketWeek, BucketTotal}
	sides       = []string{"source", "destination", "both", "none"}
	handsetOnly = sides[:3]
)

// The times that a rollup's bucket can have.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
)

// maxFilter bounds the values of one filter; the server bounds a query's size.
const maxFilter = 1000

// Validate reports every fault of the question as one *InvalidError.
func (q Residency) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, d := range q.By {
		if !slices.Contains(dimensions, d) {
			bad("unknown dimension %q, known are %v", d, dimensions)
		} else if slices.Contains(q.By[:i], d) {
			bad("dimension %q is asked for twice", d)
		}
	}
	if q.Bucket != "" && !slices.Contains(buckets, q.Bucket) {
		bad("unknown bucket %q, known are %v", q.Bucket, buckets)
	}
	for _, s := range q.Sides {
		if !slices.Contains(sides, s) {
			bad("unknown handset side %q, known are %v", s, sides)
		}
	}
	for _, t := range []struct {
		name string
		time time.Time
	}{{"since", q.Since}, {"until", q.Until}} {
		if !t.time.IsZero() && (t.time.Before(earliest) || t.time.After(latest)) {
			bad("%s %s is not in the years 1970 to 2105", t.name, t.time.Format(time.RFC3339))
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		bad("since %s is not before until %s", q.Since.Format(time.RFC3339), q.Until.Format(time.RFC3339))
	}
	if q.Top < 0 {
		bad("top %d is negative", q.Top)
	}
	for _, f := range []struct {
		name   string
		values []string
	}{{"vendors", q.Vendors}, {"places", q.Places}, {"countries", q.Countries}} {
		if len(f.values) > maxFilter {
			bad("%d %s to filter by, at most %d are taken", len(f.values), f.name, maxFilter)
		}
	}
	if len(errs) > 0 {
		return &InvalidError{errors.Join(errs...)}
	}
	return nil
}

// normal fills in the defaults and widens the times to whole minutes.
func (q Residency) normal() Residency {
	if q.Bucket == "" {
		q.Bucket = BucketTotal
	}
	if len(q.Sides) == 0 {
		q.Sides = handsetOnly
	}
	if !q.Since.IsZero() {
		q.Since = q.Since.UTC().Truncate(time.Minute)
	}
	if !q.Until.IsZero() {
		until := q.Until.UTC().Truncate(time.Minute)
		if until.Before(q.Until) {
			until = until.Add(time.Minute)
		}
		q.Until = until
	}
	return q
}

// rollup is the coarsest table that can answer a normal question: its buckets must be whole parts of
// the question's, and must not straddle its borders.
func (q Residency) rollup() string {
	on := func(d time.Duration) bool {
		// Truncate of a Time counts from the year 1, which is a multiple of days away from 1970.
		return (q.Since.IsZero() || q.Since.Truncate(d).Equal(q.Since)) && (q.Until.IsZero() || q.Until.Truncate(d).Equal(q.Until))
	}
	switch {
	case q.Bucket == BucketMinute:
		return "residency_minute"
	case q.Bucket != BucketHour && on(24*time.Hour):
		return "residency_day"
	case on(time.Hour):
		return "residency_hour"
	}
	return "residency_minute"
}
