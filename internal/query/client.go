package query

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// MaxRows is the most rows of an answer. A question with more is refused, not cut.
const MaxRows = 100_000

// maxSeconds bounds the time that the server spends on one question.
const maxSeconds = 30

// Client asks one ClickHouse database. It is safe for concurrent use.
type Client struct {
	conn     driver.Conn
	database string
	maxRows  int
}

// New returns a client for the rollups in database.
func New(conn driver.Conn, database string) *Client {
	return &Client{conn: conn, database: database, maxRows: MaxRows}
}

// bounded sets the caps of a query.
func (c *Client) bounded(ctx context.Context) context.Context {
	return clickhousego.Context(ctx, clickhousego.WithSettings(clickhousego.Settings{
		"max_execution_time": maxSeconds,
		// What clients do not know how to ask for must not depend on the server's profile.
		"use_query_cache": 0,
	}))
}

// Residency answers a question from the coarsest rollup that can. A question that makes no sense,
// or whose answer would have more than MaxRows rows, is an *InvalidError.
func (c *Client) Residency(ctx context.Context, q Residency) (ResidencyAnswer, error) {
	if err := q.Validate(); err != nil {
		return ResidencyAnswer{}, err
	}
	q = q.normal()
	s := q.build(c.database, c.maxRows+1)
	a := ResidencyAnswer{Question: q, Rollup: q.rollup(), SQL: s.sql, Since: q.Since, Until: q.Until, Rows: []ResidencyRow{}}
	rows, err := c.conn.Query(c.bounded(ctx), s.sql, s.parameters...)
	if err != nil {
		return a, fmt.Errorf("ask %s.%s: %w", c.database, a.Rollup, err)
	}
	defer rows.Close()
	var r ResidencyRow
	into := r.destinations(q.By)
	for rows.Next() {
		if len(a.Rows) == c.maxRows {
			return a, &InvalidError{fmt.Errorf("the answer has more than %d rows: ask for a coarser bucket, fewer dimensions, a shorter time or a top", c.maxRows)}
		}
		if err := rows.Scan(into...); err != nil {
			return a, fmt.Errorf("read the answer of %s.%s: %w", c.database, a.Rollup, err)
		}
		row := r
		row.Bucket = time.Time{}
		if q.Bucket != BucketTotal {
			row.Bucket = r.Bucket.UTC()
		}
		a.Rows = append(a.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return a, fmt.Errorf("read the answer of %s.%s: %w", c.database, a.Rollup, err)
	}
	a.complete()
	return a, nil
}

// destinations are where a row of build's statement is scanned to.
func (r *ResidencyRow) destinations(by []Dimension) []any {
	into := []any{&r.Bucket}
	for _, d := range by {
		switch d {
		case ByVendor:
			into = append(into, &r.Vendor)
		case ByPlace:
			into = append(into, &r.Place)
		case ByCountry:
			into = append(into, &r.Country)
		case ByASN:
			into = append(into, &r.ASN, &r.ASOrganization)
		case ByCloudRegion:
			into = append(into, &r.CloudProvider, &r.CloudRegion)
		case ByConfidence:
			into = append(into, &r.Confidence)
		}
	}
	return append(into, &r.Flows, &r.BytesUp, &r.BytesDown, &r.PacketsUp, &r.PacketsDown)
}

// IsOther reports whether the row adds up what the question's Top left out.
func (r *ResidencyRow) IsOther(by []Dimension) bool {
	if len(by) == 0 {
		return false
	}
	switch by[0] {
	case ByVendor:
		return r.Vendor == Other
	case ByPlace:
		return r.Place == Other
	case ByCountry:
		return r.Country == Other
	case ByASN:
		return r.ASN == 0 && r.ASOrganization == Other
	case ByCloudRegion:
		return r.CloudRegion == Other
	case ByConfidence:
		return r.Confidence == Other
	}
	return false
}

// complete works out the shares, and puts "other" last in its bucket.
func (a *ResidencyAnswer) complete() {
	for from := 0; from < len(a.Rows); {
		to, sum := from, 0.0
		for to < len(a.Rows) && a.Rows[to].Bucket.Equal(a.Rows[from].Bucket) {
			sum += float64(a.Rows[to].BytesUp)
			to++
		}
		bucket := a.Rows[from:to]
		for i := range bucket {
			if sum > 0 {
				bucket[i].ShareUp = float64(bucket[i].BytesUp) / sum
			}
		}
		if a.Question.Top > 0 {
			slices.SortStableFunc(bucket, func(x, y ResidencyRow) int {
				return order(x.IsOther(a.Question.By)) - order(y.IsOther(a.Question.By))
			})
		}
		from = to
	}
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}

// VendorTotal is what a vendor's handsets sent and received in all that is kept.
type VendorTotal struct {
	Vendor    string `json:"vendor"`
	Flows     uint64 `json:"flows"`
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
}

// Vendors returns the totals of every vendor, most bytes up first.
func (c *Client) Vendors(ctx context.Context) ([]VendorTotal, error) {
	a, err := c.Residency(ctx, Residency{By: []Dimension{ByVendor}})
	if err != nil {
		return nil, err
	}
	totals := make([]VendorTotal, len(a.Rows))
	for i, r := range a.Rows {
		totals[i] = VendorTotal{Vendor: r.Vendor, Flows: r.Flows, BytesUp: r.BytesUp, BytesDown: r.BytesDown}
	}
	return totals, nil
}

// Totals is what has been counted since the beginning, with and without a handset side.
type Totals struct {
	Flows        uint64          `json:"flows"`
	BytesUp      uint64          `json:"bytes_up"`
	BytesDown    uint64          `json:"bytes_down"`
	PacketsUp    uint64          `json:"packets_up"`
	PacketsDown  uint64          `json:"packets_down"`
	FirstFlow    time.Time       `json:"first_flow,omitzero"` // start of the first flow
	LastFlow     time.Time       `json:"last_flow,omitzero"`  // start of the last flow
	LastReceived time.Time       `json:"last_received,omitzero"`
	Exporters    []ExporterTotal `json:"exporters"` // most flows first
}

// ExporterTotal is what one exporter sent by one protocol.
type ExporterTotal struct {
	Exporter       string    `json:"exporter"` // IP address
	ExportProtocol string    `json:"export_protocol"`
	Flows          uint64    `json:"flows"`
	LastReceived   time.Time `json:"last_received"`
}

const totalsSQL = `SELECT exporter, toString(export_protocol) AS protocol,
       sum(e.flows), sum(e.bytes_up), sum(e.bytes_down), sum(e.packets_up), sum(e.packets_down),
       min(e.first_flow), max(e.last_flow), max(e.last_received)
FROM %s.exporter_day AS e
GROUP BY exporter, protocol
ORDER BY sum(e.flows) DESC, exporter, protocol`

// Totals returns what has been counted so far. It reads a table of a row per exporter and day, so it
// may be asked every two seconds.
func (c *Client) Totals(ctx context.Context) (Totals, error) {
	t := Totals{Exporters: []ExporterTotal{}}
	rows, err := c.conn.Query(c.bounded(ctx), fmt.Sprintf(totalsSQL, identifier(c.database)))
	if err != nil {
		return t, fmt.Errorf("ask %s.exporter_day: %w", c.database, err)
	}
	defer rows.Close()
	for rows.Next() {
		var ip net.IP
		var e ExporterTotal
		var r ResidencyRow
		var first, last time.Time
		if err := rows.Scan(&ip, &e.ExportProtocol, &r.Flows, &r.BytesUp, &r.BytesDown, &r.PacketsUp, &r.PacketsDown, &first, &last, &e.LastReceived); err != nil {
			return t, fmt.Errorf("read the answer of %s.exporter_day: %w", c.database, err)
		}
		if a, ok := netip.AddrFromSlice(ip); ok {
			e.Exporter = a.Unmap().String()
		}
		e.Flows = r.Flows
		t.Exporters = append(t.Exporters, e)
		t.Flows += r.Flows
		t.BytesUp += r.BytesUp
		t.BytesDown += r.BytesDown
		t.PacketsUp += r.PacketsUp
		t.PacketsDown += r.PacketsDown
		if t.FirstFlow.IsZero() || first.Before(t.FirstFlow) {
			t.FirstFlow = first
		}
		if last.After(t.LastFlow) {
			t.LastFlow = last
		}
		if e.LastReceived.After(t.LastReceived) {
			t.LastReceived = e.LastReceived
		}
	}
	if err := rows.Err(); err != nil {
		return t, fmt.Errorf("read the answer of %s.exporter_day: %w", c.database, err)
	}
	return t, nil
}
