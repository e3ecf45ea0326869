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
	maxBuckets  = 3000 // minutes or hours of one answer
	defaultStep = query.BucketTotal
)

var (
	residencyParameters = []string{"vendor", "place", "country", "by", "bucket", "since", "until", "top", "format"}
	dimensions          = []string{
		string(query.ByVendor), string(query.ByPlace), string(query.ByCountry), string(query.ByASN),
		string(query.ByCloudRegion), string(query.ByConfidence),
	}
	buckets = []string{
		string(query.BucketMinute), string(query.BucketHour), string(query.BucketDay), string(query.BucketWeek),
		string(query.BucketTotal),
	}
	formats = []string{"json", "csv"}
)

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

// residencyQuestion reads the parameters of a residency question, and the format of its answer.
func residencyQuestion(values url.Values) (q query.Residency, format string, err error) {
	for name, into := range map[string]*[]string{"vendor": &q.Vendors, "place": &q.Places, "country": &q.Countries} {
		if *into, err = many(values, name); err != nil {
			return q, "", err
		}
	}
	by, err := single(values, "by", string(query.ByPlace))
	if err != nil {
		return q, "", err
	}
	for _, d := range strings.Split(by, ",") {
		if !slices.Contains(dimensions, d) {
			return q, "", badParameter("by", fmt.Sprintf("%q is not one of %s (several with commas between)", clip(d), strings.Join(dimensions, ", ")), dimensions...)
		}
		if slices.Contains(q.By, query.Dimension(d)) {
			return q, "", badParameter("by", d+" is named twice")
		}
		q.By = append(q.By, query.Dimension(d))
	}
	bucket, err := oneOf(values, "bucket", string(defaultStep), buckets)
	if err != nil {
		return q, "", err
	}
	q.Bucket = query.Bucket(bucket)
	if q.Since, err = instant(values, "since"); err != nil {
		return q, "", err
	}
	if q.Until, err = instant(values, "until"); err != nil {
		return q, "", err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, "", badParameter("until", "must be after since")
	}
	if err := boundBuckets(q); err != nil {
		return q, "", err
	}
	top, err := single(values, "top", strconv.Itoa(defaultTop))
	if err != nil {
		return q, "", err
	}
	if q.Top, err = strconv.Atoi(top); err != nil || q.Top < 1 || q.Top > maxTop {
		return q, "", badParameter("top", fmt.Sprintf("%q is not a whole number from 1 to %d", clip(top), maxTop))
	}
	format, err = oneOf(values, "format", "json", formats)
	return q, format, err
}

// boundBuckets refuses an answer of very many short steps: it would have no bound in size.
func boundBuckets(q query.Residency) error {
	var step time.Duration
	switch q.Bucket {
	case query.BucketMinute:
		step = time.Minute
	case query.BucketHour:
		step = time.Hour
	default:
		return nil
	}
	longest := step * maxBuckets
	if q.Since.IsZero() || q.Until.IsZero() || q.Until.Sub(q.Since) > longest {
		return badParameter("bucket", fmt.Sprintf("%s needs since and until at most %d hours apart", q.Bucket, int(longest.Hours())))
	}
	return nil
}
