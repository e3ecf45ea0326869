package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/estimate"
)

// MaxRows is the most rows of an answer, unless the client's caps say otherwise. A question with more is
// refused, not cut.
const MaxRows = 100_000

// Caps bound what one question may cost. Zero fields: the defaults.
type Caps struct {
	Seconds     int    // that the server may spend on one statement; 30
	RowsToRead  uint64 // of one statement; 4 billion
	BytesToRead uint64 // of one statement, uncompressed; 50 GB
	Rows        int    // of an answer; MaxRows
}

func (c Caps) normal() Caps {
	return Caps{
		Seconds: cmp.Or(max(c.Seconds, 0), 30), RowsToRead: cmp.Or(c.RowsToRead, 4_000_000_000),
		BytesToRead: cmp.Or(c.BytesToRead, 50_000_000_000), Rows: cmp.Or(max(c.Rows, 0), MaxRows),
	}
}

// Scope is what a client may see: the rows of these operators and of these sites; empty: all. It is
// a filter on every statement.
type Scope struct{ Operators, Sites []string }

// Options say what a client is for. The zero value sees everything.
type Options struct {
	Scope Scope
	// LargestPacket is the size in octets that no packet exceeds, for the intervals of bytes; 0:
	// estimate.LargestPacket.
	LargestPacket float64
	Caps          Caps
}

// Client asks one ClickHouse database. It is safe for concurrent use.
type Client struct {
	conn          driver.Conn
	database      string
	scope         Scope
	largestPacket float64
	caps          Caps
	maxRows       int
	now           func() time.Time
	ledger        sharing[map[time.Time]CompletenessSummary]
}

// New returns a client for the rollups in database.
func New(conn driver.Conn, database string, o Options) *Client {
	if o.LargestPacket <= 0 {
		o.LargestPacket = estimate.LargestPacket
	}
	caps := o.Caps.normal()
	return &Client{conn: conn, database: database, scope: o.Scope, largestPacket: o.LargestPacket, caps: caps, maxRows: caps.Rows, now: time.Now}
}

type commentKey struct{}

// maxComment bounds what of a comment the server's log keeps, in bytes.
const maxComment = 2000

// WithComment has the statements that are sent with ctx bear a comment, in log_comment of the server's
// query log: who asked, and for what.
func WithComment(ctx context.Context, comment string) context.Context {
	comment = strings.ToValidUTF8(comment[:min(len(comment), maxComment)], "")
	return context.WithValue(ctx, commentKey{}, comment)
}

// bounded sets the caps and the comment of a statement.
func (c *Client) bounded(ctx context.Context) context.Context {
	settings := clickhousego.Settings{
		"max_execution_time": c.caps.Seconds,
		"max_rows_to_read":   c.caps.RowsToRead,
		"max_bytes_to_read":  c.caps.BytesToRead,
		// What clients do not know how to ask for must not depend on the server's profile.
		"use_query_cache": 0,
	}
	if comment, ok := ctx.Value(commentKey{}).(string); ok && comment != "" {
		settings["log_comment"] = comment
	}
	return clickhousego.Context(ctx, clickhousego.WithSettings(settings))
}

// The server's codes for a statement that would read more than it may.
const (
	codeTooManyRows  = 158
	codeTooManyBytes = 307
)

// fault explains an error of the server where the question is its cause.
func (c *Client) fault(s *statement, did string, err error) error {
	var exception *clickhousego.Exception
	if errors.As(err, &exception) && (exception.Code == codeTooManyRows || exception.Code == codeTooManyBytes) {
		return invalid("the %s would take more than %d rows or %d bytes to read from %s: ask for a shorter time or a coarser bucket",
			s.purpose, c.caps.RowsToRead, c.caps.BytesToRead, s.table)
	}
	return fmt.Errorf("%s the %s of %s.%s: %w", did, s.purpose, c.database, s.table, err)
}

// ask sends a statement, and calls each after every row has been scanned into the destinations.
func (c *Client) ask(ctx context.Context, s *statement, destinations []any, each func() error) error {
	rows, err := c.conn.Query(c.bounded(ctx), s.sql, s.parameters...)
	if err != nil {
		return c.fault(s, "ask for", err)
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
		return c.fault(s, "read", err)
	}
	return nil
}

func (c *Client) tooMany() error {
	return invalid("the answer has more than %d rows: ask for a coarser bucket, fewer dimensions, a shorter time or a top", c.maxRows)
}
