package panel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

var update = flag.Bool("update", false, "write the golden files of this run, and fail")

// samples are the queries that both this package and the front end read.
func samples(t *testing.T) (all []json.RawMessage) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/queries.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func refID(t *testing.T, model json.RawMessage) string {
	t.Helper()
	var own struct {
		RefID string `json:"refId"`
	}
	if err := json.Unmarshal(model, &own); err != nil {
		t.Fatal(err)
	}
	return own.RefID
}

// ask asks for the second week, as a panel that has room for a point a day.
func ask(t *testing.T, env panel.Env, model string) (data.Frames, error) {
	t.Helper()
	return panel.Answer(t.Context(), env, backend.DataQuery{
		RefID: "A", JSON: json.RawMessage(model), Interval: day,
		TimeRange: backend.TimeRange{From: monday.AddDate(0, 0, 7), To: after},
	})
}

// Every query of the samples is answered with the frames that were looked at once.
func testGolden(t *testing.T, client *query.Client) {
	env := environment(client)
	for _, model := range samples(t) {
		id := refID(t, model)
		t.Run(id, func(t *testing.T) {
			frames, err := ask(t, env, string(model))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, id, frames)
		})
		// What alerting and expressions get of the same.
		t.Run(id+" as a number", func(t *testing.T) {
			env := env
			env.ForExpression = true
			frames, err := ask(t, env, string(model))
			var bad *panel.BadQuery
			if errors.As(err, &bad) && strings.Contains(err.Error(), "no figures") {
				return // flows and annotations
			}
			if err != nil {
				t.Fatal(err)
			}
			expression(t, frames)
		})
	}
}

// golden compares frames with a file. It is written with the flag only, and the test fails then.
func golden(t *testing.T, name string, frames data.Frames) {
	t.Helper()
	for i, f := range frames {
		if f.RefID != "A" || f.Meta == nil || f.Meta.Type == "" || f.Meta.TypeVersion != (data.FrameTypeVersion{0, 1}) {
			t.Errorf("frame %d: %q %+v", i, f.RefID, f.Meta)
		}
	}
	if sql := frames[0].Meta.ExecutedQueryString; !strings.Contains(sql, "SELECT") {
		t.Errorf("sent %q", sql)
	}
	frames[0].Meta.ExecutedQueryString = ""
	got := printed(t, frames)
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("wrote %s: look at it", file)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// printed is JSON with lists of plain values on one line, and figures of nine digits: processors
// differ in the last ones.
func printed(t *testing.T, frames data.Frames) []byte {
	t.Helper()
	text, err := json.Marshal(frames)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all any
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	print(&out, "", all)
	out.WriteByte('\n')
	return out.Bytes()
}

func print(out *bytes.Buffer, indent string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			out.WriteString("{}")
			return
		}
		out.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, "\n%s  %q: ", indent, k)
			print(out, indent+"  ", v[k])
		}
		fmt.Fprintf(out, "\n%s}", indent)
	case []any:
		nested := slices.ContainsFunc(v, func(one any) bool {
			_, object := one.(map[string]any)
			_, list := one.([]any)
			return object || list
		})
		out.WriteByte('[')
		for i, one := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			if nested {
				fmt.Fprintf(out, "\n%s  ", indent)
			}
			print(out, indent+"  ", one)
		}
		if nested {
			fmt.Fprintf(out, "\n%s", indent)
		}
		out.WriteByte(']')
	case json.Number:
		f, err := v.Float64()
		if err != nil || !strings.ContainsAny(v.String(), ".e") {
			out.WriteString(v.String())
			return
		}
		out.WriteString(strconv.FormatFloat(f, 'g', 9, 64))
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // it came from JSON
		}
		out.Write(text)
	}
}

// expression fails unless Grafana's expressions can take the frames, in 9.4 as now: series of one
// figure each, without nulls; or one table of texts and one number; or a frame without fields.
func expression(t *testing.T, frames data.Frames) {
	t.Helper()
	if len(frames) == 1 && len(frames[0].Fields) == 0 {
		return
	}
	for _, f := range frames {
		var moments, numbers int
		for _, field := range f.Fields {
			switch {
			case field.Type().Time():
				moments++
			case field.Type().Numeric():
				numbers++
				for i := range field.Len() {
					if _, told := field.ConcreteAt(i); !told {
						t.Errorf("%s has a null at %d", field.Name, i)
					}
				}
			case field.Type() != data.FieldTypeString:
				t.Errorf("%s is %s", field.Name, field.Type())
			}
		}
		switch f.Meta.Type {
		case data.FrameTypeTimeSeriesMulti:
			if kind := f.TimeSeriesSchema().Type; kind != data.TimeSeriesTypeWide || numbers != 1 || moments != 1 {
				t.Errorf("%v of %d figures", kind, numbers)
			}
		case data.FrameTypeNumericLong:
			if len(frames) != 1 || numbers != 1 || moments != 0 {
				t.Errorf("%d frames, %d figures, %d times", len(frames), numbers, moments)
			}
		default:
			t.Errorf("type %s", f.Meta.Type)
		}
	}
}
