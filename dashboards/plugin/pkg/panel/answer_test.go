package panel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// within asks for a range of its own.
func within(t *testing.T, env panel.Env, model string, from, to time.Time, interval time.Duration) (data.Frames, error) {
	t.Helper()
	return panel.Answer(t.Context(), env, backend.DataQuery{
		RefID: "A", JSON: json.RawMessage(model), Interval: interval, TimeRange: backend.TimeRange{From: from, To: to},
	})
}

// values are those of a field, as text.
func values(f *data.Frame, name string) string {
	field, i := f.FieldByName(name)
	if i < 0 {
		return "no field " + name
	}
	var out []string
	for i := range field.Len() {
		v, told := field.ConcreteAt(i)
		switch at, moment := v.(time.Time); {
		case !told:
			out = append(out, "null")
		case moment:
			out = append(out, at.UTC().Format("02T15:04"))
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	return strings.Join(out, " ")
}

func custom(t *testing.T, frames data.Frames) *panel.Custom {
	t.Helper()
	c, ok := frames[0].Meta.Custom.(*panel.Custom)
	if !ok {
		t.Fatalf("custom is %T", frames[0].Meta.Custom)
	}
	return c
}

// TestAnswers is one test, because its parts ask the same database.
func TestAnswers(t *testing.T) {
	client, _ := seed(t)
	t.Run("golden", func(t *testing.T) { testGolden(t, client) })
	t.Run("auto bucket", func(t *testing.T) { testAutoBucket(t, client) })
	t.Run("faults", func(t *testing.T) { testAnswerFaults(t, client) })
	t.Run("handsets", func(t *testing.T) { testMinHandsets(t, client) })
	t.Run("notices", func(t *testing.T) { testNotices(t, client) })
	t.Run("stream", func(t *testing.T) { testNewEndpoints(t, client) })
	t.Run("links", func(t *testing.T) { testLinks(t, client) })
}

// The bucket follows the panel's points and range, and the first and the last are whole.
func testAutoBucket(t *testing.T, client *query.Client) {
	env := environment(client)
	model := `{"vendors": ["Apple"], "intervals": "none"}`
	for _, test := range []struct {
		from, to time.Time
		interval time.Duration
		rollup   string
		points   int
		first    string
	}{
		{monday.Add(90 * time.Second), monday.Add(time.Hour), time.Second, "residency_minute", 59, "02T00:01"},
		{monday.Add(90 * time.Second), monday.Add(40 * time.Hour), time.Second, "residency_hour", 40, "02T00:00"}, // 2,400 minutes are too many
		{monday.Add(90 * time.Second), monday.Add(40 * time.Hour), 20 * time.Minute, "residency_hour", 40, "02T00:00"},
		{monday.AddDate(0, 0, 2).Add(time.Hour), monday.AddDate(0, 0, 9).Add(time.Hour), 2 * time.Hour, "place_day", 8, "04T00:00"},
		{monday.AddDate(0, 0, 2), monday.AddDate(0, 0, 9), 48 * time.Hour, "place_day", 2, "02T00:00"},
		{monday.AddDate(-9, 0, 0), after, time.Hour, "place_day", 472, "27T00:00"}, // 3,301 days are too many
	} {
		frames, err := within(t, env, model, test.from, test.to, test.interval)
		if err != nil {
			t.Fatal(err)
		}
		times := strings.Fields(values(frames[0], "time"))
		if c := custom(t, frames); c.Rollup != test.rollup || len(times) != test.points || times[0] != test.first {
			t.Errorf("%s to %s by %s: %s, %d points from %s", test.from, test.to, test.interval, c.Rollup, len(times), times[0])
		}
	}
}

// Where the rollup by the minute is kept no longer, the next that is answers.
func TestAutoBucketFollowsRetention(t *testing.T) {
	client, conn := seed(t)
	exec(t, conn, "ALTER TABLE residency_minute DELETE WHERE bucket < ? SETTINGS mutations_sync = 2", monday.AddDate(0, 0, 10))
	for _, test := range []struct {
		model string
		day   int
		want  string
	}{
		{`{"vendors": ["Apple"], "intervals": "none"}`, 2, "residency_hour"},
		{`{"vendors": ["Apple"], "intervals": "none"}`, 11, "residency_minute"},
		{`{"vendors": ["Apple"], "bucket": "total"}`, 2, "residency_hour"},
		{`{"vendors": ["Apple"], "bucket": "minute"}`, 2, "residency_minute"}, // chosen: with a warning
	} {
		at := monday.AddDate(0, 0, test.day).Add(10 * time.Minute)
		frames, err := within(t, environment(client), test.model, at, at.Add(2*time.Hour), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if c := custom(t, frames); c.Rollup != test.want {
			t.Errorf("%s on day %d: by %s, %q", test.model, test.day, c.Rollup, c.Warnings)
		}
	}
}

// In a bucket of which something is known, a key without a row sent nothing that was seen. Of a bucket
// in which no exporter was heard, nothing is said.
func TestZeroIsNotUnknown(t *testing.T) {
	client, conn := seed(t)
	env := environment(client)
	exec(t, conn, "ALTER TABLE ledger_minute DELETE WHERE bucket >= ? AND bucket < ? SETTINGS mutations_sync = 2", monday.Add(20*time.Hour), monday.Add(22*time.Hour))
	exec(t, conn, "ALTER TABLE ledger_hour DELETE WHERE bucket >= ? AND bucket < ? SETTINGS mutations_sync = 2", monday.Add(20*time.Hour), monday.Add(22*time.Hour))
	model := `{"vendors": ["unknown"], "by": ["vendor"], "bucket": "hour"}`
	frames, err := within(t, env, model, monday.Add(6*time.Hour), monday.Add(24*time.Hour), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got := values(frames[0], "bytes_up"); got != "0 40 0 0 0 0 0 0 0 0 0 0 0 0 null null 0 0" {
		t.Errorf("by the hour %s", got)
	}
	if upper := strings.Fields(values(frames[0], "upper")); upper[0] == "0" || upper[14] != "null" {
		t.Errorf("upper ends %s", upper)
	}
	env.ForExpression = true
	if frames, err = within(t, env, model, monday.Add(6*time.Hour), monday.Add(24*time.Hour), time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := values(frames[0], "time"); strings.Contains(got, "02T20:00") || !strings.HasSuffix(got, "02T19:00 02T22:00 02T23:00") || len(frames[0].Fields) != 2 {
		t.Errorf("expressions get %s", got)
	}
	for _, test := range []struct {
		bucket string
		from   time.Duration
		want   string
	}{
		{"total", 6 * time.Hour, "0"}, // nobody of that name, though something was counted
		{"minute", 6 * time.Hour, "0"},
		{"total", 1000 * time.Hour, ""}, // nothing is known
		{"hour", 1000 * time.Hour, ""},
	} {
		frames, err := within(t, env, `{"filters": [{"key": "vendor", "operator": "=~", "value": "No.*"}], "by": ["vendor"], "bucket": "`+test.bucket+`"}`,
			monday.Add(test.from), monday.Add(test.from+time.Minute), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(frames[0].Fields) > 0 {
			got = values(frames[0], "bytes_up")
		}
		if got != test.want {
			t.Errorf("%s after %s: %q", test.bucket, test.from, got)
		}
	}
}

// What the asker did wrong comes back as such.
func testAnswerFaults(t *testing.T, client *query.Client) {
	env := environment(client)
	few := env
	few.MinHandsets = 10
	many := `"` + strings.Repeat(`a", "`, 9999) + `a"`
	for _, test := range []struct {
		env      panel.Env
		model    string
		from, to time.Time
		says     string
	}{
		{env, `{}`, monday, monday, "time range is empty"},
		{env, `{"queryType": "flows"}`, after, monday, "time range is empty"},
		{env, `{}`, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), after, "1970 to 2105"},
		{env, `{"bucket": "minute"}`, monday.AddDate(-1, 0, 0), after, "more than 11000"},
		{env, `{"bucket": "total", "format": "time_series"}`, monday, after, "no time series"},
		{env, `{"bucket": "hour", "format": "number"}`, monday, after, "a number is a total"},
		{env, `{"by": ["colour"]}`, monday, after, "colour"},
		{env, `{"verdicts": ["guilty"]}`, monday, after, "guilty"},
		{env, `{"vendors": [` + many + `]}`, monday, after, "10000 vendors"},
		{env, `{"filters": [{"key": "vendor", "operator": "=~", "value": "("}]}`, monday, after, "missing closing"},
		{env, `{"filters": [{"key": "subscriber", "operator": "=", "value": "1"}]}`, monday, after, "subscriber"},
		{env, `{"metric": "handsets", "bucket": "hour"}`, monday, after, "by the day"},
		{few, `{"bucket": "hour"}`, monday, after, "fewer than 10 handsets are withheld"},
		{few, `{"queryType": "flows"}`, monday, after, "10 handsets"},
	} {
		_, err := within(t, test.env, test.model, test.from, test.to, time.Hour)
		var bad *panel.BadQuery
		var invalid *query.InvalidError
		if !errors.As(err, &bad) && !errors.As(err, &invalid) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.100s: %v", test.model, err)
		}
	}
}

// With a minimum of handsets nothing is finer than the day, and small figures are not told.
func testMinHandsets(t *testing.T, client *query.Client) {
	env := environment(client)
	env.MinHandsets = 5
	frames, err := within(t, env, `{"by": ["place"], "vendors": ["Xiaomi"]}`, monday.AddDate(0, 0, 8), monday.AddDate(0, 0, 9).Add(time.Hour), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range frames {
		got = append(got, f.Fields[1].Labels["place"]+" "+values(f, "bytes_up"))
	}
	// The one handset in Moscow is hidden behind the smallest of the others.
	if want := "[US-OR 108000 120000 CN-BJ 7200 6000 SG 3600 null RU-MOW 0 null]"; fmt.Sprint(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n := frames[0].Meta.Notices; !strings.Contains(fmt.Sprint(n), "2 figures of fewer than 5 handsets") {
		t.Errorf("notices %v", n)
	}
	frames, err = ask(t, env, `{"queryType": "endpoints", "order": "handsets"}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := values(frames[0], "country") + " " + values(frames[0], "bytes_up"); !strings.Contains(got, "RU") || !strings.HasSuffix(got, " null") || strings.Count(got, "null") != 1 {
		t.Errorf("remote ends %s", got)
	}
	if field, _ := frames[0].FieldByName("address"); len(field.Config.Links) > 0 {
		t.Error("a link to flows, which are refused")
	}
}

var filled = regexp.MustCompile(`\$\{__data\.fields\.(\w+)\}`)

// Every link leads to a query that decodes, and that has rows once Grafana has filled in its variables.
func testLinks(t *testing.T, client *query.Client) {
	env := environment(client)
	for _, model := range samples(t) {
		frames, err := ask(t, env, string(model))
		if err != nil {
			t.Fatal(err)
		}
		f := frames[len(frames)-1]
		for _, field := range f.Fields {
			if field.Config == nil {
				continue
			}
			for _, link := range field.Config.Links {
				if link.Title == "" || link.Internal == nil || link.Internal.DatasourceUID != "uid-1" || link.Internal.DatasourceName != "Landfall" {
					t.Fatalf("%s: %+v", model, link)
				}
				text, err := json.Marshal(link.Internal.Query)
				if err != nil {
					t.Fatal(err)
				}
				row := 0
				if strings.Contains(string(model), `"map"`) {
					row = 1
				}
				to := filled.ReplaceAllStringFunc(string(text), func(v string) string {
					column, i := f.FieldByName(filled.FindStringSubmatch(v)[1])
					if i < 0 {
						t.Fatalf("%s: no column for %s", model, v)
					}
					return column.At(row).(string)
				})
				got, err := ask(t, env, to)
				if err != nil {
					t.Fatalf("%s → %s: %v", model, to, err)
				}
				if got[0].Rows() == 0 {
					t.Errorf("%s → %s: no rows", model, to)
				}
			}
		}
	}
}
