// Command scale fills the rollups of a large network into an embedded ClickHouse, asks what people
// ask, and prints what it took as one line of JSON. The rows are made in the engine, from hashes: the
// same parameters give the same tables.
//
//	go run ./tests/bench/scale -share 0.01
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// Report is the line that is printed.
type Report struct {
	Bench        string   `json:"bench"`
	Params       Params   `json:"params"`
	CPUs         int      `json:"cpus"`
	FillSeconds  float64  `json:"fill_seconds,omitempty"` // absent: the tables were there already
	DiskBytes    uint64   `json:"disk_bytes"`
	Tables       []Table  `json:"tables"`
	HourYearGB   float64  `json:"residency_hour_year_gb"` // rows of a year at the bytes a row measured
	HourTargetGB float64  `json:"residency_hour_target_gb"`
	Questions    []Timing `json:"questions"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == engine.ChildCommand {
		os.Exit(engine.ChildMain(os.Args[2:]))
	}
	if err := mainErr(); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func mainErr() error {
	p := DefaultParams()
	share := flag.Float64("share", 1, "share of a billion flows, with subscribers and endpoints to match")
	flag.IntVar(&p.Days, "days", p.Days, "days that the flows are spread over, 14 at least")
	flag.IntVar(&p.MinuteDays, "minute-days", p.MinuteDays, "days that go into the table of minutes, too")
	flag.Float64Var(&p.VendorSkew, "vendor-skew", p.VendorSkew, "exponent of Zipf's law for the vendors")
	flag.Float64Var(&p.ASNSkew, "asn-skew", p.ASNSkew, "exponent of Zipf's law for the networks")
	runs := flag.Int("runs", 20, "times that each question is asked, warm and cold")
	library := flag.String("library", "data/engine/libchdb.so", "the engine")
	dir := flag.String("dir", "", "folder to keep the tables in, and to find them in at the next run; empty: a temporary one")
	tmp := flag.String("tmp", "", "folder to make the temporary one in; 20 GB are needed at share 1")
	flag.Parse()
	if p.Days < 14 || p.MinuteDays > p.Days || *share <= 0 || *runs < 1 {
		return errors.New("at least 14 days, no more minute-days than days, a share above 0 and a run")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *dir == "" {
		made, err := os.MkdirTemp(*tmp, "landfall-scale-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made)
		*dir = made
	}
	report, err := measure(ctx, p.scaled(*share), *runs, *library, *dir)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// measure starts an engine on dir, fills it if it is empty, and asks.
func measure(ctx context.Context, p Params, runs int, library, dir string) (Report, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	c := engine.DefaultConfig()
	c.Library, c.Dir, c.Database = library, dir, "landfall"
	c.ServicePassword, c.ReaderPassword = rand.Text(), rand.Text()
	c.ExtraGrants = []string{"GRANT SYSTEM DROP CACHE ON *.*"}
	server, err := engine.New(c, log, prometheus.NewRegistry())
	if err != nil {
		return Report{}, err
	}
	if err := server.Start(ctx); err != nil {
		return Report{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			log.Error("stop the engine", "error", err)
		}
	}()
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return Report{}, err
	}
	client := clickhouse.DefaultConfig()
	client.Addresses, client.Database = []string{server.Native()}, c.Database
	client.User, client.Password = c.ServiceUser, config.Secret(c.ServicePassword)
	// One statement may take longer than a question's.
	client.ReadTimeout = 15 * time.Minute
	return benchmark(ctx, client, p, runs, &atHand{dir: absolute, pid: server.Pid}, log)
}

// benchmark works on any server; where its process is not at hand, nothing is asked cold, and merges
// are not waited for.
func benchmark(ctx context.Context, client clickhouse.Config, p Params, runs int, e *atHand, log *slog.Logger) (Report, error) {
	r := Report{Bench: "scale", Params: p, CPUs: runtime.NumCPU(), HourTargetGB: 5}
	// The rows are of fixed dates: nothing may be too old.
	if err := clickhouse.Migrate(ctx, client, clickhouse.Retention{}, log); err != nil {
		return r, err
	}
	conn, err := clickhouse.Open(ctx, client, log)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	var there uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM ledger_minute").Scan(&there); err != nil {
		return r, err
	}
	if there == 0 {
		begun := time.Now()
		if err := fill(ctx, conn, p, log); err != nil {
			return r, fmt.Errorf("fill the tables: %w", err)
		}
		r.FillSeconds = time.Since(begun).Seconds()
	}
	if e != nil {
		if err := settle(ctx, conn, log); err != nil {
			return r, err
		}
	}
	if r.Tables, err = tables(ctx, conn); err != nil {
		return r, err
	}
	for _, t := range r.Tables {
		r.DiskBytes += t.Bytes
		if t.Name == "residency_hour" {
			r.HourYearGB = hundredths(float64(t.Bytes) / float64(p.Days) * 365 / 1e9)
		}
	}
	if e != nil {
		e.conn = conn
	}
	r.Questions, err = ask(ctx, questions(query.New(conn, client.Database, query.Options{}), p), runs, e)
	return r, err
}
