package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
)

// openWait is how long a question waits for a ClickHouse that does not answer.
const openWait = 10 * time.Second

func queryCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "query", GroupID: "ask", Short: "Ask what was measured"}
	cmd.AddCommand(residencyCommand(o))
	return cmd
}

func residencyCommand(o *options) *cobra.Command {
	var (
		q            query.Residency
		by           []string
		bucket       string
		since, until string
		format       string
		explain      bool
	)
	cmd := &cobra.Command{
		Use: "residency", Args: cobra.NoArgs,
		Short: "How many bytes handsets sent to which place, over time",
		Example: `  landfall query residency --vendor Xiaomi --by place --bucket week
  landfall query residency --by vendor,country --since 30d --top 20
  landfall query residency --by asn --since 2026-09-01 --until 2026-10-01 --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, d := range by {
				q.By = append(q.By, query.Dimension(d))
			}
			q.Bucket = query.Bucket(bucket)
			var err error
			if q.Since, err = parseTime(since, time.Now()); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if q.Until, err = parseTime(until, time.Now()); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			return withQueries(cmd.Context(), o, func(c *query.Client) error {
				answer, err := c.Residency(cmd.Context(), q)
				if err != nil {
					return err
				}
				if explain {
					cmd.PrintErrf("rollup: %s\n%s\n", answer.Rollup, answer.SQL)
				}
				switch format {
				case "json":
					return query.WriteJSON(cmd.OutOrStdout(), answer)
				case "csv":
					return query.WriteCSV(cmd.OutOrStdout(), answer, geo.Name)
				case "table":
					return show.Residency(cmd.OutOrStdout(), answer, show.Options{PlaceName: geo.Name})
				}
				return fmt.Errorf("--format: %q is not table, json or csv", format)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&q.Vendors, "vendor", nil, "only these vendors")
	flags.StringSliceVar(&q.Places, "place", nil, "only these places (ISO 3166-2 or 3166-1 codes, such as CN-BJ or SG)")
	flags.StringSliceVar(&q.Countries, "country", nil, "only these countries (ISO 3166-1 codes)")
	flags.StringSliceVar(&by, "by", []string{"place"}, "break down by: vendor, place, country, asn, cloud_region, confidence")
	flags.StringVar(&bucket, "bucket", "total", "step of time: minute, hour, day, week (from Monday, UTC) or total")
	flags.StringVar(&since, "since", "", "from when on: a date (2026-09-01), a time (RFC 3339), or how long ago (36h, 30d, 12w)")
	flags.StringVar(&until, "until", "", "until when, likewise")
	flags.IntVar(&q.Top, "top", 0, "only the most; the rest is added up as \"other\" (0: all)")
	flags.StringVar(&format, "format", "table", "form of the answer: table, json or csv")
	flags.BoolVar(&explain, "explain", false, "print the SQL and the rollup that answers, too")
	for flag, values := range map[string][]string{
		"by":     {"vendor", "place", "country", "asn", "cloud_region", "confidence"},
		"bucket": {"minute", "hour", "day", "week", "total"},
		"format": {"table", "json", "csv"},
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// withQueries connects to ClickHouse as the reader and calls use.
func withQueries(ctx context.Context, o *options, use func(*query.Client) error) error {
	c, err := loadConfig(o)
	if err != nil {
		return err
	}
	if c.Reader.Password == "" && c.ClickHouse.Password != "" {
		c.Reader.User, c.Reader.Password = c.ClickHouse.User, c.ClickHouse.Password
	}
	open, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	conn, err := clickhouse.Open(open, c.readerClickHouse(), telemetry.NewLogger(c.Telemetry, os.Stderr))
	if err != nil {
		return fmt.Errorf("%w\nIs Landfall running (landfall up), and with the same configuration file (--config)?", err)
	}
	defer conn.Close()
	return use(query.New(conn, c.ClickHouse.Database, query.Options{}))
}

// parseTime reads a date, a time, or a length of time before now; the zero time for "".
func parseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, err := strconv.Atoi(strings.TrimSuffix(s, unit)); err == nil && strings.HasSuffix(s, unit) {
			return now.Add(-time.Duration(n) * length).UTC(), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a date (2026-09-01), a time (2026-09-01T12:00:00Z) or how long ago (36h, 30d, 12w)", s)
}
