// Command soak is the long form of the chaos test: it prints one line of JSON, and ends with 1 if a flow
// was lost or counted twice.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/landfall-telemetry/landfall/tests/chaos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

func run(ctx context.Context) int {
	c := chaos.Config{Log: os.Stderr}
	broker := flag.String("broker", "kafka", "kafka (Apache Kafka) or embedded")
	flag.StringVar(&c.Program, "program", "bin/landfall", "the landfall binary")
	flag.StringVar(&c.Root, "root", ".", "the repository")
	flag.StringVar(&c.Dir, "dir", "", "where the run's folder is made")
	flag.Uint64Var(&c.Seed, "seed", 1, "of the traffic and the schedule")
	flag.DurationVar(&c.Duration, "duration", 10*time.Minute, "of the faults")
	flag.DurationVar(&c.Pace, "pace", 3*time.Second, "between two faults, in the mean")
	flag.IntVar(&c.Rate, "rate", 4000, "flows a second")
	flag.BoolVar(&c.Keep, "keep", false, "keep the run's folder also when all is right")
	kills := flag.Int("engine-kills", 0, "only kill ClickHouse so often during small inserts, to look for lost tokens")
	flag.Parse()
	c.Kafka = *broker == "kafka"
	var err error
	for _, path := range []*string{&c.Program, &c.Root} {
		if *path, err = filepath.Abs(*path); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
			return 2
		}
	}
	if *kills > 0 {
		return tokens(ctx, c, *kills)
	}
	result, err := chaos.Run(ctx, c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		fmt.Fprintln(os.Stderr, "everything is kept in", result.Dir)
		return 2
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil || !result.OK() {
		return 1
	}
	return 0
}

func tokens(ctx context.Context, c chaos.Config, kills int) int {
	result, err := chaos.RunTokens(ctx, c, kills)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil || result.Lost+result.Doubled > 0 {
		return 1
	}
	return 0
}
