package reprocess

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
)

// What the server may use for one statement; what needs more goes to disk.
const spillBytes = 400 << 20

// prepare finds the settings under which an insert counts once, however often it is tried.
func (r *run) prepare(ctx context.Context) error {
	r.settings = clickhousego.Settings{
		"insert_deduplicate":              1,
		"async_insert":                    0,
		"max_insert_threads":              1,
		"max_partitions_per_insert_block": 1000,
		// Views make place_day and destination_day of residency_day.
		"deduplicate_blocks_in_dependent_materialized_views": 1,
		"parallel_view_processing":                           0,
		"materialized_views_ignore_errors":                   0,
		// One statement writes few large parts.
		"min_insert_block_size_rows":                         1 << 20,
		"min_insert_block_size_bytes":                        256 << 20,
		"min_insert_block_size_rows_for_materialized_views":  1 << 20,
		"min_insert_block_size_bytes_for_materialized_views": 256 << 20,
	}
	// Newer servers deduplicate an insert from a select only if its rows are ordered by all columns, or
	// when told so; older ones do not know the setting. These are ordered by what they are grouped by,
	// which is one order always, and a state cannot be ordered by.
	var has uint64
	if err := r.conn.QueryRow(ctx, "SELECT count() FROM system.settings WHERE name = 'deduplicate_insert_select'").Scan(&has); err != nil {
		return fmt.Errorf("look at the server's settings: %w", err)
	}
	if has > 0 {
		r.settings["deduplicate_insert_select"] = "enable_even_for_bad_queries"
	}
	return nil
}

// bounded sets what a statement may use.
func (r *run) bounded(ctx context.Context) context.Context {
	return clickhousego.Context(ctx, clickhousego.WithSettings(r.limits()))
}

func (r *run) limits() clickhousego.Settings {
	return clickhousego.Settings{
		"max_execution_time":                 0,
		"max_bytes_before_external_group_by": spillBytes,
		"max_bytes_before_external_sort":     spillBytes,
		"max_threads":                        2, // the inserts of the aggregators go first
	}
}

// maxFlows is how many flows one statement reads, if an hour has not more.
const maxFlows = 5_000_000

type span struct{ since, until time.Time }

// chunks cuts the period, at whole hours and at every day, into pieces of a bounded number of flows.
// Hours without flows are in none.
func (r *run) chunks(ctx context.Context) (out []span, err error) {
	err = r.again(ctx, func() error { out, err = r.cut(ctx); return err })
	return out, err
}

func (r *run) cut(ctx context.Context) ([]span, error) {
	rows, err := r.conn.Query(r.bounded(ctx), "SELECT toStartOfHour(toDateTime(start, 'UTC'), 'UTC') AS hour, count() FROM flows WHERE "+chunkWhere+" GROUP BY hour ORDER BY hour",
		r.chunkParameters(r.Since, r.Until)...)
	if err != nil {
		return nil, fmt.Errorf("count the flows of each hour: %w", err)
	}
	defer rows.Close()
	var out []span
	var size uint64
	for rows.Next() {
		var hour time.Time
		var flows uint64
		if err := rows.Scan(&hour, &flows); err != nil {
			return nil, fmt.Errorf("count the flows of each hour: %w", err)
		}
		if n := len(out); n > 0 && size+flows <= maxFlows && out[n-1].since.Truncate(day).Equal(hour.Truncate(day)) {
			out[n-1].until = hour.Add(time.Hour)
			size += flows
			continue
		}
		out, size = append(out, span{hour, hour.Add(time.Hour)}), flows
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the flows of each hour: %w", err)
	}
	return out, nil
}

// chunkWhere are the flows of a chunk. What came later counts beside the revision.
const chunkWhere = `received >= toDateTime({received:Int64}, 'UTC')
  AND start >= toDateTime({since:Int64}, 'UTC') AND start < toDateTime({until:Int64}, 'UTC')
  AND inserted < fromUnixTimestamp64Milli({cutoff:Int64}, 'UTC')`

func (r *run) chunkParameters(since, until time.Time) []any {
	return []any{
		clickhousego.Named("received", max(0, since.Add(-r.Ahead).Unix())),
		clickhousego.Named("since", since.Unix()), clickhousego.Named("until", until.Unix()),
		clickhousego.Named("cutoff", r.self.Cutoff.UnixMilli()), clickhousego.Named("revision", r.self.Revision),
	}
}

// The dimensions of the rollups, the bucket and the revision aside.
var (
	dimensions = []string{
		"operator", "site", "handset_side", "vendor", "vendor_method", "country_code", "subdivision_code", "cloud_provider",
		"cloud_region", "asn", "as_organization", "place_method", "confidence", "jurisdiction", "verdict",
	}
	judged = map[string]bool{
		"country_code": true, "subdivision_code": true, "cloud_provider": true, "cloud_region": true, "asn": true,
		"as_organization": true, "place_method": true, "confidence": true, "jurisdiction": true, "verdict": true,
	}
)

// The measures of residency_minute, as the aggregator computes them (internal/clickhouse/flows).
var measures = []struct{ name, expression string }{
	{"flows", "count()"},
	{"bytes_up", "sum(f.octets_up * f.sampling_interval)"},
	{"bytes_down", "sum(f.octets_down * f.sampling_interval)"},
	{"packets_up", "sum(f.packets_up * f.sampling_interval)"},
	{"packets_down", "sum(f.packets_down * f.sampling_interval)"},
	{"variance_low_up", "sum(if(f.packets_up = 0, 0., toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.octets_up * f.octets_up / f.packets_up))"},
	{"variance_low_down", "sum(if(f.packets_down = 0, 0., toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.octets_down * f.octets_down / f.packets_down))"},
	{"variance_high_up", "sum(toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.octets_up)"},
	{"variance_high_down", "sum(toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.octets_down)"},
	{"variance_packets_up", "sum(toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.packets_up)"},
	{"variance_packets_down", "sum(toFloat64(f.sampling_interval) * (f.sampling_interval - 1) * f.packets_down)"},
	{"sampling_interval_max", "max(f.sampling_interval)"},
	{"last_change", "max(toDateTime(f.inserted, 'UTC'))"},
}

// What only residency_day has: who and to whom.
var distinct = []struct{ name, expression string }{
	{"last_change", "max(toDateTime(f.inserted, 'UTC'))"},
	{"handsets", "uniqCombinedStateIf(12)(f.subscriber, f.subscriber != 0)"},
	{"endpoints", "uniqCombinedStateIf(12)(f.remote_address, f.remote_address != toIPv6('::'))"},
}

// insertSQL writes the statement that fills a rollup from a chunk of flows.
func insertSQL(table, bucket string, measures []struct{ name, expression string }, joined bool) string {
	columns, selected, order := []string{"bucket"}, []string{bucket + " AS new_bucket"}, []string{"new_bucket"}
	for _, d := range dimensions {
		expression := "f." + d
		if joined && judged[d] {
			expression = fmt.Sprintf("if(m.judgement = 0, f.%s, j.%s)", d, d)
		}
		columns, selected, order = append(columns, d), append(selected, expression+" AS new_"+d), append(order, "new_"+d)
	}
	group := strings.Join(order, ", ")
	columns, selected = append(columns, "revision", "generation"), append(selected, "{revision:UInt16} AS new_revision", "toUInt16(0) AS new_generation")
	for _, m := range measures {
		columns, selected = append(columns, m.name), append(selected, m.expression+" AS new_"+m.name)
	}
	from := "flows AS f"
	if joined {
		from += "\nLEFT ANY JOIN moved AS m ON m.address = f.remote_address AND m.vendor = f.vendor AND m.name = " + nameSQL + "\nLEFT ANY JOIN judgements AS j ON j.judgement = m.judgement"
	}
	return fmt.Sprintf("INSERT INTO %s (%s)\nSELECT %s\nFROM %s\nWHERE %s\nGROUP BY %[6]s\nORDER BY %[6]s",
		table, strings.Join(columns, ", "), strings.Join(selected, ",\n       "), from,
		"f."+strings.NewReplacer(" start", " f.start", " inserted", " f.inserted").Replace(chunkWhere), group)
}

// rollUpSQL writes the statement that fills a coarser rollup from the revision's minutes.
func rollUpSQL(table, bucket string) string {
	order := []string{"new_bucket"}
	selected := []string{bucket + " AS new_bucket"}
	columns := []string{"bucket"}
	for _, d := range dimensions {
		columns, selected, order = append(columns, d), append(selected, "r."+d+" AS new_"+d), append(order, "new_"+d)
	}
	columns, selected = append(columns, "revision", "generation"), append(selected, "{revision:UInt16}", "toUInt16(0)")
	for _, m := range measures {
		sum := "sum"
		if strings.HasPrefix(m.expression, "max(") {
			sum = "max"
		}
		columns, selected = append(columns, m.name), append(selected, fmt.Sprintf("%s(r.%s)", sum, m.name))
	}
	return fmt.Sprintf("INSERT INTO %s (%s)\nSELECT %s\nFROM residency_minute AS r\nWHERE r.revision = {revision:UInt16} AND r.bucket >= toDateTime({since:Int64}, 'UTC') AND r.bucket < toDateTime({until:Int64}, 'UTC')\nGROUP BY %[4]s\nORDER BY %[4]s",
		table, strings.Join(columns, ", "), strings.Join(selected, ",\n       "), strings.Join(order, ", "))
}

const dataSetSQL = `SELECT toStartOfDay(toDateTime(start, 'UTC'), 'UTC') AS day, toString(operator), toString(site), toString(data_sets), count()
FROM flows
WHERE ` + chunkWhere + `
GROUP BY ALL
ORDER BY ALL`

// chunk computes the flows that began in [since, until), however often that takes: the server may be
// gone for a while, and what was inserted before is not inserted again. Where the policy changes, the
// chunk is cut: its instants are whole minutes.
func (r *run) chunk(ctx context.Context, since, until time.Time) error {
	if change := r.Policy.Around(since).Until; !change.IsZero() && change.Before(until) {
		if err := r.chunk(ctx, since, change); err != nil {
			return err
		}
		return r.chunk(ctx, change, until)
	}
	err := r.again(ctx, func() error { return r.chunkOnce(ctx, since, until) })
	if errors.Is(err, errTooMany) && until.Sub(since) > time.Minute {
		middle := since.Add(until.Sub(since) / 2).Truncate(time.Minute)
		if err := r.chunk(ctx, since, middle); err != nil {
			return err
		}
		return r.chunk(ctx, middle, until)
	}
	if err != nil {
		return fmt.Errorf("compute %s to %s anew: %w", since.Format(time.RFC3339), until.Format(time.RFC3339), err)
	}
	return nil
}

// maxTries bounds the tries of what the server itself refuses.
const maxTries = 3

// again tries something until the server does it, unless it is of no use: what the server answered is
// wrong.
func (r *run) again(ctx context.Context, try func() error) error {
	wait := clickhouse.NewWait(r.Log, "the recomputation")
	for tries := 1; ; tries++ {
		err := try()
		if err == nil {
			wait.Over()
			return nil
		}
		var refused *clickhousego.Exception
		for _, final := range []error{errTooMany, errUnequal, ErrTotals, ErrClocks} {
			if errors.Is(err, final) {
				return err
			}
		}
		if errors.As(err, &refused) && tries >= maxTries || !wait.Retry(ctx, err) {
			return err
		}
	}
}

func (r *run) chunkOnce(ctx context.Context, since, until time.Time) error {
	m, err := r.moved(ctx, since, until)
	if err != nil {
		return err
	}
	minutes := insertSQL("residency_minute", "toStartOfMinute(toDateTime(f.start, 'UTC'))", measures, m.count > 0)
	if err := r.insert(ctx, since, until, "minutes", minutes, m); err != nil {
		return err
	}
	for _, level := range []struct{ table, bucket string }{
		{"residency_hour", "toStartOfHour(r.bucket, 'UTC')"}, {"residency_day", "toStartOfDay(r.bucket, 'UTC')"},
	} {
		if err := r.insert(ctx, since, until, level.table, rollUpSQL(level.table, level.bucket), &moved{}); err != nil {
			return err
		}
	}
	sets := insertSQL("residency_day", "toStartOfDay(toDateTime(f.start, 'UTC'), 'UTC')", distinct, m.count > 0)
	if err := r.insert(ctx, since, until, "sets", sets, m); err != nil {
		return err
	}
	return r.countDataSets(ctx, since, until)
}

// once is the context of an insert that counts once for its token.
func (r *run) once(ctx context.Context, what string, since, until time.Time, more ...clickhousego.QueryOption) context.Context {
	settings := r.limits()
	maps.Copy(settings, r.settings)
	settings["insert_deduplication_token"] = fmt.Sprintf("revision %d/%s/%d-%d", r.self.Revision, what, since.Unix(), until.Unix())
	return clickhousego.Context(ctx, append(more, clickhousego.WithSettings(settings))...)
}

func (r *run) insert(ctx context.Context, since, until time.Time, what, sql string, m *moved) error {
	var along []clickhousego.QueryOption
	if m.count > 0 {
		along = append(along, clickhousego.WithExternalTable(m.ends, m.judgements))
	}
	if err := r.conn.Exec(r.once(ctx, what, since, until, along...), sql, r.chunkParameters(since, until)...); err != nil {
		return fmt.Errorf("insert the %s: %w", what, err)
	}
	return nil
}

// countDataSets writes how many flows of the chunk were judged by which data sets.
func (r *run) countDataSets(ctx context.Context, since, until time.Time) error {
	rows, err := r.conn.Query(r.bounded(ctx), dataSetSQL, r.chunkParameters(since, until)...)
	if err != nil {
		return fmt.Errorf("count the data sets of %s: %w", since, err)
	}
	defer rows.Close()
	type key struct {
		day                      time.Time
		operator, site, dataSets string
	}
	var order []key
	counts := map[key]uint64{}
	for rows.Next() {
		var k key
		var flows uint64
		if err := rows.Scan(&k.day, &k.operator, &k.site, &k.dataSets, &flows); err != nil {
			return fmt.Errorf("count the data sets of %s: %w", since, err)
		}
		if _, known := r.dataSets[k.dataSets]; !known {
			r.dataSets[k.dataSets] = judgedBy(k.dataSets, r.versionList())
		}
		k.dataSets = r.dataSets[k.dataSets]
		if counts[k] == 0 {
			order = append(order, k)
		}
		counts[k] += flows
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("count the data sets of %s: %w", since, err)
	}
	if len(order) == 0 {
		return nil
	}
	batch, err := r.conn.PrepareBatch(r.once(ctx, "data sets", since, until),
		"INSERT INTO data_set_day (bucket, operator, site, revision, generation, data_sets, flows)")
	if err != nil {
		return fmt.Errorf("insert the data sets: %w", err)
	}
	for _, k := range order {
		if err := batch.Append(k.day, k.operator, k.site, r.self.Revision, uint16(0), k.dataSets, counts[k]); err != nil {
			return errors.Join(err, batch.Abort())
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert the data sets: %w", err)
	}
	return nil
}
