package panel_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
)

// The samples have every type, and mean the same when they are written and read again.
func TestSamplesDecode(t *testing.T) {
	seen := map[string]bool{}
	for _, model := range samples(t) {
		q, err := panel.Decode(model, "")
		if err != nil {
			t.Fatalf("%s: %v", model, err)
		}
		seen[q.Type] = true
		text, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		again, err := panel.Decode(text, q.Type)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(q, again); diff != "" {
			t.Errorf("%s (-read +again):\n%s", text, diff)
		}
	}
	for _, kind := range panel.Types() {
		if !seen[kind] {
			t.Errorf("no sample of %s", kind)
		}
	}
}

// Grafana's own fields, what stands for all, and what an editor leaves behind make no difference.
func TestDecodeLeavesOut(t *testing.T) {
	q, err := panel.Decode(json.RawMessage(`{"refId": "A", "key": "Q-1", "hide": false, "datasource": {"type": "landfall-residency-datasource", "uid": "x"},
"datasourceId": 3, "intervalMs": 1000, "maxDataPoints": 43200, "timeRange": {"from": "1", "to": "2"}, "queryCachingTTL": 0,
"vendors": ["*"], "places": ["CN-BJ", ""], "unit": "", "live": false, "events": [], "networks": null, "hours": {}}`), "residency")
	if err != nil {
		t.Fatal(err)
	}
	want := panel.Query{Type: "residency", Metric: "bytes", Direction: "up", Bucket: "auto", Intervals: "hidden", Format: "auto"}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeFaults(t *testing.T) {
	for _, test := range []struct {
		kind, model string
		says        []string
	}{
		{"", `[]`, []string{"not a JSON object"}},
		{"", `null`, []string{"not a JSON object"}},
		{"", `{"vendors": ["a"]`, []string{"not a JSON object"}},
		{"", `{} {}`, []string{"not a JSON object"}},
		{"alerts", `{}`, []string{`no query type "alerts"`, "residency, map"}},
		{"map", `{"queryType": "flows"}`, []string{`"map"`, `"flows" in it`}},
		{"", `{"queryType": 7}`, []string{"queryType: a number where a text is wanted"}},
		{"", `{"colour": "red", "Vendors": ["a"], "tenant": "x"}`, []string{`no field "colour"`, `no field "Vendors"`, `no field "tenant"`}},
		{"", `{"vendors": "Xiaomi"}`, []string{"vendors: a string where a list is wanted"}},
		{"", `{"vendors": [1]}`, []string{"vendors: a number where a text is wanted"}},
		{"", `{"top": "many"}`, []string{"top: a string where a whole number is wanted"}},
		{"", `{"top": 1.5}`, []string{"top: a number 1.5 where a whole number is wanted"}},
		{"", `{"top": -1}`, []string{"top: -1 is negative"}},
		{"", `{"revision": 70000}`, []string{"0 to 65535"}},
		{"", `{"metric": "gold", "bucket": "century", "format": "pie", "intervals": "wavy", "direction": "sideways"}`, []string{"metric", "bucket", "format", "intervals", "direction", `"century" is none of auto, minute`}},
		{"", `{"unit": "asn", "live": true}`, []string{`"unit" is for endpoints, new_endpoints, not for residency`, `"live" is for new_endpoints`}},
		{"completeness", `{"bucket": "minute"}`, []string{"none of auto, hour"}},
		{"flows", `{"format": "number"}`, []string{"none of auto, table"}},
		{"overtakes", `{"by": ["place", "vendor"]}`, []string{"one dimension, and not 2"}},
		{"overtakes", `{}`, []string{"one dimension, and not 0"}},
		{"", `{"shareOf": ["vendor"], "by": ["place"]}`, []string{`shareOf: "vendor" is not among`}},
		{"", `{"asns": ["64500", "AS-1"]}`, []string{`asns: "AS-1"`}},
		{"endpoints", `{"networks": ["10.0.0.0/33"]}`, []string{`networks: "10.0.0.0/33"`}},
		{"", `{"vendors": ["$vendor"]}`, []string{"vendors: nothing has put a value for the variable $vendor"}},
		{"", `{"sites": ["${site:json}"]}`, []string{"${site:json}"}},
		{"", `{"filters": [{"key": "", "operator": "~", "value": ""}]}`, []string{"filters[0]: the key is missing", `operator "~"`, "value is missing"}},
		{"", `{"filters": [{"key": "vendor", "operator": "=", "value": "a", "sql": "1"}]}`, []string{`unknown field "sql"`}},
		{"", `{"hours": {"from": 5, "to": 25}}`, []string{"hours: from 5 to 25"}},
		{"", `{"hours": {"from": 5, "to": 5}}`, []string{"two that differ"}},
		{"", `{"hours": {"from": 5, "until": 6}}`, []string{`unknown field "until"`}},
		{"compare", `{"before": "yesterday"}`, []string{`"yesterday" is not "previous"`}},
		{"compare", `{"before": "-999999999d"}`, []string{"no offset"}},
		{"compare", `{"before": {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}}`, []string{"in this order"}},
		{"compare", `{"before": {"from": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}}`, []string{`{"from", "to"}`}},
		{"annotations", `{"events": ["party"]}`, []string{`events: "party"`}},
	} {
		_, err := panel.Decode(json.RawMessage(test.model), test.kind)
		var bad *panel.BadQuery
		if !errors.As(err, &bad) {
			t.Errorf("%s %s: %v", test.kind, test.model, err)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s %s: does not say %q:\n%v", test.kind, test.model, says, err)
			}
		}
	}
}

// Whatever comes is read or refused as the asker's fault; what is read means the same again.
func TestDecodeAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var read int
	for range 20_000 {
		model := map[string]any{}
		for range r.IntN(5) {
			model[word(r)] = anything(r, 3)
		}
		text, err := json.Marshal(model)
		if err != nil {
			t.Fatal(err)
		}
		if decodes(t, text, word(r)) {
			read++
		}
	}
	if read < 50 {
		t.Errorf("only %d of 20,000 were queries: the words do not fit any more", read)
	}
}

// FuzzDecode begins with the samples.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"by":["place"],"before":"-7d","hours":{"from":1,"to":2}}`), "residency")
	f.Add([]byte(`{"queryType":"map","filters":[{"key":"vendor","operator":"=~","value":"a.*"}]}`), "")
	f.Fuzz(func(t *testing.T, model []byte, kind string) { decodes(t, model, kind) })
}

func decodes(t *testing.T, model []byte, kind string) bool {
	t.Helper()
	q, err := panel.Decode(model, kind)
	var bad *panel.BadQuery
	if err != nil {
		if !errors.As(err, &bad) {
			t.Fatalf("%s %s: %v", kind, model, err)
		}
		return false
	}
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := panel.Decode(text, ""); err != nil || !cmp.Equal(q, again) {
		t.Fatalf("%s %s:\n%s", kind, cmp.Diff(q, again), text)
	}
	return true
}

var words = append([]string{
	"", "vendors", "places", "asns", "networks", "filters", "by", "shareOf", "metric", "direction", "bucket", "top", "intervals", "format",
	"unit", "order", "before", "hours", "events", "live", "revision", "key", "operator", "value", "values", "from", "to", "location",
	"vendor", "place", "bytes", "share", "up", "down", "auto", "day", "total", "previous", "-7d", "=", "=~", "=|", "64500", "10.0.0.0/8",
	"outage", "shift", "queryType", "refId", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "$vendor", "'; DROP TABLE flows --", "\x00",
}, panel.Types()...)

func word(r *rand.Rand) string { return words[r.IntN(len(words))] }

func anything(r *rand.Rand, depth int) any {
	switch n := r.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return r.IntN(30) - 3
	case n == 3:
		return r.NormFloat64() * 1e6
	case n < 6 || depth == 0:
		return word(r)
	case n == 6:
		list := []any{}
		for range r.IntN(3) {
			list = append(list, anything(r, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range r.IntN(4) {
		object[word(r)] = anything(r, depth-1)
	}
	return object
}
