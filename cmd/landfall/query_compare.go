package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

func compareCommand(a *asker) *cobra.Command {
	order := "bytes"
	cmd := twoTimes(a, &order)
	cmd.Use, cmd.Short = "compare", "What changed between two times, and whether sampling could explain it"
	cmd.Example = `  landfall query compare --vendor Xiaomi --before 2026-W23 --after 2026-W36
  landfall query compare --by vendor,country --before 60d..30d --after 30d..now --min-handsets 10
  landfall query compare --before 2026-06-01 --after 2026-06-02 --format json`
	cmd.Flags().StringVar(&order, "order", order, "what comes first, and what --top keeps: bytes (up, of both times) or shift (the share that changed most)")
	complete(cmd, "order", "bytes", "shift")
	return cmd
}

func shiftsCommand(a *asker) *cobra.Command {
	order := "shift"
	cmd := twoTimes(a, &order)
	cmd.Use, cmd.Short = "shifts", "Whose share changed most between two times"
	cmd.Example = `  landfall query shifts --vendor Xiaomi --before 2026-W23 --after 2026-W36 --top 10
  landfall query shifts --by vendor,place --share-of vendor --before 14d..7d --after 7d..now
  landfall query shifts --by cloud_region --before 2026-06-01 --after 2026-09-01 --format csv`
	return cmd
}

// twoTimes asks the same question of two times.
func twoTimes(a *asker, order *string) *cobra.Command {
	var f residencyFlags
	var before, after string
	cmd := &cobra.Command{
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			q := query.Compare{Question: f.question, Order: query.CompareOrder(*order)}
			if *order == "bytes" {
				q.Order = query.OrderBytes
			}
			now := time.Now()
			var err error
			if q.BeforeSince, q.BeforeUntil, err = parsePeriod(before, now); err != nil {
				return fmt.Errorf("--before: %w", err)
			}
			if q.AfterSince, q.AfterUntil, err = parsePeriod(after, now); err != nil {
				return fmt.Errorf("--after: %w", err)
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Compare(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Before.Basis, answer.After.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Compare(w, answer, o) },
					csv:   func(w io.Writer) error { return show.CompareCSV(w, answer) },
				}, err
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&before, "before", "", "the first time: 2026-06-01..2026-06-08 (the end is not included), a week (2026-W23) or a day")
	cmd.Flags().StringVar(&after, "after", "", "the second time, likewise")
	_ = cmd.MarkFlagRequired("before")
	_ = cmd.MarkFlagRequired("after")
	return cmd
}

// overtaken is an answer about overtakes, as JSON.
type overtaken struct {
	query.Basis
	Rows    []query.Overtake   `json:"rows"`
	Buckets []query.BucketInfo `json:"buckets"` // that they were found in
}

func overtakesCommand(a *asker) *cobra.Command {
	var f residencyFlags
	var t times
	var bucket string
	cmd := &cobra.Command{
		Use: "overtakes", Args: cobra.NoArgs,
		Short: "Which place (or else) got ahead of which, and since when for good",
		Example: `  landfall query overtakes --vendor Xiaomi --since 12w
  landfall query overtakes --vendor Xiaomi --by cloud_region --bucket day --since 30d
  landfall query overtakes --by vendor --country CN --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(); err != nil {
				return err
			}
			q := f.question
			q.Bucket = query.Bucket(bucket)
			if len(q.By) != 1 {
				return fmt.Errorf("--by: one dimension, not %d: within it one gets ahead of another", len(q.By))
			}
			if q.Bucket == query.BucketTotal {
				return fmt.Errorf("--bucket: a total has no before and after: minute, hour, day or week")
			}
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Residency(ctx, q)
				answer.Name(geo.Name)
				found := append([]query.Overtake{}, query.Overtakes(answer, q.By[0])...)
				return reply{
					bases: []query.Basis{answer.Basis}, json: overtaken{answer.Basis, found, answer.Buckets},
					table: func(w io.Writer, o show.Options) error { return show.Overtakes(w, found, q.By[0], answer, o) },
					csv:   func(w io.Writer) error { return show.OvertakesCSV(w, found, q.By[0]) },
				}, err
			})
		},
	}
	f.add(cmd)
	t.flags(cmd, "")
	cmd.Flags().StringVar(&bucket, "bucket", "week", "step of time: minute, hour, day or week (from Monday, UTC)")
	complete(cmd, "bucket", "minute", "hour", "day", "week")
	return cmd
}
