package panel

import (
	"maps"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// frames makes a frame of each series. For expressions they have the points only that there are: a
// reduction of a null gives nothing.
func (l *laid) frames(c *Custom, env Env, q Query, m metric) []*data.Frame {
	if l.cut > 0 {
		c.inform("%d more series, of less, are not shown: ask for a top, and the rest comes as other.", l.cut)
	}
	intervals := q.Intervals
	if env.ForExpression || m.field == "flows" || m.field == "handsets" {
		intervals = intervalsNone
	}
	var out []*data.Frame
	for _, s := range l.series {
		out = append(out, s.frame(l, env, q, m, intervals))
	}
	return out
}

func (s *series) frame(l *laid, env Env, q Query, m metric, intervals string) *data.Frame {
	f := data.NewFrame("")
	at, value, lower, upper := l.times, s.value, s.lower, s.upper
	if env.ForExpression {
		at, value = nil, nil
		for i, v := range s.value {
			if v != nil {
				at, value = append(at, l.times[i]), append(value, v)
			}
		}
	}
	if len(l.times) != 1 || !l.times[0].IsZero() {
		if at == nil {
			at = []time.Time{}
		}
		f.Fields = append(f.Fields, data.NewField("time", nil, at))
	}
	if value == nil {
		value = []*float64{}
	}
	field := data.NewField(m.field, s.labels, value)
	field.SetConfig(&data.FieldConfig{Unit: m.unit, DisplayNameFromDS: s.name, Description: m.description})
	f.Fields = append(f.Fields, field)
	if !s.key.IsOther(q.By) {
		env.link(f, m.field, "Endpoints", q.endpointsOf(s.labels))
	}
	if intervals == intervalsNone {
		return f
	}
	for _, end := range []struct {
		name, description string
		values            []*float64
	}{{"lower", "Lower end of the 95 % interval.", lower}, {"upper", "Upper end of the 95 % interval.", upper}} {
		name := s.name + " " + end.name
		custom := map[string]any{"hideFrom": map[string]bool{"viz": true, "legend": true, "tooltip": false}}
		if intervals == intervalsBand {
			custom = map[string]any{"lineWidth": 0, "hideFrom": map[string]bool{"viz": false, "legend": true, "tooltip": false}}
			if end.name == "upper" {
				custom["fillBelowTo"] = s.name + " lower"
			}
		}
		field := data.NewField(end.name, maps.Clone(s.labels), end.values)
		field.SetConfig(&data.FieldConfig{Unit: m.unit, DisplayNameFromDS: name, Description: end.description, Custom: custom})
		f.Fields = append(f.Fields, field)
	}
	return f
}

// numberTable is a total as Grafana's expressions take it in all versions: one table of texts, which
// become labels, and one number.
func (l *laid) numberTable(m metric) *data.Frame {
	var names []string
	for _, s := range l.series {
		for label := range s.labels {
			if !slices.Contains(names, label) {
				names = append(names, label)
			}
		}
	}
	slices.Sort(names)
	f := data.NewFrame("")
	var told []*series
	for _, s := range l.series {
		if s.value[0] != nil {
			told = append(told, s)
		}
	}
	if len(told) == 0 {
		return f
	}
	for _, label := range names {
		values := make([]string, len(told))
		for i, s := range told {
			values[i] = s.labels[label]
		}
		f.Fields = append(f.Fields, data.NewField(label, nil, values))
	}
	values := make([]*float64, len(told))
	for i, s := range told {
		values[i] = s.value[0]
	}
	field := data.NewField(m.field, nil, values)
	field.SetConfig(&data.FieldConfig{Unit: m.unit, Description: m.description})
	f.Fields = append(f.Fields, field)
	return f
}
