package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// course writes an answer by the day: a letter's bytes up from day to day; -1: no row, -2: withheld, -3: not
// observed. The interval of n is n±margin.
func courseOf(margin float64, days map[string][]int) ResidencyAnswer {
	a := ResidencyAnswer{Question: Residency{By: []Dimension{ByVendor}, Bucket: BucketDay, Top: 5}, UpperBoundOfZero: &UpperBound{Bytes: margin}}
	for vendor, course := range days {
		for day, n := range course {
			r := ResidencyRow{Bucket: time.Date(2026, 3, 1+day, 0, 0, 0, 0, time.UTC), Key: Key{Vendor: vendor}}
			switch n {
			case -1:
				continue
			case -2:
				r.Suppressed = true
			case -3:
				r.Unobserved, r.BytesUpInterval.High = true, margin
			default:
				r.BytesUp, r.BytesUpInterval, r.ShareUp = uint64(n), estimate.Interval{Low: float64(n) - margin, High: float64(n) + margin}, float64(n)/100
			}
			a.Rows = append(a.Rows, r)
		}
	}
	return a
}

func TestOvertakes(t *testing.T) {
	for name, test := range map[string]struct {
		days map[string][]int
		want string
	}{
		"once":                    {map[string][]int{"a": {1, 2, 30, 45}, "b": {20, 20, 20, 20}}, "a>b since 3 certain 4"},
		"at once certain":         {map[string][]int{"a": {1, 2, 50, 50}, "b": {20, 20, 20, 20}}, "a>b since 3 certain 3"},
		"never certain":           {map[string][]int{"a": {1, 2, 3, 21}, "b": {20, 20, 20, 20}}, "a>b since 4 certain never"},
		"certain for a while":     {map[string][]int{"a": {1, 90, 25, 90}, "b": {20, 20, 20, 20}}, "a>b since 2 certain 4"},
		"always ahead":            {map[string][]int{"a": {50, 50, 50, 50}, "b": {20, 20, 20, 20}}, ""},
		"ahead and back":          {map[string][]int{"a": {1, 90, 90, 1}, "b": {20, 20, 20, 20}}, "b>a since 4 certain never"},
		"there and back":          {map[string][]int{"a": {90, 1, 90, 90}, "b": {20, 20, 20, 20}}, "a>b since 3 certain 3"},
		"equal is not ahead":      {map[string][]int{"a": {1, 20, 20, 20}, "b": {20, 20, 20, 20}}, ""},
		"equal, then ahead":       {map[string][]int{"a": {20, 20, 90, 90}, "b": {20, 20, 20, 20}}, ""},
		"without rows at first":   {map[string][]int{"a": {-1, -1, 90, 90}, "b": {20, 20, 20, 20}}, "a>b since 3 certain 3"},
		"gone":                    {map[string][]int{"a": {20, 20, 20, 20}, "b": {90, 90, -1, -1}}, "a>b since 3 certain never"},
		"gone, and not observed":  {map[string][]int{"a": {50, 50, 50, 50}, "b": {90, 90, -3, -3}}, "a>b since 3 certain 3"},
		"withheld on the way":     {map[string][]int{"a": {1, 50, -2, 50}, "b": {20, 20, 20, 20}}, "a>b since 4 certain 4"},
		"withheld at the end":     {map[string][]int{"a": {1, 50, 50, -2}, "b": {20, 20, 20, 20}}, ""},
		"withheld before":         {map[string][]int{"a": {-2, 50, 50, 50}, "b": {20, 20, 20, 20}}, ""},
		"days without any flow":   {map[string][]int{"a": {1, 50, -3, 50}, "b": {20, 20, -3, 20}}, "a>b since 2 certain 2"},
		"others take no part":     {map[string][]int{"a": {1, 50, 50, 50}, "other": {20, 20, 20, 20}}, ""},
		"three, the latest first": {map[string][]int{"a": {1, 30, 50, 90}, "b": {20, 20, 20, 20}, "c": {70, 70, 70, 70}}, "a>c since 4 certain never; a>b since 2 certain 3"},
	} {
		margin := 10.0
		if strings.HasPrefix(name, "gone, and") {
			margin = 20
		}
		var got []string
		for _, o := range Overtakes(courseOf(margin, test.days), ByVendor) {
			certain := "never"
			if !o.Certain.IsZero() {
				certain = o.Certain.Format("2")
			}
			got = append(got, fmt.Sprintf("%s>%s since %s certain %s", o.Ahead.Vendor, o.Behind.Vendor, o.Since.Format("2"), certain))
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	a := courseOf(1, map[string][]int{"a": {1, 50}, "b": {20, 20}})
	if o := Overtakes(a, ByVendor); len(o) != 1 || o[0].AheadShare != 0.5 || o[0].BehindShare != 0.2 {
		t.Errorf("%+v", o)
	}
	if o := Overtakes(a, ByPlace); o != nil {
		t.Errorf("of an answer by vendor, by place: %+v", o)
	}
	a.Question.Bucket = BucketTotal
	if o := Overtakes(a, ByVendor); o != nil {
		t.Errorf("of a total: %+v", o)
	}
}
