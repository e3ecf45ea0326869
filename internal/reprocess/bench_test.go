package reprocess_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/reprocess"
)

// BenchmarkReprocess computes a day of a million flows anew, to 60,000 remote addresses of which three
// quarters have moved.
func BenchmarkReprocess(b *testing.B) {
	const inserts, rows = 20, 50_000
	db, c := flowstest.Start(b)
	r := rand.New(rand.NewPCG(1, 2))
	for n := range inserts {
		fs := place(first, flowstest.Random(r, rows, monday, monday.AddDate(0, 0, 1)))
		for i := range fs {
			if fs[i].Remote != "::" {
				fs[i].Remote = fmt.Sprintf("203.0.%d.%d", r.IntN(240), r.IntN(250))
			}
		}
		flowstest.InsertPlanned(b, c, fmt.Sprint(n), monday.Add(30*time.Hour), nil, fs...)
	}
	o := reprocess.Options{
		Since: monday, Until: monday.AddDate(0, 0, 1), Places: second, Ahead: 24 * time.Hour,
		Outstanding: func(context.Context, time.Time) (int, error) { return 0, nil }, Log: slog.New(slog.DiscardHandler),
	}
	conn := db.Conn(b)
	for b.Loop() {
		if result, err := reprocess.Run(b.Context(), conn, o); err != nil || result.Totals.Flows != inserts*rows {
			b.Fatal(result, err)
		}
	}
	b.ReportMetric(inserts*rows*float64(b.N)/b.Elapsed().Seconds(), "flows/s")
}
