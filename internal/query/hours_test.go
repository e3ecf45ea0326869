package query_test

import (
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Hours of a zone that is not whole hours from UTC are of the minutes.
func TestHoursOfAZone(t *testing.T) {
	c := start(t, flow(monday.Add(10*time.Hour+15*time.Minute), "a", "CN", "", 1), flow(monday.Add(10*time.Hour+45*time.Minute), "a", "CN", "", 2))
	for _, test := range []struct {
		hours  query.Hours
		rollup string
		up     uint64
	}{
		{query.Hours{From: 15, To: 16, Location: "Asia/Kolkata"}, "residency_minute", 1},
		{query.Hours{From: 16, To: 15, Location: "Asia/Kolkata"}, "residency_minute", 2},
		{query.Hours{From: 18, To: 19, Location: "Asia/Singapore"}, "residency_hour", 3},
		{query.Hours{To: 24}, "destination_day", 3},
	} {
		a := ask(t, c, query.Residency{Hours: &test.hours})
		if a.Rollup != test.rollup || len(a.Rows) != 1 || a.Rows[0].BytesUp != test.up {
			t.Errorf("%+v: %s, %+v", test.hours, a.Rollup, a.Rows)
		}
	}
}
