package clickhouse_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func TestMigrate(t *testing.T) {
	db := chtest.Start(t)
	config := flowstest.Config(db)
	config.Database = db.Database + "_made" // it is created, too
	admin := db.Conn(t)
	t.Cleanup(func() { _ = admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+config.Database+" SYNC") })

	// Three at once, as aggregators that start together do.
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := clickhouse.Migrate(t.Context(), config, clickhouse.DefaultRetention(), quiet); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	conn, err := clickhouse.Open(t.Context(), config, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ttl := func(table string) (engine string) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?", table).Scan(&engine); err != nil {
			t.Fatal(err)
		}
		return engine
	}
	for table, want := range map[string]string{
		"flows":            "TTL toDateTime(received) + toIntervalSecond(1209600)",
		"residency_minute": "TTL bucket + toIntervalSecond(2592000)",
		"residency_hour":   "TTL bucket + toIntervalSecond(34560000)",
	} {
		if got := ttl(table); !strings.Contains(got, want) {
			t.Errorf("%s: %s", table, got)
		}
	}
	if got := ttl("residency_day"); strings.Contains(got, "TTL") {
		t.Errorf("residency_day: %s", got)
	}

	// A second time changes nothing; another retention changes what differs.
	var log bytes.Buffer
	again := func(r clickhouse.Retention) string {
		t.Helper()
		log.Reset()
		if err := clickhouse.Migrate(t.Context(), config, r, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	if said := again(clickhouse.DefaultRetention()); said != "" {
		t.Errorf("the second time it says %s", said)
	}
	r := clickhouse.DefaultRetention()
	r.Flows, r.ResidencyHour, r.ResidencyDay = 48*time.Hour, 0, 1000*24*time.Hour
	if said := again(r); strings.Count(said, "set retention") != 5 {
		t.Errorf("three changes, of five tables, say %s", said)
	}
	if got := ttl("flows"); !strings.Contains(got, "toIntervalSecond(172800)") {
		t.Errorf("flows: %s", got)
	}
	if got := ttl("residency_hour"); strings.Contains(got, "TTL") {
		t.Errorf("residency_hour: %s", got)
	}
	if said := again(r); said != "" {
		t.Errorf("the last time it says %s", said)
	}

	// A newer schema is refused.
	if err := conn.Exec(t.Context(), "INSERT INTO schema_migrations (version_id, is_applied) VALUES (9000, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := clickhouse.Migrate(t.Context(), config, r, quiet); !errors.Is(err, clickhouse.ErrSchemaNewer) || !strings.Contains(err.Error(), "9000") {
		t.Errorf("a newer schema: %v", err)
	}

	// So is one from before the first release.
	if err := conn.Exec(t.Context(), "CREATE TABLE schema_version (version_id Int64) ENGINE = MergeTree ORDER BY version_id"); err != nil {
		t.Fatal(err)
	}
	if err := clickhouse.Migrate(t.Context(), config, r, quiet); !errors.Is(err, clickhouse.ErrSchemaOlder) || !strings.Contains(err.Error(), config.Database) {
		t.Errorf("an old schema: %v", err)
	}
}

// A migration that broke off half way is completed.
func TestMigrateAfterCrash(t *testing.T) {
	db := chtest.Start(t)
	conn := db.Conn(t)
	config := flowstest.Config(db)
	if err := clickhouse.Migrate(t.Context(), config, clickhouse.Retention{}, quiet); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"DROP TABLE residency_day SYNC", "ALTER TABLE schema_migrations DELETE WHERE version_id >= 2 SETTINGS mutations_sync = 2"} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := clickhouse.Migrate(t.Context(), config, clickhouse.Retention{}, quiet); err != nil {
		t.Fatal(err)
	}
	if got := flowstest.Levels(t, conn)["residency_day"]; got.Flows != 0 {
		t.Errorf("got %+v", got)
	}
}

// A refused login is said at once; a server or a database that is not there is waited for, and the
// log says so.
func TestOpen(t *testing.T) {
	db := chtest.Start(t)
	wrong := flowstest.Config(db)
	wrong.Password = "wrong"
	if _, err := clickhouse.Open(t.Context(), wrong, quiet); err == nil || !strings.Contains(err.Error(), "uthentication") {
		t.Errorf("a wrong password: %v", err)
	} else if strings.Contains(err.Error(), "wrong\"") {
		t.Errorf("the error shows the password: %v", err)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	absent := flowstest.Config(db)
	absent.Addresses = []string{listener.Addr().String()}
	listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var log bytes.Buffer
	_, err = clickhouse.Open(ctx, absent, slog.New(slog.NewTextHandler(&log, nil)))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), absent.Addresses[0]) {
		t.Errorf("no server: %v", err)
	}
	if strings.Count(log.String(), "waiting for ClickHouse") != 1 || !strings.Contains(log.String(), absent.Addresses[0]) {
		t.Errorf("the log says %s", log.String())
	}

	later := flowstest.Config(db)
	later.Database = db.Database + "_later"
	admin := db.Conn(t)
	t.Cleanup(func() { _ = admin.Exec(context.Background(), "DROP DATABASE IF EXISTS "+later.Database+" SYNC") })
	reader, writer := io.Pipe()
	go func() { // as soon as it says that it waits
		_, _ = reader.Read(make([]byte, 1))
		if err := admin.Exec(t.Context(), "CREATE DATABASE "+later.Database); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, reader)
	}()
	conn, err := clickhouse.Open(t.Context(), later, slog.New(slog.NewTextHandler(writer, nil)))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	writer.Close()
}

func TestConfigReportsEveryFault(t *testing.T) {
	c := clickhouse.DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	c.Addresses = []string{"192.0.2.1:9000", "x"}
	c.Database, c.User, c.DialTimeout = "land`fall", "", 0
	err := c.Validate()
	for _, want := range []string{"192.0.2.1:9000", `"x"`, "database:", "user:", "dial_timeout:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
	r := clickhouse.Retention{Flows: time.Second, ResidencyDay: 100 * 366 * 24 * time.Hour}
	err = r.Validate()
	for _, want := range []string{"flows:", "residency_day:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
}
