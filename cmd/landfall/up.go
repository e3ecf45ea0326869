package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
)

// allRoles are what landfall up runs, in the order of the data.
var allRoles = []string{roleBroker, roleClickHouse, roleCollector, roleEnricher, roleAggregator, roleReporter}

func upCommand(o *options) *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use: "up", GroupID: "run", Args: cobra.NoArgs,
		Short: "Run everything on this machine, with an embedded broker and an embedded ClickHouse",
		Long: `Run all services in one process, with an embedded Kafka broker and an embedded ClickHouse server
whose data lie in state_dir. Point exporters at the collector's addresses, open the reporter's page.

With --services, only some: the others can run as processes of their own (landfall enricher, …) with
the same configuration.`,
		Example: "  landfall up\n  landfall up --services broker,clickhouse,collector",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			p := newProcess(c, telemetry.NewLogger(c.Telemetry, os.Stderr))
			if err := p.addUp(roles); err != nil {
				return err
			}
			p.group.Add("ready", started(func() { p.sayReady(roles) }))
			return p.group.Run(cmd.Context(), grace)
		},
	}
	cmd.Flags().StringSliceVar(&roles, "services", allRoles, "what to run")
	_ = cmd.RegisterFlagCompletionFunc("services", cobra.FixedCompletions(allRoles, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// addUp puts the roles into the process.
func (p *process) addUp(roles []string) error {
	for _, r := range roles {
		if !slices.Contains(allRoles, r) {
			return fmt.Errorf("there is no service %q; there are %s", r, strings.Join(allRoles, ", "))
		}
	}
	var missing []error
	for _, role := range roles {
		missing = append(missing, p.config.requireData(role))
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	for _, role := range allRoles { // servers first, then the services in the order of the data
		if !slices.Contains(roles, role) {
			continue
		}
		var err error
		switch role {
		case roleBroker:
			err = p.addBroker()
		case roleClickHouse:
			err = p.addClickHouse()
		default:
			err = p.add(role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addBroker adds the embedded broker and points the process's clients at it.
func (p *process) addBroker() error {
	c := p.config
	c.Kafka.Brokers, c.Kafka.TLS, c.Kafka.ReplicationFactor = []string{hostPort(c.Embedded.Broker.Listen, c.Embedded.Broker.Port)}, config.TLS{}, 1
	b, err := broker.New(c.Embedded.Broker, p.log, p.registry)
	if err != nil {
		return err
	}
	p.group.Add(roleBroker, b)
	return nil
}

// addClickHouse adds the embedded engine and points the process's clients at it.
func (p *process) addClickHouse() error {
	c := p.config
	e := &c.Embedded.ClickHouse
	service, err := c.ensurePassword(e.ServiceUser)
	if err != nil {
		return err
	}
	reader, err := c.ensurePassword(e.ReaderUser)
	if err != nil {
		return err
	}
	e.ServicePassword, e.ReaderPassword = service, reader
	if e.Users, err = c.tenantUsers(); err != nil {
		return err
	}
	c.ClickHouse.Addresses = []string{hostPort(e.Listen, e.NativePort)}
	c.ClickHouse.User, c.ClickHouse.Password = e.ServiceUser, config.Secret(service)
	c.ClickHouse.Database, c.ClickHouse.TLS = e.Database, config.TLS{}
	c.Reader = Reader{User: e.ReaderUser, Password: config.Secret(reader)}
	server, err := engine.New(*e, p.log, p.registry)
	if err != nil {
		return err
	}
	p.group.Add(roleClickHouse, &watched{server, p.group.Fail})
	return nil
}

// watched passes the engine's end in the background on.
type watched struct {
	*engine.Server
	fail func(error)
}

func (w *watched) Start(ctx context.Context) error {
	if err := w.Server.Start(ctx); err != nil {
		return err
	}
	go func() {
		if err, ok := <-w.Done(); ok && err != nil {
			w.fail(fmt.Errorf("embedded clickhouse: %w", err))
		}
	}()
	return nil
}

// started is a component that is called when all before it are ready.
type started func()

func (s started) Start(context.Context) error    { s(); return nil }
func (s started) Shutdown(context.Context) error { return nil }

func (p *process) sayReady(roles []string) {
	attributes := []any{"version", version}
	if slices.Contains(roles, roleCollector) {
		for _, l := range p.config.Collector.Listen {
			attributes = append(attributes, l.Protocol, l.Address)
		}
	}
	if slices.Contains(roles, roleReporter) {
		attributes = append(attributes, "page", "http://"+p.config.Reporter.Listen)
	}
	if p.config.Telemetry.Listen != "" {
		attributes = append(attributes, "metrics", "http://"+p.config.Telemetry.Listen+"/metrics")
	}
	p.log.Info("landfall is up", attributes...)
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
