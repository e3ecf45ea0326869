package audit

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Sums are the figures that must agree; bytes and packets are scaled by the sampling interval.
type Sums struct {
	Flows       uint64 `json:"flows"`
	BytesUp     uint64 `json:"bytes_up"`
	BytesDown   uint64 `json:"bytes_down"`
	PacketsUp   uint64 `json:"packets_up"`
	PacketsDown uint64 `json:"packets_down"`
}

// Add adds o.
func (s *Sums) Add(o Sums) {
	s.Flows += o.Flows
	s.BytesUp += o.BytesUp
	s.BytesDown += o.BytesDown
	s.PacketsUp += o.PacketsUp
	s.PacketsDown += o.PacketsDown
}

// Revision is a recomputation of whole days, as the revisions table has it.
type Revision struct {
	Revision uint16    `json:"revision"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"` // excluded
	Cutoff   time.Time `json:"cutoff"`
	State    string    `json:"state"` // building, active, abandoned
	Created  time.Time `json:"created"`
	DataSets string    `json:"data_sets"`
	Note     string    `json:"note,omitempty"`
}

// Covers reports whether the day that begins then is in the revision.
func (r *Revision) Covers(day time.Time) bool { return !day.Before(r.Since) && day.Before(r.Until) }

// Revisions reads all revisions, the oldest first.
func Revisions(ctx context.Context, conn driver.Conn) ([]Revision, error) {
	rows, err := conn.Query(ctx, `SELECT revision, since, until, cutoff, state, created, data_sets, note
FROM revisions FINAL ORDER BY revision`)
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	defer rows.Close()
	all := []Revision{}
	for rows.Next() {
		var r Revision
		if err := rows.Scan(&r.Revision, &r.Since, &r.Until, &r.Cutoff, &r.State, &r.Created, &r.DataSets, &r.Note); err != nil {
			return nil, fmt.Errorf("read revisions: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	return all, nil
}

var ttlPattern = regexp.MustCompile(`\bTTL .*\+ toIntervalSecond\((\d+)\)`)

// Retention reads how long each table keeps its rows; a table that is not in the answer, or 0: for
// ever.
func Retention(ctx context.Context, conn driver.Conn) (map[string]time.Duration, error) {
	rows, err := conn.Query(ctx, "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
	if err != nil {
		return nil, fmt.Errorf("read the tables' retention: %w", err)
	}
	defer rows.Close()
	kept := make(map[string]time.Duration)
	for rows.Next() {
		var name, engine string
		if err := rows.Scan(&name, &engine); err != nil {
			return nil, fmt.Errorf("read the tables' retention: %w", err)
		}
		if m := ttlPattern.FindStringSubmatch(engine); m != nil {
			seconds, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the retention of %s: %w", name, err)
			}
			kept[name] = time.Duration(seconds) * time.Second
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the tables' retention: %w", err)
	}
	return kept, nil
}

// cell is one group of rows of one table, as fine as the comparisons need it.
type cell struct {
	table      string
	day        time.Time // of the flows' start
	received   time.Time // day of arrival; flows and exporter_day only
	endpoint   bool      // flows only: with a handset side and a remote address
	after      uint8     // flows only: how many of the cutoffs lie before their insert
	revision   uint16
	generation uint16
	sums       Sums
	newest     time.Time // when the newest insert in it was planned
}

// reading is all tables at one moment, as near as it can be had.
type reading struct {
	at    time.Time // by the server's clock
	cells []cell
}

const flowSums = `count(), sum(octets_up * sampling_interval), sum(octets_down * sampling_interval),
       sum(packets_up * sampling_interval), sum(packets_down * sampling_interval), max(inserted)`

const rollupSums = "sum(flows), sum(bytes_up), sum(bytes_down), sum(packets_up), sum(packets_down)"

// sql reads all tables in one statement: their parts are looked up one right after the other before
// anything is read.
const sql = `SELECT 'flows' AS level, toStartOfDay(toDateTime(start, 'UTC'), 'UTC') AS day,
       toStartOfDay(toDateTime(received, 'UTC'), 'UTC') AS day_received,
       handset_side != 'none' AND remote_address != toIPv6('::') AS endpoint,
       toUInt8(arrayCount(c -> toUnixTimestamp64Milli(inserted) >= c, {cutoffs:Array(Int64)})) AS after,
       toUInt16(0) AS of_revision, toUInt16(0) AS of_generation,
       ` + flowSums + `
FROM flows
WHERE received >= toDateTime({received:Int64}, 'UTC')
  AND ((start >= toDateTime({since:Int64}, 'UTC') AND start < toDateTime({until:Int64}, 'UTC'))
    OR (received >= toDateTime({since:Int64}, 'UTC') AND received < toDateTime({until:Int64}, 'UTC')))
GROUP BY ALL
UNION ALL
SELECT 'exporter_day', toDateTime(0, 'UTC') AS day, bucket, false, 0, 0, 0, ` + rollupSums + `, toDateTime64(0, 3, 'UTC')
FROM exporter_day
WHERE bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY bucket
UNION ALL
SELECT 'endpoint_day', bucket, toDateTime(0, 'UTC'), true, 0, 0, 0, ` + rollupSums + `, toDateTime64(max(last_change), 3, 'UTC')
FROM endpoint_day
WHERE bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY bucket
UNION ALL
SELECT 'data_set_day', bucket, toDateTime(0, 'UTC'), false, 0, revision, generation, sum(flows), 0, 0, 0, 0, toDateTime64(0, 3, 'UTC')
FROM data_set_day
WHERE bucket >= toDateTime({since:Int64}, 'UTC') AND bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY bucket, revision, generation
UNION ALL
SELECT 'ledger_minute', toStartOfDay(l.bucket, 'UTC') AS day, toDateTime(0, 'UTC'), false, 0, 0, 0,
       sum(l.amount), 0, 0, 0, 0, toDateTime64(max(l.last_change), 3, 'UTC')
FROM ledger_minute AS l
WHERE l.bucket >= toDateTime({since:Int64}, 'UTC') AND l.bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY day
UNION ALL
SELECT 'ledger_hour', toStartOfDay(l.bucket, 'UTC') AS day, toDateTime(0, 'UTC'), false, 0, 0, 0,
       sum(l.amount), 0, 0, 0, 0, toDateTime64(max(l.last_change), 3, 'UTC')
FROM ledger_hour AS l
WHERE l.bucket >= toDateTime({since:Int64}, 'UTC') AND l.bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY day` + residencySQL + `
SETTINGS max_threads = 4`

const residencySQL = residencyOne + "residency_minute'" + residencyTwo + "residency_minute" + residencyThree +
	residencyOne + "residency_hour'" + residencyTwo + "residency_hour" + residencyThree +
	residencyOne + "residency_day'" + residencyTwo + "residency_day" + residencyThree +
	residencyOne + "place_day'" + residencyTwo + "place_day" + residencyThree +
	residencyOne + "destination_day'" + residencyTwo + "destination_day" + residencyThree

const (
	residencyOne = `
UNION ALL
SELECT '`
	residencyTwo = `, toStartOfDay(r.bucket, 'UTC') AS day, toDateTime(0, 'UTC'), false, 0, revision, generation,
       sum(r.flows), sum(r.bytes_up), sum(r.bytes_down), sum(r.packets_up), sum(r.packets_down), toDateTime64(max(r.last_change), 3, 'UTC')
FROM `
	residencyThree = ` AS r
WHERE r.bucket >= toDateTime({since:Int64}, 'UTC') AND r.bucket < toDateTime({until:Int64}, 'UTC')
GROUP BY day, revision, generation`
)

// read reads the days [since, until). Cutoffs are in ascending order.
func read(ctx context.Context, conn driver.Conn, since, until time.Time, ahead time.Duration, cutoffs []time.Time) (*reading, error) {
	milliseconds := make([]int64, len(cutoffs))
	for i, c := range cutoffs {
		milliseconds[i] = c.UnixMilli()
	}
	out := &reading{}
	if err := conn.QueryRow(ctx, "SELECT now64(3, 'UTC')").Scan(&out.at); err != nil {
		return nil, fmt.Errorf("read the server's clock: %w", err)
	}
	rows, err := conn.Query(ctx, sql,
		clickhouse.Named("since", since.Unix()), clickhouse.Named("until", until.Unix()),
		clickhouse.Named("received", max(0, since.Add(-ahead).Unix())),
		clickhouse.Named("cutoffs", milliseconds))
	if err != nil {
		return nil, fmt.Errorf("read the sums: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c cell
		s := &c.sums
		if err := rows.Scan(&c.table, &c.day, &c.received, &c.endpoint, &c.after, &c.revision, &c.generation,
			&s.Flows, &s.BytesUp, &s.BytesDown, &s.PacketsUp, &s.PacketsDown, &c.newest); err != nil {
			return nil, fmt.Errorf("read the sums: %w", err)
		}
		out.cells = append(out.cells, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the sums: %w", err)
	}
	return out, nil
}
