// Package alerts_test proves the provisioned alert rules: each is asked of a real ClickHouse and
// evaluated as Grafana does, on data that should fire it, on data that should not, and on none.
package alerts_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

const (
	provisioning = "../../../provisioning"
	boards       = "../../../json"
	expressions  = "__expr__" // the uid that stands for Grafana's own expressions
)

// rule is an alert rule as Grafana's provisioning reads it.
type rule struct {
	UID          string            `yaml:"uid"`
	Title        string            `yaml:"title"`
	DashboardUID string            `yaml:"dashboardUid"`
	PanelID      int               `yaml:"panelId"`
	Condition    string            `yaml:"condition"`
	Data         []step            `yaml:"data"`
	For          string            `yaml:"for"`
	NoDataState  string            `yaml:"noDataState"`
	ExecErrState string            `yaml:"execErrState"`
	Labels       map[string]string `yaml:"labels"`
	Annotations  map[string]string `yaml:"annotations"`
}

// step is a query of a rule, or an expression.
type step struct {
	RefID             string         `yaml:"refId"`
	QueryType         string         `yaml:"queryType"`
	RelativeTimeRange relative       `yaml:"relativeTimeRange"`
	DatasourceUID     string         `yaml:"datasourceUid"`
	Model             map[string]any `yaml:"model"`
}

// relative is a range in seconds before now.
type relative struct {
	From int64 `yaml:"from"`
	To   int64 `yaml:"to"`
}

type group struct {
	OrgID    int    `yaml:"orgId"`
	Name     string `yaml:"name"`
	Folder   string `yaml:"folder"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

type ruleFile struct {
	APIVersion int     `yaml:"apiVersion"`
	Groups     []group `yaml:"groups"`
}

// notifications is a file of contact points and policies.
type notifications struct {
	APIVersion    int `yaml:"apiVersion"`
	ContactPoints []struct {
		OrgID     int    `yaml:"orgId"`
		Name      string `yaml:"name"`
		Receivers []struct {
			UID                   string         `yaml:"uid"`
			Type                  string         `yaml:"type"`
			Settings              map[string]any `yaml:"settings"`
			DisableResolveMessage bool           `yaml:"disableResolveMessage"`
		} `yaml:"receivers"`
	} `yaml:"contactPoints"`
	Policies []policy `yaml:"policies"`
}

type policy struct {
	OrgID          int        `yaml:"orgId"` // of the root
	Receiver       string     `yaml:"receiver"`
	GroupBy        []string   `yaml:"group_by"`
	GroupWait      string     `yaml:"group_wait"`
	GroupInterval  string     `yaml:"group_interval"`
	RepeatInterval string     `yaml:"repeat_interval"`
	ObjectMatchers [][]string `yaml:"object_matchers"`
	Routes         []policy   `yaml:"routes"`
}

type source struct {
	Name           string            `yaml:"name"`
	UID            string            `yaml:"uid"`
	Type           string            `yaml:"type"`
	Access         string            `yaml:"access"`
	Editable       bool              `yaml:"editable"`
	JSONData       map[string]any    `yaml:"jsonData"`
	SecureJSONData map[string]string `yaml:"secureJsonData"`
}

type providerFile struct {
	APIVersion int `yaml:"apiVersion"`
	Providers  []struct {
		Name                  string         `yaml:"name"`
		OrgID                 int            `yaml:"orgId"`
		Folder                string         `yaml:"folder"`
		Type                  string         `yaml:"type"`
		DisableDeletion       bool           `yaml:"disableDeletion"`
		AllowUIUpdates        bool           `yaml:"allowUiUpdates"`
		UpdateIntervalSeconds int            `yaml:"updateIntervalSeconds"`
		Options               map[string]any `yaml:"options"`
	} `yaml:"providers"`
}

// board is what a rule needs to know of a dashboard.
type board struct {
	UID    string `json:"uid"`
	Panels []struct {
		ID      int `json:"id"`
		Targets []struct {
			QueryType string `json:"queryType"`
		} `json:"targets"`
	} `json:"panels"`
}

// read reads a file of provisioning, without any field that its type does not know.
func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(provisioning, name))
	if err != nil {
		t.Fatal(err)
	}
	readText(t, name, text, into)
}

func readText(t *testing.T, name string, text []byte, into any) {
	t.Helper()
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField()).Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func readRules(t *testing.T) ruleFile {
	t.Helper()
	var f ruleFile
	read(t, "alerting/landfall.yaml", &f)
	return f
}

// ruleOf is the rule of this uid.
func ruleOf(t *testing.T, uid string) rule {
	t.Helper()
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			if r.UID == uid {
				return r
			}
		}
	}
	t.Fatalf("no rule %s", uid)
	return rule{}
}

func readBoards(t *testing.T) map[string]board {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(boards, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards in %s: %v", boards, err)
	}
	out := make(map[string]board)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b board
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[b.UID] = b
	}
	return out
}
