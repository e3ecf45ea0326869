package broker_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// BenchmarkProduce is messages of 200 KB with acks=all, each waited for, from
// one producer and from four to partitions of their own.
func BenchmarkProduce(b *testing.B) {
	value := make([]byte, 200<<10)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(value)
	for _, sync := range []bool{true, false} {
		for _, producers := range []int{1, 4} {
			b.Run(fmt.Sprintf("sync=%t/producers=%d", sync, producers), func(b *testing.B) {
				c := testConfig(b)
				c.SyncWrites, c.MaxTopicBytes = sync, 64<<30
				s, err := broker.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Start(b.Context()); err != nil {
					b.Fatal(err)
				}
				defer shutdown(b, s)
				topic := kafkatest.Topic(b, s.Addr(), "bench", producers)
				b.SetBytes(int64(len(value)))
				b.ReportAllocs()
				b.ResetTimer()
				produceAll(b, s.Addr(), topic, producers, value)
			})
		}
	}
}

func produceAll(b *testing.B, addr, topic string, producers int, value []byte) {
	var (
		left atomic.Int64
		wg   sync.WaitGroup
	)
	left.Store(int64(b.N))
	for p := range producers {
		c := kafkatest.Client(b, addr)
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := kafkatest.Produce(b.Context(), c, topic, p, 0, nil, value); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
