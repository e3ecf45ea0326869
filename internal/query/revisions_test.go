package query_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// A revision is listed once, in the state that it got last.
func TestRevisionList(t *testing.T) {
	db, _ := flowstest.Start(t)
	c := query.New(db.Conn(t), db.Database, query.Options{Scope: query.Scope{Operators: []string{"north"}}})
	if a, err := c.Revisions(t.Context()); err != nil || a.Rows == nil || len(a.Rows) > 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, row := range []string{
		"(1, '2026-03-02', '2026-03-09', '2026-04-01 10:00:00', 'building', '2026-04-01 09:00:00', '2026-04-01 09:00:00', '', 'new city table')",
		"(1, '2026-03-02', '2026-03-09', '2026-04-01 10:00:00', 'active', '2026-04-01 09:00:00', '2026-04-01 11:00:00', 'city 2', 'new city table')",
		"(2, '2026-03-02', '2026-03-03', '2026-04-02 10:00:00', 'abandoned', '2026-04-02 09:00:00', '2026-04-02 09:30:00', '', '')",
	} {
		if err := db.Conn(t).Exec(t.Context(), "INSERT INTO "+db.Database+".revisions (revision, since, until, cutoff, state, created, changed, data_sets, note) VALUES "+row); err != nil {
			t.Fatal(err)
		}
	}
	a, err := c.Revisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		v, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := []query.Revision{
		{
			Revision: 1, Since: at("2026-03-02 00:00:00"), Until: at("2026-03-09 00:00:00"), State: "active", Cutoff: at("2026-04-01 10:00:00"),
			Created: at("2026-04-01 09:00:00"), Changed: at("2026-04-01 11:00:00"), DataSets: "city 2", Note: "new city table",
		},
		{
			Revision: 2, Since: at("2026-03-02 00:00:00"), Until: at("2026-03-03 00:00:00"), State: "abandoned", Cutoff: at("2026-04-02 10:00:00"),
			Created: at("2026-04-02 09:00:00"), Changed: at("2026-04-02 09:30:00"),
		},
	}
	if diff := cmp.Diff(want, a.Rows); diff != "" {
		t.Error(diff)
	}
}
