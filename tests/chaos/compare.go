package chaos

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/scenario"
)

// difference is one cell of one table that is not as it was sent.
type difference struct {
	table     string
	cell      cell
	want, got counts
}

func (d difference) String() string {
	var words []string
	for _, n := range []struct {
		name      string
		want, got uint64
	}{
		{"flows", d.want.flows, d.got.flows},
		{"bytes up", d.want.bytesUp, d.got.bytesUp},
		{"bytes down", d.want.bytesDown, d.got.bytesDown},
		{"packets up", d.want.packetsUp, d.got.packetsUp},
		{"packets down", d.want.packetsDown, d.got.packetsDown},
	} {
		if n.want != n.got {
			words = append(words, fmt.Sprintf("%s %d instead of %d (%+d)", n.name, n.got, n.want, int64(n.got-n.want)))
		}
	}
	return fmt.Sprintf("%s: %s: %s", d.table, d.cell, strings.Join(words, ", "))
}

// sent is the truth in cells: by vendor, place and week for both kinds of senders, and by vendor,
// endpoint and day for the writers.
type sent struct{ cells, spots map[cell]counts }

// sum makes coarser cells of the truth, as a table knows them.
func sum(cells map[cell]counts, by columns, site string) map[cell]counts {
	out := make(map[cell]counts)
	for at, c := range cells {
		if site != "" && at.site != site {
			continue
		}
		if !by.vendor {
			at.vendor = ""
		}
		if !by.place {
			at.place = ""
		}
		if !by.endpoint {
			at.endpoint = ""
		}
		if !by.week && !by.day {
			at.time = ""
		}
		n := out[at]
		n.add(c)
		out[at] = n
	}
	return out
}

// newSent brings both truths into one form. The places of the writers' endpoints are what the flows
// table says of each; that it says one place of one endpoint is checked.
func newSent(ctx context.Context, conn driver.Conn, exporters scenario.Truth, t *truth) (sent, error) {
	s := sent{make(map[cell]counts), make(map[cell]counts)}
	for _, c := range exporters.Cells {
		s.cells[cell{site: siteExporters, vendor: c.Vendor, place: c.Place, time: c.Week}] = counts{c.Flows, c.BytesUp, c.BytesDown, c.PacketsUp, c.PacketsDown}
	}
	places := make(map[string]string)
	rows, err := conn.Query(ctx, "SELECT replaceOne(toString(remote_address), '::ffff:', ''), groupUniqArray("+place+") FROM flows WHERE site = '"+siteWriters+"' GROUP BY 1")
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var remote string
		var found []string
		if err := rows.Scan(&remote, &found); err != nil {
			return s, err
		}
		if len(found) != 1 {
			return s, fmt.Errorf("endpoint %s has the places %v", remote, found)
		}
		places[remote] = found[0]
	}
	if err := rows.Err(); err != nil {
		return s, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, c := range t.spots {
		s.spots[cell{site: siteWriters, vendor: at.vendor, endpoint: at.remote, time: at.day}] = c
		day, err := time.Parse(time.DateOnly, at.day)
		if err != nil {
			return s, err
		}
		monday := day.AddDate(0, 0, -(int(day.Weekday())+6)%7).Format(time.DateOnly)
		where := cell{site: siteWriters, vendor: at.vendor, place: cmp.Or(places[at.remote], "not in flows"), time: monday}
		n := s.cells[where]
		n.add(c)
		s.cells[where] = n
	}
	return s, nil
}

// differences compares every table, by its totals or cell by cell.
func differences(ctx context.Context, conn driver.Conn, all []table, s sent, cells bool) ([]difference, error) {
	var out []difference
	for _, t := range all {
		got, by, err := t.ask(ctx, conn, columns{vendor: cells, place: cells, week: cells}, "")
		if err != nil {
			return nil, err
		}
		out = append(out, t.differences(sum(s.cells, by, ""), got)...)
		if !cells || t.endpoint == "" || t.vendor == "" {
			continue
		}
		got, by, err = t.ask(ctx, conn, columns{vendor: true, endpoint: true, day: true}, siteWriters)
		if err != nil {
			return nil, err
		}
		out = append(out, t.differences(sum(s.spots, by, siteWriters), got)...)
	}
	return out, nil
}

func (t table) differences(want, got map[cell]counts) []difference {
	var out []difference
	for at, w := range want {
		if g := got[at]; g != t.known(w) {
			out = append(out, difference{t.name, at, t.known(w), g})
		}
	}
	for at, g := range got {
		if _, ok := want[at]; !ok && g != (counts{}) {
			out = append(out, difference{t.name, at, counts{}, g})
		}
	}
	slices.SortFunc(out, func(a, b difference) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// ledger compares what the ledger says with what was sent.
func ledger(ctx context.Context, conn driver.Conn, exporters scenario.Truth, t *truth) ([]difference, error) {
	want := map[cell]uint64{
		{site: siteExporters, vendor: "flows"}:     exporters.FlowsSent,
		{site: siteExporters, vendor: "datagrams"}: exporters.Datagrams,
		{site: siteWriters, vendor: "flows"}:       t.total.flows,
		{site: siteWriters, vendor: "datagrams"}:   t.batches,
	}
	rows, err := conn.Query(ctx, "SELECT toString(site), toString(what), sum(amount) FROM ledger_minute WHERE what IN ('flows', 'datagrams') GROUP BY 1, 2")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := make(map[cell]uint64)
	for rows.Next() {
		var at cell
		var n uint64
		if err := rows.Scan(&at.site, &at.vendor, &n); err != nil {
			return nil, err
		}
		got[at] = n
	}
	var out []difference
	for at := range maps.Keys(want) {
		if want[at] != got[at] {
			out = append(out, difference{"ledger_minute", at, counts{flows: want[at]}, counts{flows: got[at]}})
		}
	}
	return out, rows.Err()
}

// lostAndDoubled sums the flows that are missing and those that are too many, in the table where they
// are most.
func lostAndDoubled(all []difference) (lost, doubled uint64) {
	type balance struct{ lost, doubled uint64 }
	tables := make(map[string]balance)
	for _, d := range all {
		if d.table == "ledger_minute" {
			continue // it has cells of its own
		}
		b := tables[d.table]
		if d.got.flows < d.want.flows {
			b.lost += d.want.flows - d.got.flows
		} else {
			b.doubled += d.got.flows - d.want.flows
		}
		tables[d.table] = b
	}
	for _, b := range tables {
		lost, doubled = max(lost, b.lost), max(doubled, b.doubled)
	}
	return lost, doubled
}
