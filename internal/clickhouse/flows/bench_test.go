package flows_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// spans are how far apart the first and the last flow of a backlog lie: that of a minute, and the
// history of a demo, which does not roll up.
var spans = []struct {
	name string
	span time.Duration
}{{"live", 16 * time.Second}, {"history", 84 * 24 * time.Hour}}

// backlog makes enriched messages of traffic in a span, in the order of the flows' ends or in none.
func backlog(b *testing.B, batches, size int, span time.Duration) [][]byte {
	until := epoch.AddDate(0, 0, 90)
	drawn := flowstest.NewTraffic(rand.New(rand.NewPCG(1, 2))).Draw(batches*size, until.Add(-span), until)
	if span > time.Hour {
		rand.New(rand.NewPCG(3, 4)).Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	}
	messages := make([][]byte, batches)
	for i := range messages {
		messages[i] = flowstest.Message(b, flowstest.Batch("c", uint64(i+1), int64(i), until, drawn[i*size:(i+1)*size]...))
	}
	return messages
}

// BenchmarkClient is what the aggregator's own process does with flows before they are sent: decode,
// append and roll up, seal, encode.
func BenchmarkClient(b *testing.B) {
	const batches, size = 50, 4000
	for _, bench := range spans {
		messages := backlog(b, batches, size, bench.span)
		block := flows.NewBlock(flowstest.Clock)
		var p landfallv1.EnrichedBatch
		var buffer proto.Buffer
		var begin time.Duration
		perFlow := func(b *testing.B) { // of CPU time, so that a busy machine says nearly the same
			b.ReportMetric(float64((clientCPU(b)-begin).Nanoseconds())/float64(b.N)/batches/size, "ns/flow")
		}
		b.Run(bench.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			begin = clientCPU(b)
			for b.Loop() {
				for _, m := range messages {
					if err := flows.Decode(m, &p); err != nil {
						b.Fatal(err)
					}
				}
			}
			perFlow(b)
		})
		decoded := make([]*landfallv1.EnrichedBatch, batches)
		for i, m := range messages {
			decoded[i] = new(landfallv1.EnrichedBatch)
			if err := flows.Decode(m, decoded[i]); err != nil {
				b.Fatal(err)
			}
		}
		for range 2 { // as in a process that runs
			block.Reset()
			for i, p := range decoded {
				block.Append(p, 0, int64(i))
			}
			block.Seal(epoch.AddDate(0, 0, 90), nil)
		}
		b.Run(bench.name+"/append", func(b *testing.B) {
			b.ReportAllocs()
			begin = clientCPU(b)
			for b.Loop() {
				block.Reset()
				for i, p := range decoded {
					block.Append(p, 0, int64(i))
				}
			}
			perFlow(b)
		})
		b.Run(bench.name+"/append+seal", func(b *testing.B) {
			b.ReportAllocs()
			begin = clientCPU(b)
			for b.Loop() {
				block.Reset()
				for i, p := range decoded {
					block.Append(p, 0, int64(i))
				}
				block.Seal(epoch.AddDate(0, 0, 90), nil)
			}
			perFlow(b)
		})
		b.Run(bench.name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			begin = clientCPU(b)
			for b.Loop() {
				buffer.Reset()
				rows = 0
				for _, in := range block.Inserts() {
					native := proto.Block{Columns: len(in.Columns), Rows: in.Rows}
					if err := native.EncodeBlock(&buffer, proto.Version, in.Columns); err != nil {
						b.Fatal(err)
					}
					rows += in.Rows
				}
			}
			perFlow(b)
			b.ReportMetric(float64(len(buffer.Buf))/batches/size, "bytes/flow")
			b.ReportMetric(float64(rows)/batches/size, "rows/flow")
		})
		b.Run(bench.name+"/lz4", func(b *testing.B) {
			lz4 := compress.NewWriter(compress.LevelZero, compress.LZ4)
			begin = clientCPU(b)
			for b.Loop() {
				for at := 0; at < len(buffer.Buf); at += 1 << 20 {
					if err := lz4.Compress(buffer.Buf[at:min(at+1<<20, len(buffer.Buf))]); err != nil {
						b.Fatal(err)
					}
				}
			}
			perFlow(b)
		})
	}
}

// BenchmarkInsert puts messages into all tables from two connections, as the aggregator does, without
// Kafka. Its figures are of both processes; the CPU's seconds are per million flows.
func BenchmarkInsert(b *testing.B) {
	for _, bench := range spans {
		b.Run(bench.name, func(b *testing.B) {
			const blocks, batches, size = 24, 50, 4000
			until := epoch.AddDate(0, 0, 90)
			messages := backlog(b, blocks*batches, size, bench.span)
			for b.Loop() {
				b.StopTimer()
				db, config := flowstest.Start(b)
				conn := db.Conn(b)
				work := make(chan int, blocks)
				for i := range blocks {
					work <- i
				}
				close(work)
				engineBefore, clientBefore, begin := engineCPU(b, db.Pid()), clientCPU(b), time.Now()
				b.StartTimer()
				var all sync.WaitGroup
				for range 2 {
					all.Go(func() {
						inserter, err := clickhouse.NewInserter(config)
						if err != nil {
							b.Error(err)
							return
						}
						defer inserter.Close()
						block := flows.NewBlock(flowstest.Clock)
						var p landfallv1.EnrichedBatch
						for i := range work {
							block.Reset()
							for k, m := range messages[i*batches : (i+1)*batches] {
								if err := flows.Decode(m, &p); err != nil {
									b.Error(err)
									return
								}
								block.Append(&p, 0, int64(i*batches+k))
							}
							block.Seal(until, nil)
							for _, in := range block.Inserts() {
								if err := inserter.Insert(b.Context(), in.Table, in.Columns, fmt.Sprint(i)); err != nil {
									b.Error(err)
									return
								}
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				took := time.Since(begin)
				const millions = float64(blocks*batches*size) / 1e6
				b.ReportMetric(millions*1e6/took.Seconds(), "flows/s")
				b.ReportMetric((engineCPU(b, db.Pid())-engineBefore).Seconds()/millions, "engine-s/M")
				b.ReportMetric((clientCPU(b)-clientBefore).Seconds()/millions, "client-s/M")
				for _, table := range append(flowstest.Tables, "endpoint_seen", "data_set_day", "ledger_minute") {
					var bytes, rows, parts uint64
					if err := conn.QueryRow(b.Context(), "SELECT sum(data_compressed_bytes), sum(rows), count() FROM system.parts WHERE database = currentDatabase() AND active AND table = ?", table).Scan(&bytes, &rows, &parts); err != nil {
						b.Fatal(err)
					}
					b.Logf("%s: %d rows, %.1f bytes a row, %d parts", table, rows, float64(bytes)/float64(rows), parts)
				}
				b.StartTimer()
			}
		})
	}
}

func clientCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func engineCPU(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
