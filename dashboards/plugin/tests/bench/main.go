// Command bench opens a dashboard as Grafana does: all its queries at once, a request for each panel,
// to the real plugin over its protocol, on the tables that tests/bench/scale has left in a folder. It
// prints one line of JSON.
//
//	make bench-scale DIR=/var/tmp/scale
//	make bench-grafana DIR=/var/tmp/scale
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/boards"
	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// Report is the line that is printed.
type Report struct {
	Bench     string  `json:"bench"`
	Dashboard string  `json:"dashboard"`
	Days      int     `json:"days"`
	Runs      int     `json:"runs"`
	MedianMs  float64 `json:"median_ms"` // until the last panel has its answer
	LeastMs   float64 `json:"least_ms"`
	MostMs    float64 `json:"most_ms"`
	Panels    []Panel `json:"panels"`
}

// Panel is one of the panels, while all others are asked, too.
type Panel struct {
	Title    string  `json:"title"`
	MedianMs float64 `json:"median_ms"`
	Rows     int     `json:"rows"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == engine.ChildCommand {
		os.Exit(engine.ChildMain(os.Args[2:]))
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "folder of the tables, as tests/bench/scale -dir has left them")
	library := flag.String("library", "data/engine/libchdb.so", "the engine")
	binary := flag.String("plugin", "", "the plugin's binary")
	uid := flag.String("dashboard", boards.Overview, "uid of the dashboard")
	days := flag.Int("days", 90, "days shown, to the end of the tables")
	runs := flag.Int("runs", 20, "times that it is opened")
	flag.Parse()
	if *dir == "" || *binary == "" || *runs < 1 || *days < 1 {
		return errors.New("-dir and -plugin must be given, and days and runs above 0")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	c := engine.DefaultConfig()
	c.Library, c.Dir, c.Database = *library, *dir, "landfall"
	c.ServicePassword, c.ReaderPassword = rand.Text(), rand.Text()
	server, err := engine.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
	}()
	end, err := lastDay(ctx, c, server.Native())
	if err != nil {
		return err
	}
	plugin, err := pluginhost.Start(ctx, *binary, pluginhost.Options{})
	if err != nil {
		return err
	}
	defer plugin.Stop()
	source, err := pluginhost.Source{
		UID: "bench", Name: "bench", Updated: time.Now(),
		JSONData: map[string]any{"address": server.Native(), "database": c.Database, "user": c.ReaderUser},
		Secrets:  map[string]string{"password": c.ReaderPassword},
	}.Context(&backend.User{Login: "bench"})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(boards.All(), func(d boards.Dashboard) bool { return d.UID == *uid })
	if i < 0 {
		return fmt.Errorf("there is no dashboard %s", *uid)
	}
	b := bench{plugin: plugin, source: source, from: end.AddDate(0, 0, -*days), to: end}
	report, err := b.measure(ctx, boards.All()[i], *runs)
	if err != nil {
		return err
	}
	report.Days = *days
	return json.NewEncoder(os.Stdout).Encode(report)
}

// lastDay is the end of the last day that the tables have.
func lastDay(ctx context.Context, c engine.Config, address string) (time.Time, error) {
	client := clickhouse.DefaultConfig()
	client.Addresses, client.Database, client.User, client.Password = []string{address}, c.Database, c.ServiceUser, config.Secret(c.ServicePassword)
	conn, err := clickhouse.Open(ctx, client, slog.New(slog.DiscardHandler))
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	var last time.Time
	err = conn.QueryRow(ctx, "SELECT max(bucket) FROM destination_day").Scan(&last)
	return last.UTC().AddDate(0, 0, 1), err
}

type bench struct {
	plugin   *pluginhost.Plugin
	source   backend.PluginContext
	from, to time.Time
}

func (b *bench) measure(ctx context.Context, d boards.Dashboard, runs int) (Report, error) {
	r := Report{Bench: "dashboard", Dashboard: d.UID, Runs: runs}
	var whole []float64
	each := make(map[string][]float64)
	rows := make(map[string]int)
	var titles []string
	for run := range runs + 1 { // the first is not counted
		var g errgroup.Group
		took := make([]float64, len(d.Panels))
		counted := make([]int, len(d.Panels))
		begun := time.Now()
		for i, p := range d.Panels {
			if len(p.Targets) == 0 {
				continue
			}
			g.Go(func() (err error) {
				counted[i], err = b.ask(ctx, p, d.Templating.List)
				took[i] = milliseconds(begun)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return r, err
		}
		if run == 0 {
			continue
		}
		whole = append(whole, milliseconds(begun))
		for i, p := range d.Panels {
			if len(p.Targets) > 0 {
				if each[p.Title] == nil {
					titles = append(titles, p.Title)
				}
				each[p.Title] = append(each[p.Title], took[i])
				rows[p.Title] = counted[i]
			}
		}
	}
	r.MedianMs, r.LeastMs, r.MostMs = median(whole), slices.Min(whole), slices.Max(whole)
	for _, title := range titles {
		r.Panels = append(r.Panels, Panel{title, median(each[title]), rows[title]})
	}
	return r, nil
}

// ask sends a panel's queries as the front end leaves them when every variable stands for all.
func (b *bench) ask(ctx context.Context, p boards.Panel, variables []boards.Variable) (int, error) {
	request := &backend.QueryDataRequest{PluginContext: b.source}
	for _, t := range p.Targets {
		raw, err := json.Marshal(t.Query)
		if err != nil {
			return 0, err
		}
		var fields map[string]any
		if err := json.Unmarshal(raw, &fields); err != nil {
			return 0, err
		}
		for name, value := range fields {
			switch v := value.(type) {
			case []any:
				if name == "filters" || len(v) == 1 && strings.HasPrefix(fmt.Sprint(v[0]), "$") {
					delete(fields, name)
				}
			case string:
				for _, variable := range variables {
					if v == "$"+variable.Name && len(variable.Options) > 0 {
						fields[name] = variable.Options[0].Value
					}
				}
			}
		}
		if raw, err = json.Marshal(fields); err != nil {
			return 0, err
		}
		const points = 1000 // of a panel as wide as half a screen
		request.Queries = append(request.Queries, backend.DataQuery{
			RefID: t.RefID, QueryType: t.Query.Type, JSON: raw, MaxDataPoints: points,
			Interval: b.to.Sub(b.from) / points, TimeRange: backend.TimeRange{From: b.from, To: b.to},
		})
	}
	answer, err := b.plugin.QueryData(ctx, request)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.Title, err)
	}
	n := 0
	for _, r := range answer.Responses {
		if r.Error != nil {
			return 0, fmt.Errorf("%s: %w", p.Title, r.Error)
		}
		for _, f := range r.Frames {
			n += f.Rows()
		}
	}
	return n, nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
