package reporter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/services/reporter/internal/web"
)

// Queries is what the reporter asks; internal/query.Client answers.
type Queries interface {
	Residency(context.Context, query.Residency) (query.ResidencyAnswer, error)
	Compare(context.Context, query.Compare) (query.CompareAnswer, error)
	Endpoints(context.Context, query.Endpoints) (query.EndpointsAnswer, error)
	NewSince(context.Context, query.NewSince) (query.NewSinceAnswer, error)
	Completeness(context.Context, query.Completeness) (query.CompletenessAnswer, error)
	Vendors(context.Context) ([]query.VendorTotal, error)
	Totals(context.Context) (query.Totals, error)
}

// About is what the page says beside the figures.
type About struct {
	Version   string                   // of the program
	Credits   []string                 // credits that the data sets' licences ask for, in plain text
	PlaceName func(code string) string // display name of a place or country code; the code itself if it has none
}

// Service serves the page and the API. It is a lifecycle component.
type Service struct {
	config  Config
	queries Queries
	about   About
	log     *slog.Logger
	metrics *metrics
	fail    func(error)
	slots   chan struct{} // one for each question under way
	server  *http.Server

	mu       sync.Mutex
	listener net.Listener
	stopped  chan struct{}
}

// New assembles the service; it does not listen yet. fail is called if serving ends by itself.
func New(c Config, queries Queries, about About, log *slog.Logger, reg prometheus.Registerer, fail func(error)) (*Service, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("reporter: %w", err)
	}
	if about.PlaceName == nil {
		about.PlaceName = func(code string) string { return code }
	}
	metrics, err := newMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("reporter: register metrics: %w", err)
	}
	s := &Service{
		config: c, queries: queries, about: about, log: log, metrics: metrics, fail: fail,
		slots: make(chan struct{}, c.MaxQueries),
	}
	pages, err := readPages(web.Files())
	if err != nil {
		return nil, fmt.Errorf("reporter: read the page: %w", err)
	}
	s.server = &http.Server{
		Handler:           s.handler(pages),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		// A question may wait for its turn for as long as it may take.
		WriteTimeout:   2*c.QueryTimeout + 30*time.Second,
		IdleTimeout:    time.Minute,
		MaxHeaderBytes: 32 << 10,
		// What a peer does wrong on the wire is no event of ours.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Start listens and returns when the page can be opened.
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return errors.New("reporter: already started")
	}
	var pair tls.Certificate
	if s.config.TLS.enabled() {
		var err error
		if pair, err = tls.LoadX509KeyPair(s.config.TLS.CertFile, s.config.TLS.KeyFile); err != nil {
			return fmt.Errorf("load reporter.tls.cert_file and key_file: %w", err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("listen for the page on %s (reporter.listen): %w", s.config.Listen, err)
	}
	if s.config.TLS.enabled() {
		s.server.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
			NextProtos: []string{"h2", "http/1.1"},
		}
	}
	s.listener, s.stopped = listener, make(chan struct{})
	go s.serve(listener, s.stopped)
	s.log.Info("page is served", "url", s.URL())
	return nil
}

func (s *Service) serve(listener net.Listener, stopped chan struct{}) {
	defer close(stopped)
	var err error
	if s.config.TLS.enabled() {
		err = s.server.ServeTLS(listener, "", "")
	} else {
		err = s.server.Serve(listener)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		s.fail(fmt.Errorf("serve the page on %s: %w", listener.Addr(), err))
	}
}

// Addr returns the address that is listened on, host:port; empty before Start.
func (s *Service) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// URL returns the address of the page; empty before Start.
func (s *Service) URL() string {
	switch {
	case s.listener == nil:
		return ""
	case s.config.TLS.enabled():
		return "https://" + s.Addr() + "/"
	}
	return "http://" + s.Addr() + "/"
}

// Shutdown stops listening and waits for the requests under way until ctx ends; then it cuts them.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		return nil
	}
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("wait for the page's requests: %w", err), s.server.Close())
	}
	<-s.stopped
	return err
}
