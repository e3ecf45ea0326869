package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/telemetry"
	"github.com/landfall-telemetry/landfall/internal/tenant"
	"github.com/landfall-telemetry/landfall/services/aggregator"
	"github.com/landfall-telemetry/landfall/services/collector"
	"github.com/landfall-telemetry/landfall/services/enricher"
	"github.com/landfall-telemetry/landfall/services/reporter"
)

// Config is the whole configuration file. One file serves every command; a service reads its own
// section and those of its peers.
type Config struct {
	DataDir    string            `yaml:"data_dir" doc:"Folder of the data sets that landfall data update fetches."`
	DataKeep   int               `yaml:"data_keep" doc:"How many older versions of each data set stay in data_dir, so that late flows are judged by the version of their own time."`
	StateDir   string            `yaml:"state_dir" doc:"Folder for what a process must keep: spool, secrets, and the embedded broker's and engine's data."`
	Tenants    []tenant.Tenant   `yaml:"tenants" doc:"Those who may see a part only, each with name, operators, sites, and perhaps user and password of its own ClickHouse login."`
	Telemetry  telemetry.Config  `yaml:"telemetry"`
	Kafka      bus.Config        `yaml:"kafka"`
	ClickHouse clickhouse.Config `yaml:"clickhouse"`
	Reader     Reader            `yaml:"reader"`
	Collector  collector.Config  `yaml:"collector"`
	Enricher   enricher.Config   `yaml:"enricher"`
	Aggregator aggregator.Config `yaml:"aggregator"`
	Reporter   reporter.Config   `yaml:"reporter"`
	Embedded   Embedded          `yaml:"embedded"`
}

// Reader is the login of those that only read: the reporter and landfall query.
type Reader struct {
	User     string        `yaml:"user" doc:"ClickHouse user that may only read; used by the reporter and landfall query."`
	Password config.Secret `yaml:"password" doc:"Its password. Empty: the one in state_dir/secrets that landfall up made, if there is one."`
}

// Embedded is the broker and the engine of landfall up.
type Embedded struct {
	Broker     broker.Config `yaml:"broker"`
	ClickHouse engine.Config `yaml:"clickhouse"`
}

// options are the flags of all commands.
type options struct{ configFile string }

func defaultConfig() *Config {
	c := &Config{
		DataDir:    "data",
		DataKeep:   dataset.DefaultKeep,
		StateDir:   "data/state",
		Telemetry:  telemetry.DefaultConfig(),
		Kafka:      bus.DefaultConfig(),
		ClickHouse: clickhouse.DefaultConfig(),
		Collector:  collector.DefaultConfig(),
		Enricher:   enricher.DefaultConfig(),
		Aggregator: aggregator.DefaultConfig(),
		Reporter:   reporter.DefaultConfig(),
		Embedded:   Embedded{Broker: broker.DefaultConfig(), ClickHouse: engine.DefaultConfig()},
	}
	// The embedded servers are where the clients look by default.
	c.Embedded.ClickHouse.NativePort, c.Embedded.ClickHouse.HTTPPort = 9000, 8123
	c.Embedded.ClickHouse.Library, c.Embedded.ClickHouse.Dir, c.Embedded.Broker.Dir = "", "", ""
	c.Collector.SpoolDir = ""
	c.Reader.User = c.Embedded.ClickHouse.ReaderUser
	return c
}

// loadConfig reads, completes and checks the configuration.
func loadConfig(o *options) (*Config, error) {
	c, err := readConfig(o)
	if err != nil {
		return nil, err
	}
	c.complete()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	return c, nil
}

func readConfig(o *options) (*Config, error) {
	c := defaultConfig()
	return c, config.Load(configPath(o), os.Environ(), c)
}

func configPath(o *options) string {
	if o.configFile != "" {
		return o.configFile
	}
	if path := os.Getenv(config.EnvPrefix + "CONFIG"); path != "" {
		return path
	}
	for _, path := range []string{"landfall.yaml", "/etc/landfall/landfall.yaml"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// complete fills what is empty from the folders.
func (c *Config) complete() {
	fill := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	fill(&c.Collector.SpoolDir, filepath.Join(c.StateDir, "spool"))
	fill(&c.Enricher.PseudonymKeyFile, filepath.Join(c.StateDir, "secrets", "pseudonym.key"))
	fill(&c.Enricher.CityPath, dataset.Path(c.DataDir, dataset.City, ""))
	fill(&c.Enricher.ASNPath, dataset.Path(c.DataDir, dataset.ASN, ""))
	fill(&c.Enricher.OUIFile, dataset.Path(c.DataDir, dataset.OUI, dataset.OUIList))
	c.Enricher.DataDir = c.DataDir
	fill(&c.Aggregator.PolicyPath, c.Enricher.PolicyPath) // on one machine it is said once
	fill(&c.Embedded.Broker.Dir, filepath.Join(c.StateDir, "broker"))
	fill(&c.Embedded.ClickHouse.Dir, filepath.Join(c.StateDir, "clickhouse"))
	fill(&c.Embedded.ClickHouse.Library, dataset.Path(c.DataDir, dataset.Engine, dataset.EngineLibrary))
	fill((*string)(&c.ClickHouse.Password), c.storedPassword(c.ClickHouse.User))
	fill((*string)(&c.Reader.Password), c.storedPassword(c.Reader.User))
	for i := range c.Tenants {
		fill((*string)(&c.Tenants[i].Password), c.storedPassword(c.Tenants[i].LoginName()))
	}
}

// Validate reports every fault at once, with its path.
func (c *Config) Validate() error {
	var errs []error
	section := func(name string, err error) {
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				errs = append(errs, fmt.Errorf("  %s.%s", name, line))
			}
		}
	}
	if c.DataKeep < 0 {
		errs = append(errs, fmt.Errorf("  data_keep: %d is less than none", c.DataKeep))
	}
	section("telemetry", c.Telemetry.Validate())
	section("kafka", c.Kafka.Validate())
	section("clickhouse", c.ClickHouse.Validate())
	section("collector", c.Collector.Validate())
	section("enricher", c.Enricher.Validate())
	section("aggregator", c.Aggregator.Validate())
	section("reporter", c.Reporter.Validate())
	if err := c.validateTenants(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// requireData reports which data sets a role needs from data_dir and are not there. A set for which
// the configuration names a file of the operator's own is not needed.
func (c *Config) requireData(role string) error {
	fromDataDir := map[string]bool{}
	switch role {
	case roleClickHouse:
		fromDataDir[dataset.Engine] = c.Embedded.ClickHouse.Library == dataset.Path(c.DataDir, dataset.Engine, dataset.EngineLibrary)
	case roleEnricher:
		fromDataDir[dataset.City] = c.Enricher.CityPath == dataset.Path(c.DataDir, dataset.City, "")
		fromDataDir[dataset.ASN] = c.Enricher.ASNPath == dataset.Path(c.DataDir, dataset.ASN, "")
		fromDataDir[dataset.OUI] = c.Enricher.OUIFile == dataset.Path(c.DataDir, dataset.OUI, dataset.OUIList)
	}
	var missing []error
	for _, set := range []string{dataset.Engine, dataset.City, dataset.ASN, dataset.OUI} {
		if fromDataDir[set] {
			missing = append(missing, dataset.Require(c.DataDir, set))
		}
	}
	return errors.Join(missing...)
}

// readerClickHouse is how those that only read log in.
func (c *Config) readerClickHouse() clickhouse.Config {
	reader := c.ClickHouse
	reader.User, reader.Password = c.Reader.User, c.Reader.Password
	return reader
}

func checkConfigCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "check-config", GroupID: "setup", Args: cobra.NoArgs,
		Short: "Check the configuration and report every fault",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := loadConfig(o); err != nil {
				return err
			}
			path := configPath(o)
			if path == "" {
				path = "no file: all defaults"
			}
			cmd.Printf("configuration is good (%s)\n", path)
			return nil
		},
	}
}

func printConfigCommand(o *options) *cobra.Command {
	var diff, env, markdown bool
	cmd := &cobra.Command{
		Use: "print-config", GroupID: "setup", Args: cobra.NoArgs,
		Short: "Print the configuration in force, without secrets",
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if markdown {
				return config.Markdown(out, defaultConfig())
			}
			c, err := readConfig(o)
			if err != nil {
				return err
			}
			switch {
			case diff:
				return config.Diff(out, c, defaultConfig())
			case env:
				for _, f := range config.Fields(c) {
					if _, err := fmt.Fprintf(out, "%s  %s\n", f.Env, f.Doc); err != nil {
						return err
					}
				}
				return nil
			}
			return config.Write(out, c)
		},
	}
	cmd.Flags().BoolVar(&diff, "diff", false, "only what differs from the defaults")
	cmd.Flags().BoolVar(&env, "env", false, "the names of the environment overrides")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "all settings with defaults and descriptions, as docs/configuration.md has them")
	cmd.MarkFlagsMutuallyExclusive("diff", "env", "markdown")
	return cmd
}
