package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

// asnList is a flag of autonomous systems.
type asnList struct{ into *[]uint32 }

func (l *asnList) Type() string   { return "asns" }
func (l *asnList) String() string { return "" }
func (l *asnList) Set(s string) error {
	for _, part := range strings.Split(s, ",") {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(part), "AS"), 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not the number of an autonomous system", part)
		}
		*l.into = append(*l.into, uint32(n))
	}
	return nil
}

// prefixList is a flag of prefixes; an address stands for itself.
type prefixList struct{ into *[]netip.Prefix }

func (l *prefixList) Type() string   { return "prefixes" }
func (l *prefixList) String() string { return "" }
func (l *prefixList) Set(s string) error {
	for _, part := range strings.Split(s, ",") {
		if a, err := netip.ParseAddr(part); err == nil {
			*l.into = append(*l.into, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a prefix (203.0.113.0/24)", part)
		}
		*l.into = append(*l.into, p.Masked())
	}
	return nil
}

// remoteFlags are those of questions about remote ends.
type remoteFlags struct {
	filter query.Filter
	unit   string
	order  string
	top    int
	times  times
}

func (f *remoteFlags) add(cmd *cobra.Command, since string) {
	filterFlags(cmd, &f.filter)
	flags := cmd.Flags()
	flags.StringVar(&f.unit, "unit", "address", "what a line is of: address, network (/24 or /48), asn, place or country")
	flags.StringVar(&f.order, "order", "bytes_up", "what comes first: bytes_up, bytes_down, one_way (up less down), handsets or first_seen (the newest)")
	flags.IntVar(&f.top, "top", 100, "how many lines, those that come first")
	f.times.flags(cmd, since)
	complete(cmd, "order", "bytes_up", "bytes_down", "one_way", "handsets", "first_seen")
	complete(cmd, "unit", "address", "network", "asn", "place", "country")
}

// ordered is the order that was asked for; that by bytes up has no name.
func (f *remoteFlags) ordered() query.EndpointOrder {
	if f.order == "bytes_up" {
		return query.EndpointsBytesUp
	}
	return query.EndpointOrder(f.order)
}

func endpointsCommand(a *asker) *cobra.Command {
	var f remoteFlags
	cmd := &cobra.Command{
		Use: "endpoints", Args: cobra.NoArgs,
		Short: "The remote ends with the most bytes up (or first in another order), and since when they are known",
		Example: `  landfall query endpoints --vendor Xiaomi --since 7d --top 20
  landfall query endpoints --country CN --unit network
  landfall query endpoints --where verdict=restricted --order one_way --since 7d
  landfall query endpoints --network 203.0.113.0/24 --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := query.Endpoints{Filter: f.filter, Unit: query.Unit(f.unit), Order: f.ordered(), Top: f.top}
			var err error
			if q.Since, q.Until, err = f.times.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.Endpoints(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.Endpoints(w, answer, o) },
					csv:   func(w io.Writer) error { return show.EndpointsCSV(w, answer.Rows) },
				}, err
			})
		},
	}
	f.add(cmd, "")
	return cmd
}

func newCommand(a *asker) *cobra.Command {
	var f remoteFlags
	var each bool
	cmd := &cobra.Command{
		Use: "new", Args: cobra.NoArgs,
		Short: "What handsets contacted for the first time",
		Example: `  landfall query new --since 24h
  landfall query new --since 7d --unit country --each-vendor
  landfall query new --vendor Xiaomi --since 2026-09-01 --unit asn`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.times.since == "" {
				return errors.New("--since: say since when a first contact counts as new (24h, 7d, 2026-09-01)")
			}
			q := query.NewSince{Filter: f.filter, EachVendor: each, Unit: query.Unit(f.unit), Order: f.ordered(), Top: f.top}
			var err error
			if q.Since, q.Until, err = f.times.parse(); err != nil {
				return err
			}
			return a.ask(cmd, func(ctx context.Context, c *query.Client) (reply, error) {
				answer, err := c.NewSince(ctx, q)
				answer.Name(geo.Name)
				return reply{
					bases: []query.Basis{answer.Basis}, json: answer,
					table: func(w io.Writer, o show.Options) error { return show.NewSince(w, answer, o) },
					csv:   func(w io.Writer) error { return show.EndpointsCSV(w, answer.Rows) },
				}, err
			})
		},
	}
	f.add(cmd, "24h")
	cmd.Flags().BoolVar(&each, "each-vendor", false, "new is what is new to one vendor's handsets, though others knew it")
	return cmd
}
