package panel

import (
	"slices"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// link puts a link to another query of this data source on a column. Grafana fills in the values of
// the row that it is clicked on.
func (env Env) link(f *data.Frame, column, title string, q Query) {
	if env.SourceUID == "" || env.ForExpression {
		return
	}
	field, i := f.FieldByName(column)
	if i < 0 {
		return
	}
	if field.Config == nil {
		field.Config = &data.FieldConfig{}
	}
	field.Config.Links = append(field.Config.Links, data.DataLink{
		Title: title, Internal: &data.InternalDataLink{Query: q, DatasourceUID: env.SourceUID, DatasourceName: env.SourceName},
	})
}

// fromColumns are the dimensions of a row, as variables of Grafana that stand for its columns.
func fromColumns(by []query.Dimension) data.Labels {
	l := data.Labels{}
	for _, d := range by {
		l[string(d)] = "${__data.fields." + string(d) + "}"
		if d == query.ByCloudRegion {
			l[string(d)] = "${__data.fields.cloud_provider} ${__data.fields.cloud_region}"
		}
	}
	return l
}

// notOfEndpoints are the dimensions that the history of endpoints does not have.
var notOfEndpoints = []query.Dimension{query.BySide, query.ByVendorMethod}

// filters are the filters of a query, without those that are not for another type.
func (q *Query) filters(kind string) Query {
	out := Query{Type: kind}
	for _, a := range q.Filters {
		if kind != TypeEndpoints || !slices.Contains(notOfEndpoints, query.Dimension(a.Key)) {
			out.Filters = append(out.Filters, a)
		}
	}
	from, to := q.lists(), out.lists()
	for i, l := range from {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == l.name })
		if types := fields[at].types; types == nil || slices.Contains(types, kind) {
			*to[i].values = slices.Clone(*l.values)
		}
	}
	return out
}

// endpointsOf asks for the remote ends behind a figure.
func (q *Query) endpointsOf(key data.Labels) Query {
	out := q.filters(TypeEndpoints)
	out.narrow(key)
	return out
}

// narrow keeps what has the values of a key; a dimension that the type has no filter for is left.
func (q *Query) narrow(key data.Labels) {
	for _, d := range query.Dimensions() {
		value, ok := key[string(d)]
		if !ok || value == query.Other || q.Type == TypeEndpoints && slices.Contains(notOfEndpoints, d) {
			continue
		}
		lists := q.lists()
		if i := slices.IndexFunc(lists, func(l list) bool { return l.dimension == d }); i >= 0 {
			*lists[i].values = []string{value}
			continue
		}
		q.Filters = append(slices.Clone(q.Filters), AdHoc{Key: string(d), Operator: "=", Value: value})
	}
}
