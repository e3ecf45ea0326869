package query_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// truth answers as the client should, from the flows themselves and without any SQL.
type truth []flowstest.Flow

// traffic is random flows over three weeks, of two operators with two sites each.
func traffic(seed uint64, n int) truth {
	r := rand.New(rand.NewPCG(seed, 1))
	t := truth(flowstest.Random(r, n, monday, monday.AddDate(0, 0, 21)))
	for i := range t {
		f := &t[i]
		f.Operator, f.Site = []string{"north", "south"}[i*2/n], []string{"a", "b"}[i*4/n%2]
		f.CloudProvider = []string{"", "aws", "oci"}[r.IntN(3)]
		if f.CloudProvider != "" {
			f.CloudName = f.CloudProvider + "-1"
		}
		f.Confidence = []string{"single", "agreed", "disputed"}[r.IntN(3)]
		f.VendorMethod = []string{"oui", "static"}[r.IntN(2)]
		f.PlaceMethod = []string{"city_db", "cloud_range"}[r.IntN(2)]
		f.Subscriber = uint64(r.IntN(60)) * 2654435761
		if r.IntN(10) == 0 {
			f.Remote = fmt.Sprintf("2001:db8:%x::%x", r.IntN(3), r.IntN(9))
		}
		if r.IntN(20) == 0 {
			f.Side = landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED
		}
	}
	return t
}

func sideOf(f *flowstest.Flow) string {
	return [...]string{"none", "source", "destination", "both"}[f.Side]
}

func countryOf(f *flowstest.Flow) string { return cmp.Or(f.Country, query.Unknown) }
func placeOf(f *flowstest.Flow) string   { return cmp.Or(f.Subdivision, countryOf(f)) }

func keyOf(f *flowstest.Flow, by []query.Dimension) (k query.Key) {
	for _, d := range by {
		switch d {
		case query.ByVendor:
			k.Vendor = f.Vendor
		case query.ByVendorMethod:
			k.VendorMethod = f.VendorMethod
		case query.ByPlace:
			k.Place = placeOf(f)
		case query.ByCountry:
			k.Country = countryOf(f)
		case query.ByCloudRegion:
			k.CloudProvider, k.CloudRegion = f.CloudProvider, cmp.Or(f.CloudName, query.Unknown)
		case query.ByASN:
			k.ASN, k.ASOrganization = f.ASN, f.Organization
		case query.BySide:
			k.Side = sideOf(f)
		case query.ByConfidence:
			k.Confidence = f.Confidence
		case query.ByPlaceMethod:
			k.PlaceMethod = f.PlaceMethod
		case query.ByJurisdiction:
			k.Jurisdiction = cmp.Or(f.Jurisdiction, query.Unknown)
		case query.ByVerdict:
			k.Verdict = verdictOf(f)
		case query.ByOperator:
			k.Operator = f.Operator
		case query.BySite:
			k.Site = f.Site
		}
	}
	return k
}

func verdictOf(f *flowstest.Flow) string {
	return [...]string{"none", "domestic", "allowed", "restricted", "indeterminate"}[f.Verdict]
}

// tally is the sums of some flows.
type tally struct {
	flowstest.Totals
	lowUp, lowDown, highUp, highDown, packetsUp, packetsDown float64
	n                                                        uint32
	handsets                                                 map[time.Time]map[uint64]bool // by week
	endpoints                                                map[string]bool
	first, last                                              time.Time
	says                                                     map[string]bool // what is said of the remote end at its last contact
}

func (s *tally) add(f *flowstest.Flow) {
	s.Add(*f)
	n := float64(f.SamplingInterval)
	weight := n * (n - 1)
	s.lowUp += weight * float64(f.OctetsUp) * float64(f.OctetsUp) / float64(f.PacketsUp)
	s.lowDown += weight * float64(f.OctetsDown) * float64(f.OctetsDown) / float64(f.PacketsDown)
	s.highUp += weight * float64(f.OctetsUp)
	s.highDown += weight * float64(f.OctetsDown)
	s.packetsUp += weight * float64(f.PacketsUp)
	s.packetsDown += weight * float64(f.PacketsDown)
	s.n = max(s.n, f.SamplingInterval)
	if s.handsets == nil {
		s.handsets, s.endpoints, s.first = map[time.Time]map[uint64]bool{}, map[string]bool{}, f.Start
	}
	week := f.Start.Truncate(7 * 24 * time.Hour)
	if s.handsets[week] == nil {
		s.handsets[week] = map[uint64]bool{}
	}
	if f.Subscriber != 0 {
		s.handsets[week][f.Subscriber] = true
	}
	s.endpoints[f.Remote] = true
	if f.Start.Before(s.first) {
		s.first = f.Start
	}
	if f.Start.Truncate(time.Second).After(s.last.Truncate(time.Second)) {
		s.says = nil
	}
	if f.Start.After(s.last) {
		s.last = f.Start
	}
	if !f.Start.Truncate(time.Second).Before(s.last.Truncate(time.Second)) {
		if s.says == nil {
			s.says = map[string]bool{}
		}
		s.says[fmt.Sprint(f.PlaceMethod, f.Confidence, strings.FieldsFunc(f.Alternatives, func(r rune) bool { return r == '|' }), f.Jurisdiction, verdictOf(f))] = true
	}
}

// most is the number of handsets of the week with the most, and all that of all weeks together.
func (s *tally) most() (most, all int) {
	together := map[uint64]bool{}
	for _, week := range s.handsets {
		most = max(most, len(week))
		for h := range week {
			together[h] = true
		}
	}
	return most, len(together)
}

// check compares a row with what it should be; n is the largest sampling interval in force.
func (s *tally) check(t *rapid.T, what string, got query.Figures, n uint32) {
	if have := (flowstest.Totals{Flows: got.Flows, BytesUp: got.BytesUp, BytesDown: got.BytesDown, PacketsUp: got.PacketsUp, PacketsDown: got.PacketsDown}); have != s.Totals {
		t.Fatalf("%s: %+v, want %+v", what, have, s.Totals)
	}
	n = max(n, s.n)
	for name, pair := range map[string][2]estimate.Interval{
		"bytes up":     {got.BytesUpInterval, estimate.Bytes(s.BytesUp, s.lowUp, s.highUp, n, 1500)},
		"bytes down":   {got.BytesDownInterval, estimate.Bytes(s.BytesDown, s.lowDown, s.highDown, n, 1500)},
		"packets up":   {got.PacketsUpInterval, estimate.Packets(s.PacketsUp, s.packetsUp, n)},
		"packets down": {got.PacketsDownInterval, estimate.Packets(s.PacketsDown, s.packetsDown, n)},
	} {
		if !near(pair[0].Low, pair[1].Low) || !near(pair[0].High, pair[1].High) {
			t.Fatalf("%s: interval of %s is %v, want %v", what, name, pair[0], pair[1])
		}
	}
}

func near(x, y float64) bool { return math.Abs(x-y) <= 1e-6*max(1, math.Abs(x), math.Abs(y)) }

func among[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

func begin(b query.Bucket, t time.Time) time.Time {
	return map[query.Bucket]time.Time{
		query.BucketMinute: t.Truncate(time.Minute), query.BucketHour: t.Truncate(time.Hour), query.BucketDay: t.Truncate(24 * time.Hour),
		query.BucketWeek: t.Truncate(7 * 24 * time.Hour),
	}[b]
}

func during(t, since, until time.Time) bool {
	return !t.Before(since) && (until.IsZero() || t.Before(until))
}

// matches returns the flows that a question is of, and those that say which sampling was in force.
func (t truth) matches(q query.Residency) (match, scope truth) {
	sides := q.Sides
	if len(sides) == 0 {
		sides = []string{"source", "destination", "both"}
	}
	for i := range t {
		f := &t[i]
		if !among(q.Operators, f.Operator) || !among(q.Sites, f.Site) {
			continue
		}
		scope = append(scope, *f)
		if among(q.Vendors, f.Vendor) && among(q.Places, placeOf(f)) && among(q.Countries, countryOf(f)) && among(q.ASNs, f.ASN) &&
			among(q.Jurisdictions, cmp.Or(f.Jurisdiction, query.Unknown)) && among(q.Verdicts, verdictOf(f)) && among(q.Confidences, f.Confidence) &&
			slices.Contains(sides, sideOf(f)) && during(f.Start, q.Since, q.Until) && inHours(f.Start, q.Hours) &&
			!slices.ContainsFunc(q.Where, func(c query.Condition) bool { return !meets(f, c) }) {
			match = append(match, *f)
		}
	}
	return match, scope
}

// inForce is the largest sampling interval of the days that [since, until) touches.
func (t truth) inForce(since, until time.Time) (n uint32) {
	since = since.Truncate(24 * time.Hour)
	if !until.IsZero() {
		until = until.Add(24*time.Hour - 1).Truncate(24 * time.Hour)
	}
	for i := range t {
		if during(t[i].Start, since, until) {
			n = max(n, t[i].SamplingInterval)
		}
	}
	return n
}

type place struct {
	bucket time.Time
	key    query.Key
}

// otherOf is the key under which one that is not among the kept is added up: "other", but for what shares
// are of, if one that is kept has the same of that.
func otherOf(q query.Residency, kept []query.Key, k query.Key) query.Key {
	other := flowstest.Flow{Vendor: "other", VendorMethod: "other", Country: "other", CloudProvider: "other", CloudName: "other", Organization: "other", Confidence: "other", PlaceMethod: "other", Jurisdiction: "other", Operator: "other", Site: "other"}
	out := keyOf(&other, q.By)
	if out.Side != "" {
		out.Side = "other"
	}
	if out.Verdict != "" {
		out.Verdict = "other"
	}
	same := func(x query.Key) bool { return query.CompareKeys(x, k, q.ShareOf) == 0 }
	if len(q.ShareOf) > 0 && slices.ContainsFunc(kept, same) {
		query.Take(&out, k, q.ShareOf)
	}
	return out
}

// partOf is what shares are of.
func partOf(q query.Residency, k query.Key) (out query.Key) {
	query.Take(&out, k, q.ShareOf)
	return out
}

func inHours(t time.Time, h *query.Hours) bool {
	if h == nil {
		return true
	}
	zone, err := time.LoadLocation(h.Location)
	if err != nil {
		panic(err)
	}
	for n := h.From % 24; ; n = (n + 1) % 24 { // the clock goes on from hour to hour
		if t.In(zone).Hour() == n {
			return true
		}
		if (n+1)%24 == h.To%24 {
			return false
		}
	}
}

// residency is the whole answer.
func (t truth) residency(q query.Residency) map[place]*tally {
	match, _ := t.matches(q)
	sums := map[query.Key]uint64{}
	for i := range match {
		sums[keyOf(&match[i], q.By)] += match[i].OctetsUp * uint64(match[i].SamplingInterval)
	}
	var keys []query.Key
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y query.Key) int { return cmp.Or(cmp.Compare(sums[y], sums[x]), query.CompareKeys(x, y, q.By)) })
	if q.Top > 0 && len(q.By) > 0 {
		keys = keys[:min(len(keys), q.Top)]
	}
	out := map[place]*tally{}
	for i := range match {
		f := &match[i]
		k := keyOf(f, q.By)
		if !slices.Contains(keys, k) {
			k = otherOf(q, keys, k)
		}
		at := place{begin(q.Bucket, f.Start), k}
		if out[at] == nil {
			out[at] = &tally{}
		}
		out[at].add(f)
	}
	return out
}
