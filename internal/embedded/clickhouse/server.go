package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// ChildCommand is the hidden first argument with which the landfall binary
// starts itself as the engine; cmd/landfall passes what follows to [ChildMain].
const ChildCommand = "clickhouse-engine"

// Server is one supervised engine. Make it with [New].
type Server struct {
	cfg      Config
	dir      string // absolute
	library  string // absolute
	log      *slog.Logger
	restarts prometheus.Counter

	native, http atomic.Pointer[string] // host:port, set before the first spawn
	pid          atomic.Int64
	fatal        chan error

	mu      sync.Mutex
	cancel  context.CancelFunc // ends the supervision; nil before Start
	stopped chan struct{}      // closed when the supervision has ended
	kill    chan struct{}      // closed when the stop may wait no longer
	killed  sync.Once
}

// New checks the configuration and assembles a server; nothing is started,
// and the library is not looked at before Start. The logger and the
// registerer must not be nil.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded ClickHouse: %w", err)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded ClickHouse: %w", err)
	}
	library, err := filepath.Abs(cfg.Library)
	if err != nil {
		return nil, fmt.Errorf("embedded ClickHouse: %w", err)
	}
	s := &Server{
		cfg: cfg, dir: dir, library: library,
		log: log.With("component", "embedded-clickhouse"),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_embedded_clickhouse_restarts_total",
			Help: "Times the embedded ClickHouse engine ended by itself and was started again.",
		}),
		fatal:   make(chan error, 1),
		stopped: make(chan struct{}),
		kill:    make(chan struct{}),
	}
	if err := reg.Register(s.restarts); err != nil {
		return nil, fmt.Errorf("embedded ClickHouse: register its metrics: %w", err)
	}
	return s, nil
}

// Start writes the settings, starts the engine and returns when both listeners
// answer a login. From then on the engine is restarted on the same ports
// whenever it ends. A first start that fails is an error at once, with the
// last lines the engine said. Start may be called once.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.cancel != nil {
		s.mu.Unlock()
		return errors.New("start embedded ClickHouse: it was started before")
	}
	run, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.mu.Unlock()

	err := s.start(ctx, run)
	if err != nil {
		return fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	return nil
}

func (s *Server) start(ctx, run context.Context) error {
	// Until the supervision runs, there is nothing that Shutdown waits for.
	fail := func(err error) error { close(s.stopped); return err }
	if err := supported(); err != nil {
		return fail(err)
	}
	if err := checkLibrary(s.library); err != nil {
		return fail(err)
	}
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	if err := writeSettings(s.dir, s.cfg); err != nil {
		return fail(err)
	}
	native, http, err := choosePorts(ctx, s.cfg)
	if err != nil {
		return fail(err)
	}
	s.native.Store(&native)
	s.http.Store(&http)

	first := make(chan error, 1)
	go s.supervise(run, self, first)
	select {
	case err := <-first:
		if err != nil {
			s.end()
		}
		return err
	case <-ctx.Done():
		s.end()
		return context.Cause(ctx)
	}
}

// end stops the supervision without waiting for the engine's goodbye.
func (s *Server) end() {
	s.killed.Do(func() { close(s.kill) })
	s.cancel()
	<-s.stopped
}

// Shutdown asks the engine to end and waits for it. When ctx ends first, the
// engine is killed, which costs it no acknowledged row, and the context's
// error is returned. It may be called twice, and without Start.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	cancel := s.cancel
	s.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		s.killed.Do(func() { close(s.kill) })
		<-s.stopped
		return fmt.Errorf("stop embedded ClickHouse: it was killed: %w", context.Cause(ctx))
	}
}

// Native is host:port of the native protocol; empty before Start.
func (s *Server) Native() string { return deref(s.native.Load()) }

// HTTP is host:port of the HTTP interface; empty before Start.
func (s *Server) HTTP() string { return deref(s.http.Load()) }

// Pid is the process id of the engine, 0 while there is none.
func (s *Server) Pid() int { return int(s.pid.Load()) }

// Done gives one error when the engine cannot be kept running any more. It
// gives nothing after a Shutdown, and it is never closed.
func (s *Server) Done() <-chan error { return s.fatal }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// choosePorts gives both addresses, with free ports in place of zeros. A
// named port that is taken is refused by its key, because the engine's own
// message for it says neither.
func choosePorts(ctx context.Context, c Config) (native, http string, err error) {
	var listeners []net.Listener
	// All are held until all are chosen, so that no port is given twice.
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	choose := func(key string, port int) (string, error) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(c.Listen, strconv.Itoa(port)))
		if err != nil {
			return "", fmt.Errorf("port %d on %s cannot be used; set %s to another port, or to 0 to choose a free one: %w", port, c.Listen, key, err)
		}
		listeners = append(listeners, l)
		return l.Addr().String(), nil
	}
	if native, err = choose("native_port", c.NativePort); err != nil {
		return "", "", err
	}
	if http, err = choose("http_port", c.HTTPPort); err != nil {
		return "", "", err
	}
	return native, http, nil
}
