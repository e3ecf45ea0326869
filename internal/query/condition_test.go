package query_test

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// drawConditions draws some by any dimension that residency is kept by.
func drawConditions(t *rapid.T) []query.Condition {
	values := map[query.Dimension][]string{
		query.ByVendor: {"Xiaomi", "Apple", "nobody"}, query.ByVendorMethod: {"oui", "static"},
		query.ByPlace: {"CN-BJ", "SG", "unknown"}, query.ByCountry: {"CN", "US", "unknown"},
		query.ByASN: {"64500", "64511", "64503", "unknown"}, query.BySide: {"source", "none"},
		query.ByVerdict: {"restricted", "none"}, query.ByJurisdiction: {"PRC", "unknown"},
		query.ByConfidence: {"disputed", "agreed"}, query.ByCloudRegion: {"aws aws-1", "oci oci-1", "unknown"},
		query.ByPlaceMethod: {"cloud_range"}, query.ByOperator: {"north"}, query.BySite: {"a", "c"},
	}
	matches := []string{".*", "(?i)xiaomi|APPLE", "CN-.*", "C?[NU].*", "6450[0-4]", "[^aeiou]+", "aws .*", `\w+`, "Xiaomi.?", "a|b", ".*o.*"}
	var out []query.Condition
	for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "conditions") {
		c := query.Condition{Dimension: rapid.SampledFrom(query.Dimensions()).Draw(t, "dimension"), Not: rapid.Bool().Draw(t, "not")}
		if rapid.Bool().Draw(t, "match") {
			c.Match = rapid.SampledFrom(matches).Draw(t, "expression")
		} else {
			c.Values = rapid.SliceOfN(rapid.SampledFrom(values[c.Dimension]), 1, 2).Draw(t, "values")
		}
		out = append(out, c)
	}
	return out
}

// checkShifts: the difference of the shares is that of the flows, and what is told by itself has shifted no
// less than what is not, if that is the order.
func checkShifts(t *rapid.T, q query.Compare, rows []query.CompareRow, before, after map[place]*tally) {
	if len(before) == 0 || len(after) == 0 {
		return
	}
	shift := map[query.Key]float64{}
	for sign, all := range map[float64]map[place]*tally{-1: before, 1: after} {
		of := map[query.Key]uint64{}
		for at, s := range all {
			of[partOf(q.Question, at.key)] += s.BytesUp
		}
		for at, s := range all {
			if s.BytesUp > 0 {
				shift[at.key] += sign * float64(s.BytesUp) / float64(of[partOf(q.Question, at.key)])
			}
		}
	}
	least := math.Inf(1)
	for _, r := range rows {
		if q.Question.Top > 0 && r.IsOther(q.Question.By) {
			continue
		}
		want := shift[r.Key]
		delete(shift, r.Key)
		if math.Abs(r.DifferenceShareUp-want) > 1e-9 {
			t.Fatalf("%+v has shifted by %v, want %v", r.Key, r.DifferenceShareUp, want)
		}
		if d := r.DifferenceShareUp; d < r.DifferenceShareUpInterval.Low || d > r.DifferenceShareUpInterval.High {
			t.Fatalf("%+v: the shift is outside of its interval", r)
		}
		if q.Order == query.OrderShift && math.Abs(want) > least+1e-9 {
			t.Fatalf("%+v is out of order", r.Key)
		}
		least = min(least, math.Abs(want))
	}
	for k, s := range shift {
		if q.Order == query.OrderShift && math.Abs(s) > least+1e-9 {
			t.Fatalf("%+v has shifted by %v and is not told, %v is", k, s, least)
		}
	}
}

// An expression means to the server what it means to Go, and what Go refuses is not sent.
func TestExpressionsAreThoseOfGo(t *testing.T) {
	vendors := []string{"Xiaomi", "Apple", "a.b", "Hon Hai", "a", "ab", "日本", "x+y", "unknown", "(a)", "A"}
	var fs truth
	for _, v := range vendors {
		fs = append(fs, flow(monday, v, "CN", "", 1))
	}
	c := start(t, fs...)
	pieces := []string{"a", "b", ".", "*", "+", "?", "|", "(", ")", "[", "]", "^", "$", `\`, "A", "{2}", "(?i)", "(?-s)", "日", "x", ".*", `\.`, `\pL`, `\x{65e5}`, "[[:alpha:]]", `\Q(\E`}
	rapid.Check(t, func(t *rapid.T) {
		match := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 6).Draw(t, "pieces"), "")
		_, fault := regexp.Compile(match)
		q := query.Residency{By: []query.Dimension{query.ByVendor}, FiguresOnly: true, Where: []query.Condition{{Dimension: query.ByVendor, Match: match}}}
		a, err := c.Residency(t.Context(), q)
		if (err != nil) != (fault != nil) {
			t.Fatalf("%q: %v, and of Go %v", match, err, fault)
		}
		if err != nil {
			return
		}
		want := slices.DeleteFunc(slices.Clone(vendors), func(v string) bool { return !regexp.MustCompile("^(?:" + match + ")$").MatchString(v) })
		var got []string
		for _, r := range a.Rows {
			got = append(got, r.Vendor)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", match, got, want)
		}
	})
}

func TestFaultsOfConditions(t *testing.T) {
	for want, c := range map[string]query.Condition{
		`unknown dimension "planet"`:          {Dimension: "planet", Values: []string{"x"}},
		"neither values nor":                  {Dimension: query.ByVendor},
		"values and an expression":            {Dimension: query.ByVendor, Values: []string{"x"}, Match: "x"},
		"missing closing )":                   {Dimension: query.ByVendor, Match: "a("},
		"unexpected )":                        {Dimension: query.ByVendor, Match: "a)|(b"},
		"201 characters":                      {Dimension: query.ByVendor, Match: strings.Repeat("ä", 201)},
		"number 0":                            {Dimension: query.ByVendor, Match: "a\x00"},
		`"AS64500" is no number of a network`: {Dimension: query.ByASN, Values: []string{"AS64500"}},
		`unknown value "mostly"`:              {Dimension: query.ByVerdict, Values: []string{"mostly"}},
		"1001 values":                         {Dimension: query.ByVendor, Values: make([]string, 1001)},
	} {
		err := query.Residency{Where: []query.Condition{{Dimension: query.ByVendor, Values: []string{"x"}}, c}}.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	for want, q := range map[string]query.Residency{
		"shares of \"vendor\" need":  {ShareOf: []query.Dimension{query.ByVendor}},
		"asked for twice":            {By: []query.Dimension{query.ByVendor}, ShareOf: []query.Dimension{query.ByVendor, query.ByVendor}},
		"from 3 to 3 are none":       {Hours: &query.Hours{From: 3, To: 3}},
		"not between 0 and 24":       {Hours: &query.Hours{From: 3, To: 25}},
		"unknown time zone Mars/One": {Hours: &query.Hours{To: 3, Location: "Mars/One"}},
		"unknown time zone Local":    {Hours: &query.Hours{To: 3, Location: "Local"}},
		"do not go together":         {Hours: &query.Hours{To: 3}, MinHandsets: 3},
	} {
		if err := q.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", q, err, want)
		}
	}
}

// What a condition shuts out is not said to be unobserved, and what it names is.
func TestConditionsNameWhatIsNotObserved(t *testing.T) {
	c := start(t, flow(monday.Add(10*time.Hour), "a", "CN", "", 1))
	vendors := func(q query.Residency) (out []string) {
		q.By = []query.Dimension{query.ByVendor}
		for _, r := range ask(t, c, q).Rows {
			out = append(out, r.Vendor)
			if r.Unobserved != (r.Vendor != "a") {
				t.Errorf("%+v", r)
			}
		}
		return out
	}
	abc := query.Condition{Dimension: query.ByVendor, Values: []string{"a", "b", "c"}}
	notC := query.Condition{Dimension: query.ByVendor, Not: true, Values: []string{"c"}}
	only := query.Condition{Dimension: query.ByVendor, Match: "[^b]"}
	for _, test := range []struct {
		q    query.Residency
		want string
	}{
		{query.Residency{Where: []query.Condition{abc}}, "a b c"},
		{query.Residency{Where: []query.Condition{abc, notC}}, "a b"},
		{query.Residency{Where: []query.Condition{abc, notC, only}}, "a"},
		{query.Residency{Vendors: []string{"b", "c"}, Where: []query.Condition{notC}}, "b"},
		{query.Residency{Where: []query.Condition{notC}}, "a"},
		{query.Residency{Where: []query.Condition{abc}, Bucket: query.BucketDay, Hours: &query.Hours{From: 9, To: 11}}, "a b c"},
		// No minute of the day that is asked for lies in the hours.
		{query.Residency{Where: []query.Condition{abc}, Bucket: query.BucketDay, Hours: &query.Hours{From: 9, To: 11}, Since: monday.Add(12 * time.Hour), Until: monday.AddDate(0, 0, 1)}, ""},
	} {
		if got := strings.Join(vendors(test.q), " "); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.q, got, test.want)
		}
	}
}
