package clickhouse_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

// parentCommand makes the test binary the parent of an engine, to be killed.
const parentCommand = "parent-to-be-killed"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == parentCommand {
		os.Exit(parentMain(os.Args[2], os.Args[3]))
	}
	chtest.Main(m)
}

func testConfig(t *testing.T) engine.Config {
	c := engine.DefaultConfig()
	c.Library = chtest.Library(t)
	c.Dir = t.TempDir()
	c.ServicePassword, c.ReaderPassword = "service-password", "reader-password"
	return c
}

func newServer(t *testing.T, c engine.Config) (*engine.Server, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	s, err := engine.New(c, slog.New(slog.NewTextHandler(t.Output(), nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	return s, reg
}

func start(t *testing.T, s *engine.Server) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
}

func shutdown(t *testing.T, s *engine.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, s *engine.Server, user, password string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{s.Native()},
		Auth:        clickhouse.Auth{Username: user, Password: password},
		DialTimeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

func TestLifecycle(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := testConfig(t)
	s, reg := newServer(t, c)
	shutdown(t, s) // without start
	if s.Native() != "" || s.Pid() != 0 {
		t.Errorf("before start: native %q, pid %d", s.Native(), s.Pid())
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error("a second start gave no error")
	}
	pid := s.Pid()
	conn := connect(t, s, c.ServiceUser, c.ServicePassword)
	var one uint8
	if err := conn.QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("SELECT 1: %d, %v", one, err)
	}
	conn.Close()
	shutdown(t, s)
	shutdown(t, s)
	if !gone(pid) {
		t.Errorf("process %d is still there", pid)
	}
	select {
	case err := <-s.Done():
		t.Errorf("a wanted stop is fatal: %v", err)
	default:
	}
	if n := testutil.ToFloat64(collector(t, reg)); n != 0 {
		t.Errorf("%v restarts counted", n)
	}
}

// collector reads the one counter of a server back from its registry.
func collector(t *testing.T, reg *prometheus.Registry) prometheus.Collector {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "landfall_embedded_clickhouse_restarts_total" {
			g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "read_back"})
			g.Set(f.GetMetric()[0].GetCounter().GetValue())
			return g
		}
	}
	t.Fatal("the restart counter is not registered")
	return nil
}

func TestKilledEngineComesBack(t *testing.T) {
	c := testConfig(t)
	s, reg := newServer(t, c)
	start(t, s)
	native, web, pid := s.Native(), s.HTTP(), s.Pid()
	conn := connect(t, s, c.ServiceUser, c.ServicePassword)
	for _, q := range []string{
		"CREATE DATABASE landfall",
		"CREATE TABLE landfall.t (x UInt64) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO landfall.t SELECT number FROM numbers(100000)",
	} {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	for round := 1; round <= 2; round++ {
		if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if n := waitCount(t, conn); n != 100000 {
			t.Fatalf("after kill %d: %d rows", round, n)
		}
		if got := testutil.ToFloat64(collector(t, reg)); got != float64(round) {
			t.Errorf("after kill %d: %v restarts counted", round, got)
		}
	}
	if s.Native() != native || s.HTTP() != web || s.Pid() == pid {
		t.Errorf("came back at %s, %s, pid %d; was %s, %s, %d", s.Native(), s.HTTP(), s.Pid(), native, web, pid)
	}
}

// waitCount asks until the server answers, as a service would.
func waitCount(t *testing.T, conn driver.Conn) (n uint64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "SELECT count() FROM landfall.t").Scan(&n)
		if err == nil {
			return n
		}
		if time.Now().After(deadline) {
			t.Fatalf("the engine did not come back: %v", err)
		}
	}
}

func TestWrongPasswordDoesNotEndTheEngine(t *testing.T) {
	c := testConfig(t)
	s, _ := newServer(t, c)
	start(t, s)
	pid := s.Pid()
	for i := range 3 {
		if err := connect(t, s, c.ServiceUser, "wrong"+strconv.Itoa(i)).Ping(t.Context()); err == nil {
			t.Error("a wrong password was accepted")
		}
		// The engine's own prompt is this user.
		if err := connect(t, s, "default", "").Ping(t.Context()); err == nil {
			t.Error("the default user was accepted over the native protocol")
		}
		resp, err := http.Get("http://" + s.HTTP() + "/?query=SELECT+1")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("the default user was accepted over HTTP")
		}
	}
	if err := connect(t, s, c.ServiceUser, c.ServicePassword).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if s.Pid() != pid {
		t.Errorf("the engine was restarted: %d, was %d", s.Pid(), pid)
	}
}

func TestRights(t *testing.T) {
	c := testConfig(t)
	s, _ := newServer(t, c)
	start(t, s)
	service := connect(t, s, c.ServiceUser, c.ServicePassword)
	reader := connect(t, s, c.ReaderUser, c.ReaderPassword)
	users := filepath.Join(c.Dir, "users.xml")
	const denied, allowed = false, true
	for _, q := range []struct {
		by   driver.Conn
		want bool
		text string
	}{
		{service, allowed, "CREATE DATABASE landfall"},
		{service, allowed, "CREATE TABLE landfall.t (k UInt64, v String) ENGINE = MergeTree ORDER BY k"},
		{service, allowed, "INSERT INTO landfall.t VALUES (1, 'a')"},
		{service, allowed, "CREATE MATERIALIZED VIEW landfall.v ENGINE = SummingMergeTree ORDER BY k AS SELECT k, 1 AS n FROM landfall.t"},
		{service, allowed, "CREATE DICTIONARY landfall.d (k UInt64, v String) PRIMARY KEY k SOURCE(CLICKHOUSE(TABLE 't' DB 'landfall' USER '" + c.ServiceUser + "' PASSWORD '" + c.ServicePassword + "')) LAYOUT(FLAT()) LIFETIME(0)"},
		{service, allowed, "SYSTEM RELOAD DICTIONARY landfall.d"},
		{service, allowed, "SELECT * FROM system.parts"},
		{service, allowed, "ALTER TABLE landfall.t ADD COLUMN w UInt8"},
		{service, denied, "CREATE DATABASE other"},
		{service, denied, "SELECT * FROM file('" + users + "', 'LineAsString')"},
		{service, denied, "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"},
		{service, denied, "CREATE TABLE landfall.f (l String) ENGINE = File('LineAsString', '" + users + "')"},
		{service, denied, "CREATE USER u"},
		{service, denied, "SYSTEM STOP LISTEN TCP"},
		{service, denied, "SYSTEM SHUTDOWN"},
		{reader, allowed, "SELECT count() FROM landfall.t SETTINGS max_execution_time = 5"},
		{reader, allowed, "SELECT dictGet('landfall.d', 'v', toUInt64(1))"},
		{reader, denied, "INSERT INTO landfall.t (k) VALUES (2)"},
		{reader, denied, "DROP TABLE landfall.t"},
		{reader, denied, "CREATE TABLE landfall.u (x UInt8) ENGINE = Memory"},
		{reader, denied, "SELECT * FROM file('" + users + "', 'LineAsString')"},
		{reader, denied, "SELECT 1 SETTINGS max_memory_usage = 100000000000"},
		{reader, denied, "SELECT 1 SETTINGS readonly = 0"},
	} {
		err := q.by.Exec(t.Context(), q.text)
		if q.want == allowed && err != nil {
			t.Errorf("%s: %v", q.text, err)
		}
		if q.want == denied && err == nil {
			t.Errorf("%s: was allowed", q.text)
		}
	}
	info, err := os.Stat(users)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("users.xml has mode %v", info.Mode())
	}
	text, err := os.ReadFile(users)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), c.ServicePassword) || strings.Contains(string(text), c.ReaderPassword) {
		t.Error("users.xml holds a password in clear")
	}
}

func TestSettingsAreInForce(t *testing.T) {
	c := testConfig(t)
	c.QueryLogDays = 3
	s, _ := newServer(t, c)
	start(t, s)
	conn := connect(t, s, c.ServiceUser, c.ServicePassword)
	for name, want := range map[string]string{
		"max_server_memory_usage":       strconv.FormatInt(c.MaxMemory, 10),
		"background_pool_size":          "4",
		"background_schedule_pool_size": "16",
		"mark_cache_size":               "67108864",
	} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT value FROM system.server_settings WHERE name = $1", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
	if err := conn.Exec(t.Context(), "SYSTEM FLUSH LOGS"); err != nil {
		t.Fatal(err)
	}
	var ddl string
	if err := conn.QueryRow(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = 'system' AND name = 'query_log'").Scan(&ddl); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ddl, "toIntervalDay(3)") {
		t.Errorf("query_log has no TTL of 3 days: %s", ddl)
	}
}

func TestPortInUse(t *testing.T) {
	defer goleak.VerifyNone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	for _, key := range []string{"native_port", "http_port"} {
		c := testConfig(t)
		if key == "native_port" {
			c.NativePort = port
		} else {
			c.HTTPPort = port
		}
		s, _ := newServer(t, c)
		err := s.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d", port)) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s in use: %v", key, err)
		}
		shutdown(t, s)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, _ := newServer(t, testConfig(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Start(ctx); err == nil {
		t.Error("started in 50 ms")
	}
	if s.Pid() != 0 {
		t.Errorf("process %d is left", s.Pid())
	}
	shutdown(t, s)
}
