package query

import "time"

const day = 24 * time.Hour

// begin is the begin of the bucket that t is in; the zero time for BucketTotal.
func (b Bucket) begin(t time.Time) time.Time {
	if b == BucketTotal {
		return time.Time{}
	}
	// Truncate of a Time counts from a Monday, the first day of the year 1.
	return t.UTC().Truncate(b.length())
}

func (b Bucket) length() time.Duration {
	switch b {
	case BucketMinute:
		return time.Minute
	case BucketHour:
		return time.Hour
	case BucketDay:
		return day
	case BucketWeek:
		return 7 * day
	}
	return 0
}

// scanned is the begin of a bucket as SQL gives it.
func (b Bucket) scanned(t time.Time) time.Time {
	if b == BucketTotal {
		return time.Time{}
	}
	return t.UTC()
}

// widen widens a time to whole steps; a zero time stays open.
func widen(since, until time.Time, step time.Duration) (time.Time, time.Time) {
	if !since.IsZero() {
		since = since.UTC().Truncate(step)
	}
	if !until.IsZero() {
		whole := until.UTC().Truncate(step)
		if whole.Before(until) {
			whole = whole.Add(step)
		}
		until = whole
	}
	return since, until
}

// within narrows [since, until) to the bucket that begins at begin; a zero time is open.
func (b Bucket) within(begin, since, until time.Time) (from, to time.Time) {
	if b == BucketTotal {
		return since, until
	}
	from, to = begin, begin.Add(b.length())
	if from.Before(since) {
		from = since
	}
	if !until.IsZero() && to.After(until) {
		to = until
	}
	return from, to
}
