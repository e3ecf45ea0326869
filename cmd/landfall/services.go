package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/lifecycle"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
	"github.com/landfall-telemetry/landfall/services/aggregator"
	"github.com/landfall-telemetry/landfall/services/collector"
	"github.com/landfall-telemetry/landfall/services/enricher"
	"github.com/landfall-telemetry/landfall/services/reporter"
)

// grace is how long a process takes at most to drain and flush when it is told to stop.
const grace = 20 * time.Second

// The roles that a process can have.
const (
	roleBroker     = "broker"
	roleClickHouse = "clickhouse"
	roleCollector  = "collector"
	roleEnricher   = "enricher"
	roleAggregator = "aggregator"
	roleReporter   = "reporter"
)

// process is the parts of one process while they are put together.
type process struct {
	config   *Config
	log      *slog.Logger
	registry *prometheus.Registry
	group    *lifecycle.Group
	bus      *bus.Client
}

func newProcess(c *Config, log *slog.Logger) *process {
	p := &process{config: c, log: log, registry: telemetry.NewRegistry(), group: lifecycle.NewGroup(log)}
	p.group.Add("telemetry", telemetry.NewServer(c.Telemetry, p.registry, log))
	return p
}

// kafka returns the process's one connection to Kafka.
func (p *process) kafka() (*bus.Client, error) {
	if p.bus != nil {
		return p.bus, nil
	}
	var err error
	if p.bus, err = bus.New(p.config.Kafka, p.log, p.registry); err != nil {
		return nil, err
	}
	p.group.Add("kafka", closer(p.bus.Close))
	return p.bus, nil
}

// add puts one service into the process.
func (p *process) add(role string) error {
	part, err := p.service(role)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	p.group.Add(role, part)
	return nil
}

func (p *process) service(role string) (lifecycle.Component, error) {
	if role == roleReporter {
		return newReporterParts(p), nil
	}
	b, err := p.kafka()
	if err != nil {
		return nil, err
	}
	switch role {
	case roleCollector:
		return collector.New(p.config.Collector, b, p.log, p.registry, p.group.Fail)
	case roleEnricher:
		return enricher.New(p.config.Enricher, b, p.log, p.registry, p.group.Fail)
	case roleAggregator:
		return aggregator.New(p.config.Aggregator, b, p.config.ClickHouse, p.log, p.registry, p.group.Fail)
	}
	return nil, fmt.Errorf("there is no service %q", role)
}

// reporterParts is the reporter with its connection to ClickHouse, which can only be made when it
// starts: before that the embedded engine is not there.
type reporterParts struct {
	process  *process
	reporter *reporter.Service
	close    func() error
}

func newReporterParts(p *process) *reporterParts { return &reporterParts{process: p} }

func (r *reporterParts) Start(ctx context.Context) error {
	p := r.process
	login, scope, err := p.config.reporterLogin()
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(ctx, login, p.log)
	if err != nil {
		return err
	}
	r.close = conn.Close
	about := reporter.About{Version: version, Credits: dataset.Credits(p.config.DataDir), PlaceName: geo.Name}
	r.reporter, err = reporter.New(p.config.Reporter, query.New(conn, p.config.ClickHouse.ReadDatabase(), query.Options{Scope: scope}), about, p.log, p.registry, p.group.Fail)
	if err != nil {
		return err
	}
	return r.reporter.Start(ctx)
}

func (r *reporterParts) Shutdown(ctx context.Context) error {
	var err error
	if r.reporter != nil {
		err = r.reporter.Shutdown(ctx)
	}
	if r.close != nil {
		_ = r.close() // nothing is written over it
	}
	return err
}

// closer is a component that only has to be closed.
type closer func()

func (closer) Start(context.Context) error      { return nil }
func (c closer) Shutdown(context.Context) error { c(); return nil }

func serviceCommands(o *options) []*cobra.Command {
	var commands []*cobra.Command
	for _, s := range []struct{ role, short string }{
		{roleCollector, "Receive NetFlow, IPFIX and sFlow and write the flows to Kafka"},
		{roleEnricher, "Attach vendor and place to the flows"},
		{roleAggregator, "Insert the enriched flows into ClickHouse"},
		{roleReporter, "Serve the page and the API"},
	} {
		commands = append(commands, &cobra.Command{
			Use: s.role, Short: s.short, GroupID: "service", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := loadConfig(o)
				if err != nil {
					return err
				}
				if err := c.requireData(s.role); err != nil {
					return err
				}
				p := newProcess(c, telemetry.NewLogger(c.Telemetry, os.Stderr))
				if err := p.add(s.role); err != nil {
					return err
				}
				p.log.Info("landfall starts", "service", s.role, "version", version)
				return p.group.Run(cmd.Context(), grace)
			},
		})
	}
	return commands
}
