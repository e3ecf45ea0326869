package alerts_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/residency"
)

var (
	uidPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`) // Grafana's limit
	valuesOf   = regexp.MustCompile(`\$values\.(\w+)`)
	severities = []string{"critical", "warning", "info"}
)

// Every rule is one that Grafana 9.4 and later read: what it names is there, and its texts are templates.
func TestRulesAreWhole(t *testing.T) {
	f := readRules(t)
	sources, all, folder := readSources(t), readBoards(t), readProviders(t).Providers[0].Folder
	if f.APIVersion != 1 {
		t.Errorf("apiVersion %d", f.APIVersion)
	}
	seen := make(map[string]bool)
	for _, g := range f.Groups {
		interval, err := time.ParseDuration(g.Interval)
		if err != nil || interval <= 0 || interval%(10*time.Second) != 0 {
			t.Errorf("group %s: interval %q is no multiple of Grafana's 10 s: %v", g.Name, g.Interval, err)
		}
		if g.OrgID != 1 || g.Name == "" || g.Folder != folder {
			t.Errorf("group %q of organisation %d in the folder %q, where the dashboards are in %q", g.Name, g.OrgID, g.Folder, folder)
		}
		for _, r := range g.Rules {
			t.Run(r.UID, func(t *testing.T) {
				if !uidPattern.MatchString(r.UID) || seen[r.UID] || r.Title == "" {
					t.Errorf("uid %q, title %q", r.UID, r.Title)
				}
				seen[r.UID] = true
				if wait, err := time.ParseDuration(r.For); err != nil || wait%interval != 0 {
					t.Errorf("for %q, evaluated every %s: %v", r.For, g.Interval, err)
				}
				if !slices.Contains(severities, r.Labels["severity"]) {
					t.Errorf("severity %q", r.Labels["severity"])
				}
				testSteps(t, r, sources)
				testTexts(t, r)
				testPanel(t, r, all)
			})
		}
	}
}

func testSteps(t *testing.T, r rule, sources []string) {
	t.Helper()
	for i, s := range r.Data {
		model, _ := json.Marshal(s.Model)
		var own struct {
			RefID      string                     `json:"refId"`
			QueryType  string                     `json:"queryType"`
			Datasource struct{ Type, UID string } `json:"datasource"`
		}
		if err := json.Unmarshal(model, &own); err != nil {
			t.Fatal(err)
		}
		if own.RefID != s.RefID || own.QueryType != s.QueryType || own.Datasource.UID != s.DatasourceUID {
			t.Errorf("step %d: %q of type %q from %q, and in its model %+v", i, s.RefID, s.QueryType, s.DatasourceUID, own)
		}
		if s.DatasourceUID == expressions {
			continue
		}
		if !slices.Contains(sources, s.DatasourceUID) || own.Datasource.Type != pluginID(t) {
			t.Errorf("%s asks %s of type %s; provisioned are %v", s.RefID, s.DatasourceUID, own.Datasource.Type, sources)
		}
		if _, err := panel.Decode(model, s.QueryType); err != nil {
			t.Errorf("%s: %v", s.RefID, err)
		}
		if s.RelativeTimeRange.From <= s.RelativeTimeRange.To {
			t.Errorf("%s is of no time: %+v", s.RefID, s.RelativeTimeRange)
		}
	}
}

// testTexts finds that annotations are templates that can be filled in, also where there are no labels,
// as in No Data.
func testTexts(t *testing.T, r rule) {
	t.Helper()
	for _, name := range []string{"summary", "description"} {
		text := r.Annotations[name]
		if text == "" || strings.Contains(text, "${") { // Grafana puts the environment's value for ${…}
			t.Errorf("%s: %q", name, text)
		}
		filled, err := template.New(name).Option("missingkey=zero").Funcs(template.FuncMap{"humanizePercentage": func(v float64) string { return "7 %" }}).
			Parse("{{ $labels := .Labels }}{{ $values := .Values }}" + text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, labels := range []map[string]string{{"vendor": "Xiaomi", "exporter": one}, {}} {
			var out strings.Builder
			if err := filled.Execute(&out, map[string]any{"Labels": labels, "Values": map[string]struct{ Value float64 }{}}); err != nil || out.Len() == 0 {
				t.Errorf("%s of %v: %v", name, labels, err)
			}
		}
		// Values are those of expressions, in every version of Grafana.
		for _, use := range valuesOf.FindAllStringSubmatch(text, -1) {
			if i := slices.IndexFunc(r.Data, func(s step) bool { return s.RefID == use[1] }); i < 0 || r.Data[i].DatasourceUID != expressions {
				t.Errorf("%s: %s is no expression of the rule", name, use[0])
			}
		}
	}
	if r.Annotations["runbook_url"] != "" {
		t.Error("a runbook's address: the description says what to do")
	}
}

// testPanel finds that the rule leads to a panel which asks what it asks.
func testPanel(t *testing.T, r rule, all map[string]board) {
	t.Helper()
	if id, _ := json.Marshal(r.PanelID); r.Annotations["__dashboardUid__"] != r.DashboardUID || r.Annotations["__panelId__"] != string(id) {
		t.Errorf("annotations name panel %s of %s, the rule panel %d of %s", r.Annotations["__panelId__"], r.Annotations["__dashboardUid__"], r.PanelID, r.DashboardUID)
	}
	b, ok := all[r.DashboardUID]
	if !ok {
		t.Fatalf("there is no dashboard %q", r.DashboardUID)
	}
	for _, p := range b.Panels {
		if p.ID != r.PanelID {
			continue
		}
		for _, target := range p.Targets {
			if target.QueryType == r.Data[0].QueryType {
				return
			}
		}
		t.Fatalf("panel %d of %s asks nothing of type %s", r.PanelID, r.DashboardUID, r.Data[0].QueryType)
	}
	t.Fatalf("%s has no panel %d", r.DashboardUID, r.PanelID)
}

// readSources finds that the provisioned data source has settings that there are, and gives its uid.
func readSources(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(provisioning, "datasources/landfall.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var uids []string
	for _, s := range sources(t, text) {
		uids = append(uids, s.UID)
	}
	sources(t, commented.ReplaceAll(text, []byte("$1$2")))
	return uids
}

// commented are the settings that stand at their defaults.
var commented = regexp.MustCompile(`(?m)^( +)# (\w+: )`)

func sources(t *testing.T, text []byte) []source {
	t.Helper()
	var f struct {
		APIVersion  int      `yaml:"apiVersion"`
		Datasources []source `yaml:"datasources"`
	}
	readText(t, "datasources/landfall.yaml", text, &f)
	for _, s := range f.Datasources {
		text, _ := json.Marshal(s.JSONData)
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		var settings residency.Settings
		if err := d.Decode(&settings); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if s.Type != pluginID(t) || s.Access != "proxy" {
			t.Errorf("%s is of type %q with access %q", s.Name, s.Type, s.Access)
		}
		for name, secret := range s.SecureJSONData {
			if !strings.HasPrefix(secret, "$LANDFALL_") {
				t.Errorf("%s: %s does not come from the environment", s.Name, name)
			}
		}
	}
	return f.Datasources
}

func readProviders(t *testing.T) providerFile {
	t.Helper()
	var f providerFile
	read(t, "dashboards/landfall.yaml", &f)
	if f.APIVersion != 1 || len(f.Providers) != 1 || f.Providers[0].Type != "file" || f.Providers[0].Options["path"] == "" {
		t.Fatalf("providers %+v", f)
	}
	return f
}

func pluginID(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../src/plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var plugin struct{ ID string }
	if err := json.Unmarshal(text, &plugin); err != nil {
		t.Fatal(err)
	}
	return plugin.ID
}

// Every policy sends to a contact point of the same file, and the address comes from the environment.
func TestNotifications(t *testing.T) {
	var f notifications
	read(t, "alerting/notifications.yaml", &f)
	var names []string
	for _, c := range f.ContactPoints {
		names = append(names, c.Name)
		for _, r := range c.Receivers {
			if r.Type != "webhook" || r.Settings["url"] != "$LANDFALL_ALERT_WEBHOOK" || r.DisableResolveMessage || !uidPattern.MatchString(r.UID) {
				t.Errorf("%s: %+v", c.Name, r)
			}
		}
	}
	if len(f.Policies) != 1 || f.APIVersion != 1 {
		t.Fatalf("policies %+v", f.Policies)
	}
	root := f.Policies[0]
	for _, p := range append([]policy{root}, root.Routes...) {
		if !slices.Contains(names, p.Receiver) || !slices.Contains(p.GroupBy, "alertname") {
			t.Errorf("policy %+v; contact points %v", p, names)
		}
		for _, m := range p.ObjectMatchers {
			if len(m) != 3 || m[0] != "severity" || m[1] != "=" || !slices.Contains(severities, m[2]) {
				t.Errorf("matcher %q", m)
			}
		}
	}
}
