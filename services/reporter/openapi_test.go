package reporter

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

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
			got[path] = append(got[path], at(t, p, "name").(string))
		}
		slices.Sort(got[path])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths and parameters (-handlers +document):\n%s", diff)
	}
}

// The document and the handlers take the same values.
func TestOpenAPIValues(t *testing.T) {
	schemas := map[string]object{}
	for _, p := range at(t, document(t), "paths", "/api/v1/residency", "get", "parameters").([]any) {
		schemas[at(t, p, "name").(string)] = at(t, p, "schema").(object)
	}
	for name, want := range map[string][]string{
		"by": dimensions, "bucket": buckets, "format": formats,
	} {
		schema := schemas[name]
		if items, ok := schema["items"].(object); ok {
			schema = items
		}
		if diff := cmp.Diff(want, texts(schema["enum"])); diff != "" {
			t.Errorf("%s (-handler +document):\n%s", name, diff)
		}
	}
	top := schemas["top"]
	for key, want := range map[string]int{"minimum": 1, "maximum": maxTop, "default": defaultTop} {
		if got := reflect.ValueOf(top[key]); !got.IsValid() || !got.CanConvert(reflect.TypeOf(0)) || int(got.Convert(reflect.TypeOf(0)).Int()) != want {
			t.Errorf("top: %s is %v in the document, %d in the handler", key, top[key], want)
		}
	}
	if schemas["bucket"]["default"] != string(defaultStep) {
		t.Errorf("bucket: default is %v in the document, %s in the handler", schemas["bucket"]["default"], defaultStep)
	}
}

// The document and the answers have the same fields; those that may be absent are not required.
func TestOpenAPIFields(t *testing.T) {
	doc := document(t)
	for name, v := range map[string]any{
		"Residency": residencyAnswer{}, "ResidencyRow": query.ResidencyRow{}, "Vendors": vendorsAnswer{}, "VendorTotal": query.VendorTotal{},
		"Totals": totalsAnswer{}, "ExporterTotal": query.ExporterTotal{}, "Places": placesAnswer{}, "About": aboutAnswer{}, "Problem": problem{},
	} {
		t.Run(name, func(t *testing.T) {
			all, required := fields(reflect.TypeOf(v))
			schema := at(t, doc, "components", "schemas", name).(object)
			var documented []string
			for field := range at(t, schema, "properties").(object) {
				documented = append(documented, field)
			}
			slices.Sort(documented)
			if diff := cmp.Diff(all, documented); diff != "" {
				t.Errorf("fields (-answer +document):\n%s", diff)
			}
			if diff := cmp.Diff(required, slices.Sorted(slices.Values(texts(schema["required"])))); diff != "" {
				t.Errorf("required (-answer +document):\n%s", diff)
			}
		})
	}
}

// fields lists the JSON names of a struct, and those that are always there.
func fields(typ reflect.Type) (all, required []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag, given := f.Tag.Lookup("json")
		if f.Anonymous && !given {
			a, r := fields(f.Type)
			all, required = append(all, a...), append(required, r...)
			continue
		}
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		all = append(all, name)
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	slices.Sort(all)
	slices.Sort(required)
	return all, required
}
