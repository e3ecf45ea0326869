package query

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const residencySQL = `$withSELECT $begin AS answer_bucket,
       $selected
FROM $database.$table AS r
WHERE $where
GROUP BY $group
ORDER BY answer_bucket, answer_bytes_up DESC$keys
LIMIT {limit:UInt64}`

// The order is made total, so that which of two equals is kept does not change.
const topSQL = `WITH top AS (
SELECT $named
FROM $database.$table AS r
WHERE $where
GROUP BY ALL
ORDER BY sum(r.bytes_up) DESC, $keys
LIMIT {top:UInt64})
`

// handsetsSQL counts distinct pseudonyms.
const handsetsSQL = "uniqCombinedMerge(12)(r.handsets) AS answer_handsets"

// residencyStatement writes the statement for a normal, valid question. The answer's columns are the
// bucket, the dimensions' columns, the sums, and with MinHandsets the handsets. As pseudonyms change
// every week, handsets are counted by the week: what is asked for in total comes in weeks.
func (c *Client) residencyStatement(q Residency, segments []segment) *statement {
	s := c.statement("figures", q.rollup())
	s.in("r.handset_side", "sides", q.Sides)
	s.in("r.vendor", "vendors", q.Vendors)
	s.in(place, "places", q.Places)
	s.in(country, "countries", q.Countries)
	s.inNumbers("r.asn", "asns", q.ASNs)
	s.in(regime, "jurisdictions", q.Jurisdictions)
	s.in("r.verdict", "verdicts", q.Verdicts)
	s.in("r.confidence", "confidences", q.Confidences)
	s.in("r.operator", "operators", q.Operators)
	s.in("r.site", "sites", q.Sites)
	s.conditions(q.Where)
	s.hours(q.Hours)
	s.span(q.Since, q.Until)
	s.revised(segments)
	s.set("limit", uint64(c.maxRows+1))

	all := columns(q.By)
	var expressions, selected, names, tops []string
	for _, column := range all {
		expressions = append(expressions, column.expression)
		names = append(names, "answer_"+column.name)
		tops = append(tops, column.expression+" AS top_"+column.name)
	}
	with := ""
	top := q.Top > 0 && len(all) > 0
	if top {
		s.set("top", uint64(q.Top))
		s.write(c.database, topSQL, "$keys", strings.Join(expressions, ", "), "$named", strings.Join(tops, ", "))
		with = s.sql
	}
	for _, d := range q.By {
		for _, column := range columns([]Dimension{d}) {
			e := column.expression
			if top {
				kept := fmt.Sprintf("(%s) IN (SELECT * FROM top)", strings.Join(expressions, ", "))
				if slices.Contains(q.ShareOf, d) {
					kept += " OR " + q.shareOfTop()
				}
				e = fmt.Sprintf("if(%s, %s, %s)", kept, e, column.other())
			}
			selected = append(selected, e+" AS answer_"+column.name)
		}
	}
	selected = append(selected, sumsSQL)
	begin := begins[q.Bucket]
	if q.MinHandsets > 0 {
		selected = append(selected, handsetsSQL)
		if q.Bucket == BucketTotal {
			begin = begins[BucketWeek]
		}
	}
	keys := ""
	if len(names) > 0 {
		keys = ", " + strings.Join(names, ", ")
	}
	s.write(c.database, residencySQL, "$with", with, "$begin", begin,
		"$selected", strings.Join(selected, ",\n       "),
		"$group", strings.Join(append([]string{"answer_bucket"}, names...), ", "), "$keys", keys)
	return s
}

// shareOfTop keeps what has the values that shares are of in common with one of the top: its rest adds up
// with them to 1, and is told apart from the rest of all others.
func (q Residency) shareOfTop() string {
	var expressions, names []string
	for _, column := range columns(q.ShareOf) {
		expressions = append(expressions, column.expression)
		names = append(names, "top_"+column.name)
	}
	return fmt.Sprintf("(%s) IN (SELECT %s FROM top)", strings.Join(expressions, ", "), strings.Join(names, ", "))
}

// rollup is the coarsest table that can answer a normal question: its buckets must be whole parts of
// the question's, and must not straddle its borders.
func (q Residency) rollup() string {
	on := func(d time.Duration) bool {
		// Truncate of a Time counts from the year 1, which is a multiple of days away from 1970.
		return (q.Since.IsZero() || q.Since.Truncate(d).Equal(q.Since)) && (q.Until.IsZero() || q.Until.Truncate(d).Equal(q.Until))
	}
	switch {
	case q.Bucket == BucketMinute, q.Hours != nil && !q.Hours.whole(q.Since, q.Until):
		return "residency_minute"
	case q.Hours != nil && on(time.Hour):
		return "residency_hour"
	case q.Bucket != BucketHour && on(day):
		return q.dayTable()
	case on(time.Hour):
		return "residency_hour"
	}
	return "residency_minute"
}

// What the smaller tables of days are kept by.
var (
	destinationDimensions = []Dimension{ByPlace, ByCountry, BySide, ByJurisdiction, ByVerdict, ByOperator, BySite}
	placeDimensions       = append([]Dimension{ByVendor}, destinationDimensions...)
)

// dayTable is the smallest table of days that knows all that the question is about.
func (q Residency) dayTable() string {
	knows := func(known []Dimension) bool {
		return q.MinHandsets == 0 && !slices.ContainsFunc(q.dimensions(), func(d Dimension) bool { return !slices.Contains(known, d) })
	}
	switch {
	case knows(destinationDimensions):
		return "destination_day"
	case knows(placeDimensions):
		return "place_day"
	}
	return "residency_day"
}

// dimensions are those that the question breaks down or filters by.
func (q Residency) dimensions() []Dimension {
	all := slices.Clone(q.By)
	for _, c := range q.Where {
		all = append(all, c.Dimension)
	}
	for _, f := range []struct {
		by     Dimension
		values int
	}{
		{ByVendor, len(q.Vendors)},
		{ByPlace, len(q.Places)},
		{ByCountry, len(q.Countries)},
		{ByASN, len(q.ASNs)},
		{ByJurisdiction, len(q.Jurisdictions)},
		{ByVerdict, len(q.Verdicts)},
		{ByConfidence, len(q.Confidences)},
	} {
		if f.values > 0 {
			all = append(all, f.by)
		}
	}
	return all
}
