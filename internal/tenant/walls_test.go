package tenant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/tenant"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// fill puts flows of two operators into the tables, with nothing in common but the time. What is
// whose can be told by its name.
func fill(t *testing.T, service driver.Conn, address string, c engine.Config, day time.Time) {
	t.Helper()
	login := clickhouse.DefaultConfig()
	login.Addresses, login.Database, login.User, login.Password = []string{address}, database, c.ServiceUser, config.Secret(c.ServicePassword)
	for i, of := range []struct{ operator, site, vendor, country, network, exporter, remote string }{
		{"norta", "oslo", "Nordphone", "NO", "Norsk Nett", "192.0.2.1", "198.51.100."},
		{"sur", "cadiz", "Surphone", "ES", "Red Sur", "192.0.2.2", "203.0.113."},
	} {
		fs := flowstest.Random(rand.New(rand.NewPCG(1, uint64(i))), 100, day, day.AddDate(0, 0, 1))
		for n := range fs {
			f := &fs[n]
			f.Operator, f.Site, f.Vendor, f.Country, f.Subdivision = of.operator, of.site, of.vendor, of.country, ""
			f.Organization, f.ASN, f.Exporter, f.Remote = of.network, uint32(64500+i), of.exporter, of.remote+fmt.Sprint(n)
			f.Subscriber, f.Side = uint64(1+n), landfallv1.HandsetSide_HANDSET_SIDE_SOURCE
		}
		flowstest.InsertPlanned(t, login, of.operator, day.Add(26*time.Hour), nil, fs...)
		if err := service.Exec(t.Context(), "INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount) SELECT $1, $2, $3, 'c', toIPv6($4), 'ipfix', x.1, x.2 FROM (SELECT arrayJoin([('flows', 100), ('datagrams', 10), ('lost_flows', 7)]) AS x)",
			day, of.operator, of.site, of.exporter); err != nil {
			t.Fatal(err)
		}
	}
}

// questions are all that a client can be asked.
func questions(c *query.Client, day time.Time) map[string]func(context.Context) (any, error) {
	since, until := day.AddDate(0, 0, -1), day.AddDate(0, 0, 2)
	out := map[string]func(context.Context) (any, error){
		"vendors": func(ctx context.Context) (any, error) { return c.Vendors(ctx) },
		"totals":  func(ctx context.Context) (any, error) { return c.Totals(ctx) },
		"completeness": func(ctx context.Context) (any, error) {
			return c.Completeness(ctx, query.Completeness{Since: since, Until: until})
		},
		"new": func(ctx context.Context) (any, error) {
			return c.NewSince(ctx, query.NewSince{EachVendor: true, Since: since, Until: until})
		},
		"endpoints": func(ctx context.Context) (any, error) {
			return c.Endpoints(ctx, query.Endpoints{Since: since, Until: until})
		},
		"compare": func(ctx context.Context) (any, error) {
			return c.Compare(ctx, query.Compare{
				Question:    query.Residency{By: []query.Dimension{query.ByVendor, query.ByCountry}},
				BeforeSince: since, BeforeUntil: day, AfterSince: day, AfterUntil: until,
			})
		},
	}
	for _, bucket := range []query.Bucket{query.BucketMinute, query.BucketHour, query.BucketDay, query.BucketTotal} {
		out["residency by "+string(bucket)] = func(ctx context.Context) (any, error) {
			return c.Residency(ctx, query.Residency{By: []query.Dimension{query.ByVendor, query.ByCountry, query.ByASN}, Bucket: bucket, Since: since, Until: until})
		}
	}
	return out
}

// sqlPattern is the part of an answer that says how it was asked.
var sqlPattern = regexp.MustCompile(`"sql":"(?:[^"\\]|\\.)*"`)

// A tenant gets the same answers, and nothing of another's, behind the scope alone, behind the row
// policies alone, and behind both: each wall suffices.
func TestEachWallSuffices(t *testing.T) {
	tenants := []tenant.Tenant{
		{Name: "north", Operators: []string{"norta"}, Password: "n"},
		{Name: "south", Sites: []string{"cadiz"}, Password: "s"},
	}
	address, login, c := serverAt(t, tenants)
	day := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	fill(t, login(c.ServiceUser, c.ServicePassword), address, c, day)
	foreign := map[string][]string{
		"north": {"Surphone", "Red Sur", "192.0.2.2", "203.0.113.", `"ES"`},
		"south": {"Nordphone", "Norsk Nett", "192.0.2.1", "198.51.100.", `"NO"`},
	}
	own := map[string]string{"north": "192.0.2.1 198.51.100 Nordphone", "south": "192.0.2.2 203.0.113 Surphone"}
	ask := func(conn driver.Conn, scope query.Scope) map[string]string {
		t.Helper()
		answers := map[string]string{}
		for name, question := range questions(query.New(conn, database, query.Options{Scope: scope}), day) {
			answer, err := question(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			answers[name] = sqlPattern.ReplaceAllString(string(text), `"sql":""`)
		}
		return answers
	}
	everything := ask(login(c.ReaderUser, c.ReaderPassword), query.Scope{})
	for i := range tenants {
		x := &tenants[i]
		scope := query.Scope{Operators: x.Operators, Sites: x.Sites}
		walls := map[string]map[string]string{
			"the scope":    ask(login(c.ReaderUser, c.ReaderPassword), scope),
			"the policies": ask(login(x.LoginName(), x.Password.Reveal()), query.Scope{}),
			"both":         ask(login(x.LoginName(), x.Password.Reveal()), scope),
		}
		for name, both := range walls["both"] {
			if !slices.ContainsFunc(strings.Fields(own[x.Name]), func(s string) bool { return strings.Contains(both, s) }) {
				t.Errorf("%s: %s has nothing: %s", x.Name, name, both)
			}
			if both == everything[name] {
				t.Errorf("%s: %s is the same for everybody: the test says nothing", x.Name, name)
			}
			for wall, answers := range walls {
				if answers[name] != both {
					t.Errorf("%s: %s behind %s:\n%s\nbehind both:\n%s", x.Name, name, wall, answers[name], both)
				}
				for _, word := range foreign[x.Name] {
					if strings.Contains(answers[name], word) {
						t.Errorf("%s: %s behind %s tells of %s", x.Name, name, wall, word)
					}
				}
			}
		}
	}
	if n := len(slices.Collect(maps.Keys(everything))); n != 10 {
		t.Errorf("%d questions", n)
	}
}
