package aggregator

import (
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
)

// BenchmarkEndToEnd takes a backlog of 800,000 flows from Kafka into all tables.
func BenchmarkEndToEnd(b *testing.B) {
	for _, bench := range []struct {
		name string
		span time.Duration
	}{{"live", 4 * time.Second}, {"history", 84 * 24 * time.Hour}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				r := newRig(b, 4)
				const perBatch, batches = 4000, 200
				arrival := week.AddDate(0, 0, 85)
				drawn := flowstest.NewTraffic(r.random).Draw(perBatch*batches, arrival.Add(-bench.span), arrival)
				if bench.span > time.Hour {
					r.random.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
				}
				r.want.Add(drawn...)
				for i := range batches {
					r.batches++
					partition := (r.batches - 1) % 4
					fs := drawn[i*perBatch : (i+1)*perBatch]
					p := flowstest.Batch("collector", r.batches, r.sources[partition], arrival, fs...)
					r.sources[partition]++
					r.produce(int(partition), flowstest.Message(b, p))
				}
				config := DefaultConfig()
				config.Retention = r.config().Retention
				b.StartTimer()
				begin := time.Now()
				s, _ := r.start(config)
				r.settle()
				took := time.Since(begin)
				b.StopTimer()
				if err := s.Shutdown(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(r.want.Flows)/took.Seconds(), "flows/s")
				for _, table := range flowstest.Tables {
					var bytes, rows uint64
					if err := r.conn.QueryRow(b.Context(), "SELECT sum(data_compressed_bytes), sum(rows) FROM system.parts WHERE database = currentDatabase() AND active AND table = ?", table).Scan(&bytes, &rows); err != nil {
						b.Fatal(err)
					}
					b.Logf("%s: %d rows, %.1f bytes a row", table, rows, float64(bytes)/float64(rows))
				}
				b.StartTimer()
			}
		})
	}
}
