package reporter

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

type object = map[string]any

func document(t *testing.T) object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "schemas", "openapi", "landfall.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc object
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func at(t *testing.T, v any, path ...string) any {
	t.Helper()
	for i, key := range path {
		m, ok := v.(object)
		if !ok || m[key] == nil {
			t.Fatalf("the document has no %s", strings.Join(path[:i+1], " › "))
		}
		v = m[key]
	}
	return v
}

func texts(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, e.(string))
	}
	return out
}

// resolved follows a reference into the document.
func resolved(t *testing.T, doc object, v any) any {
	t.Helper()
	if ref, ok := v.(object)["$ref"].(string); ok {
		return at(t, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return v
}

// The document and the handlers know the same paths and parameters.
func TestOpenAPIPaths(t *testing.T) {
	doc := document(t)
	s := newService(t, &fixture{})
	want := map[string][]string{"/healthz": nil}
	for _, r := range s.routes() {
		want[r.path] = slices.Sorted(slices.Values(r.parameters))
	}
	got := map[string][]string{}
	for path, item := range at(t, doc, "paths").(object) {
		got[path] = nil
		list, _ := at(t, item, "get").(object)["parameters"].([]any)
		for _, p := range list {
			got[path] = append(got[path], at(t, resolved(t, doc, p), "name").(string))
		}
		slices.Sort(got[path])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths and parameters (-handlers +document):\n%s", diff)
	}
}

// The document and the handlers take the same values, on every path.
func TestOpenAPIValues(t *testing.T) {
	doc := document(t)
	words := map[string][]string{
		"by": dimensions, "bucket": buckets, "format": formats, "unit": units, "figures_only": switches, "each_vendor": switches,
		"verdict": query.Verdicts(), "confidence": query.Confidences(),
	}
	numbers := map[string]map[string]int{
		"top":          {"minimum": 1, "maximum": maxTop, "default": defaultTop},
		"min_handsets": {"minimum": 0, "maximum": maxHandsets, "default": 0},
		"revision":     {"minimum": 0, "maximum": 65535},
	}
	for path, item := range at(t, doc, "paths").(object) {
		list, _ := at(t, item, "get").(object)["parameters"].([]any)
		for _, p := range list {
			p = resolved(t, doc, p)
			name, schema := at(t, p, "name").(string), at(t, p, "schema").(object)
			if items, ok := schema["items"].(object); ok && schema["enum"] == nil {
				if most := schema["maxItems"]; most != nil && most != uint64(maxValues) && name != "network" {
					t.Errorf("%s %s: at most %v in the document, %d in the handler", path, name, most, maxValues)
				}
				schema = items
			}
			want := words[name]
			if path == "/api/v1/completeness" && name == "bucket" {
				want = want[1:]
			}
			if diff := cmp.Diff(want, texts(schema["enum"])); diff != "" {
				t.Errorf("%s %s (-handler +document):\n%s", path, name, diff)
			}
			for key, want := range numbers[name] {
				if schema[key] != uint64(want) {
					t.Errorf("%s %s: %s is %v in the document, %d in the handler", path, name, key, schema[key], want)
				}
			}
			if name == "bucket" && schema["default"] != string(defaultStep) {
				t.Errorf("%s bucket: default is %v in the document, %s in the handler", path, schema["default"], defaultStep)
			}
		}
	}
}

// The document and the answers have the same fields; those that may be absent are not required.
func TestOpenAPIFields(t *testing.T) {
	doc := document(t)
	withheld := query.Cell{Suppressed: true}
	samples := map[string][]any{
		"Residency": {residencyAnswer{}}, "ResidencyAbout": {residencyAbout{}}, "BucketInfo": {query.BucketInfo{}},
		"ResidencyRow": {query.ResidencyRow{}, query.ResidencyRow{Cell: withheld}},
		"Compare":      {compareAnswer{}}, "CompareSide": {query.CompareSide{}, query.CompareSide{Cell: withheld}},
		"CompareRow": {query.CompareRow{}, query.CompareRow{Before: query.CompareSide{Cell: withheld}}},
		"Endpoints":  {endpointsAnswer{}}, "EndpointRow": {query.EndpointRow{}},
		"Completeness": {completenessAnswer{}}, "ExporterCompleteness": {query.ExporterCompleteness{}}, "CollectorLoss": {query.CollectorLoss{}},
		"BucketCompleteness": {query.BucketCompleteness{}}, "CompletenessSummary": {query.CompletenessSummary{}},
		"SilentExporter": {query.SilentExporter{}}, "Loss": {query.Loss{}}, "Interval": {estimate.Interval{}}, "Difference": {estimate.Interval{}},
		"UpperBound": {query.UpperBound{}}, "DataSets": {query.DataSets{}}, "DataSet": {query.DataSet{}},
		"Vendors": {vendorsAnswer{}}, "VendorTotal": {query.VendorTotal{}}, "Totals": {totalsAnswer{}}, "ExporterTotal": {query.ExporterTotal{}},
		"Places": {placesAnswer{}}, "About": {aboutAnswer{}}, "Problem": {problem{}},
	}
	for name := range at(t, doc, "components", "schemas").(object) {
		if samples[name] == nil && name != "Instant" && name != "Count" {
			t.Errorf("schema %s is of nothing", name)
		}
	}
	for name, values := range samples {
		t.Run(name, func(t *testing.T) {
			schema := at(t, doc, "components", "schemas", name).(object)
			var documented []string
			for field := range at(t, schema, "properties").(object) {
				documented = append(documented, field)
			}
			slices.Sort(documented)
			if diff := cmp.Diff(fields(reflect.TypeOf(values[0])), documented); diff != "" {
				t.Errorf("fields (-answer +document):\n%s", diff)
			}
			if diff := cmp.Diff(always(t, values), slices.Sorted(slices.Values(texts(schema["required"]))), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("required (-answer +document):\n%s", diff)
			}
		})
	}
}

// always lists the fields that the JSON of every value has.
func always(t *testing.T, values []any) []string {
	t.Helper()
	var out []string
	for i, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var there object
		if err := json.Unmarshal(text, &there); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			out = slices.Sorted(maps.Keys(there))
		}
		out = slices.DeleteFunc(out, func(name string) bool { _, ok := there[name]; return !ok })
	}
	return out
}

// fields lists the JSON names of a struct.
func fields(typ reflect.Type) (all []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag, given := f.Tag.Lookup("json")
		if f.Anonymous && !given {
			all = append(all, fields(f.Type)...)
			continue
		}
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
