package residency

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// frames makes one time series for each combination of the question's dimensions, all with the same
// times: where a series has no row it sent nothing, and says 0. Without a bucket it is one number
// for each combination. An answer without a row is one frame without fields.
func frames(a query.ResidencyAnswer, m metric, refID string) data.Frames {
	meta := func() *data.FrameMeta {
		kind := data.FrameTypeTimeSeriesMulti
		if a.Question.Bucket == query.BucketTotal {
			kind = data.FrameTypeNumericMulti
		}
		return &data.FrameMeta{Type: kind, TypeVersion: data.FrameTypeVersion{0, 1}, ExecutedQueryString: a.SQL}
	}
	if len(a.Rows) == 0 {
		empty := data.NewFrame("").SetMeta(meta())
		empty.RefID = refID
		return data.Frames{empty}
	}
	var times []time.Time // rising, as the rows are
	for _, row := range a.Rows {
		if len(times) == 0 || !times[len(times)-1].Equal(row.Bucket) {
			times = append(times, row.Bucket)
		}
	}
	var names []string // in the order of the first rows
	values := make(map[string][]float64)
	labels := make(map[string]data.Labels)
	at := 0
	for _, row := range a.Rows {
		for !times[at].Equal(row.Bucket) {
			at++
		}
		name, l := describe(row, a.Question.By)
		if values[name] == nil {
			names = append(names, name)
			values[name], labels[name] = make([]float64, len(times)), l
		}
		values[name][at] += m.value(row)
	}
	// "other" comes last, as in a table.
	slices.SortStableFunc(names, func(x, y string) int { return last(x) - last(y) })
	var out data.Frames
	for _, name := range names {
		field := data.NewField(m.name, labels[name], values[name])
		field.SetConfig(&data.FieldConfig{Unit: m.unit, DisplayNameFromDS: name})
		frame := data.NewFrame("")
		if a.Question.Bucket != query.BucketTotal {
			frame.Fields = append(frame.Fields, data.NewField("time", nil, times))
		}
		frame.Fields = append(frame.Fields, field)
		frame.RefID = refID
		out = append(out, frame.SetMeta(meta()))
	}
	return out
}

func last(name string) int {
	if name == query.Other {
		return 1
	}
	return 0
}

// describe names a row by its dimensions: for people, and as labels.
func describe(row query.ResidencyRow, by []query.Dimension) (string, data.Labels) {
	var parts []string
	l := data.Labels{}
	for _, d := range by {
		var value string
		switch d {
		case query.ByVendor:
			value = row.Vendor
		case query.ByPlace:
			value = row.Place
		case query.ByCountry:
			value = row.Country
		case query.ByASN:
			value = fmt.Sprintf("AS%d", row.ASN)
			if row.ASN == 0 {
				value = row.ASOrganization
			}
		case query.ByCloudRegion:
			value = strings.TrimSpace(row.CloudProvider + " " + row.CloudRegion)
		case query.ByConfidence:
			value = row.Confidence
		}
		l[string(d)] = value
		if !slices.Contains(parts, value) || value != query.Other {
			parts = append(parts, value)
		}
	}
	if len(parts) == 0 {
		return "all", l
	}
	return strings.Join(parts, ", "), l
}
