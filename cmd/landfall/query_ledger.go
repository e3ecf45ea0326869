package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

func completenessCommand(a *asker) *cobra.Command {
	var q query.Completeness
	var t times
	var bucket string
	cmd := &cobra.Command{
		Use: "completeness", Args: cobra.NoArgs,
		Short: "How much of what the exporters say they sent was counted, and why not all",
		Example: `  landfall query completeness --since 24h --bucket hour
  landfall query completeness --exporter 192.0.2.7 --since 30d --bucket day
  landfall query completeness --since 2026-09-01 --format json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Bucket = query.Bucket(bucket)
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Completeness(ctx, q)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Completeness(w, answer, o) },
					csv:   func(w io.Writer) error { return show.CompletenessCSV(w, answer) },
				}, err
			})
		},
	}
	cmd.Flags().StringSliceVar(&q.Exporters, "exporter", nil, "only these exporters (IP addresses)")
	whereFlags(cmd, &q.Operators, &q.Sites)
	t.flags(cmd, "")
	cmd.Flags().StringVar(&bucket, "bucket", "total", "step of time: hour, day, week (from Monday, UTC) or total")
	complete(cmd, "bucket", "hour", "day", "week", "total")
	return cmd
}

func vendorsCommand(a *asker) *cobra.Command {
	return &cobra.Command{
		Use: "vendors", Args: cobra.NoArgs,
		Short:   "The totals of every vendor in all that is kept",
		Example: "  landfall query vendors\n  landfall query vendors --format csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				all, err := c.Vendors(ctx)
				return reply{
					json:  map[string]any{"vendors": all},
					table: func(w io.Writer, o show.Options) error { return show.Vendors(w, all, o) },
					csv:   func(w io.Writer) error { return show.VendorsCSV(w, all) },
				}, err
			})
		},
	}
}

func revisionsCommand(a *asker) *cobra.Command {
	return &cobra.Command{
		Use: "revisions", Args: cobra.NoArgs,
		Short:   "The corrections: which days were computed anew, when and why",
		Example: "  landfall query revisions\n  landfall query residency --revision 0 --since 2026-09-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Revisions(ctx)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Revisions(w, answer, o) },
					csv:   func(w io.Writer) error { return show.RevisionsCSV(w, answer) },
				}, err
			})
		},
	}
}
