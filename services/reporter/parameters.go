package reporter

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Bounds of what one request may ask.
const (
	maxValues   = 500  // values of a repeated parameter
	maxValue    = 200  // bytes of one value
	defaultTop  = 100  // rows a bucket before "other"
	maxTop      = 5000 // rows a bucket before "other"
	maxHandsets = 1_000_000
	maxBuckets  = 3000 // minutes or hours of one answer
	defaultStep = query.BucketTotal
)

// Values that a parameter may have.
var (
	dimensions = names(query.Dimensions())
	buckets    = names([]query.Bucket{query.BucketMinute, query.BucketHour, query.BucketDay, query.BucketWeek, query.BucketTotal})
	formats    = []string{"json", "csv"}
	switches   = []string{"true", "false"}
)

func names[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func unknownParameter(values url.Values, known []string) *problem {
	for name := range values {
		if !slices.Contains(known, name) {
			allowed := "this path takes no parameter"
			if len(known) > 0 {
				allowed = "known are " + strings.Join(known, ", ")
			}
			return &problem{
				Status: 400, Parameter: clip(name), Allowed: known, reason: "parameter",
				Detail: fmt.Sprintf("unknown parameter %q; %s", clip(name), allowed),
			}
		}
	}
	return nil
}

// clip keeps what a peer sent short where it is said back.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// single returns the value of a parameter that may stand once, or fallback.
func single(values url.Values, name, fallback string) (string, error) {
	all, given := values[name]
	switch {
	case !given:
		return fallback, nil
	case len(all) > 1:
		return "", badParameter(name, "may be given once only")
	case all[0] == "":
		return "", badParameter(name, "is empty; leave it out instead")
	case len(all[0]) > maxValue:
		return "", badParameter(name, fmt.Sprintf("is longer than %d bytes", maxValue))
	}
	return all[0], nil
}

// many returns the values of a parameter that may be repeated.
func many(values url.Values, name string) ([]string, error) {
	all := values[name]
	if len(all) > maxValues {
		return nil, badParameter(name, fmt.Sprintf("is given more than %d times", maxValues))
	}
	for _, v := range all {
		if v == "" || len(v) > maxValue {
			return nil, badParameter(name, fmt.Sprintf("a value must have 1 to %d bytes; leave the parameter out for all", maxValue))
		}
	}
	return all, nil
}

// manyOf is many for a parameter of a few words.
func manyOf(values url.Values, name string, allowed []string) ([]string, error) {
	all, err := many(values, name)
	for _, v := range all {
		if !slices.Contains(allowed, v) {
			return nil, badParameter(name, fmt.Sprintf("%q is not one of %s", clip(v), strings.Join(allowed, ", ")), allowed...)
		}
	}
	return all, err
}

func oneOf(values url.Values, name, fallback string, allowed []string) (string, error) {
	v, err := single(values, name, fallback)
	if err == nil && !slices.Contains(allowed, v) {
		err = badParameter(name, fmt.Sprintf("%q is not one of %s", clip(v), strings.Join(allowed, ", ")), allowed...)
	}
	return v, err
}

// instant reads a date or a time; a date is its midnight in UTC.
func instant(values url.Values, name string) (time.Time, error) {
	v, err := single(values, name, "")
	if err != nil || v == "" {
		return time.Time{}, err
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, v); err == nil && t.Year() >= 1970 && t.Year() < 2106 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, badParameter(name, fmt.Sprintf("%q is not a date or time from 1970 to 2105", clip(v)), "2026-06-01", "2026-06-01T00:00:00Z")
}

// whole reads a whole number.
func whole(values url.Values, name string, fallback, least, most int) (int, error) {
	v, err := single(values, name, strconv.Itoa(fallback))
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, badParameter(name, fmt.Sprintf("%q is not a whole number from %d to %d", clip(v), least, most))
	}
	return n, nil
}

// period reads two times, of which the second must be after the first.
func period(values url.Values, since, until string) (from, to time.Time, err error) {
	if from, err = instant(values, since); err != nil {
		return from, to, err
	}
	if to, err = instant(values, until); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		err = badParameter(until, "must be after "+since)
	}
	return from, to, err
}

// given refuses a time that must be there and is not.
func given(values url.Values, names ...string) error {
	for _, name := range names {
		if _, ok := values[name]; !ok {
			return badParameter(name, "is missing", "2026-06-01", "2026-06-01T00:00:00Z")
		}
	}
	return nil
}

// boundBuckets refuses an answer of very many short steps: it would have no bound in size.
func boundBuckets(bucket query.Bucket, since, until time.Time) error {
	var step time.Duration
	switch bucket {
	case query.BucketMinute:
		step = time.Minute
	case query.BucketHour:
		step = time.Hour
	default:
		return nil
	}
	longest := step * maxBuckets
	if since.IsZero() || until.IsZero() || until.Sub(since) > longest {
		return badParameter("bucket", fmt.Sprintf("%s needs since and until at most %d hours apart", bucket, int(longest.Hours())))
	}
	return nil
}
