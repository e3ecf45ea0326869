package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/tenant"
)

// validateTenants reports the tenants' faults, a line each.
func (c *Config) validateTenants() error {
	e := c.Embedded.ClickHouse
	err := tenant.Validate(c.Tenants, "default", c.ClickHouse.User, c.Reader.User, e.ServiceUser, e.ReaderUser)
	if name := c.Reporter.Tenant; name != "" {
		if _, unknown := c.tenant(name); unknown != nil {
			err = errors.Join(err, fmt.Errorf("reporter.tenant: %w", unknown))
		}
	}
	if err == nil {
		return nil
	}
	return errors.New("  " + strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// tenant finds one by its name.
func (c *Config) tenant(name string) (*tenant.Tenant, error) {
	i := slices.IndexFunc(c.Tenants, func(t tenant.Tenant) bool { return t.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no tenant %q in the configuration (tenants)", name)
	}
	return &c.Tenants[i], nil
}

// tenantClickHouse is how a tenant logs in.
func (c *Config) tenantClickHouse(t *tenant.Tenant) clickhouse.Config {
	login := c.ClickHouse
	login.User, login.Password = t.LoginName(), t.Password
	return login
}

// reporterLogin is how the reporter logs in and what it shows.
func (c *Config) reporterLogin() (clickhouse.Config, query.Scope, error) {
	if c.Reporter.Tenant == "" {
		return c.readerClickHouse(), query.Scope{}, nil
	}
	t, err := c.tenant(c.Reporter.Tenant)
	if err != nil {
		return clickhouse.Config{}, query.Scope{}, err
	}
	return c.tenantClickHouse(t), query.Scope{Operators: t.Operators, Sites: t.Sites}, nil
}

// tenantUsers are the tenants' logins on the embedded engine. A password that is missing is made.
func (c *Config) tenantUsers() ([]engine.User, error) {
	var users []engine.User
	for i := range c.Tenants {
		t := &c.Tenants[i]
		if t.Password == "" {
			password, err := c.ensurePassword(t.LoginName())
			if err != nil {
				return nil, err
			}
			t.Password = config.Secret(password)
		}
		users = append(users, engine.User{
			Name: t.LoginName(), Password: t.Password.Reveal(),
			Rights: tenant.Rights(c.Embedded.ClickHouse.Database), Filters: t.Filters(),
		})
	}
	return users, nil
}

func tenantsCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "tenants", GroupID: "setup", Short: "Those who may see a part only: list them, write their logins"}
	cmd.AddCommand(tenantsListCommand(o), tenantsSQLCommand(o))
	return cmd
}

func tenantsListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "list", Args: cobra.NoArgs,
		Short: "List the tenants and the rows that each may see",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "TENANT\tUSER\tPASSWORD\tROWS")
			for i := range c.Tenants {
				t := &c.Tenants[i]
				password := "set"
				if t.Password == "" {
					password = "missing"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.LoginName(), password, t.Filter())
			}
			return w.Flush()
		},
	}
}

func tenantsSQLCommand(o *options) *cobra.Command {
	var cluster string
	var makePasswords bool
	cmd := &cobra.Command{
		Use: "sql", Args: cobra.NoArgs,
		Short: "Print the statements that make the tenants' logins on a ClickHouse of your own",
		Long: `Print the statements that make the tenants' logins on a ClickHouse of your own: users, row policies and
rights. An administrator runs them, after the aggregator has made the tables, and again whenever the
tenants change or a new release has new tables. They hold the passwords' hashes, not the passwords.
A tenant that is taken out of the configuration keeps its login until it is dropped by hand.

landfall up needs none of this: it makes the logins of its own server at every start.`,
		Example: "  landfall tenants sql | clickhouse-client --user admin --multiquery",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(o)
			if err != nil {
				return err
			}
			if len(c.Tenants) == 0 {
				return errors.New("there are no tenants in the configuration (tenants)")
			}
			for i := range c.Tenants {
				t := &c.Tenants[i]
				switch {
				case t.Password != "":
				case !makePasswords:
					return fmt.Errorf("tenant %s has no password: set tenants[%d].password, or let --make-passwords make one in %s", t.Name, i, c.passwordFile(t.LoginName()))
				default:
					password, err := c.ensurePassword(t.LoginName())
					if err != nil {
						return err
					}
					t.Password = config.Secret(password)
				}
			}
			for _, s := range tenant.Statements(c.ClickHouse.Database, cluster, c.Tenants) {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s;\n", s); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "make each for all servers of this cluster")
	cmd.Flags().BoolVar(&makePasswords, "make-passwords", false, "make the passwords that are missing, in state_dir/secrets")
	return cmd
}
