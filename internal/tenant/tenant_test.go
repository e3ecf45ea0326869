package tenant_test

import (
	"strings"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/tenant"
)

func TestValidate(t *testing.T) {
	good := []tenant.Tenant{
		{Name: "north", Operators: []string{"o"}},
		{Name: "south", Sites: []string{"s"}, User: "southern"},
	}
	if err := tenant.Validate(good, "landfall"); err != nil {
		t.Error(err)
	}
	err := tenant.Validate([]tenant.Tenant{
		{Name: "a b", Sites: []string{"s"}},
		{Name: "all"},
		{Name: "all", Operators: []string{""}, User: "landfall"},
	}, "landfall")
	for _, want := range []string{
		`tenants[0].name: "a b" is not a name`,
		`tenants[0].user: "landfall_tenant_a b" is not a name`,
		"tenants[1].operators: a tenant with neither",
		"tenants[2].name: all is the name of another",
		"tenants[2].user: landfall is the login of another",
		"tenants[2].operators: an empty name",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in\n%v", want, err)
		}
	}
}

func TestFilter(t *testing.T) {
	for want, of := range map[string]tenant.Tenant{
		"operator IN ('a', 'b')":                     {Operators: []string{"a", "b"}},
		"site IN ('x')":                              {Sites: []string{"x"}},
		"operator IN ('a') AND site IN ('x')":        {Operators: []string{"a"}, Sites: []string{"x"}},
		`operator IN ('it\'s', 'a\\', ') OR (\'\'')`: {Operators: []string{"it's", `a\`, ") OR (''"}},
		"0": {},
	} {
		if got := of.Filter(); got != want {
			t.Errorf("%+v: %s, want %s", of, got, want)
		}
	}
}

// No login may see a row before its policy is there.
func TestStatementsOrder(t *testing.T) {
	tenants := []tenant.Tenant{{Name: "north", Operators: []string{"o"}, Password: "geheim"}, {Name: "south", Operators: []string{"p"}, Password: "secret"}}
	all := tenant.Statements("landfall", "", tenants)
	granted := false
	for _, s := range all {
		granted = granted || strings.HasPrefix(s, "GRANT")
		if granted && strings.Contains(s, "POLICY") {
			t.Errorf("after a right was given: %s", s)
		}
		if strings.Contains(s, "geheim") || strings.Contains(s, "secret") {
			t.Errorf("a password stands in %s", s)
		}
	}
	if !granted {
		t.Error("no right is given")
	}
	if all := tenant.Statements("landfall", "", nil); len(all) != 0 {
		t.Errorf("without tenants: %q", all)
	}
}
