package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

func flowsCommand(a *asker) *cobra.Command {
	var q query.Flows
	var t times
	var order string
	cmd := &cobra.Command{
		Use: "flows", Args: cobra.NoArgs,
		Short: "Single flows: what a figure is made of",
		Example: `  landfall query flows --vendor Xiaomi --country CN --since 1h
  landfall query flows --network 203.0.113.7 --since 24h --order bytes_up --top 20
  landfall query flows --where verdict=restricted --since 2026-09-01 --until 2026-09-02 --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Order = orderOfFlows(order)
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			if q.Until.IsZero() {
				q.Until, _ = parseTime("now", time.Now())
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Flows(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Flows(w, answer, o) },
					csv:   func(w io.Writer) error { return show.FlowsCSV(w, answer.Rows) },
				}, err
			})
		},
	}
	filterFlags(cmd, &q.Filter)
	flags := cmd.Flags()
	flags.StringSliceVar(&q.Exporters, "exporter", nil, "only from these exporters (IP addresses)")
	flags.StringSliceVar(&q.Sides, "side", nil, "only with the handset at this end: source, destination, both, none (all but none)")
	flags.StringVar(&order, "order", "newest", "which flows come first: newest, bytes_up or bytes_down")
	flags.IntVar(&q.Top, "top", 100, "how many flows, 10000 at most")
	t.flags(cmd, "1h")
	complete(cmd, "order", "newest", "bytes_up", "bytes_down")
	complete(cmd, "side", "source", "destination", "both", "none")
	return cmd
}

// orderOfFlows is the order that was asked for; that by time has no name.
func orderOfFlows(order string) query.FlowOrder {
	if order == "newest" {
		return query.FlowsNewest
	}
	return query.FlowOrder(order)
}

func eventsCommand(a *asker) *cobra.Command {
	var q query.Events
	var t times
	var kinds, known []string
	for _, k := range query.EventKinds() {
		known = append(known, string(k))
	}
	cmd := &cobra.Command{
		Use: "events", Args: cobra.NoArgs,
		Short: "What changed the figures without the handsets: data sets, policies, silent exporters",
		Example: `  landfall query events --since 30d
  landfall query events --kind outage --exporter 192.0.2.7 --since 7d
  landfall query events --kind data_set,policy --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Kinds = nil
			for _, k := range kinds {
				q.Kinds = append(q.Kinds, query.EventKind(k))
			}
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Events(ctx, q)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Events(w, answer, o) },
					csv:   func(w io.Writer) error { return show.EventsCSV(w, answer.Rows) },
				}, err
			})
		},
	}
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these: "+strings.Join(known, ", "))
	cmd.Flags().StringSliceVar(&q.Exporters, "exporter", nil, "only outages of these exporters (IP addresses)")
	whereFlags(cmd, &q.Operators, &q.Sites)
	t.flags(cmd, "30d")
	complete(cmd, "kind", known...)
	return cmd
}

func valuesCommand(a *asker) *cobra.Command {
	var q query.Values
	var t times
	known := append(dimensionNames(), string(query.ByExporter))
	cmd := &cobra.Command{
		Use: "values DIMENSION", Args: cobra.ExactArgs(1), ValidArgs: known,
		Short: "The values that a dimension has, most bytes up first",
		Example: `  landfall query values vendor
  landfall query values asn --search telecom --country CN --since 7d
  landfall query values exporter --format csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Dimension = query.Dimension(args[0])
			var err error
			if q.Since, q.Until, err = t.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Values(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Values(w, answer, o) },
					csv:   func(w io.Writer) error { return show.ValuesCSV(w, answer.Rows) },
				}, err
			})
		},
	}
	filterFlags(cmd, &q.Filter)
	cmd.Flags().StringVar(&q.Search, "search", "", "only values with this text in them, capital or not")
	cmd.Flags().IntVar(&q.Top, "top", 1000, "how many values")
	t.flags(cmd, "30d")
	return cmd
}
