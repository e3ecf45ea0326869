// Package chtest gives tests a real ClickHouse server: the embedded engine,
// one per test binary, and a fresh database per test. It is for tests only and
// must not know any table.
//
// A package that uses it says so once,
//
//	func TestMain(m *testing.M) { chtest.Main(m) }
//
// and then, in each test,
//
//	db := chtest.Start(t)
package chtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// databasePrefix begins the name of every database of a test; the service
// user has all rights on them.
const databasePrefix = "landfall_test_"

// The engine is shared by all tests of one binary, because its start costs
// more than most of the tests. Only Main and Start touch this.
var shared struct {
	mu      sync.Mutex
	main    bool // Main is running
	server  *engine.Server
	config  engine.Config
	dir     string
	lastErr error
}

// Main runs the tests of a package and stops the shared engine after them. In
// the engine's own process, which is the test binary started again, it runs
// the engine instead.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is [Main] for a package with more to do around its tests: it returns the
// exit code.
func Run(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == engine.ChildCommand {
		return engine.ChildMain(os.Args[2:])
	}
	shared.main = true
	code := m.Run()
	if shared.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := shared.server.Shutdown(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "chtest:", err)
			code = max(code, 1)
		}
	}
	if shared.dir != "" {
		if err := os.RemoveAll(shared.dir); err != nil {
			fmt.Fprintln(os.Stderr, "chtest:", err)
		}
	}
	return code
}

// Server is the running engine with a database of this test's own.
type Server struct {
	Native, HTTP           string // host:port
	Database               string // empty database, dropped after the test
	User, Password         string // all rights on Database
	Reader, ReaderPassword string // a user without any right on Database
	engine                 *engine.Server
}

// Library is the path of the engine's library: LANDFALL_TEST_ENGINE, or
// data/engine/libchdb.so of this checkout. A test without it is skipped, and
// fails where CI=true.
func Library(t testing.TB) string {
	t.Helper()
	path := os.Getenv("LANDFALL_TEST_ENGINE")
	if path == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for dir != filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		path = filepath.Join(dir, "data", "engine", "libchdb.so")
	}
	_, err := os.Stat(path)
	absent := errors.Is(err, fs.ErrNotExist) || runtime.GOOS != "linux"
	switch {
	case absent && os.Getenv("CI") == "true":
		t.Fatalf("no ClickHouse engine at %s (LANDFALL_TEST_ENGINE names another place)", path)
	case absent:
		t.Skipf("no ClickHouse engine at %s; run `landfall data update`, or set LANDFALL_TEST_ENGINE", path)
	case err != nil:
		t.Fatal(err)
	}
	return path
}

// Start gives the shared engine, started by the first test that asks, and a
// fresh database in it.
func Start(t testing.TB) *Server {
	t.Helper()
	library := Library(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.main {
		t.Fatal("chtest: the package has no TestMain that calls chtest.Main")
	}
	if shared.server == nil && shared.lastErr == nil {
		shared.lastErr = startShared(library)
	}
	if shared.lastErr != nil {
		t.Fatalf("chtest: %v", shared.lastErr)
	}
	c := shared.config
	s := &Server{
		Native: shared.server.Native(), HTTP: shared.server.HTTP(),
		Database: databasePrefix + strings.ToLower(rand.Text()[:12]),
		User:     c.ServiceUser, Password: c.ServicePassword,
		Reader: c.ReaderUser, ReaderPassword: c.ReaderPassword,
		engine: shared.server,
	}
	admin := open(t, s, "")
	if err := admin.Exec(t.Context(), "CREATE DATABASE "+s.Database); err != nil {
		t.Fatalf("chtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := admin.Exec(ctx, "DROP DATABASE IF EXISTS "+s.Database+" SYNC"); err != nil {
			t.Errorf("chtest: %v", err)
		}
	})
	return s
}

func startShared(library string) error {
	dir, err := os.MkdirTemp("", "landfall-chtest-")
	if err != nil {
		return err
	}
	shared.dir = dir
	c := engine.DefaultConfig()
	c.Library, c.Dir = library, dir
	c.ServicePassword, c.ReaderPassword = rand.Text(), rand.Text()
	c.ExtraGrants = []string{"GRANT ALL ON " + databasePrefix + "*.*"}
	level := slog.LevelWarn
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	server, err := engine.New(c, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.StartTimeout)
	defer cancel()
	if err := server.Start(ctx); err != nil {
		return err
	}
	shared.server, shared.config = server, c
	return nil
}

// Options connects to this test's database as the service user, over the
// native protocol.
func (s *Server) Options() *clickhouse.Options {
	return &clickhouse.Options{
		Addr: []string{s.Native},
		Auth: clickhouse.Auth{Database: s.Database, Username: s.User, Password: s.Password},
	}
}

// Conn is an open connection of [Server.Options], closed after the test.
func (s *Server) Conn(t testing.TB) driver.Conn {
	t.Helper()
	return open(t, s, s.Database)
}

// Pid is the engine's process id, 0 while it is being started again.
func (s *Server) Pid() int { return s.engine.Pid() }

// Kill ends the engine as kill -9 does, and first waits for one that is being
// started again. When it returns, that process is gone; the engine comes back
// by itself, on the same ports and with its data, and clients see errors until
// then.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	// The supervisor learns a little later than the kernel that a process has
	// ended, so one that is not there any more was not killed by this call.
	for killed := 0; ; {
		switch pid := s.engine.Pid(); {
		case killed != 0 && pid != killed:
			return
		case killed == 0 && pid != 0:
			err := syscall.Kill(pid, syscall.SIGKILL)
			if err == nil {
				killed = pid
			} else if !errors.Is(err, syscall.ESRCH) {
				t.Fatalf("chtest: kill the engine: %v", err)
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("chtest: the engine does not come back")
		case <-tick.C:
		}
	}
}

func open(t testing.TB, s *Server, database string) driver.Conn {
	t.Helper()
	o := s.Options()
	o.Auth.Database = database
	o.ReadTimeout = 2 * time.Minute // a database is dropped when the statements in it have ended
	conn, err := clickhouse.Open(o)
	if err != nil {
		t.Fatalf("chtest: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
