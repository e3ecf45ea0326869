package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// A further user reads the tables that it was given, and there only the rows that its filter lets
// through; everybody else goes on reading all.
func TestFurtherUsers(t *testing.T) {
	c := testConfig(t)
	c.Users = []engine.User{
		{Name: "north", Password: "n", Rights: []string{"SELECT ON landfall.t"}, Filters: map[string]string{"t": "k < 2 AND v != '<&\\''"}},
		{Name: "south", Password: "s", Rights: []string{"SELECT ON landfall.t"}, Filters: map[string]string{"t": "k >= 2"}},
	}
	s, _ := newServer(t, c)
	start(t, s)
	service := connect(t, s, c.ServiceUser, c.ServicePassword)
	for _, q := range []string{
		"CREATE DATABASE landfall",
		"CREATE TABLE landfall.t (k UInt64, v String) ENGINE = MergeTree ORDER BY k",
		"CREATE TABLE landfall.sum (n UInt64) ENGINE = SummingMergeTree ORDER BY ()",
		"CREATE MATERIALIZED VIEW landfall.view TO landfall.sum AS SELECT count() AS n FROM landfall.t",
		"INSERT INTO landfall.t VALUES (1, 'a'), (1, '<&\\''), (2, 'b'), (3, 'c')",
	} {
		if err := service.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	north, south := connect(t, s, "north", "n"), connect(t, s, "south", "s")
	reader := connect(t, s, c.ReaderUser, c.ReaderPassword)
	count := func(by driver.Conn, query string) (n uint64) {
		t.Helper()
		if err := by.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Errorf("%s: %v", query, err)
		}
		return n
	}
	for name, q := range map[string]struct {
		by   driver.Conn
		want uint64
	}{"north": {north, 1}, "south": {south, 2}, "reader": {reader, 4}, "service": {service, 4}} {
		if n := count(q.by, "SELECT count() FROM landfall.t"); n != q.want {
			t.Errorf("%s sees %d rows, want %d", name, n, q.want)
		}
	}
	if n := count(service, "SELECT sum(n) FROM landfall.sum"); n != 4 {
		t.Errorf("a view saw %d rows, want 4", n)
	}
	for _, q := range []string{
		"SELECT * FROM landfall.sum",
		"INSERT INTO landfall.t VALUES (1, 'd')",
		"SELECT * FROM system.parts",
		"SELECT 1 SETTINGS readonly = 0",
	} {
		if err := north.Exec(t.Context(), q); err == nil {
			t.Errorf("%s: was allowed", q)
		}
	}
}

func TestFurtherUsersAreChecked(t *testing.T) {
	c := engine.DefaultConfig()
	c.ServicePassword, c.ReaderPassword = "a", "b"
	c.Users = []engine.User{{Name: "x y", Password: "p"}, {Name: c.ReaderUser, Password: "p"}, {Name: "u"}}
	err := c.Validate()
	for _, want := range []string{`"x y" is not a name`, "landfall_reader is the name of two", "u has no password"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in %v", want, err)
		}
	}
}
