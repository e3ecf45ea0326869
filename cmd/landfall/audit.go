package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/audit"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
)

func auditCommand(o *options) *cobra.Command {
	var from, to, format string
	cmd := &cobra.Command{
		Use: "audit", GroupID: "ask", Args: cobra.NoArgs,
		Short: "Compare the sums of all tables, day by day",
		Long: `Compare flows, bytes and packets of the flows table, of the rollups by minute, hour and day, and of the
tables of endpoints, exporters and data sets, day by day, as far as each keeps the day. They are fed by
one another and are equal to the byte unless rows were lost or doubled in between.

The exit code is 1 if they differ. What to do then is in docs/operating.md.`,
		Example: "  landfall audit\n  landfall audit --from 2026-09-01 --to 2026-09-08 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := audit.DefaultOptions()
			var err error
			if options.Since, options.Until, err = auditDays(from, to, time.Now()); err != nil {
				return err
			}
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			options.Ahead = c.Aggregator.MaxFlowAhead
			conn, err := openClickHouse(cmd.Context(), c, c.readerLogin())
			if err != nil {
				return err
			}
			defer conn.Close()
			report, err := audit.Run(cmd.Context(), conn, options)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				err = writeIndented(cmd.OutOrStdout(), report)
			case "table":
				err = writeAudit(cmd.OutOrStdout(), report)
			default:
				return fmt.Errorf("--format: %q is not table or json", format)
			}
			if err == nil && report.Differs > 0 {
				err = errSaid
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "30d", "first day: a date (2026-09-01) or how long ago (30d, 12w)")
	cmd.Flags().StringVar(&to, "to", "", "day after the last, likewise (default: tomorrow)")
	cmd.Flags().StringVar(&format, "format", "table", "form of the answer: table or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func writeIndented(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// auditDays are the whole days that two flags mean.
func auditDays(from, to string, now time.Time) (since, until time.Time, err error) {
	if since, err = parseTime(from, now); err != nil {
		return since, until, fmt.Errorf("--from: %w", err)
	}
	if until, err = parseTime(to, now); err != nil {
		return since, until, fmt.Errorf("--to: %w", err)
	}
	const day = 24 * time.Hour
	if until.IsZero() {
		until = now.UTC().Add(day)
	}
	since, until = since.Truncate(day), until.Truncate(day)
	if !since.Before(until) {
		return since, until, fmt.Errorf("--from %s is not before --to %s", since.Format(time.DateOnly), until.Format(time.DateOnly))
	}
	return since, until, nil
}

// writeAudit writes the comparisons that do not agree, a line each table, and how many do.
func writeAudit(out io.Writer, r *audit.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if r.Differs+r.Moving > 0 {
		fmt.Fprintln(w, "DAY\tCOMPARED\tSTATE\tTABLE\tFLOWS\tBYTES UP\tBYTES DOWN\tPACKETS UP\tPACKETS DOWN\t")
	}
	figures := func(a ...int64) (text []string) {
		for _, v := range a {
			if v == 0 {
				text = append(text, "=")
			} else {
				text = append(text, fmt.Sprintf("%+d", v))
			}
		}
		return text
	}
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c.State == audit.Equal {
			continue
		}
		for n := range c.Levels {
			l := &c.Levels[n]
			s, d := l.Sums, l.Difference
			line := figures(d.Flows, d.BytesUp, d.BytesDown, d.PacketsUp, d.PacketsDown)
			switch {
			case n == 0:
				line = strings.Fields(fmt.Sprintln(s.Flows, s.BytesUp, s.BytesDown, s.PacketsUp, s.PacketsDown))
			case l.FlowsOnly:
				line = append(line[:1], "", "", "", "")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", c.Day.Format(time.DateOnly), c.What, c.State, l.Table, strings.Join(line, "\t"))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s to %s: %d comparisons agree to the byte, %d differ, %d moved in every reading (inserts under way: ask again)\n",
		r.Since.Format(time.DateOnly), r.Until.AddDate(0, 0, -1).Format(time.DateOnly), r.Equal, r.Differs, r.Moving)
	return err
}

// readerLogin is how those that only read log in; the service's own login stands in where no
// reader's password is known.
func (c *Config) readerLogin() clickhouse.Config {
	if c.Reader.Password == "" && c.ClickHouse.Password != "" {
		return c.ClickHouse
	}
	return c.readerClickHouse()
}

// openClickHouse connects for a command.
func openClickHouse(ctx context.Context, c *Config, login clickhouse.Config) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	conn, err := clickhouse.Open(ctx, login, telemetry.NewLogger(c.Telemetry, os.Stderr))
	if err != nil {
		return nil, fmt.Errorf("%w\nIs Landfall running (landfall up), and with the same configuration file (--config)?", err)
	}
	return conn, nil
}
