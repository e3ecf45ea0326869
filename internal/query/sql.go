package query

import (
	"fmt"
	"strings"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
)

// columns are the expressions of each dimension, over the rollup r. The first is what Top and a
// row's other-ness are judged by.
var columns = map[Dimension][]column{
	ByVendor:      {{"vendor", "toString(r.vendor)", "'" + Other + "'"}},
	ByPlace:       {{"place", place, "'" + Other + "'"}},
	ByCountry:     {{"country", country, "'" + Other + "'"}},
	ByASN:         {{"asn", "r.asn", "toUInt32(0)"}, {"as_organization", "toString(r.as_organization)", "'" + Other + "'"}},
	ByCloudRegion: {{"cloud_provider", "toString(r.cloud_provider)", "'" + Other + "'"}, {"cloud_region", "if(r.cloud_region = '', '" + Unknown + "', toString(r.cloud_region))", "'" + Other + "'"}},
	ByConfidence:  {{"confidence", "toString(r.confidence)", "'" + Other + "'"}},
}

// column is one column of a dimension: its name in the answer, its expression, and what stands in
// it for all that Top leaves out.
type column struct{ name, expression, other string }

const (
	place   = "multiIf(r.subdivision_code != '', toString(r.subdivision_code), r.country_code != '', toString(r.country_code), '" + Unknown + "')"
	country = "if(r.country_code = '', '" + Unknown + "', toString(r.country_code))"
)

var bucketStarts = map[Bucket]string{
	BucketMinute: "toStartOfMinute(r.bucket)",
	BucketHour:   "toStartOfHour(r.bucket, 'UTC')",
	BucketDay:    "toStartOfDay(r.bucket, 'UTC')",
	BucketWeek:   "toDateTime(toMonday(r.bucket, 'UTC'), 'UTC')",
	BucketTotal:  "toDateTime(0, 'UTC')",
}

// statement is SQL with the values of its parameters. Nothing that a user wrote is in the SQL.
type statement struct {
	sql        string
	parameters []any
}

// build writes the statement for a normal, valid question. The answer's columns are the bucket, the
// dimensions' columns, and the five sums.
func (q Residency) build(database string, limit int) statement {
	var s statement
	parameter := func(name string, value any) { s.parameters = append(s.parameters, clickhousego.Named(name, value)) }
	where := []string{"r.handset_side IN {sides:Array(String)}"}
	parameter("sides", q.Sides)
	filter := func(name, expression string, values []string) {
		if len(values) > 0 {
			where = append(where, fmt.Sprintf("%s IN {%s:Array(String)}", expression, name))
			parameter(name, values)
		}
	}
	filter("vendors", "r.vendor", q.Vendors)
	filter("places", place, q.Places)
	filter("countries", country, q.Countries)
	if !q.Since.IsZero() {
		where = append(where, "r.bucket >= toDateTime({since:UInt32}, 'UTC')")
		parameter("since", uint32(q.Since.Unix()))
	}
	if !q.Until.IsZero() {
		where = append(where, "r.bucket < toDateTime({until:UInt32}, 'UTC')")
		parameter("until", uint32(q.Until.Unix()))
	}
	parameter("limit", uint64(limit))

	var names, expressions []string
	var others []string
	for _, d := range q.By {
		for _, c := range columns[d] {
			names = append(names, c.name)
			expressions = append(expressions, c.expression)
			others = append(others, c.other)
		}
	}
	from := fmt.Sprintf("FROM %s.%s AS r\nWHERE %s", identifier(database), q.rollup(), strings.Join(where, "\n  AND "))
	selected := []string{bucketStarts[q.Bucket] + " AS answer_bucket"}
	top := q.Top > 0 && len(names) > 0
	key := "(" + strings.Join(expressions, ", ") + ")"
	for i, name := range names {
		e := expressions[i]
		if top {
			e = fmt.Sprintf("if(%s IN (SELECT * FROM top), %s, %s)", key, e, others[i])
		}
		selected = append(selected, e+" AS answer_"+name)
		names[i] = "answer_" + name
	}
	for _, c := range []string{"flows", "bytes_up", "bytes_down", "packets_up", "packets_down"} {
		selected = append(selected, fmt.Sprintf("sum(r.%s) AS answer_%s", c, c))
	}
	var sql strings.Builder
	if top {
		parameter("top", uint64(q.Top))
		// The order is made total, so that which of two equals is kept does not change.
		fmt.Fprintf(&sql, "WITH top AS (\nSELECT %s\n%s\nGROUP BY ALL\nORDER BY sum(r.bytes_up) DESC, %s\nLIMIT {top:UInt64})\n",
			strings.Join(expressions, ", "), from, strings.Join(expressions, ", "))
	}
	fmt.Fprintf(&sql, "SELECT %s\n%s\nGROUP BY %s\nORDER BY %s\nLIMIT {limit:UInt64}",
		strings.Join(selected, ",\n       "), from,
		strings.Join(append([]string{"answer_bucket"}, names...), ", "),
		strings.Join(append([]string{"answer_bucket", "answer_bytes_up DESC"}, names...), ", "))
	s.sql = sql.String()
	return s
}

// identifier quotes a name for SQL.
func identifier(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}
