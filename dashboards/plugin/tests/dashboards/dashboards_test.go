// Package dashboards_test holds the dashboards in dashboards/json against the data source: every query
// is answered from a real ClickHouse, and whatever a dashboard names is there.
package dashboards_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/boards"
	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

const folder = "../../../json"

// read reads the dashboards as Grafana would, from the files.
func read(t *testing.T) []boards.Dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != len(boards.All()) {
		t.Fatalf("%d files in %s, want %d: %v", len(files), folder, len(boards.All()), err)
	}
	var all []boards.Dashboard
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d boards.Dashboard
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID+".json" != filepath.Base(file) {
			t.Errorf("%s has the uid %s", file, d.UID)
		}
		all = append(all, d)
	}
	return all
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const days = 21

// seed is three weeks in which Xiaomi's handsets go from Beijing to Oregon and to Singapore, by day and
// by night, and reach a country for the first time on the last day; an exporter loses flows and is
// silent for some hours; a data set and a policy are new.
func seed(t *testing.T) panel.Env {
	t.Helper()
	db, config := flowstest.Start(t)
	flow := func(at time.Time, vendor, country, subdivision, remote string, up uint64) flowstest.Flow {
		return flowstest.Flow{
			Start: at, Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: "192.0.2.1",
			Subscriber: up, Vendor: vendor, Country: country, Subdivision: subdivision, Confidence: "single", Remote: remote,
			ASN: 64500 + uint32(country[0]), DataSets: fmt.Sprint("city ", 1+at.Sub(monday)/(240*time.Hour)), Organization: "AS of " + remote, CloudProvider: "aws", CloudName: "us-west-2",
			Jurisdiction: country + " law", Verdict: landfallv1.Verdict_VERDICT_ALLOWED,
			OctetsUp: up, OctetsDown: up / 2, PacketsUp: 2, PacketsDown: 3, SamplingInterval: 10,
		}
	}
	for d := range days {
		at := monday.AddDate(0, 0, d)
		var all []flowstest.Flow
		for _, hour := range []int{3, 12, 20, 23} {
			h := at.Add(time.Duration(hour) * time.Hour)
			all = append(all,
				flow(h, "Xiaomi", "CN", "CN-BJ", "203.0.113.7", uint64(2200-100*d)),
				flow(h, "Xiaomi", "US", "US-OR", "198.51.100.7", uint64(100+100*d)),
				flow(h, "Xiaomi", "SG", "", "198.51.100.77", 300), flow(h, "Apple", "US", "US-CA", "198.51.100.9", 500))
		}
		if d == days-1 {
			all = append(all, flow(at, "Xiaomi", "RU", "RU-MOW", "192.0.2.200", 77))
		}
		flowstest.InsertPlanned(t, config, fmt.Sprint("day ", d), at.Add(24*time.Hour), nil, all...)
	}
	conn := db.Conn(t)
	for _, sql := range []string{
		`INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount)
SELECT toDateTime('2026-03-02 00:00:00', 'UTC') + toIntervalHour(number), 'test', 'test', 'c1', toIPv6('::ffff:192.0.2.1'), 'ipfix', w, 100
FROM numbers(` + fmt.Sprint(24*days) + `) AS n CROSS JOIN (SELECT arrayJoin(['datagrams', 'flows', 'lost_flows']) AS w) AS whats
WHERE number NOT BETWEEN 490 AND 495`,
		`INSERT INTO data_sets (name, version, in_force_from, credit, first_used) VALUES ('city', '2', toDateTime64('2026-03-22 01:00:00', 3, 'UTC'), 'DB-IP', toDateTime64('2026-03-22 01:00:00', 3, 'UTC'))`,
	} {
		if err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return panel.Env{
		Client: query.New(conn, db.Database, query.Options{}), Name: geo.Name, CompletenessBound: 0.99,
		SourceUID: "landfall", SourceName: "Landfall",
	}
}

var variable = regexp.MustCompile(`\$\{?(\w+)`)

// settled are a query's forms with every value of its variables: as the front end does it, a filter whose
// variable stands for all goes away.
func settled(t *testing.T, d boards.Dashboard, target boards.Target) []json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(target.Query)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	forms := []map[string]any{fields}
	for name, value := range fields {
		switch v := value.(type) {
		case []any:
			if name == "filters" || len(v) == 1 && strings.HasPrefix(fmt.Sprint(v[0]), "$") {
				delete(fields, name)
			}
		case map[string]any:
			if zone, ok := v["location"].(string); ok && strings.HasPrefix(zone, "$") {
				v["location"] = find(t, d, zone[1:]).Options[0].Value
			}
		}
	}
	for name, value := range maps.Clone(fields) {
		text, ok := value.(string)
		if !ok || !strings.HasPrefix(text, "$") {
			continue
		}
		var next []map[string]any
		for _, form := range forms {
			for _, option := range find(t, d, text[1:]).Options {
				one := maps.Clone(form)
				one[name] = option.Value
				next = append(next, one)
			}
		}
		forms = next
	}
	var out []json.RawMessage
	for _, form := range forms {
		raw, err := json.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, raw)
	}
	return out
}

func find(t *testing.T, d boards.Dashboard, name string) boards.Variable {
	t.Helper()
	i := slices.IndexFunc(d.Templating.List, func(v boards.Variable) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("%s has no variable %s", d.UID, name)
	}
	return d.Templating.List[i]
}

// Units of Grafana's that the frames have.
var units = []string{"", "decbytes", "short", "percentunit", "none", "s", "dateTimeFromNow"}

// Every query is answered, with rows; what a panel hides or reduces is there.
func TestPanelsAnswer(t *testing.T) {
	env := seed(t)
	end := monday.AddDate(0, 0, days)
	for _, d := range read(t) {
		from := end.AddDate(0, 0, -7)
		if d.UID == boards.Migration || d.UID == boards.Overview {
			from = monday
		}
		ask := func(t *testing.T, name string, target boards.Target) data.Frames {
			var frames data.Frames
			for _, raw := range settled(t, d, target) {
				if _, err := panel.Decode(raw, target.Query.Type); err != nil {
					t.Fatalf("%s: %s: %v", name, raw, err)
				}
				answered, err := panel.Answer(t.Context(), env, backend.DataQuery{
					RefID: target.RefID, QueryType: target.Query.Type, JSON: raw, Interval: time.Hour, MaxDataPoints: 1000,
					TimeRange: backend.TimeRange{From: from, To: end},
				})
				if err != nil {
					t.Fatalf("%s: %s: %v", name, raw, err)
				}
				n := 0
				for _, f := range answered {
					n += f.Rows()
				}
				if n == 0 {
					t.Errorf("%s: %s: no row", name, raw)
				}
				frames = answered
			}
			return frames
		}
		for _, a := range d.Annotations.List {
			if a.Target.Query.Type != panel.TypeAnnotations {
				t.Errorf("%s: annotation %s asks %s", d.UID, a.Name, a.Target.Query.Type)
			}
			ask(t, d.UID+", annotation "+a.Name, a.Target)
		}
		for _, p := range d.Panels {
			t.Run(d.UID+"/"+p.Title, func(t *testing.T) {
				for _, target := range p.Targets {
					frames := ask(t, p.Title, target)
					titles := make(map[string]bool)
					for _, f := range frames {
						for _, field := range f.Fields {
							if field.Config == nil {
								titles[field.Name] = true
								continue
							}
							titles[field.Config.DisplayNameFromDS] = true
							if !slices.Contains(units, field.Config.Unit) {
								t.Errorf("field %s has the unit %q", field.Name, field.Config.Unit)
							}
						}
					}
					fits := func(pattern string) bool {
						re := regexp.MustCompile(strings.Trim(pattern, "/"))
						for title := range titles {
							if re.MatchString(title) {
								return true
							}
						}
						return false
					}
					for _, o := range p.FieldConfig.Overrides {
						for _, part := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(o.Matcher.Options.(string), "/^("), ")$/"), "|") {
							if !strings.ContainsAny(part, "()") && !fits("^"+part+"$") {
								t.Errorf("hides %q, and there is only %v", part, titles)
							}
						}
					}
					if reduce, ok := p.Options["reduceOptions"].(map[string]any); ok {
						if pattern := fmt.Sprint(reduce["fields"]); pattern != "" && !fits(pattern) {
							t.Errorf("reduces %s, and there is only %v", pattern, titles)
						}
					}
				}
			})
		}
	}
}

// Every variable is used, and those that are used are there and answer.
func TestVariables(t *testing.T) {
	env := seed(t)
	for _, d := range read(t) {
		raw, err := json.Marshal(struct {
			Panels      []boards.Panel
			Annotations boards.Annotations
			Refs        []boards.Variable
		}{d.Panels, d.Annotations, d.Templating.List})
		if err != nil {
			t.Fatal(err)
		}
		used := make(map[string]bool)
		for _, m := range variable.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
		for _, v := range d.Templating.List {
			if !used[v.Name] {
				t.Errorf("%s: nothing uses the variable %s", d.UID, v.Name)
			}
			delete(used, v.Name)
			if v.Type != "query" {
				continue
			}
			q := v.Query.(map[string]any)
			a, err := env.Client.Values(t.Context(), query.Values{Dimension: query.Dimension(fmt.Sprint(q["dimension"]))})
			if err != nil || len(a.Rows) == 0 {
				t.Errorf("%s: variable %s: %d values, %v", d.UID, v.Name, len(a.Rows), err)
			}
			if v.AllValue != "*" || !v.IncludeAll || q["queryType"] != "values" || v.DataSource.UID != "${source}" {
				t.Errorf("%s: variable %s: %+v", d.UID, v.Name, v)
			}
		}
		for name := range used {
			if !strings.HasPrefix(name, "__") {
				t.Errorf("%s uses the variable %s, and has none", d.UID, name)
			}
		}
	}
}

// Links lead to dashboards that are there; nothing calls the internet; every panel says what it is.
func TestPanelsAreWhole(t *testing.T) {
	all := read(t)
	known := make(map[string]boards.Dashboard)
	for _, d := range all {
		known[d.UID] = d
	}
	for _, d := range all {
		ids := make(map[int]bool)
		taken := make(map[[2]int]string)
		for _, p := range d.Panels {
			name := fmt.Sprintf("%s, %q", d.UID, p.Title)
			if ids[p.ID] {
				t.Errorf("%s: id %d is there twice", name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Errorf("%s lies over %q", name, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type != "text" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.FieldConfig.Defaults.NoValue == "") {
				t.Errorf("%s has no title, no description, no query or nothing to say without a value", name)
			}
			for _, link := range p.Links {
				u, err := url.Parse(link.URL)
				if err != nil || known[strings.TrimPrefix(u.Path, "/d/")].UID == "" || !strings.Contains(u.RawQuery, "${__url_time_range}") || !strings.Contains(u.RawQuery, "${__all_variables}") {
					t.Errorf("%s links to %s", name, link.URL)
				}
			}
			for _, target := range p.Targets {
				if target.DataSource.UID != "${source}" || target.DataSource.Type != boards.PluginID {
					t.Errorf("%s asks %+v", name, target.DataSource)
				}
			}
		}
		raw, err := os.ReadFile(filepath.Join(folder, d.UID+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?i)https?:|"//|carto|osm|esri|xyz`).Match(raw) {
			t.Errorf("%s has an address on the internet", d.UID)
		}
		if d.SchemaVersion > 37 || d.Title == "" || d.Description == "" {
			t.Errorf("%s: schema %d, title %q", d.UID, d.SchemaVersion, d.Title)
		}
	}
}
