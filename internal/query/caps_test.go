package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// What a client may spend reaches the server, and with it who asked.
func TestCapsAndComment(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	flowstest.Insert(t, config, "rows", traffic(10, 200)...)
	for _, test := range []struct {
		caps query.Caps
		want string
	}{
		{query.Caps{}, "30 4000000000 50000000000 who 'asked' ü"},
		{query.Caps{Seconds: 7, RowsToRead: 8, BytesToRead: 9, Rows: 10}, "7 8 9 who 'asked' ü"},
	} {
		c := query.New(conn, db.Database, query.Options{Caps: test.caps})
		var got string
		ctx := c.Bounded(query.WithComment(t.Context(), "who 'asked' ü"))
		const settings = "SELECT concat(toString(getSetting('max_execution_time')), ' ', toString(getSetting('max_rows_to_read')), ' ', toString(getSetting('max_bytes_to_read')), ' ', getSetting('log_comment'))"
		if err := conn.QueryRow(ctx, settings).Scan(&got); err != nil || got != test.want {
			t.Errorf("%+v: %q, %v", test.caps, got, err)
		}
	}
	for want, caps := range map[string]query.Caps{
		"more than 3 rows or":   {RowsToRead: 3},
		"or 100 bytes to read":  {BytesToRead: 100},
		"more than 2 rows: ask": {Rows: 2},
	} {
		_, err := query.New(conn, db.Database, query.Options{Caps: caps}).Residency(t.Context(), query.Residency{By: query.Dimensions(), FiguresOnly: true})
		var invalid *query.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", caps, err)
		}
	}
	long := query.WithComment(context.Background(), "x"+strings.Repeat("ü", 5000))
	var n uint64
	if err := conn.QueryRow(query.New(conn, db.Database, query.Options{}).Bounded(long), "SELECT length(getSetting('log_comment'))").Scan(&n); err != nil || n != 1999 {
		t.Errorf("a long comment has %d bytes, %v", n, err)
	}
}
