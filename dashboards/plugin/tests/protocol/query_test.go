package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

// Every type has an answer, over both protocols, and one that an alert can take.
func testEveryType(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config, db *chtest.Server) {
	native := connect(t, p, settings(c), password(c))
	http := settings(c)
	http["address"], http["protocol"] = db.HTTP, "http"
	over := connect(t, p, http, password(c))
	for queryType, model := range questions {
		r := native.ask(queryType, model)
		if r.Error != nil || len(r.Frames) == 0 || r.Frames[0].Meta == nil || r.Frames[0].Meta.ExecutedQueryString == "" {
			t.Errorf("%s: %v, %d frames", queryType, r.Error, len(r.Frames))
			continue
		}
		if queryType != "annotations" && queryType != "overtakes" && r.Frames[0].Rows() == 0 {
			t.Errorf("%s: no rows", queryType)
		}
		if h := over.ask(queryType, model); h.Error != nil || len(h.Frames) != len(r.Frames) || h.Frames[0].Rows() != r.Frames[0].Rows() {
			t.Errorf("%s over HTTP: %v, %d frames", queryType, h.Error, len(h.Frames))
		}
	}
	q := backend.DataQuery{RefID: "A", QueryType: "residency", JSON: json.RawMessage(`{"by":["vendor"],"bucket":"total"}`), Interval: time.Hour, TimeRange: span}
	for name, headers := range map[string]map[string]string{
		"panel": nil, "alert": {"FromAlert": "true"}, "alert, as a header": {"http_FromAlert": "true"}, "expression": {"http_X-Grafana-From-Expr": "true"},
	} {
		r := native.askWith(headers, q)
		if r.Error != nil || len(r.Frames) == 0 {
			t.Errorf("%s: %v", name, r.Error)
			continue
		}
		lower := false
		for _, f := range r.Frames {
			for _, field := range f.Fields {
				lower = lower || strings.Contains(field.Name, "lower")
			}
		}
		if lower != (headers == nil) {
			t.Errorf("%s: fields of intervals: %v", name, lower)
		}
	}
}

// Whatever a query says, it gets nothing of another operator.
func testScope(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config) {
	all := connect(t, p, settings(c), password(c))
	scoped := settings(c)
	scoped["operators"] = []string{"north"}
	s := connect(t, p, scoped, password(c))
	for queryType, model := range questions {
		if queryType == "map" || queryType == "annotations" || queryType == "overtakes" { // no names in them
			continue
		}
		if foreign(text(t, all.ask(queryType, model))) == "" {
			t.Errorf("%s: without a scope the south is not seen: the test says nothing", queryType)
		}
	}
	texts := []string{
		"south", "site-south", "vendor-south", "*", "') OR 1=1 --", "\\') OR 1=1 --", "x' UNION ALL SELECT * FROM flows --", "{scope_operators:Array(String)}",
		"$where", "\x00", "192.0.2.101", "0.0.0.0/0", "64501",
	}
	lists := []string{
		"vendors", "places", "countries", "cloudRegions", "verdicts", "jurisdictions", "confidences", "sides", "exporters", "operators", "sites", "asns", "networks",
		"by", "shareOf", "events",
	}
	words := []string{"metric", "direction", "bucket", "intervals", "format", "unit", "order", "before", "scope", "scope_operators", "tenant", "database", "table"}
	var models []string
	for _, x := range texts {
		quoted, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range lists {
			models = append(models, fmt.Sprintf(`{%q:[%s]}`, field, quoted))
		}
		for _, field := range words {
			models = append(models, fmt.Sprintf(`{%q:%s}`, field, quoted))
		}
		for _, key := range []string{"operator", x} {
			k, err := json.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			for _, operator := range []string{"=", "!=", "=~", "!=|"} {
				models = append(models, fmt.Sprintf(`{"filters":[{"key":%s,"operator":%q,"value":%s}]}`, k, operator, quoted))
			}
		}
	}
	models = append(models,
		`{"filters":[{"key":"operator","operator":"=~","value":".*"}]}`, `{"filters":[{"key":"operator","operator":"!=","value":"north"}]}`,
		`{"operators":["north","south"],"sites":["site-south"],"by":["operator","site"]}`, `{"by":["operator"],"shareOf":["operator"]}`)
	// Every one with the main type, and as many as there is time for with the others.
	types := []string{"endpoints", "new_endpoints", "flows", "completeness", "compare"}
	var requests []backend.DataQuery
	for i, model := range models {
		for j, queryType := range []string{"residency", types[i/3%len(types)]} {
			if j > 0 && i%3 > 0 {
				continue
			}
			requests = append(requests, backend.DataQuery{RefID: fmt.Sprint(len(requests)), QueryType: queryType, JSON: json.RawMessage(model), Interval: week, TimeRange: span})
		}
	}
	for len(requests) > 0 {
		n := min(100, len(requests))
		r, err := p.QueryData(t.Context(), &backend.QueryDataRequest{PluginContext: s.from, Queries: requests[:n]})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range requests[:n] {
			response, ok := r.Responses[q.RefID]
			if !ok {
				t.Fatalf("no answer to %s", q.JSON)
			}
			if response.Error != nil {
				if response.Status != backend.StatusBadRequest || response.ErrorSource != backend.ErrorSourcePlugin {
					t.Errorf("%s %s: %d %s %v", q.QueryType, q.JSON, response.Status, response.ErrorSource, response.Error)
				}
				continue
			}
			// The query itself comes back in links; what is ours has no such mark.
			for _, f := range response.Frames {
				for _, field := range f.Fields {
					for i := range field.Len() {
						v, _ := field.ConcreteAt(i)
						if mark := foreign(fmt.Sprint(v)); mark != "" {
							t.Errorf("%s %s: the answer has %s", q.QueryType, q.JSON, mark)
						}
					}
					for _, v := range field.Labels {
						if mark := foreign(v); mark != "" {
							t.Errorf("%s %s: a label has %s", q.QueryType, q.JSON, mark)
						}
					}
				}
			}
		}
		requests = requests[n:]
	}
}

func testBadInput(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config) {
	s := connect(t, p, settings(c), password(c))
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprint("vendor ", i)
	}
	values, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		queryType, model, says string
		within                 backend.TimeRange
	}{
		{"gold", `{}`, "gold", span},
		{"residency", `{"colour":1}`, "colour", span},
		{"residency", `{"top":"many"}`, "top", span},
		{"residency", `{"by":["colour"]}`, "colour", span},
		{"residency", `not JSON`, "JSON", span},
		{"residency", ``, "JSON", span},
		{"residency", `null`, "JSON", span},
		{"residency", `[]`, "JSON", span},
		{"residency", fmt.Sprintf(`{"vendors":%s}`, values), "10000", span},
		{"residency", `{"filters":[{"key":"vendor","operator":"=~","value":"(((("}]}`, "((((", span},
		{"residency", `{}`, "empty", backend.TimeRange{From: monday, To: monday}},
		{"residency", `{"bucket":"minute"}`, "", backend.TimeRange{From: monday.AddDate(-25, 0, 0), To: monday.AddDate(25, 0, 0)}},
	} {
		r := s.askWith(nil, backend.DataQuery{RefID: "A", QueryType: test.queryType, JSON: json.RawMessage(test.model), Interval: time.Hour, TimeRange: test.within})
		if r.Error == nil || r.Status != backend.StatusBadRequest || r.ErrorSource != backend.ErrorSourcePlugin || !strings.Contains(r.Error.Error(), test.says) {
			t.Errorf("%s %.100s: %d %s %.300v", test.queryType, test.model, r.Status, r.ErrorSource, r.Error)
		}
	}
	// Fifty years by the automatic bucket are a question like another.
	r := s.askWith(nil, backend.DataQuery{
		RefID: "A", QueryType: "residency", JSON: json.RawMessage(`{}`), Interval: week,
		TimeRange: backend.TimeRange{From: monday.AddDate(-40, 0, 0), To: monday.AddDate(10, 0, 0)},
	})
	if r.Error != nil {
		t.Errorf("fifty years: %v", r.Error)
	}
	refused := connect(t, p, map[string]any{"address": "192.0.2.1:9000"}, nil)
	if r := refused.ask("residency", `{}`); r.Error == nil || !strings.Contains(r.Error.Error(), "allowPlaintext") {
		t.Errorf("refused settings: %v", r.Error)
	}
}

// Fifty queries at once, in one request and in fifty, are all answered, and alike.
func testParallel(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config) {
	s := connect(t, p, settings(c), password(c))
	var queries []backend.DataQuery
	for i := range 50 {
		queries = append(queries, backend.DataQuery{RefID: fmt.Sprint(i), QueryType: "residency", JSON: json.RawMessage(`{"by":["vendor"],"bucket":"day"}`), Interval: time.Hour, TimeRange: span})
	}
	r, err := p.QueryData(t.Context(), &backend.QueryDataRequest{PluginContext: s.from, Queries: queries})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, q := range queries {
		if one := r.Responses[q.RefID]; one.Error != nil || len(one.Frames) != 2 {
			t.Errorf("%s: %v, %d frames", q.RefID, one.Error, len(one.Frames))
		}
		all.Go(func() {
			if one := s.askWith(nil, q); one.Error != nil || len(one.Frames) != 2 {
				t.Errorf("%s: %v, %d frames", q.RefID, one.Error, len(one.Frames))
			}
		})
	}
	all.Wait()
}
