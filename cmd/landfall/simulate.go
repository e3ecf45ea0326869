package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/scenario"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
	"github.com/landfall-telemetry/landfall/services/collector"
)

func simulateCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "simulate", GroupID: "run",
		Short: "Send the flows of a scenario, as real exporters would",
	}
	s := scenario.DefaultConfig()
	var live bool
	var staticVendors string
	migration := &cobra.Command{
		Use: "migration", Args: cobra.NoArgs,
		Short: "Twelve weeks in which Xiaomi's traffic moves from Beijing to Oregon and Singapore",
		Long: `Send twelve weeks of flow history, with its own timestamps, from simulated IPFIX, NetFlow v9 and
NetFlow v5 exporters, then live flows from all of these and an sFlow agent, to the addresses that
the configuration has the collector listen on. What was sent goes to the file --truth.

The subscribers are in 100.64.0.0/10 and 2001:db8::/32; the NetFlow v5 exporter tells no MAC
addresses: give the enricher the file that --static-vendors writes.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			aim(&s, c)
			if staticVendors != "" {
				if err := scenario.WriteStaticVendors(s, staticVendors); err != nil {
					return err
				}
			}
			player, err := newPlayer(c, s)
			if err != nil {
				return err
			}
			defer player.Close()
			truth, err := play(cmd.Context(), player, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			summary := truth
			summary.Cells = nil
			encoder := json.NewEncoder(cmd.OutOrStdout())
			if err := encoder.Encode(summary); err != nil || !live {
				return err
			}
			cmd.PrintErrln("sending live flows; stop with Ctrl-C")
			return player.RunLive(cmd.Context(), nil)
		},
	}
	scenarioFlags(migration.Flags(), &s)
	migration.Flags().StringVar(&s.TruthFile, "truth", s.TruthFile, "file for the truth: what was sent, by vendor, place and week, as JSON")
	migration.Flags().StringVar(&staticVendors, "static-vendors", "", "file for the vendors of subscribers whose exporter tells no MAC address (enricher.static_vendors_file)")
	migration.Flags().Float64Var(&s.Drop, "drop", s.Drop, "share of the datagrams that are numbered and not sent, as if lost on the way; the truth says which")
	migration.Flags().StringVar(&s.Silence, "silence", s.Silence, "exporter and hours of history in which it is dead, as netflow9:100-106")
	migration.Flags().BoolVar(&live, "live", false, "go on with live flows until Ctrl-C")
	cmd.AddCommand(migration)
	return cmd
}

func scenarioFlags(flags *pflag.FlagSet, s *scenario.Config) {
	flags.Uint64Var(&s.Seed, "seed", s.Seed, "seed of everything that is drawn")
	flags.IntVar(&s.Flows, "flows", s.Flows, "flow records of history")
	flags.IntVar(&s.LiveFlows, "live-flows", s.LiveFlows, "flow records sent live after history and counted in the truth")
	flags.IntVar(&s.Weeks, "weeks", s.Weeks, "weeks of history")
	flags.StringVar(&s.End, "end", s.End, "Monday at which history ends (2006-01-02; default: the current week's)")
	flags.IntVar(&s.Subscribers, "subscribers", s.Subscribers, "handsets")
	flags.IntVar(&s.Rate, "rate", s.Rate, "flow records a second at most; the sender holds back by itself when the collector's socket fills")
	flags.IntVar(&s.LiveRate, "live-rate", s.LiveRate, "flow records a second of the live phase")
}

// aim points the scenario at the configured collector and data sets.
func aim(s *scenario.Config, c *Config) {
	var netflow []string
	for _, l := range c.Collector.Listen {
		switch l.Protocol {
		case collector.ProtocolSFlow:
			s.SFlowAddress = l.Address
		default:
			netflow = append(netflow, l.Address)
		}
	}
	if len(netflow) > 0 {
		s.NetFlowAddress, s.IPFIXAddress = netflow[0], netflow[len(netflow)-1]
	}
	s.CityIPv4 = dataset.Path(c.DataDir, dataset.City, dataset.CityIPv4)
	s.CityIPv6 = dataset.Path(c.DataDir, dataset.City, dataset.CityIPv6)
}

func newPlayer(c *Config, s scenario.Config) (*scenario.Player, error) {
	if err := dataset.Require(c.DataDir, dataset.City, dataset.OUI); err != nil {
		return nil, err
	}
	devices, err := device.Open(c.Enricher.OUIFile, "")
	if err != nil {
		return nil, err
	}
	ouis := func(brand string) []uint32 {
		var prefixes []uint32
		for _, oui := range devices.OUIs(brand) {
			prefixes = append(prefixes, uint32(oui))
		}
		return prefixes
	}
	return scenario.New(s, ouis, telemetry.NewLogger(c.Telemetry, os.Stderr))
}

// play runs the scenario to its end and shows how far it is.
func play(ctx context.Context, player *scenario.Player, out io.Writer) (scenario.Truth, error) {
	bar := newBar(out, "sending flows")
	truth, err := player.Run(ctx, func(p scenario.Progress) {
		bar.set(p.Flows, p.Total, p.At.Format("2006-01-02"))
	})
	bar.end()
	return truth, err
}

// bar shows progress: a bar on a terminal, a line every ten seconds elsewhere.
type bar struct {
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar
	said time.Time
	last string
}

func newBar(out io.Writer, what string) *bar {
	b := &bar{out: out, what: what, said: time.Now()}
	if f, ok := out.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		b.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(fmt.Sprintf("%-16s", what)),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("flows"), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())
	}
	return b
}

func (b *bar) set(done, total uint64, detail string) {
	b.last = fmt.Sprintf("%s: %d of %d %s", b.what, done, total, detail)
	if b.bar != nil {
		b.bar.ChangeMax64(int64(total))
		_ = b.bar.Set64(int64(done)) // a bar that cannot be drawn is no reason to stop
		return
	}
	if time.Since(b.said) >= 10*time.Second {
		b.said = time.Now()
		fmt.Fprintln(b.out, b.last)
	}
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
	if b.last != "" {
		fmt.Fprintln(b.out, b.last)
	}
}

// local is the host part of an address for a person's browser.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
