package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
	"github.com/landfall-telemetry/landfall/internal/scenario"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
)

// stallLimit is how long nothing more may be counted until the demo gives up waiting. It is longer
// than any restart of a killed service takes, with its tables and its place in the group, on a busy machine.
const stallLimit = 2 * time.Minute

// everySide asks for all flows, with and without a handset at one end.
var everySide = []string{"source", "destination", "both", "none"}

// settle is how long the count must stand still at the end: longer than an insert takes to be made
// a second time.
const settle = 2 * time.Second

// demoMark is a file in a demo's folder. Only a folder that has it is emptied.
const demoMark = ".landfall-demo"

type demo struct {
	dir      string
	check    bool
	roles    []string
	scenario scenario.Config

	config *Config
	out    io.Writer // the answer
	say    io.Writer // progress, for a person
}

func demoCommand(o *options) *cobra.Command {
	d := &demo{scenario: scenario.DefaultConfig()}
	cmd := &cobra.Command{
		Use: "demo", GroupID: "run", Args: cobra.NoArgs,
		Short: "Play the story of one vendor on this machine and show the answer",
		Long: `Start everything on this machine (as landfall up does), play the scenario migration through real
UDP datagrams, print where Xiaomi's handsets sent their data week by week, and serve the page until
Ctrl-C. Each run starts from the same state: the folder --dir is emptied first.

With --check, compare every cell (vendor, place, week) with what was sent, print one JSON object and
end; the exit code is 0 only if nothing differs.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.out, d.say = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := d.prepare(o); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&d.check, "check", false, "compare with the truth, print the result as JSON, and end")
	cmd.Flags().StringVar(&d.dir, "dir", "", "folder of the demo's state (default: demo in data_dir)")
	cmd.Flags().StringSliceVar(&d.roles, "services", allRoles, "what to run in this process; the others can run as processes of their own with the configuration that the demo writes to its folder")
	scenarioFlags(cmd.Flags(), &d.scenario)
	return cmd
}

// prepare empties the demo's folder and writes its configuration there.
func (d *demo) prepare(o *options) error {
	c, err := readConfig(o)
	if err != nil {
		return err
	}
	if d.dir == "" {
		d.dir = filepath.Join(c.DataDir, "demo")
	}
	if err := dataset.Require(c.DataDir); err != nil {
		return err
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	if err := emptyDemo(d.dir); err != nil {
		return err
	}
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	d.settle(c)
	c.Enricher.StaticVendorsFile = filepath.Join(d.dir, "static-vendors.csv")
	c.Enricher.SubscriberPrefixes = nil
	for _, p := range scenario.SubscriberPrefixes() {
		c.Enricher.SubscriberPrefixes = append(c.Enricher.SubscriberPrefixes, p.String())
	}
	d.scenario.TruthFile = filepath.Join(d.dir, "truth.json")
	if err := scenario.WriteStaticVendors(d.scenario, c.Enricher.StaticVendorsFile); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := config.Write(&text, c); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	path := filepath.Join(d.dir, "landfall.yaml")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the demo's configuration: %w", err)
	}
	// It is not read back: the environment may name the folders of the user's own system.
	c.complete()
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	d.config = c
	return nil
}

// settle keeps everything that the demo writes in its own folder, wherever the user's own system
// has it: made-up flows must not get among true ones.
func (d *demo) settle(c *Config) {
	c.StateDir = filepath.Join(d.dir, "state")
	c.Collector.SpoolDir, c.Enricher.PseudonymKeyFile = "", ""
	c.Embedded.Broker.Dir, c.Embedded.ClickHouse.Dir = "", ""
}

// emptyDemo removes what an earlier demo left in dir, and nothing that is not a demo's.
func emptyDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	mark := filepath.Join(dir, demoMark)
	if len(entries) > 0 {
		if _, err := os.Stat(mark); err != nil {
			return fmt.Errorf("%s is not empty and not of a demo: choose another folder with --dir", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("empty the demo's folder: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	return os.WriteFile(mark, []byte("landfall demo empties this folder at each start\n"), 0o600)
}

func (d *demo) run(ctx context.Context) error {
	begin := time.Now()
	logPath := filepath.Join(d.dir, "landfall.log")
	logFile, err := os.Create(logPath)
	if err != nil {
		return fmt.Errorf("log of the demo: %w", err)
	}
	defer logFile.Close()
	fmt.Fprintf(d.say, "starting on this machine; log: %s\n", logPath)
	p := newProcess(d.config, telemetry.NewLogger(d.config.Telemetry, logFile))
	if err := p.addUp(d.roles); err != nil {
		return err
	}
	inner, end := context.WithCancelCause(ctx)
	defer end(nil)
	// The story runs as the group's last part: it begins when all others are ready and ends the run.
	var result error
	p.group.Add("story", started(func() {
		go func() {
			result = d.story(inner, begin)
			end(errSaid)
		}()
	}))
	if err := p.group.Run(inner, grace); err != nil {
		return fmt.Errorf("%w\nthe log is in %s", err, logPath)
	}
	if ctx.Err() != nil { // Ctrl-C is how the demo ends
		fmt.Fprintln(d.say, "stopped")
		return nil
	}
	return result
}

// story plays the scenario, waits until it is counted and shows the answer.
func (d *demo) story(ctx context.Context, begin time.Time) error {
	aim(&d.scenario, d.config)
	player, err := newPlayer(d.config, d.scenario)
	if err != nil {
		return err
	}
	defer player.Close()
	truth, err := play(ctx, player, d.say)
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(ctx, d.config.readerClickHouse(), telemetry.NewLogger(d.config.Telemetry, d.say))
	if err != nil {
		return err
	}
	defer conn.Close()
	queries := query.New(conn, d.config.ClickHouse.Database, query.Options{})
	if err := d.waitCounted(ctx, queries, truth); err != nil {
		return err
	}
	result, err := compare(ctx, queries, truth)
	if err != nil {
		return err
	}
	if d.check {
		return d.report(result, begin)
	}
	if err := d.show(ctx, queries, result); err != nil {
		return err
	}
	return player.RunLive(ctx, nil)
}

// waitCounted waits until as many flows are counted as were sent, and no more come; or until nothing
// comes any more.
func (d *demo) waitCounted(ctx context.Context, queries *query.Client, truth scenario.Truth) error {
	bar := newBar(d.say, "counting flows")
	defer bar.end()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var counted uint64
	moved := time.Now()
	for {
		// The day rollup is the last that an insert reaches. A ClickHouse that is gone for a moment is
		// waited for like everything else.
		answer, err := queries.Residency(ctx, query.Residency{Bucket: query.BucketTotal, Sides: everySide})
		if err == nil && len(answer.Rows) == 1 && answer.Rows[0].Flows != counted {
			counted, moved = answer.Rows[0].Flows, time.Now()
			bar.set(counted, truth.FlowsSent, "")
		}
		still := time.Since(moved)
		if counted >= truth.FlowsSent && still > settle || still > stallLimit {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// compare asks for every cell and holds it against the truth.
func compare(ctx context.Context, queries *query.Client, truth scenario.Truth) (scenario.Result, error) {
	answer, err := queries.Residency(ctx, query.Residency{
		By:     []query.Dimension{query.ByVendor, query.ByPlace},
		Bucket: query.BucketWeek,
		Sides:  everySide,
	})
	if err != nil {
		return scenario.Result{}, err
	}
	cells := make([]scenario.Cell, len(answer.Rows))
	for i, r := range answer.Rows {
		cells[i] = scenario.Cell{
			Vendor: r.Vendor, Place: r.Place, Week: r.Bucket.Format(time.DateOnly), Flows: r.Flows,
			BytesUp: r.BytesUp, BytesDown: r.BytesDown, PacketsUp: r.PacketsUp, PacketsDown: r.PacketsDown,
		}
	}
	return scenario.Check(truth, cells), nil
}

func (d *demo) report(result scenario.Result, begin time.Time) error {
	encoder := json.NewEncoder(d.out)
	if err := encoder.Encode(struct {
		scenario.Result
		Seconds float64 `json:"seconds"`
	}{result, float64(time.Since(begin).Milliseconds()) / 1000}); err != nil {
		return err
	}
	if !result.OK() || result.FlowsSent == 0 {
		return errSaid
	}
	return nil
}

func (d *demo) show(ctx context.Context, queries *query.Client, result scenario.Result) error {
	answer, err := queries.Residency(ctx, query.Residency{
		Vendors: []string{"Xiaomi"}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek,
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, "\nWhere Xiaomi's handsets sent their data, week by week:")
	if err := show.Residency(d.out, answer, show.Options{PlaceName: geo.Name}); err != nil {
		return err
	}
	if result.OK() {
		fmt.Fprintf(d.out, "\nAll %d flows and %d bytes that were sent are counted; every cell of %d is right.\n", result.FlowsCounted, result.BytesCounted, result.Cells)
	} else {
		fmt.Fprintf(d.out, "\nNOT EVERYTHING IS RIGHT: %d of %d flows counted, %d of %d cells wrong:\n", result.FlowsCounted, result.FlowsSent, result.CellsWrong, result.Cells)
		for _, w := range result.Wrong {
			fmt.Fprintln(d.out, "  "+w)
		}
	}
	for _, credit := range dataset.Credits(d.config.DataDir) {
		fmt.Fprintln(d.out, credit)
	}
	configPath := filepath.Join(d.dir, "landfall.yaml")
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, configPath); err == nil {
			configPath = relative
		}
	}
	fmt.Fprintf(d.out, `
The page:  http://%s
To ask:    bin/landfall -c %s query residency --by vendor,country --top 10
Live flows go on; stop with Ctrl-C.
`, local(d.config.Reporter.Listen), configPath)
	return nil
}
