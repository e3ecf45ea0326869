package query_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// On a real server: what is told is of enough handsets, and what is withheld cannot be worked out
// from the answer and the totals that the same client tells.
func TestMinHandsets(t *testing.T) {
	truth := traffic(7, 900)
	c := start(t, truth...)
	rapid.Check(t, func(t *rapid.T) {
		q := drawResidency(t, query.BucketDay, query.BucketWeek, query.BucketTotal)
		q.Since, q.Until = drawTimes(t, 24*time.Hour)
		q.MinHandsets, q.Hours = rapid.IntRange(1, 30).Draw(t, "k"), nil
		a, err := c.Residency(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		total := q
		total.By, total.ShareOf, total.Top = nil, nil, 0
		totals, err := c.Residency(t.Context(), total)
		if err != nil {
			t.Fatal(err)
		}
		want := truth.residency(q)
		withheld := map[time.Time][]*tally{}
		all := map[time.Time]*tally{}
		told := map[time.Time]uint64{}
		for _, r := range a.Rows {
			if r.Unobserved {
				continue
			}
			s := want[place{r.Bucket, r.Key}]
			if s == nil {
				t.Fatalf("a row too many: %+v", r)
			}
			handsets, _ := s.most()
			if !r.Suppressed {
				if handsets < q.MinHandsets {
					t.Fatalf("told of %d handsets: %+v", handsets, r)
				}
				if r.Handsets != uint64(handsets) || r.BytesUp != s.BytesUp {
					t.Fatalf("%+v, want %d handsets and %d bytes", r, handsets, s.BytesUp)
				}
				told[r.Bucket] += r.BytesUp
				continue
			}
			if r.BytesUp+r.Flows+r.Handsets != 0 || r.ShareUp != 0 || r.BytesUpInterval.High != 0 {
				t.Fatalf("withheld and told: %+v", r)
			}
			withheld[r.Bucket] = append(withheld[r.Bucket], s)
		}
		for at, s := range truth.residency(total) {
			all[at.bucket] = s
		}
		for _, r := range totals.Rows {
			hidden := withheld[r.Bucket]
			if r.Suppressed || r.Unobserved || len(hidden) == 0 {
				continue
			}
			// Of a group with a share that is told, the total is known.
			for _, known := range groupsTold(q, r.Bucket, a.Rows) {
				var rest []*tally
				for _, row := range a.Rows {
					if row.Bucket.Equal(r.Bucket) && row.Suppressed && partOf(q, row.Key) == known {
						s := want[place{row.Bucket, row.Key}]
						rest = append(rest, s)
						hidden = slices.DeleteFunc(hidden, func(x *tally) bool { return x == s })
					}
				}
				if most := together(rest); len(rest) == 1 || len(rest) > 0 && most < q.MinHandsets {
					t.Fatalf("%v: %d withheld rows of %+v together are of %d handsets", r.Bucket, len(rest), known, most)
				}
			}
			if len(hidden) == 0 {
				continue
			}
			if len(hidden) < 2 {
				t.Fatalf("%v: the one withheld is %d − %d", r.Bucket, r.BytesUp, told[r.Bucket])
			}
			// The sum of the withheld is known: it must be of enough handsets together.
			if most := together(hidden); most < q.MinHandsets {
				t.Fatalf("%v: %d withheld rows together are of %d handsets", r.Bucket, len(hidden), most)
			}
		}
	})
}

// groupsTold are what the told shares of a bucket are of.
func groupsTold(q query.Residency, bucket time.Time, rows []query.ResidencyRow) (out []query.Key) {
	for _, r := range rows {
		if k := partOf(q, r.Key); len(q.ShareOf) > 0 && r.Bucket.Equal(bucket) && !r.Suppressed && !r.Unobserved && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// together is how many handsets several figures are of, in the week with the most.
func together(all []*tally) int {
	handsets := map[time.Time]map[uint64]bool{}
	for _, s := range all {
		for week, list := range s.handsets {
			if handsets[week] == nil {
				handsets[week] = map[uint64]bool{}
			}
			for h := range list {
				handsets[week][h] = true
			}
		}
	}
	most, _ := (&tally{handsets: handsets}).most()
	return most
}

func TestSuppressedFiguresAreAbsent(t *testing.T) {
	fs := traffic(8, 50)
	c := start(t, fs...)
	a := ask(t, c, query.Residency{By: []query.Dimension{query.ByPlace}, MinHandsets: 1000})
	if len(a.Rows) == 0 || !a.Buckets[0].TotalWithheld {
		t.Fatalf("got %+v", a)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`"bytes_up"`, `"flows":`, `"share_up"`, `"bytes_up_interval"`, `"packets_down_interval"`, `"handsets"`} {
		if strings.Contains(strings.Split(string(text), `"data_sets"`)[0], name) {
			t.Errorf("%s is in %s", name, text)
		}
	}
	if !strings.Contains(string(text), `"suppressed":true`) || !strings.Contains(string(text), `"place":"CN-BJ"`) {
		t.Errorf("got %s", text)
	}
	b, err := c.Compare(t.Context(), query.Compare{
		Question:    query.Residency{By: []query.Dimension{query.ByPlace}, MinHandsets: 1000, Top: 2},
		BeforeSince: monday, BeforeUntil: monday.AddDate(0, 0, 7), AfterSince: monday.AddDate(0, 0, 7), AfterUntil: monday.AddDate(0, 0, 14),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Rows {
		text, err := json.Marshal(r)
		if err != nil || strings.Contains(string(text), "bytes_up") || strings.Contains(string(text), "difference") || !strings.Contains(string(text), `"suppressed":true`) {
			t.Errorf("compared: %s, %v", text, err)
		}
	}
	for _, q := range []query.Residency{
		{MinHandsets: 10, Bucket: query.BucketHour}, {MinHandsets: 10, Since: monday.Add(time.Hour)}, {MinHandsets: -1},
	} {
		_, err := c.Residency(t.Context(), q)
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "handsets") {
			t.Errorf("%+v: %v", q, err)
		}
	}
}
