// Command latency runs the landfall binary as a user does (landfall up: embedded broker, embedded
// ClickHouse, all services), sends it flows over UDP at a fixed rate, and measures how long it takes
// from the sending of a datagram until a question to ClickHouse has its flow in the answer. It prints
// one line of JSON.
//
//	go run ./tests/bench/latency -rate 50000 -duration 60s
//
// Settings of landfall can be changed through its environment variables.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Report is the line that is printed. Times are in milliseconds.
type Report struct {
	Bench    string `json:"bench"`
	CPUs     int    `json:"cpus"`
	Rate     int    `json:"rate"` // flows a second asked for
	Seconds  int    `json:"seconds"`
	Sent     uint64 `json:"sent_flows"`
	SentRate uint64 `json:"sent_rate"` // flows a second
	Lost     int64  `json:"lost_flows"`
	// Latency is from the sending of a probe's datagram until the answer that has it has been read.
	Latency  Spread  `json:"latency"`
	TargetMs float64 `json:"target_p99_ms"`
	Probes   int     `json:"probes"`
	Missing  int     `json:"probes_missing"` // never seen
	// Stages of the probes' way: until the batch is planned by the aggregator (receiving, both
	// topics and enriching are in it), from there until it is seen.
	ToPlan  Spread `json:"sent_to_planned"`
	ToShown Spread `json:"planned_to_answered"`
	// Poll is the time from one answer to the next: what the measurement adds to a latency at most.
	Poll Spread `json:"poll"`
	// Cores used while the flows were sent.
	Landfall   float64 `json:"landfall_cores"`
	ClickHouse float64 `json:"clickhouse_cores"`
	Sender     float64 `json:"sender_and_poller_cores"`
	// Inserts are by table; only with -inserts, which costs the engine some time itself.
	Inserts []Inserts `json:"inserts,omitempty"`
}

// Spread is of a number of times.
type Spread struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func spread(all []float64) Spread {
	if len(all) == 0 {
		return Spread{}
	}
	slices.Sort(all)
	at := func(percent int) float64 { return all[(len(all)*percent+99)/100-1] }
	return Spread{at(50), at(95), at(99), all[len(all)-1]}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run() error {
	binary := flag.String("binary", "bin/landfall", "the program that is measured")
	data := flag.String("data", "data", "its folder of data sets")
	rate := flag.Int("rate", 50_000, "flows a second")
	duration := flag.Duration("duration", time.Minute, "how long to send, after five seconds that are not measured")
	inserts := flag.Bool("inserts", false, "have the engine log its inserts, and show them by table")
	flag.Parse()
	if *inserts {
		if err := os.Setenv("LANDFALL_EMBEDDED_CLICKHOUSE_QUERY_LOG_DAYS", "1"); err != nil {
			return err
		}
	}
	if *rate < 100 || *duration < 2*time.Second {
		return errors.New("at least 100 flows a second, for at least two seconds")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := start(ctx, *binary, *data)
	if err != nil {
		return err
	}
	defer s.stop()
	report, err := measure(ctx, s, *rate, *duration)
	if err != nil {
		s.tell()
		return err
	}
	if *inserts {
		if report.Inserts, err = s.inserts(ctx); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// warmUp passes before the first probe: connections are made, templates sent.
const warmUp = 5 * time.Second

func measure(ctx context.Context, s *system, rate int, duration time.Duration) (Report, error) {
	r := Report{Bench: "latency", CPUs: runtime.NumCPU(), Rate: rate, Seconds: int(duration.Seconds()), TargetMs: 3000}
	conn, err := s.connect(ctx, "landfall_reader")
	if err != nil {
		return r, err
	}
	defer conn.Close()
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	traffic, err := newTraffic(s.target, rate)
	if err != nil {
		return r, err
	}
	defer traffic.close()
	sent := make(chan error, 1)
	go func() { sent <- traffic.send(sending) }()

	p, err := newProbes(s.target)
	if err != nil {
		return r, err
	}
	defer p.close()
	if err := sleep(ctx, warmUp); err != nil {
		return r, err
	}
	before, begun := s.cpu(), time.Now()
	records := traffic.records()
	if err := p.measure(ctx, conn, duration); err != nil {
		return r, err
	}
	took := time.Since(begun).Seconds()
	after := s.cpu()
	r.SentRate = uint64(float64(traffic.records()-records) / took)
	r.Landfall, r.ClickHouse, r.Sender = (after.landfall-before.landfall)/took, (after.clickhouse-before.clickhouse)/took, (after.own-before.own)/took
	stopSending()
	if err := <-sent; err != nil {
		return r, err
	}
	if err := p.finish(ctx, conn); err != nil {
		return r, err
	}
	counted, err := settled(ctx, conn)
	if err != nil {
		return r, err
	}
	r.Sent = traffic.records() + uint64(len(p.sentAt))
	r.Lost = int64(r.Sent) - int64(counted)
	r.Probes, r.Missing = len(p.sentAt), len(p.sentAt)-len(p.latency)
	r.Latency, r.ToPlan, r.ToShown, r.Poll = spread(p.latency), spread(p.toPlan), spread(p.toShown), spread(p.poll)
	return r, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
