package alerts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const one, other = "192.0.2.1", "192.0.2.2"

// cases are what each rule must say of. Each has a site of its own.
var cases = []struct {
	rule, name string
	seed       func(t *testing.T, w *world, site string)
	firing     string // "nothing is known" for no data
	normal     string // what it is evaluated for and does not fire; empty: not looked at
}{
	{"landfall-new-country", "a new country", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-10*day), noon, 100, 0)
		w.send(t, site, noon.Add(-10*day), traffic{"Xiaomi", "IN", 3, 3000}, traffic{"Xiaomi", "SG", 3, 3000}, traffic{"Apple", "SG", 3, 3000}, traffic{"Apple", "RU", 1, 40})
		w.send(t, site, noon.Add(-30*time.Hour), traffic{"Xiaomi", "SG", 3, 3000}, traffic{"Xiaomi", "RU", 1, 0}, traffic{"Apple", "IN", 3, 3000}, traffic{"Apple", "RU", 1, 40})
	}, "Xiaomi RU", ""},
	{"landfall-new-country", "home, an unknown place and what is known already", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-10*day), noon, 100, 0)
		w.send(t, site, noon.Add(-10*day), traffic{"Xiaomi", "SG", 3, 3000})
		w.send(t, site, noon.Add(-2*time.Hour), traffic{"Xiaomi", "SG", 3, 3000}, traffic{"Xiaomi", "IN", 3, 3000}, traffic{"Xiaomi", "", 3, 3000})
	}, "", ""},
	{"landfall-new-country", "new before the window", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-10*day), noon, 100, 0)
		w.send(t, site, noon.Add(-49*time.Hour), traffic{"Xiaomi", "RU", 3, 3000})
	}, "", ""},
	{"landfall-new-country", "an outage of the whole window", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-10*day), noon.Add(-3*day), 100, 0)
		w.send(t, site, noon.Add(-4*day), traffic{"Xiaomi", "RU", 3, 3000})
	}, "nothing is known", ""},

	{"landfall-restricted-share", "above the share", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-3*time.Hour), traffic{"Xiaomi", "CN", 5, 5100}, traffic{"Xiaomi", "IN", 9, 94900}, traffic{"Apple", "CN", 2, 4900}, traffic{"Apple", "SG", 9, 95100}, traffic{"Nokia", "IN", 9, 9000})
	}, "Xiaomi", "Apple"},
	{"landfall-restricted-share", "nobody has any, and one uploads nothing", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-3*time.Hour), traffic{"Xiaomi", "IN", 9, 9000}, traffic{"Apple", "SG", 2, 0})
	}, "", "Apple, Xiaomi"},
	{"landfall-restricted-share", "restricted, and nothing uploaded", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-3*time.Hour), traffic{"Xiaomi", "CN", 9, 0}, traffic{"Apple", "SG", 2, 50})
	}, "", "Xiaomi"},
	{"landfall-restricted-share", "the day before", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-30*time.Hour), traffic{"Xiaomi", "CN", 9, 9000})
		w.send(t, site, noon.Add(-3*time.Hour), traffic{"Xiaomi", "IN", 9, 9000})
	}, "", "Xiaomi"},
	{"landfall-restricted-share", "an outage of the whole window", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-2*day), traffic{"Xiaomi", "CN", 9, 9000})
	}, "nothing is known", ""},

	{"landfall-share-shift", "a move", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-7*day-2*time.Hour), traffic{"Xiaomi", "CN", 700, 70_000}, traffic{"Xiaomi", "SG", 300, 30_000}, traffic{"Apple", "SG", 1000, 200_000}, traffic{"Apple", "IN", 1000, 100_000})
		w.send(t, site, noon.Add(-2*time.Hour), traffic{"Xiaomi", "CN", 550, 55_000}, traffic{"Xiaomi", "SG", 450, 45_000}, traffic{"Apple", "SG", 1000, 180_000}, traffic{"Apple", "IN", 1000, 120_000})
	}, "Xiaomi CN, Xiaomi SG", "Apple IN, Apple SG"},
	{"landfall-share-shift", "too few flows today", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-7*day-2*time.Hour), traffic{"Xiaomi", "CN", 1000, 70_000})
		w.send(t, site, noon.Add(-2*time.Hour), traffic{"Xiaomi", "SG", 999, 70_000})
	}, "", "Xiaomi CN, Xiaomi SG"},
	{"landfall-share-shift", "too few flows a week ago", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-7*day-2*time.Hour), traffic{"Xiaomi", "CN", 999, 70_000})
		w.send(t, site, noon.Add(-2*time.Hour), traffic{"Xiaomi", "SG", 1000, 70_000})
	}, "", "Xiaomi CN, Xiaomi SG"},
	{"landfall-share-shift", "nothing to compare with", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-2*time.Hour), traffic{"Xiaomi", "SG", 1000, 70_000}, traffic{"Apple", "SG", 1000, 70_000})
	}, "nothing is known", ""},
	{"landfall-share-shift", "an outage today", func(t *testing.T, w *world, site string) {
		w.send(t, site, noon.Add(-7*day-2*time.Hour), traffic{"Xiaomi", "SG", 1000, 70_000}, traffic{"Apple", "SG", 1000, 70_000})
	}, "nothing is known", ""},

	{"landfall-completeness", "one exporter below the bound", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-5*time.Hour), noon, 985, 15)
		w.export(t, site, other, noon.Add(-5*time.Hour), noon, 995, 5)
	}, one, other},
	{"landfall-completeness", "losses before the window", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-5*time.Hour), noon.Add(-3*time.Hour), 500, 500)
		w.export(t, site, one, noon.Add(-3*time.Hour), noon, 1000, 0)
	}, "", one},
	{"landfall-completeness", "an outage", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-5*time.Hour), noon.Add(-3*time.Hour), 1000, 0)
	}, "nothing is known", ""},

	{"landfall-exporter-silent", "one is silent for an hour", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-5*time.Hour), noon.Add(-time.Hour), 100, 0)
		w.export(t, site, other, noon.Add(-5*time.Hour), noon, 100, 0)
	}, one, other},
	{"landfall-exporter-silent", "all are silent for six days", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-8*day), noon.Add(-6*day), 100, 0)
		w.export(t, site, other, noon.Add(-8*day), noon.Add(-6*day), 100, 0)
	}, one + ", " + other, ""},
	{"landfall-exporter-silent", "one was, and is heard again", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-5*time.Hour), noon.Add(-3*time.Hour), 100, 0)
		w.export(t, site, one, noon.Add(-time.Hour), noon, 100, 0)
	}, "", one},
	{"landfall-exporter-silent", "none was heard for eight days", func(t *testing.T, w *world, site string) {
		w.export(t, site, one, noon.Add(-9*day), noon.Add(-8*day), 100, 0)
	}, "nothing is known", ""},
}

const unknown = "nothing is known"

// Every rule fires on what should fire it, and not on what should not; it tells no data from none.
func TestRules(t *testing.T) {
	w := newWorld(t)
	tried := make(map[string][]string)
	for i, c := range cases {
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			site := fmt.Sprint("site ", i)
			c.seed(t, w, site)
			r := ruleOf(t, c.rule)
			got, err := evaluate(t.Context(), w.env(site), r, noon)
			if err != nil {
				t.Fatal(err)
			}
			firing := strings.Join(got.firing, ", ")
			if got.noData() {
				firing = unknown
			}
			if firing != c.firing {
				t.Errorf("fires for %q, want %q; normal %q", firing, c.firing, got.normal)
			}
			if normal := strings.Join(got.normal, ", "); c.normal != "" && normal != c.normal {
				t.Errorf("normal are %q, want %q", normal, c.normal)
			}
			if len(got.firing) > 0 {
				testThreshold(t, w, site, r)
			}
		})
		kind := "fires"
		switch c.firing {
		case "":
			kind = "does not"
		case unknown:
			kind = "no data"
		}
		tried[c.rule] = append(tried[c.rule], kind)
	}
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			for _, kind := range []string{"fires", "does not", "no data"} {
				if !slices.Contains(tried[r.UID], kind) {
					t.Errorf("%s: no case in which it %s", r.UID, kind)
				}
			}
			testNoData(t, w, r)
		}
	}
}

// testThreshold finds that it is the threshold which fires: with one that nothing reaches, nothing does.
func testThreshold(t *testing.T, w *world, site string, r rule) {
	t.Helper()
	last := &r.Data[len(r.Data)-1]
	kind, params, err := last.evaluator()
	if err != nil || last.RefID != r.Condition {
		t.Fatalf("the condition %s is not the threshold at the end: %v", r.Condition, err)
	}
	far := map[string][]any{"gt": {1e18}, "lt": {-1e18}, "outside_range": {-1e18, 1e18}}[kind]
	if len(far) != len(params) {
		t.Fatalf("threshold %s %v", kind, params)
	}
	last.Model = map[string]any{"type": "threshold", "expression": last.Model["expression"], "conditions": []any{map[string]any{"evaluator": map[string]any{"type": kind, "params": far}}}}
	got, err := evaluate(t.Context(), w.env(site), r, noon)
	if err != nil || len(got.firing) > 0 {
		t.Errorf("with a threshold of %v it fires for %q: %v", far, got.firing, err)
	}
}

// testNoData asks of a site from which nothing has ever come. No rule takes that for compliance, and
// those that watch the figures themselves fire.
func testNoData(t *testing.T, w *world, r rule) {
	t.Helper()
	got, err := evaluate(t.Context(), w.env("nowhere"), r, noon)
	if err != nil || !got.noData() {
		t.Errorf("%s: of a site without data %+v, %v", r.UID, got, err)
	}
	watches := r.Data[0].QueryType == "completeness"
	switch {
	case watches && (r.NoDataState != "Alerting" || r.ExecErrState != "Alerting"):
		t.Errorf("%s watches the figures, and becomes %s without data and %s on an error", r.UID, r.NoDataState, r.ExecErrState)
	case !slices.Contains([]string{"NoData", "Alerting"}, r.NoDataState) || !slices.Contains([]string{"Error", "Alerting"}, r.ExecErrState):
		t.Errorf("%s becomes %q without data and %q on an error: neither may look like compliance", r.UID, r.NoDataState, r.ExecErrState)
	}
}
