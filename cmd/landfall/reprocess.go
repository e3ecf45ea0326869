package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
	"github.com/landfall-telemetry/landfall/internal/reprocess"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
	"github.com/landfall-telemetry/landfall/services/aggregator"
)

func reprocessCommand(o *options) *cobra.Command {
	var f struct {
		from, to, note, format string
		yes, dry, repair       bool
		abandon                uint16
	}
	cmd := &cobra.Command{
		Use: "reprocess", GroupID: "setup", Args: cobra.NoArgs,
		Short: "Compute past days anew under the data sets that are loaded now",
		Long: `Compute whole days anew from the stored flows, under the data sets that are in data_dir now, into a new
revision. What is read stays what it was until all of it is computed and adds up; then it changes at once.
Flows that come in meanwhile count in both. Older revisions stay readable.

Places, networks, jurisdictions and verdicts are judged anew, by the policy's rows for the day. Vendors stay as they are, since the addresses that they were judged by
are not kept; so do the endpoint tables.

A run that dies changes nothing that is read; run it again. --abandon removes what it left.`,
		Example: "  landfall reprocess --from 2026-09-01 --to 2026-09-08 --note \"city table of September\" --dry-run\n" +
			"  landfall reprocess --from 2026-09-01 --to 2026-09-08 --yes\n  landfall reprocess --abandon 3",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.format != "table" && f.format != "json" {
				return fmt.Errorf("--format: %q is not table or json", f.format)
			}
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			if f.abandon != 0 {
				return abandonRevision(cmd, c, f.abandon)
			}
			if f.from == "" {
				return errors.New("--from is needed: the first day to compute anew")
			}
			options := reprocess.Options{Note: f.note, Repair: f.repair, Lead: reprocess.DefaultLead, Ahead: c.Aggregator.MaxFlowAhead}
			if options.Since, options.Until, err = auditDays(f.from, f.to, time.Now()); err != nil {
				return err
			}
			return runReprocess(cmd, c, options, f.dry, f.yes, f.format == "json")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "first day: a date (2026-09-01) or how long ago (7d)")
	flags.StringVar(&f.to, "to", "", "day after the last, likewise (default: tomorrow)")
	flags.StringVar(&f.note, "note", "", "why, for whoever reads the list of revisions")
	flags.BoolVar(&f.dry, "dry-run", false, "only say what would be computed")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.BoolVar(&f.repair, "repair", false, "put the new figures in force although their totals are not those that counted before")
	flags.Uint16Var(&f.abandon, "abandon", 0, "remove what a run that died left of this revision")
	flags.StringVar(&f.format, "format", "table", "form of the summary: table or json")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "yes")
	for _, other := range []string{"from", "to", "note", "dry-run", "repair"} {
		cmd.MarkFlagsMutuallyExclusive("abandon", other)
	}
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func abandonRevision(cmd *cobra.Command, c *Config, number uint16) error {
	conn, err := openClickHouse(cmd.Context(), c, c.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := reprocess.Abandon(cmd.Context(), conn, number); err != nil {
		return err
	}
	cmd.PrintErrf("revision %d is abandoned, its rows are removed\n", number)
	return nil
}

func runReprocess(cmd *cobra.Command, c *Config, options reprocess.Options, dry, yes, asJSON bool) error {
	ctx := cmd.Context()
	options.Log = telemetry.NewLogger(c.Telemetry, os.Stderr)
	conn, err := openClickHouse(ctx, c, c.ClickHouse)
	if err != nil {
		return err
	}
	defer conn.Close()
	period, err := reprocess.Look(ctx, conn, options)
	if err != nil {
		return err
	}
	if err := c.requireData(roleEnricher); err != nil {
		return err
	}
	cmd.PrintErrln("loading the data sets …")
	files, err := c.Enricher.PlaceFiles(time.Now())
	if err != nil {
		return err
	}
	table, err := geo.Open(files)
	if err != nil {
		return err
	}
	options.Places = table
	if c.Enricher.PolicyPath != "" {
		if options.Policy, err = policy.Load(c.Enricher.PolicyPath); err != nil {
			return err
		}
	}
	sayPeriod(cmd, period, table, options.Policy)
	if dry {
		if asJSON {
			return writeIndented(cmd.OutOrStdout(), period)
		}
		return nil
	}
	if !yes && !agreed(cmd) {
		return errors.New("nothing was done; --yes goes on without asking")
	}
	b, err := bus.New(c.Kafka, options.Log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer b.Close()
	options.Outstanding = func(ctx context.Context, before time.Time) (int, error) {
		return aggregator.Outstanding(ctx, b, c.Aggregator.Group, before)
	}
	options.Progress = progressTo(cmd.ErrOrStderr())
	result, err := reprocess.Run(ctx, conn, options)
	if err != nil {
		return err
	}
	if asJSON {
		return writeIndented(cmd.OutOrStdout(), result)
	}
	return writeReprocessed(cmd.OutOrStdout(), result)
}

func sayPeriod(cmd *cobra.Command, p *reprocess.Period, table *geo.Table, rules *policy.Policy) {
	var versions []string
	for _, v := range table.Versions() {
		versions = append(versions, v.Name+" "+v.Version)
	}
	if rules != nil {
		versions = append(versions, "policy "+rules.Version)
	}
	cmd.PrintErrf("%s to %s: %d flows\n  judged by: %s\n  judged anew by: %s\n", p.Since.Format(time.DateOnly), p.Until.AddDate(0, 0, -1).Format(time.DateOnly),
		p.Flows, strings.Join(p.DataSets, "; "), strings.Join(versions, ", "))
	for _, v := range p.Building {
		cmd.PrintErrf("  revision %d is unfinished since %s: under way, or a run that died (then --abandon %d removes it)\n", v.Revision, v.Created.Format(time.RFC3339), v.Revision)
	}
}

// agreed asks whoever sits there.
func agreed(cmd *cobra.Command) bool {
	cmd.PrintErr("Compute these days anew? [y/N] ")
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // no answer is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// progressTo says how far a run is: every stage, and every few seconds within one.
func progressTo(out io.Writer) func(reprocess.Progress) {
	begin := time.Now()
	var stage string
	var said time.Time
	return func(p reprocess.Progress) {
		if p.Stage == stage && time.Since(said) < 3*time.Second {
			return
		}
		stage, said = p.Stage, time.Now()
		text := map[string]string{
			"announced": "announced; it takes effect for inserts in a moment",
			"waiting":   fmt.Sprintf("waiting for %d inserts under way", p.Waiting),
			"computing": fmt.Sprintf("computing, %d %%", 100*p.Done/max(p.Of, 1)),
			"checking":  "checking that it adds up",
			"active":    "in force",
		}[p.Stage]
		_, _ = fmt.Fprintf(out, "revision %d, %s: %s\n", p.Revision, time.Since(begin).Round(time.Second), text)
	}
}

func writeReprocessed(out io.Writer, r *reprocess.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	title := sync.OnceFunc(func() {
		fmt.Fprintln(w, "PLACE\tBYTES UP BEFORE\tAFTER\tDIFFERENCE\tBYTES DOWN BEFORE\tAFTER\tDIFFERENCE\t")
	})
	same := 0
	for _, p := range r.Places {
		up, down := int64(p.BytesUpAfter-p.BytesUpBefore), int64(p.BytesDownAfter-p.BytesDownBefore)
		if up == 0 && down == 0 {
			same++
			continue
		}
		title()
		fmt.Fprintf(w, "%s\t%d\t%d\t%+d\t%d\t%d\t%+d\t\n", p.Place, p.BytesUpBefore, p.BytesUpAfter, up, p.BytesDownBefore, p.BytesDownAfter, down)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "revision %d is in force: %d flows, %d bytes up, %d bytes down; %d places did not change\n",
		r.Revision, r.Totals.Flows, r.Totals.BytesUp, r.Totals.BytesDown, same)
	return err
}
