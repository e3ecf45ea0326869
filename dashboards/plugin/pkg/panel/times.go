package panel

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// A series has at most so many points where the bucket follows the panel, and so many where it was
// chosen.
const (
	autoPoints = 2000
	mostPoints = 11_000
)

// times are the panel's range and the time between two of its points.
type times struct {
	within   backend.TimeRange
	interval time.Duration
	least    time.Duration // that a total's range is widened to
}

func (t times) check() error {
	if !t.within.From.Before(t.within.To) {
		return badQuery("the time range is empty: %s to %s", t.within.From.UTC().Format(time.RFC3339), t.within.To.UTC().Format(time.RFC3339))
	}
	return nil
}

var lengths = []struct {
	bucket query.Bucket
	length time.Duration
}{{query.BucketMinute, time.Minute}, {query.BucketHour, time.Hour}, {query.BucketDay, day}, {query.BucketWeek, 7 * day}}

// length of a bucket; 0: the total.
func length(b query.Bucket) time.Duration {
	for _, l := range lengths {
		if l.bucket == b {
			return l.length
		}
	}
	return 0
}

// auto is the shortest bucket, from shortest on, that gives no more points than the panel can show.
func (t times) auto(shortest query.Bucket) query.Bucket {
	span := t.within.To.Sub(t.within.From)
	for _, l := range lengths {
		if l.length >= length(shortest) && l.length >= t.interval && span <= autoPoints*l.length {
			return l.bucket
		}
	}
	return query.BucketWeek
}

// bucket is the one that a query asks for. Where nothing shorter than shortest answers, asking for it
// is a fault.
func (t times) bucket(asked string, shortest query.Bucket, why string) (query.Bucket, error) {
	if asked == bucketAuto {
		return t.auto(shortest), nil
	}
	b := query.Bucket(asked)
	l := length(b)
	if b == query.BucketTotal {
		return b, nil
	}
	if l < length(shortest) {
		return b, badQuery("%s: the bucket is at least the %s, and not the %s", why, shortest, b)
	}
	if points := t.within.To.Sub(t.within.From) / l; points > mostPoints {
		return b, badQuery("the time range has %d points by the %s, more than %d: choose a longer bucket or auto", points, b, mostPoints)
	}
	return b, nil
}

// whole is the range, widened so that its first and last bucket are whole.
func (t times) whole(step time.Duration) (since, until time.Time) {
	// Truncate of a Time counts from a Monday, as ISO weeks do.
	since, until = t.within.From.UTC().Truncate(step), t.within.To.UTC().Truncate(step)
	if until.Before(t.within.To) {
		until = until.Add(step)
	}
	return since, until
}

// step is what the range of a total is widened to: the minutes of a few hours, the hours of two weeks,
// the days of what is longer. So a total reads no finer rollup than it needs.
func (t times) step() time.Duration {
	switch span := t.within.To.Sub(t.within.From); {
	case span <= 6*time.Hour:
		return time.Minute
	case span <= 14*day:
		return time.Hour
	}
	return day
}

// span is the range that a question by bucket has.
func (t times) span(b query.Bucket, atLeast time.Duration) (since, until time.Time) {
	step := length(b)
	if b == query.BucketTotal {
		step = max(t.step(), t.least)
	}
	return t.whole(max(step, atLeast))
}
