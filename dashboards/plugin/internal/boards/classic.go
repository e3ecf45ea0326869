package boards

import (
	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
)

// What stands in Grafana's classic dashboard JSON, as far as it is used here: what 9.4 and all later
// versions read.
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

// schemaVersion is Grafana 9.4's; later ones migrate it when they load it.
const schemaVersion = 37

// PluginID is the type of the data source.
const PluginID = "landfall-residency-datasource"

// Dashboard is one dashboard.
type Dashboard struct {
	UID           string      `json:"uid"`
	Title         string      `json:"title"`
	Description   string      `json:"description"`
	Tags          []string    `json:"tags"`
	Timezone      string      `json:"timezone"` // buckets are of UTC
	Editable      bool        `json:"editable"`
	GraphTooltip  int         `json:"graphTooltip"` // 1: one cross hair on all panels
	Refresh       string      `json:"refresh"`
	SchemaVersion int         `json:"schemaVersion"`
	Version       int         `json:"version"`
	Time          Time        `json:"time"`
	Links         []Link      `json:"links"`
	Templating    Templating  `json:"templating"`
	Annotations   Annotations `json:"annotations"`
	Panels        []Panel     `json:"panels"`
}

// Time is what a dashboard shows first.
type Time struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Link leads to another dashboard, or from a panel to anything.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type,omitempty"`
	URL         string   `json:"url,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	IncludeVars bool     `json:"includeVars,omitempty"`
	KeepTime    bool     `json:"keepTime,omitempty"`
}

// Templating has a dashboard's variables.
type Templating struct {
	List []Variable `json:"list"`
}

// Variable is of Grafana's types datasource, query, custom and textbox.
type Variable struct {
	Name        string         `json:"name"`
	Label       string         `json:"label"`
	Description string         `json:"description,omitempty"`
	Type        string         `json:"type"`
	DataSource  *DataSourceRef `json:"datasource,omitempty"`
	Query       any            `json:"query"` // a Values, or a text
	Refresh     int            `json:"refresh,omitempty"`
	Sort        int            `json:"sort,omitempty"`
	Multi       bool           `json:"multi,omitempty"`
	IncludeAll  bool           `json:"includeAll,omitempty"`
	AllValue    string         `json:"allValue,omitempty"`
	Options     []Option       `json:"options"`
	Current     any            `json:"current"`
	Hide        int            `json:"hide"`
}

// Option is one value of a variable.
type Option struct {
	Selected bool   `json:"selected"`
	Text     string `json:"text"`
	Value    string `json:"value"`
}

// Values asks the data source for the values of a dimension.
type Values struct {
	RefID     string `json:"refId"`
	QueryType string `json:"queryType"` // values
	Dimension string `json:"dimension"`
}

// Annotations has a dashboard's annotations.
type Annotations struct {
	List []Annotation `json:"list"`
}

// Annotation marks events on all panels over time.
type Annotation struct {
	Name       string        `json:"name"`
	Enable     bool          `json:"enable"`
	Hide       bool          `json:"hide"`
	IconColor  string        `json:"iconColor"`
	DataSource DataSourceRef `json:"datasource"`
	Target     Target        `json:"target"`
}

// DataSourceRef names a data source.
type DataSourceRef struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Target is a query of a panel.
type Target struct {
	RefID      string        `json:"refId"`
	DataSource DataSourceRef `json:"datasource"`
	panel.Query
}

// Panel is a rectangle of a dashboard.
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	GridPos         Grid             `json:"gridPos"`
	DataSource      *DataSourceRef   `json:"datasource,omitempty"`
	Targets         []Target         `json:"targets,omitempty"`
	FieldConfig     FieldConfig      `json:"fieldConfig"`
	Options         map[string]any   `json:"options"`
	Links           []Link           `json:"links,omitempty"`
	Transformations []Transformation `json:"transformations,omitempty"`
}

// Grid is a place on a grid of 24 columns.
type Grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// FieldConfig says how values look.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field is how one value looks. Units and names come from the data source.
type Field struct {
	Unit       string         `json:"unit,omitempty"`
	NoValue    string         `json:"noValue,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	Decimals   *int           `json:"decimals,omitempty"`
	Color      map[string]any `json:"color,omitempty"`
	Thresholds *Thresholds    `json:"thresholds,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
	Links      []Link         `json:"links,omitempty"`
}

// Thresholds colour values.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is the colour from a value on; nil: of all below the next.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override sets properties of the fields that match.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher finds fields.
type Matcher struct {
	ID      string `json:"id"`
	Options any    `json:"options"`
}

// Property is one setting of a field.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// Transformation changes frames before they are shown.
type Transformation struct {
	ID      string         `json:"id"`
	Options map[string]any `json:"options"`
}
