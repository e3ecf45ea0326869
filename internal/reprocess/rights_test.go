package reprocess_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/audit"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/reprocess"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

var grantPattern = regexp.MustCompile(`(?m)^GRANT (.*) TO (landfall|landfall_reader);$`)

// The rights that docs/install.md gives on a server of one's own are enough: the service's for a
// recomputation and for removing one, the reader's for an audit.
func TestDocumentedRights(t *testing.T) {
	text, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	const database = "landfall_documented" // the engine's own grants are on another
	c := engine.DefaultConfig()
	c.Library, c.Dir, c.Database = chtest.Library(t), t.TempDir(), "elsewhere"
	c.ServicePassword, c.ReaderPassword = rand.Text(), rand.Text()
	auditor := engine.User{Name: "auditor", Password: rand.Text()}
	for _, m := range grantPattern.FindAllStringSubmatch(string(text), -1) {
		right := strings.ReplaceAll(m[1], "landfall.*", database+".*")
		if m[2] == "landfall" {
			c.ExtraGrants = append(c.ExtraGrants, "GRANT "+right)
		} else {
			auditor.Rights = append(auditor.Rights, right)
		}
	}
	c.Users = []engine.User{auditor}
	log := slog.New(slog.DiscardHandler)
	server, err := engine.New(c, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown(t.Context()) })
	login := clickhouse.DefaultConfig()
	login.Addresses, login.Database = []string{server.Native()}, database
	login.User, login.Password = c.ServiceUser, config.Secret(c.ServicePassword)
	if err := clickhouse.Migrate(t.Context(), login, clickhouse.Retention{}, log); err != nil {
		t.Fatal(err)
	}
	open := func(user, password string) driver.Conn {
		conn, err := clickhousego.Open(&clickhousego.Options{
			Addr: login.Addresses, Auth: clickhousego.Auth{Database: database, Username: user, Password: password},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	r := newRig(t)
	r.config, r.conn = login, open(c.ServiceUser, c.ServicePassword)
	r.insert(100, monday, 1, first, time.Now().Add(-time.Hour))
	if result := r.run(r.options(second, 1)); result.Totals.Flows != 100 {
		t.Errorf("%+v", result)
	}
	o := r.options(third, 1)
	o.Outstanding = func(context.Context, time.Time) (int, error) { return 0, errStop }
	if _, err := reprocess.Run(t.Context(), r.conn, o); err == nil || strings.Contains(err.Error(), "--abandon") {
		t.Errorf("a run that fails does not clean up: %v", err)
	}
	days := audit.DefaultOptions()
	days.Since, days.Until = monday, monday.AddDate(0, 0, 1)
	if report, err := audit.Run(t.Context(), open(auditor.Name, auditor.Password), days); err != nil || report.Equal == 0 || report.Differs+report.Moving > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
