package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

// openWait is how long a question waits for a ClickHouse that does not answer.
const openWait = 10 * time.Second

// asker is what the questions have in common.
type asker struct {
	options *options
	tenant  string
	format  string
	explain bool
}

func queryCommand(o *options) *cobra.Command {
	a := &asker{options: o}
	cmd := &cobra.Command{
		Use: "query", GroupID: "ask", Short: "Ask what was measured",
		Long: `Ask what was measured.

Figures that were estimated from sampled packets come with their 95 % interval: "± 4%", or both ends of
a wide one, or "< 1.2 MB" where nothing was seen. Below a table stands how much of what the exporters
say they sent was counted. Times are UTC, weeks begin on Monday.`,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&a.format, "format", "table", "form of the answer: table, json or csv")
	flags.BoolVar(&a.explain, "explain", false, "print the SQL and the rollup that answers to standard error, too")
	flags.StringVar(&a.tenant, "tenant", "", "ask as this tenant of the configuration, with its login and what it may see")
	complete(cmd, "format", "table", "json", "csv")
	cmd.AddCommand(
		residencyCommand(a), compareCommand(a), shiftsCommand(a), overtakesCommand(a), endpointsCommand(a), newCommand(a),
		flowsCommand(a), eventsCommand(a), valuesCommand(a), completenessCommand(a), vendorsCommand(a), revisionsCommand(a),
	)
	return cmd
}

// complete lets a shell offer the values of a flag.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// reply is an answer in its three forms, and what it was reached by.
type reply struct {
	bases []query.Basis
	table func(io.Writer, show.Options) error
	csv   func(io.Writer) error
	json  any
}

// ask puts a question and prints the answer.
func (a *asker) ask(cmd *cobra.Command, question func(context.Context, *query.Client) (reply, error)) error {
	if !slices.Contains([]string{"table", "json", "csv"}, a.format) {
		return fmt.Errorf("--format: %q is not table, json or csv", a.format)
	}
	return a.withQueries(cmd.Context(), func(c *query.Client) error {
		r, err := question(cmd.Context(), c)
		if a.explain {
			explain(cmd.ErrOrStderr(), r.bases)
		}
		if invalid := (*query.InvalidError)(nil); errors.As(err, &invalid) && cmd.Flags().Changed("revision") {
			return fmt.Errorf("%w (landfall query revisions lists them)", err)
		}
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		switch a.format {
		case "json":
			return show.JSON(out, r.json)
		case "csv":
			return r.csv(out)
		}
		return r.table(out, show.Options{Width: width(out), PlaceName: geo.Name})
	})
}

// width is that of the terminal that is printed to; 0 for a file.
func width(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// explain prints the statements that were sent, as they could be sent again.
func explain(out io.Writer, bases []query.Basis) {
	for _, b := range bases {
		if b.Rollup != "" {
			fmt.Fprintf(out, "-- rollup: %s\n", b.Rollup)
		}
		statements := b.Statements
		if len(statements) == 0 && b.SQL != "" {
			statements = []query.Statement{{For: "figures", SQL: b.SQL}}
		}
		for _, s := range statements {
			fmt.Fprintf(out, "-- %s\n%s;\n", s.For, s.SQL)
		}
	}
}

// withQueries connects to ClickHouse as the reader, or as a tenant, and calls use.
func (a *asker) withQueries(ctx context.Context, use func(*query.Client) error) error {
	c, err := loadConfig(a.options)
	if err != nil {
		return err
	}
	login := c.readerLogin()
	var scope query.Scope
	if a.tenant != "" {
		t, err := c.tenant(a.tenant)
		if err != nil {
			return fmt.Errorf("--tenant: %w; landfall tenants list shows them", err)
		}
		login, scope = c.tenantClickHouse(t), query.Scope{Operators: t.Operators, Sites: t.Sites}
	}
	conn, err := openClickHouse(ctx, c, login)
	if err != nil {
		return err
	}
	defer conn.Close()
	return use(query.New(conn, c.ClickHouse.ReadDatabase(), query.Options{Scope: scope}))
}

// times are the flags --since and --until.
type times struct{ since, until string }

func (t *times) flags(cmd *cobra.Command, since string) {
	cmd.Flags().StringVar(&t.since, "since", since, "from when on: a date (2026-09-01), a time (RFC 3339), or how long ago (36h, 30d, 12w)")
	cmd.Flags().StringVar(&t.until, "until", "", "until when, likewise; not included")
}

func (t *times) parse() (since, until time.Time, err error) {
	now := time.Now()
	if since, err = parseTime(t.since, now); err != nil {
		return since, until, fmt.Errorf("--since: %w", err)
	}
	if until, err = parseTime(t.until, now); err != nil {
		return since, until, fmt.Errorf("--until: %w", err)
	}
	return since, until, nil
}

// parseTime reads a date, a time, or a length of time before now; the zero time for "".
func parseTime(s string, now time.Time) (time.Time, error) {
	switch s {
	case "":
		return time.Time{}, nil
	case "now":
		return now.UTC(), nil
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

// parsePeriod reads two times with .. between, an ISO week, or a day.
func parsePeriod(s string, now time.Time) (since, until time.Time, err error) {
	fault := fmt.Errorf("%q is not a period: two times (2026-06-01..2026-06-08), a week (2026-W23) or a day (2026-06-01)", s)
	if from, to, ok := strings.Cut(s, ".."); ok {
		since, err1 := parseTime(from, now)
		until, err2 := parseTime(to, now)
		if err1 != nil || err2 != nil || since.IsZero() || until.IsZero() {
			return since, until, fault
		}
		return since, until, nil
	}
	var year, week int
	if n, err := fmt.Sscanf(s, "%4d-W%2d", &year, &week); err == nil && n == 2 && s == fmt.Sprintf("%04d-W%02d", year, week) {
		// 4 January is in the first week.
		fourth := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)
		monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7+7*(week-1))
		if y, w := monday.ISOWeek(); y == year && w == week {
			return monday, monday.AddDate(0, 0, 7), nil
		}
		return since, until, fault
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day, day.AddDate(0, 0, 1), nil
	}
	return since, until, fault
}
