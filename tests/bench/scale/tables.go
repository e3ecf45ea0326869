package main

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Table is what one of the tables takes.
type Table struct {
	Name        string  `json:"table"`
	Rows        uint64  `json:"rows"`
	Parts       uint64  `json:"parts"`
	Bytes       uint64  `json:"bytes"` // on disk, with marks and indexes
	BytesPerRow float64 `json:"bytes_per_row"`
	// Dearest are the columns that take most, in bytes a row.
	Dearest []Column `json:"dearest_columns"`
}

// Column is what a column takes of every row.
type Column struct {
	Name        string  `json:"column"`
	BytesPerRow float64 `json:"bytes_per_row"`
}

func tables(ctx context.Context, conn driver.Conn) ([]Table, error) {
	rows, err := conn.Query(ctx, `SELECT table, sum(rows), count(), sum(bytes_on_disk) FROM system.parts
WHERE database = currentDatabase() AND active AND rows > 0 AND table != 'schema_migrations' GROUP BY table ORDER BY sum(bytes_on_disk) DESC`)
	if err != nil {
		return nil, fmt.Errorf("read the tables' sizes: %w", err)
	}
	defer rows.Close()
	var all []Table
	for rows.Next() {
		var t Table
		if err := rows.Scan(&t.Name, &t.Rows, &t.Parts, &t.Bytes); err != nil {
			return nil, err
		}
		t.BytesPerRow = hundredths(float64(t.Bytes) / float64(t.Rows))
		all = append(all, t)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Dearest, err = columns(ctx, conn, all[i].Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func columns(ctx context.Context, conn driver.Conn, table string) ([]Column, error) {
	rows, err := conn.Query(ctx, `SELECT column, sum(column_data_compressed_bytes) / sum(rows) AS b FROM system.parts_columns
WHERE database = currentDatabase() AND active AND rows > 0 AND table = ? GROUP BY column ORDER BY b DESC LIMIT 8`, table)
	if err != nil {
		return nil, fmt.Errorf("read the sizes of %s's columns: %w", table, err)
	}
	defer rows.Close()
	var all []Column
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.BytesPerRow); err != nil {
			return nil, err
		}
		c.BytesPerRow = hundredths(c.BytesPerRow)
		all = append(all, c)
	}
	return all, rows.Err()
}

func hundredths(x float64) float64 { return float64(int(100*x+0.5)) / 100 }
