// Package tenant says what the readers of one operator or site may see of ClickHouse: a login of
// their own that may only read, and of every table only the rows of their operators and sites.
//
// It is the second of two walls. The first is the scope that internal/query puts into every
// statement; this one holds for whoever writes SQL of his own. It knows the names of the tables and
// nothing of what is asked of them.
package tenant

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/config"
)

// Tenant is one tenant, as the configuration has it.
type Tenant struct {
	Name      string        `yaml:"name" doc:"What commands call it."`
	Operators []string      `yaml:"operators" doc:"The operators whose rows it may read; empty: of all."`
	Sites     []string      `yaml:"sites" doc:"The sites whose rows it may read; empty: of all."`
	User      string        `yaml:"user" doc:"Its ClickHouse user. Empty: landfall_tenant_ and its name."`
	Password  config.Secret `yaml:"password" doc:"Its password. Empty: the one in state_dir/secrets that landfall up made, if there is one."`
}

// ClickHouse has three kinds of tables in Landfall's database. A table is in one of them, or a test
// fails.
var (
	// Scoped are those whose rows belong to an operator and a site.
	Scoped = []string{
		"flows", "residency_minute", "residency_hour", "residency_day", "place_day", "destination_day",
		"endpoint_day", "endpoint_seen", "exporter_day", "data_set_day", "ledger_minute", "ledger_hour",
	}
	// Shared are those that tell everybody the same, and nothing of anybody's traffic.
	Shared = []string{"revisions", "data_sets", "policies"}
	// Closed are those that no tenant reads.
	Closed = []string{"schema_migrations"}
)

// LoginName is the tenant's ClickHouse user.
func (t *Tenant) LoginName() string {
	if t.User != "" {
		return t.User
	}
	return "landfall_tenant_" + t.Name
}

// A name that needs no quoting, neither in SQL nor as an element of users.xml.
var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Validate reports every fault of the tenants, and of each beside the others. Logins that are in use
// by somebody who sees more are in taken.
func Validate(tenants []Tenant, taken ...string) error {
	var errs []error
	bad := func(i int, key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("tenants[%d].%s: %s", i, key, fmt.Sprintf(format, args...)))
	}
	names, users := map[string]bool{}, map[string]bool{}
	for _, user := range taken {
		users[user] = true
	}
	for i := range tenants {
		t := &tenants[i]
		if !namePattern.MatchString(t.Name) {
			bad(i, "name", "%q is not a name (letters, digits and _, at most 64)", t.Name)
		}
		if names[t.Name] {
			bad(i, "name", "%s is the name of another tenant", t.Name)
		}
		names[t.Name] = true
		if user := t.LoginName(); !namePattern.MatchString(user) {
			bad(i, "user", "%q is not a name (letters, digits and _, at most 64)", user)
		} else if users[user] {
			bad(i, "user", "%s is the login of another", user)
		} else {
			users[user] = true
		}
		if len(t.Operators) == 0 && len(t.Sites) == 0 {
			bad(i, "operators", "a tenant with neither operators nor sites would see everything")
		}
		for key, values := range map[string][]string{"operators": t.Operators, "sites": t.Sites} {
			if slices.Contains(values, "") {
				bad(i, key, "an empty name stands for rows that belong to nobody")
			}
		}
	}
	return errors.Join(errs...)
}

// Filter is the condition on the rows of a scoped table, in ClickHouse's SQL.
func (t *Tenant) Filter() string {
	var all []string
	for _, c := range []struct {
		column string
		values []string
	}{{"operator", t.Operators}, {"site", t.Sites}} {
		if len(c.values) > 0 {
			quoted := make([]string, len(c.values))
			for i, v := range c.values {
				quoted[i] = quote(v)
			}
			all = append(all, fmt.Sprintf("%s IN (%s)", c.column, strings.Join(quoted, ", ")))
		}
	}
	if len(all) == 0 {
		return "0" // Validate refuses it; what is not said is not shown
	}
	return strings.Join(all, " AND ")
}

// Filters are the conditions by table.
func (t *Tenant) Filters() map[string]string {
	filters := make(map[string]string, len(Scoped))
	for _, table := range Scoped {
		filters[table] = t.Filter()
	}
	return filters
}

// Rights are what the login may do: "SELECT ON landfall.flows" and so on.
func Rights(database string) []string {
	var rights []string
	for _, table := range slices.Concat(Scoped, Shared) {
		rights = append(rights, fmt.Sprintf("SELECT ON %s.%s", database, table))
	}
	return rights
}

// quote writes a string for SQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
