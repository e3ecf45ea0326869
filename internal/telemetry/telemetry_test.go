package telemetry

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestServerServesMetricsAndHealth(t *testing.T) {
	defer goleak.VerifyNone(t)
	registry := NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "landfall_test_total", Help: "A test."})
	registry.MustRegister(counter)
	counter.Add(3)
	s := NewServer(Config{Listen: "127.0.0.1:0"}, registry, slog.New(slog.DiscardHandler))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{"/metrics": "landfall_test_total 3", "/healthz": "ok", "/debug/pprof/": "goroutine"} {
		response, err := client.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, %v, no %q in it", path, response.StatusCode, err, want)
		}
	}
	second := NewServer(Config{Listen: s.Addr()}, registry, slog.New(slog.DiscardHandler))
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "telemetry.listen") {
		t.Errorf("port in use: %v", err)
	}
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown without start: %v", err)
	}
}

func TestServerWithoutAnAddress(t *testing.T) {
	s := NewServer(Config{}, NewRegistry(), slog.New(slog.DiscardHandler))
	if err := s.Start(t.Context()); err != nil || s.Addr() != "" {
		t.Errorf("%v, %q", err, s.Addr())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLoggerKeepsToItsLevelAndForm(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(Config{LogLevel: "warn", LogFormat: "json"}, &out)
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.HasPrefix(got, "{") {
		t.Errorf("%q", got)
	}
}

func TestValidateReportsEveryFault(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Config{Listen: "9464", LogLevel: "loud", LogFormat: "xml"}.Validate()
	for _, want := range []string{"listen", "log_level", "log_format"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: no %s in it", err, want)
		}
	}
}
