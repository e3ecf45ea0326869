package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

func testConfig(t testing.TB) broker.Config {
	c := broker.DefaultConfig()
	c.Port = 0
	c.Dir = filepath.Join(t.TempDir(), "broker")
	return c
}

func newBroker(t testing.TB, c broker.Config) (*broker.Broker, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	b, err := broker.New(c, slog.New(slog.NewTextHandler(t.Output(), nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	return b, reg
}

func start(t testing.TB, c broker.Config) (*broker.Broker, *prometheus.Registry) {
	t.Helper()
	b, reg := newBroker(t, c)
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, b) })
	return b, reg
}

func shutdown(t testing.TB, b *broker.Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// metric is the value of the series with this one label value.
func metric(t testing.TB, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				if f.GetType() == dto.MetricType_GAUGE {
					return m.GetGauge().GetValue()
				}
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// eventually waits for something that happens beside the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestLifecycle(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := testConfig(t)
	b, _ := newBroker(t, c)
	shutdown(t, b) // without start
	if b.Addr() != "" {
		t.Errorf("address before start: %s", b.Addr())
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err == nil {
		t.Error("a second start gave no error")
	}
	addr := b.Addr()
	if _, err := net.Dial("tcp", addr); err != nil {
		t.Error(err)
	}
	shutdown(t, b)
	shutdown(t, b)
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Errorf("%s still answers", addr)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := testConfig(t)
	c.Port = l.Addr().(*net.TCPAddr).Port
	b, _ := newBroker(t, c)
	if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d on 127.0.0.1 cannot be used; set port", c.Port)) {
		t.Errorf("port in use: %v", err)
	}
	shutdown(t, b)
	// The folder is free again.
	c.Port = 0
	start(t, c)
}

func TestSecondBrokerOnOneFolderIsRefused(t *testing.T) {
	c := testConfig(t)
	start(t, c)
	b, _ := newBroker(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Start(ctx); err == nil || !strings.Contains(err.Error(), "another broker works on it") {
		t.Errorf("second broker on one folder: %v", err)
	}
}

func TestDamagedFolder(t *testing.T) {
	c := testConfig(t)
	b, _ := start(t, c)
	shutdown(t, b)
	if err := os.WriteFile(filepath.Join(c.Dir, "meta.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, _ = newBroker(t, c)
	if err := b.Start(t.Context()); err == nil || !strings.Contains(err.Error(), c.Dir) {
		t.Errorf("a damaged folder: %v", err)
	}
}

// A stranger on the port must cost nobody anything.
func TestStrangers(t *testing.T) {
	b, reg := start(t, testConfig(t))
	topic := kafkatest.Topic(t, b.Addr(), "strangers", 1)
	header := func(size uint32, key, version uint16) []byte {
		return []byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size), byte(key >> 8), byte(key), byte(version >> 8), byte(version), 0, 0, 0, 1}
	}
	for _, c := range []struct {
		name, reason string
		bytes        []byte
	}{
		{"http", "request_size", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"tls", "request_size", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{"zero size", "request_size", header(0, 18, 0)},
		{"negative size", "request_size", header(0xffffffff, 18, 0)},
		{"just too large", "request_size", header(64<<20+1, 18, 0)},
		{"unknown key", "unknown_request", header(100, 9999, 0)},
		{"negative key", "unknown_request", header(100, 0xffff, 0)},
		{"version from the future", "unknown_version", header(100, 3, 500)},
		{"negative version", "unknown_version", header(100, 3, 0xffff)},
		{"cut in the head", "", header(100, 3, 1)[:6]},
		{"cut in the body", "", header(100, 3, 1)},
		{"nothing", "", nil},
		{"rubbish for a body", "", append(header(60, 1, 11), bytes.Repeat([]byte{0xff}, 52)...)},
	} {
		before := metric(t, reg, "landfall_embedded_broker_refused_requests_total", c.reason)
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(c.bytes); err != nil {
			t.Fatal(err)
		}
		if c.reason == "" {
			conn.(*net.TCPConn).CloseWrite()
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", c.name)
		}
		conn.Close()
		if c.reason != "" {
			if n := metric(t, reg, "landfall_embedded_broker_refused_requests_total", c.reason); n != before+1 {
				t.Errorf("%s: counted %v as %s, want 1", c.name, n-before, c.reason)
			}
		}
	}
	if _, err := kafkatest.Produce(t.Context(), kafkatest.Client(t, b.Addr()), topic, 0, 0, nil, []byte("x")); err != nil {
		t.Errorf("a proper client after all that: %v", err)
	}
}

func TestValidateSaysAllFaults(t *testing.T) {
	if err := broker.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default configuration: %v", err)
	}
	bad := broker.Config{Listen: "0.0.0.0", Port: -1, RetainBytes: -1, MaxTopicBytes: -2}
	err := bad.Validate()
	for _, key := range []string{"listen:", "port:", "dir:", "max_message_bytes:", "segment_bytes:", "retain_bytes:", "max_topic_bytes:", "group_idle:", "trim_every:"} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not mentioned in:\n%v", key, err)
		}
	}
	if _, err := broker.New(bad, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil {
		t.Error("New took a bad configuration")
	}
}

// The guard must hand on every byte of a proper stream, however it is cut.
func TestGuardedStreamIsUnchanged(t *testing.T) {
	b, _ := start(t, testConfig(t))
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	go func() {
		for {
			in, err := proxy.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", b.Addr())
			if err != nil {
				in.Close()
				return
			}
			go func() { _, _ = io.Copy(in, out); in.Close() }()
			go func() { _, _ = io.CopyBuffer(out, struct{ io.Reader }{in}, make([]byte, 3)); out.Close() }()
		}
	}()
	// A client of the proxy learns the broker's own address from the metadata,
	// so a bare connection is used.
	conn, err := kafka.Dial("tcp", proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if versions, err := conn.ApiVersions(); err != nil || len(versions) < 20 {
		t.Errorf("%d API versions, %v", len(versions), err)
	}
	if brokers, err := conn.Brokers(); err != nil || len(brokers) != 1 {
		t.Errorf("brokers %v, %v", brokers, err)
	}
}
