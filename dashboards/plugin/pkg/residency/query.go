package residency

import (
	"fmt"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Query is what a panel asks, as its JSON has it. The time range comes from the panel.
type Query struct {
	Vendors   []string          `json:"vendors"`   // empty: all
	Places    []string          `json:"places"`    // ISO 3166 codes; empty: all
	Countries []string          `json:"countries"` // ISO 3166-1 codes; empty: all
	By        []query.Dimension `json:"by"`
	Bucket    query.Bucket      `json:"bucket"` // empty: the shortest that the panel can show
	Metric    string            `json:"metric"` // a key of metrics; empty: bytes_up
	Top       int               `json:"top"`    // 0: all; else the rest is added up as "other"
}

// A metric is one figure of a row, with Grafana's name of its unit.
type metric struct {
	name, unit string
	value      func(query.ResidencyRow) float64
}

var metrics = []metric{
	{"bytes_up", "decbytes", func(r query.ResidencyRow) float64 { return float64(r.BytesUp) }},
	{"bytes_down", "decbytes", func(r query.ResidencyRow) float64 { return float64(r.BytesDown) }},
	{"packets_up", "short", func(r query.ResidencyRow) float64 { return float64(r.PacketsUp) }},
	{"packets_down", "short", func(r query.ResidencyRow) float64 { return float64(r.PacketsDown) }},
	{"flows", "short", func(r query.ResidencyRow) float64 { return float64(r.Flows) }},
	{"share_up", "percentunit", func(r query.ResidencyRow) float64 { return r.ShareUp }},
}

func (q Query) metric() metric {
	i := slices.IndexFunc(metrics, func(m metric) bool { return m.name == q.Metric })
	return metrics[max(i, 0)]
}

// question is the residency question for a panel's time range and the time between two of its
// points. The first bucket is always whole.
func (q Query) question(within backend.TimeRange, interval time.Duration) (query.Residency, error) {
	if q.Metric != "" && q.metric().name != q.Metric {
		return query.Residency{}, fmt.Errorf("query: there is no metric %q", q.Metric)
	}
	bucket := q.Bucket
	if bucket == "" {
		bucket = query.BucketWeek
		for _, b := range []query.Bucket{query.BucketDay, query.BucketHour, query.BucketMinute} {
			if length(b) >= interval {
				bucket = b
			}
		}
	}
	return query.Residency{
		Vendors: q.Vendors, Places: q.Places, Countries: q.Countries, By: q.By, Top: q.Top,
		Bucket: bucket,
		// Truncate counts from a Monday, as ISO weeks do.
		Since: within.From.UTC().Truncate(length(bucket)),
		Until: within.To.UTC(),
	}, nil
}

func length(b query.Bucket) time.Duration {
	switch b {
	case query.BucketHour:
		return time.Hour
	case query.BucketDay:
		return 24 * time.Hour
	case query.BucketWeek:
		return 7 * 24 * time.Hour
	}
	return time.Minute
}
