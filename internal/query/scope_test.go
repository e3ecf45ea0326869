package query_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// questions call every method of a client that reaches the server.
var questions = map[string]func(*testing.T, *query.Client) (any, error){
	"Residency": func(t *testing.T, c *query.Client) (any, error) {
		var all []query.ResidencyAnswer
		for _, q := range []query.Residency{
			{By: query.Dimensions()},
			{By: query.Dimensions(), Bucket: query.BucketMinute, Top: 1},
			{By: []query.Dimension{query.ByVendor}, Bucket: query.BucketHour},
			{By: []query.Dimension{query.ByVendor, query.ByPlace}, ShareOf: []query.Dimension{query.ByVendor}, Top: 2, Where: []query.Condition{{Dimension: query.BySite, Match: ".*"}}, Hours: &query.Hours{To: 23}},
			{By: []query.Dimension{query.ByVendor}, Bucket: query.BucketWeek, MinHandsets: 1},
		} {
			a, err := c.Residency(t.Context(), q)
			if err != nil {
				return nil, err
			}
			all = append(all, a)
		}
		return all, nil
	},
	"Vendors": func(t *testing.T, c *query.Client) (any, error) { return c.Vendors(t.Context()) },
	"Totals":  func(t *testing.T, c *query.Client) (any, error) { return c.Totals(t.Context()) },
	"Completeness": func(t *testing.T, c *query.Client) (any, error) {
		return c.Completeness(t.Context(), query.Completeness{Bucket: query.BucketDay, Since: monday, Until: monday.AddDate(0, 0, 2)})
	},
	"Remotes": func(t *testing.T, c *query.Client) (any, error) {
		var all []query.Remote
		err := c.Remotes(t.Context(), monday, monday.AddDate(0, 0, 2), func(r query.Remote) error {
			all = append(all, r)
			return nil
		})
		return all, err
	},
	"Endpoints": func(t *testing.T, c *query.Client) (any, error) { return c.Endpoints(t.Context(), query.Endpoints{}) },
	"NewSince": func(t *testing.T, c *query.Client) (any, error) {
		return c.NewSince(t.Context(), query.NewSince{Since: monday, EachVendor: true})
	},
	"Values": func(t *testing.T, c *query.Client) (any, error) {
		vendors, err := c.Values(t.Context(), query.Values{Dimension: query.ByVendor})
		if err != nil {
			return nil, err
		}
		exporters, err := c.Values(t.Context(), query.Values{Dimension: query.ByExporter})
		// Each part alone has to tell everything of the scope.
		if len(vendors.Rows) != len(exporters.Rows) {
			t.Errorf("%d vendors and %d exporters", len(vendors.Rows), len(exporters.Rows))
		}
		if err != nil {
			return nil, err
		}
		ends, err := c.Values(t.Context(), query.Values{Dimension: query.ByPlace, Filter: query.Filter{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}})
		if len(ends.Rows) != len(exporters.Rows) {
			t.Errorf("%d places of remote ends and %d exporters", len(ends.Rows), len(exporters.Rows))
		}
		return []any{vendors.Rows, exporters.Rows, ends.Rows}, err
	},
	"Flows": func(t *testing.T, c *query.Client) (any, error) {
		return c.Flows(t.Context(), query.Flows{Since: monday, Until: monday.AddDate(0, 0, 1)})
	},
	"Events": func(t *testing.T, c *query.Client) (any, error) {
		outages, err := c.Events(t.Context(), query.Events{Kinds: []query.EventKind{query.EventOutage}})
		if err != nil {
			return nil, err
		}
		changes, err := c.Events(t.Context(), query.Events{Kinds: []query.EventKind{query.EventDataSet}})
		// Each part alone has to tell everything of the scope.
		if len(changes.Rows) != len(outages.Rows) {
			t.Errorf("%d changes and %d outages", len(changes.Rows), len(outages.Rows))
		}
		return []any{outages.Rows, changes.Rows}, err
	},
	"Compare": func(t *testing.T, c *query.Client) (any, error) {
		return c.Compare(t.Context(), query.Compare{
			Question: query.Residency{By: query.Dimensions()}, BeforeSince: monday, BeforeUntil: monday.Add(12 * time.Hour),
			AfterSince: monday.Add(12 * time.Hour), AfterUntil: monday.AddDate(0, 0, 1),
		})
	},
}

// tenants are two operators with two sites each, whose every name and amount tells whose it is.
func tenants(t *testing.T) (driver.Conn, string) {
	t.Helper()
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	for i, name := range []string{"north-a", "north-b", "south-a", "south-b"} {
		operator, _, _ := strings.Cut(name, "-")
		f := flow(monday.Add(time.Duration(i)*time.Hour), "vendor-"+name, "CN", "CN-"+strings.ToUpper(name), 1)
		later := flow(monday.Add(time.Duration(13+i)*time.Hour), "vendor-"+name, "CN", "CN-"+strings.ToUpper(name), 1)
		fs := []flowstest.Flow{f, later}
		for j := range fs {
			fs[j].Operator, fs[j].Site, fs[j].Exporter, fs[j].Organization = operator, "site-"+name, fmt.Sprint("192.0.2.", 100+i), "network-"+name
			fs[j].Remote, fs[j].Subscriber, fs[j].CloudProvider, fs[j].CloudName = fmt.Sprint("198.51.100.", 100+i), 7, "aws", "cloud-"+name
		}
		flowstest.Insert(t, config, name, fs...)
		ledger(t, conn, entry{at: monday.Add(time.Duration(i) * time.Hour), operator: operator, site: "site-" + name, collector: "collector-" + name, exporter: fmt.Sprint("192.0.2.", 100+i), what: "datagrams", amount: 5},
			entry{at: monday, operator: operator, site: "site-" + name, collector: "collector-" + name, what: "dropped_kernel", amount: 5})
		exec(t, conn, "INSERT INTO data_set_day (bucket, operator, site, data_sets, flows) VALUES (?, ?, ?, ?, 1)", monday, operator, "site-"+name, "data-"+name)
		exec(t, conn, "INSERT INTO data_set_day (bucket, operator, site, data_sets, flows) VALUES (?, ?, ?, ?, 1)", monday.AddDate(0, 0, 2), operator, "site-"+name, "city in-"+name)
	}
	return conn, db.Database
}

// A client with a scope gets nothing of what is outside of it, whatever it asks.
func TestScope(t *testing.T) {
	conn, database := tenants(t)
	all := []string{"north-a", "north-b", "south-a", "south-b"}
	methods := reflect.TypeFor[*query.Client]()
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		switch m.Name {
		case "LimitRows", "At", "Bounded": // of tests
			continue
		case "Revisions": // of days, and not of operators
			continue
		}
		if questions[m.Name] == nil {
			t.Errorf("%s is not tested", m.Name)
			continue
		}
		for _, test := range []struct {
			scope query.Scope
			sees  []string
		}{
			{query.Scope{}, all},
			{query.Scope{Operators: []string{"north"}}, all[:2]},
			{query.Scope{Operators: []string{"south"}, Sites: []string{"site-south-b"}}, all[3:]},
			{query.Scope{Sites: []string{"site-north-b", "site-south-a"}}, all[1:3]},
			{query.Scope{Operators: []string{"north"}, Sites: []string{"site-south-b"}}, nil},
		} {
			c := query.New(conn, database, query.Options{Scope: test.scope})
			a, err := questions[m.Name](t, c)
			if err != nil {
				t.Fatalf("%s: %v", m.Name, err)
			}
			text, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range all {
				visible := false
				for _, s := range test.sees {
					visible = visible || s == name
				}
				marks := []string{name, strings.ToUpper(name), fmt.Sprint("192.0.2.", 100+i), fmt.Sprint("198.51.100.", 100+i)}
				seen := false
				for _, mark := range marks {
					seen = seen || strings.Contains(string(text), mark)
				}
				if seen != visible {
					t.Errorf("%s with %+v: %s visible: %v, want %v\n%s", m.Name, test.scope, name, seen, visible, text)
				}
			}
		}
	}
}

// Filters by operator or site do not widen the scope.
func TestFiltersStayInScope(t *testing.T) {
	conn, database := tenants(t)
	c := query.New(conn, database, query.Options{Scope: query.Scope{Operators: []string{"north"}}})
	if a := ask(t, c, query.Residency{Operators: []string{"south"}, By: []query.Dimension{query.ByVendor}}); len(a.Rows) != 0 || len(a.DataSets) != 0 {
		t.Errorf("got %+v", a)
	}
	a, err := c.Completeness(t.Context(), query.Completeness{Operators: []string{"south"}})
	if err != nil || len(a.Rows)+len(a.Collectors) != 0 {
		t.Errorf("got %+v, %v", a, err)
	}
	f, err := c.Flows(t.Context(), query.Flows{Filter: query.Filter{Operators: []string{"south"}}, Since: monday, Until: monday.AddDate(0, 0, 1)})
	if err != nil || len(f.Rows)+len(f.DataSets) != 0 {
		t.Errorf("got %+v, %v", f, err)
	}
	e, err := c.Events(t.Context(), query.Events{Sites: []string{"site-south-a"}})
	if err != nil || len(e.Rows) != 0 {
		t.Errorf("got %+v, %v", e, err)
	}
}

// No word of a question is in the SQL of its answer; all of it is in parameters.
func TestNoWordOfAQuestionIsInItsSQL(t *testing.T) {
	const word = "7h1s-15-m1n3"
	c := start(t)
	words := []string{word}
	network := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	filter := query.Filter{Vendors: words, Places: words, Countries: words, Operators: words, Sites: words, ASNs: []uint32{3141592}, Networks: network}
	q := query.Residency{Vendors: words, Places: words, Countries: words, Operators: words, Sites: words, Jurisdictions: words, ASNs: []uint32{3141592}, Top: 3, By: query.Dimensions()}
	var statements []query.Statement
	r, err := c.Residency(t.Context(), q)
	statements = append(statements, r.Statements...)
	if err != nil {
		t.Error(err)
	}
	r, err = c.Residency(t.Context(), query.Residency{
		By: query.Dimensions(), ShareOf: []query.Dimension{query.ByVendor}, Top: 3, Hours: &query.Hours{To: 3, Location: "Asia/Kolkata"},
		Where: []query.Condition{{Dimension: query.ByPlace, Values: words}, {Dimension: query.ByASN, Values: []string{"3141592"}}, {Dimension: query.BySite, Match: word + ".*", Not: true}},
	})
	statements = append(statements, r.Statements...)
	if err != nil {
		t.Error(err)
	}
	values, err := c.Values(t.Context(), query.Values{Dimension: query.ByASN, Filter: filter, Search: word})
	statements = append(statements, values.Statements...)
	if err != nil {
		t.Error(err)
	}
	e, err := c.Endpoints(t.Context(), query.Endpoints{Filter: filter})
	statements = append(statements, e.Statements...)
	if err != nil {
		t.Error(err)
	}
	n, err := c.NewSince(t.Context(), query.NewSince{Filter: filter, Since: monday})
	statements = append(statements, n.Statements...)
	if err != nil {
		t.Error(err)
	}
	l, err := c.Completeness(t.Context(), query.Completeness{Operators: words, Sites: words, Exporters: []string{"203.0.113.1"}})
	statements = append(statements, l.Statements...)
	if err != nil {
		t.Error(err)
	}
	where := []query.Condition{{Dimension: query.BySite, Values: words}, {Dimension: query.ByVerdict, Match: word, Not: true}}
	narrow := filter
	narrow.Where = where
	f, err := c.Flows(t.Context(), query.Flows{Filter: narrow, Exporters: []string{"203.0.113.1"}, Since: monday, Until: monday.AddDate(0, 0, 1)})
	statements = append(statements, f.Statements...)
	if err != nil {
		t.Error(err)
	}
	n, err = c.NewSince(t.Context(), query.NewSince{Filter: narrow, Since: monday})
	statements = append(statements, n.Statements...)
	if err != nil {
		t.Error(err)
	}
	v, err := c.Events(t.Context(), query.Events{Operators: words, Sites: words, Exporters: []string{"203.0.113.1"}})
	statements = append(statements, v.Statements...)
	if err != nil {
		t.Error(err)
	}
	if len(statements) < 42 {
		t.Errorf("%d statements", len(statements))
	}
	for _, s := range statements {
		for _, w := range []string{word, "3141592", "203.0.113", "Kolkata"} {
			if strings.Contains(s.SQL, w) {
				t.Errorf("%s has %q in\n%s", s.For, w, s.SQL)
			}
		}
		if strings.Contains(s.SQL, "$") {
			t.Errorf("%s has an open place in\n%s", s.For, s.SQL)
		}
	}
}
