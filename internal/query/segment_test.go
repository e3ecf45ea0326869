package query

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Segments follow one another without a gap, and each hour is of the highest active revision that
// covers it.
func TestSegments(t *testing.T) {
	first := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var all []revision
		for n := range rapid.IntRange(0, 6).Draw(t, "revisions") {
			since := rapid.IntRange(0, 20).Draw(t, "since")
			all = append(all, revision{
				number: uint16(n + 1), since: first.AddDate(0, 0, since), until: first.AddDate(0, 0, since+rapid.IntRange(1, 10).Draw(t, "days")),
				state: rapid.SampledFrom([]string{"active", "active", "building", "abandoned"}).Draw(t, "state"),
			})
		}
		var asked *uint16
		if v := rapid.Uint16Range(0, 7).Draw(t, "asked"); v < 7 {
			asked = &v
		}
		var since, until time.Time
		if v := rapid.IntRange(-10, 700).Draw(t, "from"); v >= 0 {
			since = first.Add(time.Duration(v) * time.Hour)
		}
		if v := rapid.IntRange(-10, 700).Draw(t, "to"); v > 0 {
			until = first.Add(time.Duration(v) * time.Hour)
			if !since.IsZero() {
				until = since.Add(time.Duration(v) * time.Hour)
			}
		}
		known := asked == nil || *asked == 0
		for _, r := range all {
			known = known || r.number == *asked && r.state == "active"
		}
		segments, err := inForce(all, asked, since, until)
		if (err == nil) != known {
			t.Fatalf("error %v, known %v", err, known)
		}
		if err != nil {
			return
		}
		if !segments[0].since.Equal(since) || !segments[len(segments)-1].until.Equal(until) {
			t.Fatalf("%v does not cover [%v, %v)", segments, since, until)
		}
		for i := range segments[1:] {
			if !segments[i].until.Equal(segments[i+1].since) || segments[i].revision == segments[i+1].revision {
				t.Fatalf("%v has a gap, or a border for nothing", segments)
			}
		}
		for h := -24; h < 40*24; h++ {
			at := first.Add(time.Duration(h) * time.Hour)
			if at.Before(since) || !until.IsZero() && !at.Before(until) {
				continue
			}
			want := uint16(0)
			for _, r := range all {
				if r.state == "active" && (asked == nil || r.number <= *asked) && !at.Before(r.since) && at.Before(r.until) {
					want = max(want, r.number)
				}
			}
			for _, s := range segments {
				if !at.Before(s.since) && (s.until.IsZero() || at.Before(s.until)) && s.revision != want {
					t.Fatalf("%v is of revision %d, want %d", at, s.revision, want)
				}
			}
			if highest, mixed := revisionOf(segments, at, at.Add(time.Hour)); until.IsZero() && (highest != want || mixed) {
				t.Fatalf("the hour from %v is of revision %d, mixed %v; want %d", at, highest, mixed, want)
			}
		}
	})
}
