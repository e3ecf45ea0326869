package reporter

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func quiet(testing.TB) *slog.Logger { return slog.New(slog.DiscardHandler) }

func routeLabels(t *testing.T, s *Service) []string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(s.metrics.requests)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "route" {
					labels = append(labels, l.GetValue())
				}
			}
		}
	}
	return labels
}

func TestValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string // of the error; none: valid
	}{
		{"other machines", func(c *Config) { c.Listen = "0.0.0.0:8080" }, []string{"listen: 0.0.0.0:8080", "tls.cert_file", "allow_plaintext"}},
		{"any address", func(c *Config) { c.Listen = ":8080" }, []string{"listen"}},
		{"other machines by TLS", func(c *Config) { c.Listen, c.TLS = "0.0.0.0:8080", ServerTLS{"c.pem", "k.pem"} }, nil},
		{"other machines allowed", func(c *Config) { c.Listen, c.AllowPlaintext = "0.0.0.0:8080", true }, nil},
		{"IPv6 loopback", func(c *Config) { c.Listen = "[::1]:8080" }, nil},
		{"half a certificate, all at once", func(c *Config) {
			c.TLS.CertFile, c.Listen, c.QueryTimeout, c.MaxQueries, c.AllowedHosts = "c.pem", "8080", 0, 0, []string{"http://x/"}
		}, []string{"tls:", "listen:", "query_timeout:", "max_queries:", "allowed_hosts[0]:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := DefaultConfig()
			c.change(&config)
			err := config.Validate()
			if (err == nil) != (len(c.want) == 0) {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
		})
	}
}

func TestLifecycle(t *testing.T) {
	defer goleak.VerifyNone(t, ignoreEngine()...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s := newService(t, newFixture(fixtureStart(), 1))
	if err := s.Shutdown(ctx); err != nil || s.Addr() != "" || s.URL() != "" {
		t.Errorf("stop without start: %v", err)
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(s.URL() + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if response.Body.Close(); err != nil || string(body) != "ok\n" {
		t.Errorf("%q %v", body, err)
	}

	// The port is taken now: the second says which setting names it, and stops cleanly.
	second := newService(t, newFixture(fixtureStart(), 1), func(c *Config) { c.Listen = s.Addr() })
	if err := second.Start(ctx); err == nil || !strings.Contains(err.Error(), "reporter.listen") || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("second on the same port: %v", err)
	}
	if err := second.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
}

// A request under way is answered before the service ends; one that takes too long is cut.
func TestShutdownDrains(t *testing.T) {
	defer goleak.VerifyNone(t, ignoreEngine()...)
	f := newFixture(fixtureStart(), 1)
	f.hold = make(chan struct{})
	s := newService(t, f, func(c *Config) { c.QueryTimeout = 5 * time.Second })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	go func() {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(s.URL() + "api/v1/totals")
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	for len(s.slots) == 0 {
		time.Sleep(time.Millisecond) // until the question is under way
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.WithoutCancel(t.Context())) }()
	close(f.hold)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way got %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestMissingCertificate(t *testing.T) {
	s := newService(t, newFixture(fixtureStart(), 1), func(c *Config) { c.TLS = ServerTLS{"missing.pem", "missing.key"} })
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "reporter.tls.cert_file") {
		t.Error(err)
	}
}
