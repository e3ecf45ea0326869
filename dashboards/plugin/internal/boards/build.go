package boards

import (
	"fmt"
	"strings"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// source is the data source that the variable of this name chooses.
var source = DataSourceRef{Type: PluginID, UID: "${source}"}

const tag = "landfall"

// The uids of the dashboards; links and alert rules name them.
const (
	Overview     = "landfall-overview"
	Migration    = "landfall-migration"
	Vendor       = "landfall-vendor"
	Endpoints    = "landfall-endpoints"
	NewEndpoints = "landfall-new-endpoints"
	Exfiltration = "landfall-exfiltration"
	Pipeline     = "landfall-pipeline"
)

// All dashboards, in the order in which an analyst reads them.
func All() []Dashboard {
	return []Dashboard{
		overview(), migration(), vendor(), endpoints(), newEndpoints(), exfiltration(), pipeline(),
	}
}

func dashboard(uid, title, description, from string, variables []Variable, panels ...Panel) Dashboard {
	d := Dashboard{
		UID: uid, Title: "Landfall: " + title, Description: description, Tags: []string{tag},
		Timezone: "utc", Editable: true, GraphTooltip: 1, SchemaVersion: schemaVersion, Version: 1,
		Time: Time{From: from, To: "now"},
		Links: []Link{{
			Title: "Landfall", Type: "dashboards", Tags: []string{tag}, AsDropdown: true, IncludeVars: true, KeepTime: true,
		}},
		Templating:  Templating{List: append([]Variable{sourceVariable()}, variables...)},
		Annotations: Annotations{List: []Annotation{events("Data sets and policies", "blue", "data_set", "policy"), events("Silent exporters", "orange", "outage")}},
		Panels:      panels,
	}
	for i := range d.Panels {
		d.Panels[i].ID = i + 1
	}
	return d
}

func events(name, color string, kinds ...string) Annotation {
	return Annotation{
		Name: name, Enable: true, IconColor: color, DataSource: source,
		Target: target(panel.Query{Type: panel.TypeAnnotations, Events: kinds, Sites: filter("site")}),
	}
}

func sourceVariable() Variable {
	return Variable{
		Name: "source", Label: "Data source", Type: "datasource", Query: PluginID, Refresh: 1,
		Options: []Option{}, Current: map[string]any{},
	}
}

// values lets choose among the values of a dimension; several, or all.
func values(name, label, dimension string) Variable {
	return Variable{
		Name: name, Label: label, Type: "query", DataSource: &source,
		Query:   Values{RefID: name, QueryType: "values", Dimension: dimension},
		Refresh: 2, // with the time range
		Multi:   true, IncludeAll: true, AllValue: "*",
		Options: []Option{}, Current: map[string]any{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
	}
}

// chosen sets what is chosen first.
func (v Variable) chosen(these ...string) Variable {
	v.Current = map[string]any{"selected": true, "text": these, "value": these}
	return v
}

func choice(name, label string, options ...string) Variable {
	v := Variable{Name: name, Label: label, Type: "custom", Query: strings.Join(options, ","), Options: []Option{}}
	for i, o := range options {
		v.Options = append(v.Options, Option{Selected: i == 0, Text: o, Value: o})
	}
	v.Current = v.Options[0]
	return v
}

func text(name, label, description, value string) Variable {
	o := Option{Selected: true, Text: value, Value: value}
	return Variable{Name: name, Label: label, Description: description, Type: "textbox", Query: value, Options: []Option{o}, Current: o}
}

func period() Variable { return choice("period", "Step", "auto", "hour", "day", "week") }

// filter is a filter by a variable.
func filter(variable string) []string { return []string{"$" + variable} }

func by(dimensions ...query.Dimension) []query.Dimension { return dimensions }

func target(q panel.Query) Target { return Target{RefID: "A", DataSource: source, Query: q} }

// at places a panel: columns and rows from the left top, width and height.
func (p Panel) at(x, y, w, h int) Panel {
	p.GridPos = Grid{X: x, Y: y, W: w, H: h}
	return p
}

// to leads from the panel to other dashboards; time and variables are kept.
func (p Panel) to(uids ...string) Panel {
	titles := map[string]string{
		Overview: "Overview", Migration: "Migration", Vendor: "Vendor", Endpoints: "Endpoints",
		NewEndpoints: "New foreign endpoints", Exfiltration: "Exfiltration signs", Pipeline: "Pipeline and exporters",
	}
	for _, uid := range uids {
		p.Links = append(p.Links, Link{Title: titles[uid], URL: fmt.Sprintf("/d/%s?${__url_time_range}&${__all_variables}", uid)})
	}
	return p
}

func newPanel(kind, title, description string, q panel.Query, options map[string]any) Panel {
	return Panel{
		Type: kind, Title: title, Description: description, DataSource: &source, Targets: []Target{target(q)},
		FieldConfig: FieldConfig{Defaults: Field{NoValue: "Nothing was counted in this time"}, Overrides: []Override{}},
		Options:     options,
	}
}

// lines shows figures over time; stacked makes them parts of a hundred.
func lines(title, description string, q panel.Query) Panel {
	p := newPanel("timeseries", title, description, q, map[string]any{
		"legend":  map[string]any{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"mean", "lastNotNull"}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	})
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "palette-classic"}
	p.FieldConfig.Defaults.Custom = map[string]any{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto",
		"pointSize": 4, "spanNulls": false, "axisPlacement": "auto", "stacking": map[string]any{"mode": "none", "group": "A"},
	}
	return p
}

func (p Panel) stacked() Panel {
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 70
	p.FieldConfig.Defaults.Custom["lineWidth"] = 1
	p.FieldConfig.Defaults.Custom["showPoints"] = "never"
	p.FieldConfig.Defaults.Custom["stacking"] = map[string]any{"mode": "percent", "group": "A"}
	return p
}

// below keeps the legend under the lines, where the panel is narrow.
func (p Panel) below() Panel {
	p.Options["legend"] = map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	return p
}

func stat(title, description string, q panel.Query, calc, fields string) Panel {
	p := newPanel("stat", title, description, q, map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{calc}, "fields": fields, "values": false},
		"colorMode":     "value", "graphMode": "none", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
	})
	if calc == "count" { // of rows: the name of the column that is counted says nothing
		p.Options["textMode"] = "value"
	}
	p.FieldConfig.Defaults.NoValue = "–"
	return p
}

func bars(title, description string, q panel.Query) Panel {
	return newPanel("bargauge", title, description, q, map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": true},
		"orientation":   "horizontal", "displayMode": "basic", "showUnfilled": true, "minVizWidth": 0, "minVizHeight": 16,
	})
}

// rows is a table. Columns are hidden by name; the data stay complete for who exports them.
func rows(title, description string, q panel.Query, hidden ...string) Panel {
	p := newPanel("table", title, description, q, map[string]any{"showHeader": true, "cellHeight": "sm", "sortBy": []any{}})
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "filterable": true}
	if len(hidden) > 0 {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, Override{
			Matcher:    Matcher{ID: "byRegexp", Options: "/^(" + strings.Join(hidden, "|") + ")$/"},
			Properties: []Property{{ID: "custom.hidden", Value: true}},
		})
	}
	return p
}

// coloured colours values from green over others, each from a value on.
func (p Panel) coloured(first string, steps ...Step) Panel {
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = &Thresholds{Mode: "absolute", Steps: append([]Step{{Color: first}}, steps...)}
	return p
}

// share draws from 0 to 1, whatever the values are.
func (p Panel) share() Panel {
	low, high := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &low, &high
	return p
}

func from(color string, value float64) Step { return Step{Color: color, Value: &value} }
