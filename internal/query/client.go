package query

import (
	"context"
	"fmt"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// MaxRows is the most rows of an answer. A question with more is refused, not cut.
const MaxRows = 100_000

// What the server may spend on one statement.
const (
	maxSeconds    = 30
	maxRowsToRead = 4_000_000_000
)

// Scope is what a client may see: the rows of these operators and of these sites; empty: all. It is
// a filter on every statement.
type Scope struct{ Operators, Sites []string }

// Options say what a client is for. The zero value sees everything.
type Options struct {
	Scope Scope
	// LargestPacket is the size in octets that no packet exceeds, for the intervals of bytes; 0:
	// estimate.LargestPacket.
	LargestPacket float64
}

// Client asks one ClickHouse database. It is safe for concurrent use.
type Client struct {
	conn          driver.Conn
	database      string
	scope         Scope
	largestPacket float64
	maxRows       int
	now           func() time.Time
}

// New returns a client for the rollups in database.
func New(conn driver.Conn, database string, o Options) *Client {
	if o.LargestPacket <= 0 {
		o.LargestPacket = estimate.LargestPacket
	}
	return &Client{conn: conn, database: database, scope: o.Scope, largestPacket: o.LargestPacket, maxRows: MaxRows, now: time.Now}
}

// bounded sets the caps of a statement.
func bounded(ctx context.Context) context.Context {
	return clickhousego.Context(ctx, clickhousego.WithSettings(clickhousego.Settings{
		"max_execution_time": maxSeconds,
		"max_rows_to_read":   maxRowsToRead,
		// What clients do not know how to ask for must not depend on the server's profile.
		"use_query_cache": 0,
	}))
}

// ask sends a statement, and calls each after every row has been scanned into the destinations.
func (c *Client) ask(ctx context.Context, s *statement, destinations []any, each func() error) error {
	rows, err := c.conn.Query(bounded(ctx), s.sql, s.parameters...)
	if err != nil {
		return fmt.Errorf("ask %s.%s for %s: %w", c.database, s.table, s.purpose, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(destinations...); err != nil {
			return fmt.Errorf("read the %s of %s.%s: %w", s.purpose, c.database, s.table, err)
		}
		if err := each(); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the %s of %s.%s: %w", s.purpose, c.database, s.table, err)
	}
	return nil
}

func (c *Client) tooMany() error {
	return invalid("the answer has more than %d rows: ask for a coarser bucket, fewer dimensions, a shorter time or a top", c.maxRows)
}
