package panel

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// completeness answers with what share of what the exporters sent was counted.
func completeness(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	format, asked := q.Format, q.Bucket
	if format == formatNumber {
		if asked != bucketAuto && asked != string(query.BucketTotal) {
			return nil, badQuery("a number is a total, and the bucket is the %s: take bucket total, or a time series", asked)
		}
		asked = string(query.BucketTotal)
	}
	b, err := t.bucket(asked, query.BucketHour, "the ledger is asked by the hour")
	if err != nil {
		return nil, err
	}
	if b == query.BucketTotal && format == formatSeries {
		return nil, badQuery("a total is no time series: take another bucket, or the format number")
	}
	if format == formatAuto || env.ForExpression {
		format = formatSeries
		if b == query.BucketTotal {
			format = formatNumber
		}
	}
	since, until := t.span(b, time.Hour)
	a, err := env.Client.Completeness(ctx, query.Completeness{
		Exporters: q.Exporters, Operators: q.Operators, Sites: q.Sites, Bucket: b, Since: since, Until: until,
	})
	if err != nil {
		return nil, err
	}
	c := about(a.Basis)
	var infos []query.BucketInfo
	for _, b := range a.Buckets {
		infos = append(infos, query.BucketInfo{Bucket: b.Bucket, Completeness: b.CompletenessSummary})
	}
	c.buckets(infos, env, b != query.BucketTotal)
	c.Revisions = []uint16{} // the ledger has none
	c.collectors(a.Collectors)
	switch format {
	case formatTable:
		return c.attach(data.FrameTypeTable, ledgerTable(a)), nil
	case formatNumber:
		return c.attach(data.FrameTypeNumericLong, exporterNumbers(a, q.Metric)), nil
	}
	return c.attach(data.FrameTypeTimeSeriesMulti, exporterSeries(a, q.Metric, env)...), nil
}

// collectors warns of what collectors lost that is no exporter's.
func (c *Custom) collectors(all []query.CollectorLoss) {
	sums := make(map[string]map[string]uint64)
	for _, l := range all {
		name := l.Collector
		if sums[name] == nil {
			sums[name] = make(map[string]uint64)
		}
		for _, loss := range l.Losses {
			sums[name][loss.What] += loss.Amount
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		var parts []string
		for _, what := range slices.Sorted(maps.Keys(sums[name])) {
			parts = append(parts, fmt.Sprintf("%s %d", what, sums[name][what]))
		}
		c.warn("Collector %q lost, of whose it is not known: %s.", name, strings.Join(parts, ", "))
	}
}

type exporterRow = query.ExporterCompleteness

func ledgerTable(a query.CompletenessAnswer) *data.Frame {
	var columns []column[exporterRow]
	if a.Question.Bucket != query.BucketTotal {
		columns = append(columns, moments("time", "Time", func(r *exporterRow) time.Time { return r.Bucket }))
	}
	columns = append(columns,
		texts("operator", "Operator", func(r *exporterRow) string { return r.Operator }),
		texts("site", "Site", func(r *exporterRow) string { return r.Site }),
		texts("exporter", "Exporter", func(r *exporterRow) string { return r.Exporter }),
		texts("export_protocol", "Protocol", func(r *exporterRow) string { return r.ExportProtocol }),
		figures("sent", "Sent", unitNumber, "Flows, by the exporter's own sequence numbers.", func(r *exporterRow) *float64 { return number(r.Sent) }),
		figures("counted", "Counted", unitNumber, "Flows.", func(r *exporterRow) *float64 { return number(r.Counted) }),
		figures("share", "Share counted", unitShare, "Counted by sent.", func(r *exporterRow) *float64 { return r.Share }),
		truths("estimated", "Estimated", "The protocol numbers datagrams, and not flows.", func(r *exporterRow) *bool { return &r.Estimated }),
		figures("silent_hours", "Silent hours", unitNumber, "Whole hours without a datagram.", func(r *exporterRow) *float64 { return number(r.SilentHours) }),
		moments("silent_since", "Silent since", func(r *exporterRow) time.Time { return r.SilentSince }),
	)
	var kinds []string
	for _, r := range a.Rows {
		for _, l := range r.Losses {
			if !slices.Contains(kinds, l.What) {
				kinds = append(kinds, l.What)
			}
		}
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		columns = append(columns, figures(kind, strings.ReplaceAll(kind, "_", " "), unitNumber, "", func(r *exporterRow) *float64 {
			i := slices.IndexFunc(r.Losses, func(l query.Loss) bool { return l.What == kind })
			if i < 0 {
				return number(0)
			}
			return number(r.Losses[i].Amount)
		}))
	}
	return table(a.Rows, columns)
}

type exporterID struct{ operator, site, exporter string }

func (id exporterID) labels() data.Labels {
	return data.Labels{"operator": id.operator, "site": id.site, "exporter": id.exporter}
}

// perExporter adds up the protocols of each exporter, by bucket; the value is nil where it sent
// nothing that we know of.
func perExporter(a query.CompletenessAnswer, metric string) (ids []exporterID, of map[exporterID]map[time.Time]*float64) {
	type sums struct {
		sent, counted uint64
		silent        int
	}
	all := make(map[exporterID]map[time.Time]*sums)
	for _, r := range a.Rows {
		id := exporterID{r.Operator, r.Site, r.Exporter}
		if all[id] == nil {
			ids = append(ids, id)
			all[id] = make(map[time.Time]*sums)
		}
		if all[id][r.Bucket] == nil {
			all[id][r.Bucket] = &sums{}
		}
		s := all[id][r.Bucket]
		s.sent += r.Sent
		s.counted += r.Counted
		s.silent = max(s.silent, r.SilentHours) // each protocol's row has the exporter's
	}
	of = make(map[exporterID]map[time.Time]*float64)
	for id, buckets := range all {
		of[id] = make(map[time.Time]*float64)
		for at, s := range buckets {
			switch {
			case metric == "silent_hours":
				of[id][at] = number(s.silent)
			case s.sent > 0:
				of[id][at] = number(float64(s.counted) / float64(s.sent))
			}
		}
	}
	slices.SortFunc(ids, func(x, y exporterID) int {
		return cmp.Or(cmp.Compare(x.operator, y.operator), cmp.Compare(x.site, y.site), cmp.Compare(x.exporter, y.exporter))
	})
	return ids, of
}

// ledgerField is the name, the unit and the meaning of a metric.
func ledgerField(metric string) (name, unit, description string) {
	if metric == "silent_hours" {
		return metric, unitNumber, "Whole hours without a datagram, of an exporter that had sent something in the seven days before."
	}
	return "share_counted", unitShare, "Flows counted of those that the exporter says it sent."
}

func exporterSeries(a query.CompletenessAnswer, metric string, env Env) []*data.Frame {
	ids, of := perExporter(a, metric)
	var all []time.Time
	for at := a.Question.Since; at.Before(a.Question.Until); at = at.Add(length(a.Question.Bucket)) {
		all = append(all, at)
	}
	name, unit, description := ledgerField(metric)
	var out []*data.Frame
	for _, id := range ids {
		var at []time.Time
		var values []*float64
		for _, t := range all {
			v := of[id][t]
			if v == nil && env.ForExpression {
				continue
			}
			at, values = append(at, t), append(values, v)
		}
		if at == nil {
			continue
		}
		field := data.NewField(name, id.labels(), values)
		field.SetConfig(&data.FieldConfig{Unit: unit, DisplayNameFromDS: id.exporter, Description: description})
		out = append(out, data.NewFrame("", data.NewField("time", nil, at), field))
	}
	return out
}

func exporterNumbers(a query.CompletenessAnswer, metric string) *data.Frame {
	ids, of := perExporter(a, metric)
	type row struct {
		id    exporterID
		value *float64
	}
	var rows []row
	for _, id := range ids {
		if v := of[id][time.Time{}]; v != nil {
			rows = append(rows, row{id, v})
		}
	}
	name, unit, description := ledgerField(metric)
	return numberTable(rows, []column[row]{
		texts("operator", "Operator", func(r *row) string { return r.id.operator }),
		texts("site", "Site", func(r *row) string { return r.id.site }),
		texts("exporter", "Exporter", func(r *row) string { return r.id.exporter }),
		figures(name, "", unit, description, func(r *row) *float64 { return r.value }),
	})
}
