package query

import (
	"fmt"
	"strings"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
)

// statement is SQL with the values of its parameters. Nothing that a user wrote is in the SQL.
type statement struct {
	purpose    string // what it is asked for, in words
	table      string // the main table that it reads
	sql        string
	parameters []any
	where      []string
}

func (c *Client) statement(purpose, table string) *statement {
	s := &statement{purpose: purpose, table: table}
	s.in("r.operator", "scope_operators", c.scope.Operators)
	s.in("r.site", "scope_sites", c.scope.Sites)
	return s
}

func (s *statement) set(name string, value any) {
	s.parameters = append(s.parameters, clickhousego.Named(name, value))
}

func (s *statement) and(condition string) { s.where = append(s.where, condition) }

// in keeps the rows whose expression is one of the values; none: all rows.
func (s *statement) in(expression, name string, values []string) {
	if len(values) > 0 {
		s.and(fmt.Sprintf("%s IN {%s:Array(String)}", expression, name))
		s.set(name, values)
	}
}

func (s *statement) inNumbers(expression, name string, values []uint32) {
	if len(values) > 0 {
		s.and(fmt.Sprintf("%s IN {%s:Array(UInt32)}", expression, name))
		s.set(name, values)
	}
}

// span keeps the rows with since ≤ r.bucket < until; a zero time is open.
func (s *statement) span(since, until time.Time) {
	if !since.IsZero() {
		s.and("r.bucket >= toDateTime({since:UInt32}, 'UTC')")
		s.set("since", uint32(since.Unix()))
	}
	if !until.IsZero() {
		s.and("r.bucket < toDateTime({until:UInt32}, 'UTC')")
		s.set("until", uint32(until.Unix()))
	}
}

// write fills in a template: $database, $table, $where, and what else is given in pairs.
func (s *statement) write(database, template string, pairs ...string) {
	where := "1"
	if len(s.where) > 0 {
		where = strings.Join(s.where, "\n  AND ")
	}
	all := append([]string{"$database", identifier(database), "$table", identifier(s.table), "$where", where}, pairs...)
	s.sql = strings.NewReplacer(all...).Replace(template)
}

func (s *statement) public() Statement { return Statement{For: s.purpose, SQL: s.sql} }

// begins are the begins of buckets, over the rollup r.
var begins = map[Bucket]string{
	BucketMinute: "toStartOfMinute(r.bucket)",
	BucketHour:   "toStartOfHour(r.bucket, 'UTC')",
	BucketDay:    "toStartOfDay(r.bucket, 'UTC')",
	BucketWeek:   "toDateTime(toMonday(r.bucket, 'UTC'), 'UTC')",
	BucketTotal:  "toDateTime(0, 'UTC')",
}

// identifier quotes a name for SQL.
func identifier(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}
