package panel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// A stream asks again what the panel asked, for what is newer.
func testNewEndpoints(t *testing.T, client *query.Client) {
	q, err := panel.Decode(json.RawMessage(`{"vendors": ["Xiaomi"], "live": true, "order": "first_seen"}`), panel.TypeNewEndpoints)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		days int
		want string
	}{{7, "2001:db8::1"}, {9, "2001:db8::1"}, {10, ""}} {
		f, err := panel.NewEndpoints(t.Context(), environment(client), q, monday.AddDate(0, 0, test.days))
		if err != nil {
			t.Fatal(err)
		}
		if got := values(f, "address"); got != test.want || f.Meta.Type != data.FrameTypeTable {
			t.Errorf("since day %d: %q", test.days, got)
		}
	}
}

// A warning names the silent exporters; that nothing is known is no warning; the credit is no notice.
func testNotices(t *testing.T, client *query.Client) {
	for _, test := range []struct {
		bound    float64
		day      int
		severity data.NoticeSeverity
		says     []string
	}{
		{0.99, 9, data.NoticeSeverityWarning, []string{"Only 98.", "less than 99.00 %", "192.0.2.2 (5 h from 2026-03-11 04:00 UTC)"}},
		{0.5, 9, data.NoticeSeverityWarning, []string{"Exporters did not report", "192.0.2.2"}},
		{0.99, 3, data.NoticeSeverityWarning, []string{"Only 98.03 % of what the exporters sent was counted, less than 99.00 %."}},
		{0.5, 3, 0, nil},
		{0.99, 100, data.NoticeSeverityInfo, []string{"is not known"}},
	} {
		env := environment(client)
		env.CompletenessBound = test.bound
		at := monday.AddDate(0, 0, test.day)
		frames, err := within(t, env, `{"by": ["country"], "bucket": "total"}`, at, at.Add(day), day)
		if err != nil {
			t.Fatal(err)
		}
		notices := frames[0].Meta.Notices
		if len(test.says) == 0 {
			if len(notices) > 0 {
				t.Errorf("day %d: %+v", test.day, notices)
			}
			continue
		}
		if len(notices) != 1 || notices[0].Severity != test.severity {
			t.Errorf("day %d: %+v", test.day, notices)
			continue
		}
		for _, says := range test.says {
			if !strings.Contains(notices[0].Text, says) {
				t.Errorf("day %d: %q", test.day, notices[0].Text)
			}
		}
		if c := custom(t, frames); test.day < 14 && !strings.Contains(c.Credit, "DB-IP") {
			t.Errorf("day %d: credit %q", test.day, c.Credit)
		}
	}
}
