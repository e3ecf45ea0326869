package main

import (
	"context"
	"fmt"
)

// Inserts are those into one table, as the engine logged them; with what its views did of them.
type Inserts struct {
	Table  string  `json:"table"`
	Number uint64  `json:"number"`
	Rows   float64 `json:"rows"` // of one, on average
	P50    float64 `json:"p50_ms"`
	P95    float64 `json:"p95_ms"`
	CPU    float64 `json:"cpu_ms"` // of one, on average
}

func (s *system) inserts(ctx context.Context) ([]Inserts, error) {
	conn, err := s.connect(ctx, "landfall")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Exec(ctx, "SYSTEM FLUSH LOGS"); err != nil {
		return nil, fmt.Errorf("flush the engine's log: %w", err)
	}
	rows, err := conn.Query(ctx, `SELECT extract(query, '(?i)INSERT INTO [`+"`"+`"]?([a-z_.]+)') AS t, count(), avg(written_rows),
       quantileExact(0.5)(query_duration_ms), quantileExact(0.95)(query_duration_ms),
       avg(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1000
FROM system.query_log WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND written_rows > 0
GROUP BY t ORDER BY sum(query_duration_ms) DESC`)
	if err != nil {
		return nil, fmt.Errorf("read the engine's log: %w", err)
	}
	defer rows.Close()
	var all []Inserts
	for rows.Next() {
		var i Inserts
		var p50, p95 uint64
		if err := rows.Scan(&i.Table, &i.Number, &i.Rows, &p50, &p95, &i.CPU); err != nil {
			return nil, err
		}
		i.P50, i.P95 = float64(p50), float64(p95)
		all = append(all, i)
	}
	return all, rows.Err()
}
