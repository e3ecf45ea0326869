package panel

import (
	"context"
	"slices"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// countries answers with a figure for each country, as Grafana's map takes it: the first row is empty,
// because the map of Grafana 9 never colours that.
func countries(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	q.By = []query.Dimension{query.ByCountry}
	a, err := ask(ctx, env, q, t, query.BucketTotal)
	if err != nil {
		return nil, err
	}
	c := about(a.Basis)
	c.buckets(a.Buckets, env, false)
	c.dataSets(a.DataSets, a.DataSetsMore)
	c.withheld(a)
	type row struct {
		alpha2, alpha3, name string
		value                *float64
		interval             estimate.Interval
	}
	m := q.figure()
	rows := []row{{}}
	for i := range a.Rows {
		r := &a.Rows[i]
		iso, _ := geo.CountryOf(r.Country)
		one := row{alpha2: r.Country, alpha3: iso.Alpha3, name: r.CountryName}
		if !r.Suppressed {
			v, interval := m.of(&r.Cell)
			one.value, one.interval = &v, interval
		}
		rows = append(rows, one)
	}
	columns := []column[row]{
		texts("country", "Country", func(r *row) string { return r.alpha2 }),
		texts("country_alpha3", "Country (ISO 3166-1 alpha-3)", func(r *row) string { return r.alpha3 }),
		texts("country_name", "Name of the country", func(r *row) string { return r.name }),
	}
	if env.ForExpression || q.Format == formatNumber {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.value == nil })
		known, err := counted(ctx, env, a)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 && known(a.Since) {
			rows = append(rows, row{value: number(0.0)})
		}
		columns = append(columns, figures("value", m.title, m.unit, m.description, func(r *row) *float64 { return r.value }))
		return c.attach(data.FrameTypeNumericLong, numberTable(rows, columns)), nil
	}
	columns = append(columns,
		figures("value", m.title, m.unit, m.description, func(r *row) *float64 { return r.value }),
		figures("lower", m.title+", lower end", m.unit, "Lower end of the 95 % interval.", func(r *row) *float64 { return endOf(r.value, r.interval.Low) }),
		figures("upper", m.title+", upper end", m.unit, "Upper end of the 95 % interval.", func(r *row) *float64 { return endOf(r.value, r.interval.High) }))
	f := table(rows, columns)
	env.link(f, "value", "Endpoints there", q.endpointsOf(fromColumns([]query.Dimension{query.ByCountry})))
	return c.attach(data.FrameTypeTable, f), nil
}

// endOf is an end of the interval of a figure that is told.
func endOf(value *float64, end float64) *float64 {
	if value == nil {
		return nil
	}
	return &end
}
