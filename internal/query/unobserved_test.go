package query_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Where nothing was observed there is a bound and not a zero.
func TestZeroIsABound(t *testing.T) {
	sampled := flow(monday, "a", "CN", "CN-BJ", 100)
	sampled.SamplingInterval = 1000
	c := start(t, sampled, flow(monday.AddDate(0, 0, 7), "a", "US", "", 5))
	a := ask(t, c, query.Residency{Vendors: []string{"a", "b"}, By: []query.Dimension{query.ByVendor}, Bucket: query.BucketWeek})
	var got []string
	for _, r := range a.Rows {
		got = append(got, fmt.Sprintf("%s %s %d–%.0f observed %v", r.Bucket.Format("02"), r.Vendor, r.BytesUp, r.BytesUpInterval.High/1500, !r.Unobserved))
	}
	want := []string{"02 a 100000–3757 observed true", "02 b 0–3687 observed false", "09 a 5–0 observed true", "09 b 0–0 observed false"}
	// A bound of zero observed packets at 1 in 1000 is 3.69 thousand packets.
	for i := range want {
		if i >= len(got) || i != 0 && got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
			break
		}
	}
	if b := a.UpperBoundOfZero; b == nil || math.Abs(b.Packets-3687) > 2 || math.Abs(b.Bytes/1500-3687) > 2 {
		t.Errorf("bound of zero is %+v", b)
	}
	// One key in all, by no dimension.
	a = ask(t, c, query.Residency{Vendors: []string{"b"}, Since: monday, Until: monday.AddDate(0, 0, 1)})
	if len(a.Rows) != 1 || !a.Rows[0].Unobserved || a.Rows[0].PacketsUpInterval.High < 3680 {
		t.Errorf("b alone is %+v", a.Rows)
	}
	// Nothing at all was counted in that time: nothing is known.
	a = ask(t, c, query.Residency{Vendors: []string{"b"}, Until: monday.Add(-time.Hour * 24)})
	if len(a.Rows) != 0 || a.UpperBoundOfZero != nil {
		t.Errorf("before all, b is %+v, bound %+v", a.Rows, a.UpperBoundOfZero)
	}
	// Hours are known by the ledger only.
	a = ask(t, c, query.Residency{Vendors: []string{"b"}, Bucket: query.BucketHour})
	if len(a.Rows) != 0 {
		t.Errorf("hours without a ledger are %+v", a.Rows)
	}
}
