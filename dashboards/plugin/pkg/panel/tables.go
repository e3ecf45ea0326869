package panel

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// column is a column of a table over rows of one kind.
type column[T any] struct {
	name, title, unit, description string
	values                         func(rows []T) any // a slice, as data.NewField takes it
}

func texts[T any](name, title string, of func(*T) string) column[T] {
	return column[T]{name: name, title: title, values: func(rows []T) any {
		out := make([]string, len(rows))
		for i := range rows {
			out[i] = of(&rows[i])
		}
		return out
	}}
}

// moments are times; a zero one is null.
func moments[T any](name, title string, of func(*T) time.Time) column[T] {
	return column[T]{name: name, title: title, values: func(rows []T) any {
		out := make([]*time.Time, len(rows))
		for i := range rows {
			if at := of(&rows[i]); !at.IsZero() {
				out[i] = &at
			}
		}
		return out
	}}
}

func truths[T any](name, title, description string, of func(*T) *bool) column[T] {
	return column[T]{name: name, title: title, description: description, values: func(rows []T) any {
		out := make([]*bool, len(rows))
		for i := range rows {
			out[i] = of(&rows[i])
		}
		return out
	}}
}

// figures are figures; a nil one is null.
func figures[T any](name, title, unit, description string, of func(*T) *float64) column[T] {
	return column[T]{name: name, title: title, unit: unit, description: description, values: func(rows []T) any {
		out := make([]*float64, len(rows))
		for i := range rows {
			out[i] = of(&rows[i])
		}
		return out
	}}
}

// estimated are a figure and the ends of its interval, three columns.
func estimated[T any](name, title, unit, description string, of func(*T) (*float64, estimate.Interval)) []column[T] {
	end := func(of func(*T) (*float64, estimate.Interval), pick func(estimate.Interval) float64) func(*T) *float64 {
		return func(row *T) *float64 {
			v, i := of(row)
			if v == nil {
				return nil
			}
			e := pick(i)
			return &e
		}
	}
	return []column[T]{
		figures(name, title, unit, description, func(row *T) *float64 { v, _ := of(row); return v }),
		figures(name+"_lower", title+", lower end", unit, "Lower end of the 95 % interval.", end(of, func(i estimate.Interval) float64 { return i.Low })),
		figures(name+"_upper", title+", upper end", unit, "Upper end of the 95 % interval.", end(of, func(i estimate.Interval) float64 { return i.High })),
	}
}

// table makes a frame of columns.
func table[T any](rows []T, columns []column[T]) *data.Frame {
	f := data.NewFrame("")
	for _, c := range columns {
		field := data.NewField(c.name, nil, c.values(rows))
		field.SetConfig(&data.FieldConfig{DisplayNameFromDS: c.title, Unit: c.unit, Description: c.description})
		f.Fields = append(f.Fields, field)
	}
	return f
}

// numberTable is a table of texts and one number, which is what Grafana's expressions take in all
// versions: the texts become labels. Without a row it is a frame without fields, which is no data.
func numberTable[T any](rows []T, columns []column[T]) *data.Frame {
	if len(rows) == 0 {
		return data.NewFrame("")
	}
	return table(rows, columns)
}

func number[N uint64 | int64 | int | float64](v N) *float64 {
	f := float64(v)
	return &f
}

// residencyTable has a row for each row of the answer.
func residencyTable(a query.ResidencyAnswer) *data.Frame {
	type row = query.ResidencyRow
	var columns []column[row]
	if a.Question.Bucket != query.BucketTotal {
		columns = append(columns, moments("time", "Time", func(r *row) time.Time { return r.Bucket }))
	}
	for _, c := range keyColumns(a.Question.By) {
		columns = append(columns, texts(c.name, c.title, func(r *row) string { return c.of(&r.Key) }))
	}
	told := func(of func(*row) float64) func(*row) *float64 {
		return func(r *row) *float64 {
			if r.Suppressed {
				return nil
			}
			return number(of(r))
		}
	}
	columns = append(columns, estimated("bytes_up", "Bytes up", unitBytes, "From handsets to remote ends.", func(r *row) (*float64, estimate.Interval) {
		return told(func(r *row) float64 { return float64(r.BytesUp) })(r), r.BytesUpInterval
	})...)
	columns = append(columns, estimated("bytes_down", "Bytes down", unitBytes, "From remote ends to handsets.", func(r *row) (*float64, estimate.Interval) {
		return told(func(r *row) float64 { return float64(r.BytesDown) })(r), r.BytesDownInterval
	})...)
	columns = append(columns, estimated("share_up", "Share up", unitShare, "Share of the bytes up of the same time.", func(r *row) (*float64, estimate.Interval) {
		return told(func(r *row) float64 { return r.ShareUp })(r), r.ShareUpInterval
	})...)
	columns = append(columns,
		figures("packets_up", "Packets up", unitNumber, "", told(func(r *row) float64 { return float64(r.PacketsUp) })),
		figures("packets_down", "Packets down", unitNumber, "", told(func(r *row) float64 { return float64(r.PacketsDown) })),
		figures("flows", "Flows", unitNumber, "As exported, not scaled up.", told(func(r *row) float64 { return float64(r.Flows) })),
	)
	if a.Question.MinHandsets > 0 {
		columns = append(columns, figures("handsets", "Handsets", unitNumber, "Distinct handsets.", told(func(r *row) float64 { return float64(r.Handsets) })))
	}
	return table(a.Rows, columns)
}
