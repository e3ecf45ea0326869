package query

import (
	"strings"
	"testing"
	"time"
)

func TestPivotLooks(t *testing.T) {
	week := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	a := ResidencyAnswer{Question: Residency{By: []Dimension{ByPlace}, Bucket: BucketWeek}}
	for i := range 3 {
		w := week.AddDate(0, 0, 7*i)
		a.Rows = append(a.Rows,
			ResidencyRow{Bucket: w, Place: "CN-BJ", BytesUp: uint64(85-30*i) * 12345678},
			ResidencyRow{Bucket: w, Place: "US-OR", BytesUp: uint64(10+20*i) * 12345678},
			ResidencyRow{Bucket: w, Place: "SG", BytesUp: uint64(5+10*i) * 12345678})
		for _, p := range []string{"DE-HE", "FR", "GB", "JP", "BR"}[:i+2] {
			a.Rows = append(a.Rows, ResidencyRow{Bucket: w, Place: p, BytesUp: 12345})
		}
	}
	var b strings.Builder
	if err := WriteTable(&b, a, func(c string) string {
		return map[string]string{"CN-BJ": "Beijing", "US-OR": "Oregon", "SG": "Singapore", "BR": "São Paulo", "JP": "日本"}[c]
	}); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	a.Question.By = []Dimension{ByVendor, ByPlace}
	b.Reset()
	if err := WriteTable(&b, a, nil); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
}
