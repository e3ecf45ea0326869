package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is one that counts flows, and what can be asked of it.
type table struct {
	name                          string
	flows, bytes, packets         []string // expressions: one; up and down; up and down; empty: it has none
	site, vendor, place, endpoint string
	day                           string // expression, of the flow's start; empty: the table has no such time
	where                         string
}

// place is as in internal/query, said again on purpose.
const place = "multiIf(subdivision_code != '', toString(subdivision_code), country_code != '', toString(country_code), 'unknown')"

// tables finds, by their columns, all that count flows, so that a new one is not forgotten.
func tables(ctx context.Context, conn driver.Conn) ([]table, error) {
	rows, err := conn.Query(ctx, `SELECT c.table, groupArray(c.name) FROM system.columns AS c
		JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
		WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' GROUP BY c.table ORDER BY c.table`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []table
	for rows.Next() {
		var name string
		var columns []string
		if err := rows.Scan(&name, &columns); err != nil {
			return nil, err
		}
		has := func(names ...string) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(columns, n) })
		}
		t := table{name: name, site: "site", where: "1"}
		switch {
		case has("site", "octets_up", "sampling_interval"):
			t.flows = []string{"count()"}
			t.bytes = []string{"sum(octets_up * sampling_interval)", "sum(octets_down * sampling_interval)"}
			t.packets = []string{"sum(packets_up * sampling_interval)", "sum(packets_down * sampling_interval)"}
			t.day = "toDate(start, 'UTC')"
		case has("site", "flows"):
			t.flows = []string{"sum(flows)"}
			if has("bytes_up", "bytes_down") {
				t.bytes = []string{"sum(bytes_up)", "sum(bytes_down)"}
			}
			if has("packets_up", "packets_down") {
				t.packets = []string{"sum(packets_up)", "sum(packets_down)"}
			}
			if has("bucket") && !has("last_received") { // the exporters' table goes by the arrival
				t.day = "toDate(bucket, 'UTC')"
			}
		default:
			continue
		}
		if has("vendor") {
			t.vendor = "toString(vendor)"
		}
		if has("country_code", "subdivision_code") {
			t.place = place
		}
		if has("remote_address") {
			t.endpoint = "replaceOne(toString(remote_address), '::ffff:', '')"
		}
		if has("revision") {
			t.where = "revision = 0"
		}
		found = append(found, t)
	}
	return found, rows.Err()
}

// cell is a sum by what a table knows; what it does not know, or was not asked for, is "".
type cell struct{ site, vendor, place, endpoint, time string }

func (c cell) String() string {
	var words []string
	for _, w := range []string{c.site, c.vendor, c.place, c.endpoint, c.time} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// columns say what a comparison goes by.
type columns struct{ vendor, place, endpoint, week, day bool }

// ask sums the table by the columns that it has of by, which ask returns.
func (t table) ask(ctx context.Context, conn driver.Conn, by columns, site string) (map[cell]counts, columns, error) {
	by.vendor, by.place, by.endpoint = by.vendor && t.vendor != "", by.place && t.place != "", by.endpoint && t.endpoint != ""
	by.week, by.day = by.week && t.day != "", by.day && t.day != ""
	pick := func(ok bool, expression string) string {
		if ok {
			return expression
		}
		return "''"
	}
	when := pick(by.day, "toString("+t.day+")")
	if by.week {
		when = "toString(toMonday(" + t.day + "))"
	}
	two := func(expressions []string) string {
		if len(expressions) == 0 {
			return "toUInt64(0), toUInt64(0)"
		}
		return strings.Join(expressions, ", ")
	}
	query := fmt.Sprintf("SELECT toString(%s), %s, %s, %s, %s, %s, %s, %s FROM %s WHERE %s AND ('%s' = '' OR site = '%s') GROUP BY 1, 2, 3, 4, 5",
		t.site, pick(by.vendor, t.vendor), pick(by.place, t.place), pick(by.endpoint, t.endpoint), when,
		t.flows[0], two(t.bytes), two(t.packets), t.name, t.where, site, site)
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, by, fmt.Errorf("%s: %w", t.name, err)
	}
	defer rows.Close()
	out := make(map[cell]counts)
	for rows.Next() {
		var c cell
		var n counts
		if err := rows.Scan(&c.site, &c.vendor, &c.place, &c.endpoint, &c.time, &n.flows, &n.bytesUp, &n.bytesDown, &n.packetsUp, &n.packetsDown); err != nil {
			return nil, by, fmt.Errorf("%s: %w", t.name, err)
		}
		out[c] = n
	}
	return out, by, rows.Err()
}

// known leaves of counts what the table has.
func (t table) known(c counts) counts {
	if len(t.bytes) == 0 {
		c.bytesUp, c.bytesDown = 0, 0
	}
	if len(t.packets) == 0 {
		c.packetsUp, c.packetsDown = 0, 0
	}
	return c
}

// connect gives a connection to the engine itself, past the proxy.
func (s *system) connect(database string) (driver.Conn, error) {
	password, err := os.ReadFile(filepath.Join(s.dir, "state", "secrets", "clickhouse-landfall.password"))
	if err != nil {
		return nil, err
	}
	return clickhouse.Open(&clickhouse.Options{
		Addr:        []string{s.engineAt},
		Auth:        clickhouse.Auth{Database: database, Username: "landfall", Password: strings.TrimSpace(string(password))},
		DialTimeout: 2 * time.Second,
		ReadTimeout: time.Minute,
	})
}
