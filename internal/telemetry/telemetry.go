// Package telemetry gives a process its log and its endpoint for metrics and health. It does not
// know which services run in the process.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what a user sets.
type Config struct {
	Listen    string `yaml:"listen" doc:"Address of the endpoint for metrics (/metrics), health (/healthz) and profiles (/debug/pprof); empty: none."`
	LogLevel  string `yaml:"log_level" doc:"Least level that is logged: debug, info, warn or error."`
	LogFormat string `yaml:"log_format" doc:"Form of the log: text or json."`
}

// DefaultConfig listens on loopback and logs information as text.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9464", LogLevel: "info", LogFormat: "text"}
}

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		errs = append(errs, fmt.Errorf("log_level: %q is not debug, info, warn or error", c.LogLevel))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("log_format: %q is not text or json", c.LogFormat))
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			errs = append(errs, fmt.Errorf("listen: %q is not host:port", c.Listen))
		}
	}
	return errors.Join(errs...)
}

// NewLogger returns a logger that writes to w as the configuration says.
func NewLogger(c Config, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked by Validate; info otherwise
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// NewRegistry returns a registry with the process's and the runtime's own metrics.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Server is the endpoint for metrics and health: a lifecycle component.
type Server struct {
	config   Config
	log      *slog.Logger
	server   *http.Server
	listener net.Listener
	stopped  chan struct{}
}

// NewServer makes the endpoint; it serves the metrics of registry.
func NewServer(c Config, registry *prometheus.Registry, log *slog.Logger) *Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &Server{config: c, log: log, server: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
}

// Start listens; it does nothing if no address is configured.
func (s *Server) Start(ctx context.Context) error {
	if s.config.Listen == "" {
		return nil
	}
	var err error
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Listen); err != nil {
		return fmt.Errorf("listen for metrics on %s (telemetry.listen): %w", s.config.Listen, err)
	}
	s.stopped = make(chan struct{})
	go func() {
		defer close(s.stopped)
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics endpoint ended", "error", err)
		}
	}()
	return nil
}

// Addr returns the address that is listened on; empty if none.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Shutdown closes the endpoint.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.stopped == nil {
		return nil
	}
	err := s.server.Shutdown(ctx)
	<-s.stopped
	return err
}
