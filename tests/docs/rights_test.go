package docs

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

var grantPattern = regexp.MustCompile(`(?m)^(GRANT .*) TO landfall;$`)

// TestRights: the rights that docs/install.md gives the service's user are enough to migrate, to
// insert and to ask.
func TestRights(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	// The engine's own grants for its user are on another database, so that only these count here.
	const database = "landfall_documented"
	c := engine.DefaultConfig()
	c.Library, c.Dir, c.Database = chtest.Library(t), t.TempDir(), "elsewhere"
	c.ServicePassword, c.ReaderPassword = rand.Text(), rand.Text()
	for _, m := range grantPattern.FindAllStringSubmatch(string(text), -1) {
		c.ExtraGrants = append(c.ExtraGrants, strings.ReplaceAll(m[1], "landfall.*", database+".*"))
	}
	if len(c.ExtraGrants) < 2 {
		t.Fatalf("found only these grants: %q", c.ExtraGrants)
	}
	log := slog.New(slog.DiscardHandler)
	server, err := engine.New(c, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown(t.Context())

	login := clickhouse.DefaultConfig()
	login.Addresses, login.Database = []string{server.Native()}, database
	login.User, login.Password = c.ServiceUser, config.Secret(c.ServicePassword)
	retention := clickhouse.DefaultRetention()
	if err := clickhouse.Migrate(t.Context(), login, retention, log); err != nil {
		t.Fatal(err)
	}
	retention.Flows *= 2
	if err := clickhouse.Migrate(t.Context(), login, retention, log); err != nil {
		t.Fatalf("change the retention: %v", err)
	}
	conn, err := clickhousego.Open(&clickhousego.Options{
		Addr: login.Addresses,
		Auth: clickhousego.Auth{Database: database, Username: login.User, Password: c.ServicePassword},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const insert = "INSERT INTO residency_day (bucket, vendor, handset_side, flows, bytes_up) VALUES ('2026-01-05 00:00:00', 'Xiaomi', 'source', 1, 21)"
	if err := conn.Exec(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	vendors, err := query.New(conn, database, query.Options{}).Vendors(t.Context())
	if err != nil || len(vendors) != 1 || vendors[0].BytesUp != 21 {
		t.Errorf("vendors are %+v: %v", vendors, err)
	}
}
