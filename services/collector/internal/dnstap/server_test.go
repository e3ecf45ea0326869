package dnstap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/protobuf/proto"

	"github.com/landfall-telemetry/landfall/services/collector/internal/names"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is what a server told its metrics; each change wakes those that wait.
type told struct {
	mu                                      sync.Mutex
	changed                                 *sync.Cond
	messages, answers, entries, connections int
	refused                                 map[Reason]int
}

func newTold() *told {
	s := &told{refused: make(map[Reason]int)}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *told) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.changed.Broadcast()
}

func (s *told) Message()           { s.change(func() { s.messages++ }) }
func (s *told) Answers(n int)      { s.change(func() { s.answers += n }) }
func (s *told) Refused(why Reason) { s.change(func() { s.refused[why]++ }) }
func (s *told) Connections(n int)  { s.change(func() { s.connections += n }) }
func (s *told) Entries(n int)      { s.change(func() { s.entries = n }) }

// until waits for a condition; a test that never sees it ends by the test's own deadline.
func (s *told) until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { s.changed.Broadcast() })
	defer late.Stop()
	deadline := time.Now().Add(20 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !condition() {
		if !time.Now().Before(deadline) {
			t.Fatalf("no %s: %d messages, %d answers, %d connections, refused %v", what, s.messages, s.answers, s.connections, s.refused)
		}
		s.changed.Wait()
	}
}

// open starts a server.
func open(t *testing.T, c Config) (*Server, *told) {
	t.Helper()
	c.Keep = kept
	m := newTold()
	s, err := Start(t.Context(), c, names.New(100, kept), m, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if m.connections != 0 {
			t.Errorf("%d connections after the end", m.connections)
		}
	})
	return s, m
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	a := s.Addresses()[0]
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// streamTo begins a frame stream.
func streamTo(t *testing.T, c net.Conn) *framestream.Writer {
	t.Helper()
	w, err := framestream.NewWriter(c, &framestream.WriterOptions{ContentTypes: [][]byte{tap.FSContentType}, Bidirectional: true, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// answered is a frame of this moment.
func answered(t *testing.T) []byte {
	return frame(t, response(t, "www.example.", dnsmessage.TypeA, said{owner: "www.example.", body: v4(1)}), func(m *tap.Message) {
		m.ResponseTimeSec = proto.Uint64(uint64(time.Now().Unix()))
	})
}

func write(t *testing.T, w *framestream.Writer, frame []byte) {
	t.Helper()
	if _, err := w.WriteFrame(frame); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// closes waits until the server has closed the connection.
func closes(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

// certificate is one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "collector"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	pair, pool := certificate(t)
	s, m := open(t, Config{Listen: "127.0.0.1:0", TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	c, err := tls.Dial("tcp", s.Addresses()[0].String(), &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := streamTo(t, c)
	write(t, w, answered(t))
	m.until(t, "answer", func() bool { return m.answers == 1 && m.entries == 1 })
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	plain := dial(t, s) // a resolver that does not know of TLS
	start := framestream.ControlFrame{ControlType: framestream.CONTROL_READY, ContentTypes: [][]byte{tap.FSContentType}}
	if err := start.Encode(plain); err != nil {
		t.Fatal(err)
	}
	m.until(t, "refusal", func() bool { return m.refused[ReasonHandshake] == 1 })
	closes(t, plain)
}

func TestSenderThatIsNotAllowed(t *testing.T) {
	s, m := open(t, Config{Listen: "127.0.0.1:0", Allowed: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
	c := dial(t, s)
	m.until(t, "refusal", func() bool { return m.refused[ReasonSender] == 1 })
	closes(t, c)
	if m.connections != 0 || m.messages != 0 {
		t.Errorf("%d connections, %d messages", m.connections, m.messages)
	}
}

// TestAllowedOverBothFamilies: a socket for both families gives IPv4 senders as mapped addresses.
func TestAllowedOverBothFamilies(t *testing.T) {
	s, m := open(t, Config{Listen: ":0", Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	_, port, err := net.SplitHostPort(s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	write(t, streamTo(t, c), answered(t))
	m.until(t, "answer", func() bool { return m.answers == 1 })
}

// piped has a server receive from one end of a pipe, in a bubble of its own time.
func piped(t *testing.T) (c net.Conn, m *told, ended <-chan Reason) {
	t.Helper()
	m = newTold()
	s := &Server{config: Config{Keep: kept}, table: names.New(100, kept), metrics: m, stop: make(chan struct{})}
	c, theirs := net.Pipe()
	end := make(chan Reason, 1)
	go func() {
		end <- s.receive(theirs)
		_ = theirs.Close()
	}()
	return c, m, end
}

// TestStall: a sender that says nothing, or stands still inside a frame, is let go.
func TestStall(t *testing.T) {
	for _, test := range []struct {
		name  string
		begin func(*testing.T, net.Conn)
		why   Reason
	}{
		{"before the handshake", func(*testing.T, net.Conn) {}, ReasonHandshake},
		{"inside the handshake", func(t *testing.T, c net.Conn) { send(t, c, 0, 0, 0, 0, 0, 0, 0, 40, 0) }, ReasonHandshake},
		{"inside a length", func(t *testing.T, c net.Conn) { streamTo(t, c); send(t, c, 0, 0) }, ReasonCut},
		{"inside a frame", func(t *testing.T, c net.Conn) { streamTo(t, c); send(t, c, 0, 0, 0, 9, 1) }, ReasonCut},
		{"inside a control frame", func(t *testing.T, c net.Conn) { streamTo(t, c); send(t, c, 0, 0, 0, 0, 0, 0) }, ReasonHandshake},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _, ended := piped(t)
				begin := time.Now()
				test.begin(t, c)
				if why, after := <-ended, time.Since(begin); why != test.why || after != patience {
					t.Errorf("refused %q after %s, want %q after %s", why, after, test.why, patience)
				}
			})
		})
	}
}

// TestSilenceBetweenFrames: a resolver that nobody asks anything stays.
func TestSilenceBetweenFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, m, ended := piped(t)
		w := streamTo(t, c)
		for range 3 {
			write(t, w, answered(t))
			time.Sleep(24 * time.Hour)
		}
		_ = c.Close()
		if why := <-ended; why != "" {
			t.Errorf("refused %q", why)
		}
		if m.answers != 3 {
			t.Errorf("%d answers", m.answers)
		}
	})
}

func send(t *testing.T, c net.Conn, b ...byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestConnectionCap(t *testing.T) {
	s, m := open(t, Config{Listen: "127.0.0.1:0"})
	first := dial(t, s)
	for range maxConnections - 1 {
		dial(t, s)
	}
	m.until(t, "all connections", func() bool { return m.connections == maxConnections })
	closes(t, dial(t, s))
	m.until(t, "refusal", func() bool { return m.refused[ReasonConnections] == 1 })
	_ = first.Close() // makes room for another
	m.until(t, "room", func() bool { return m.connections == maxConnections-1 })
	write(t, streamTo(t, dial(t, s)), answered(t))
	m.until(t, "answer", func() bool { return m.answers == 1 })
}

// TestOtherProtocols: frame streams of something else, and a stream that ends as none may.
func TestOtherProtocols(t *testing.T) {
	s, m := open(t, Config{Listen: "127.0.0.1:0"})
	refused := 0
	for _, control := range []framestream.ControlFrame{
		{ControlType: framestream.CONTROL_READY, ContentTypes: [][]byte{[]byte("protobuf:other")}},
		{ControlType: framestream.CONTROL_START, ContentTypes: [][]byte{[]byte("protobuf:other")}},
		{ControlType: framestream.CONTROL_FINISH},
	} {
		c := dial(t, s)
		if err := control.Encode(c); err != nil {
			t.Fatal(err)
		}
		refused++
		m.until(t, "refusal", func() bool { return m.refused[ReasonHandshake] == refused })
		closes(t, c)
	}
	c := dial(t, s)
	streamTo(t, c)
	send(t, c, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2) // a second START
	m.until(t, "refusal", func() bool { return m.refused[ReasonHandshake] == refused+1 })
	c = dial(t, s)
	streamTo(t, c)
	if _, err := c.Write(binary.BigEndian.AppendUint32(nil, maxFrame+1)); err != nil {
		t.Fatal(err)
	}
	m.until(t, "refusal", func() bool { return m.refused[ReasonTooLarge] == 1 })
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"}) // of a process that was killed
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	s, m := open(t, Config{UnixSocket: path, Allowed: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != socketMode {
		t.Errorf("%v %v", info, err)
	}
	write(t, streamTo(t, dial(t, s)), answered(t))
	m.until(t, "answer", func() bool { return m.answers == 1 })

	start := func(c Config) error {
		c.Keep = kept
		s, err := Start(context.Background(), c, names.New(1, kept), newTold(), slog.New(slog.DiscardHandler))
		if err == nil {
			s.Close()
		}
		return err
	}
	if err := start(Config{UnixSocket: path}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server: %v", err)
	}
	write(t, streamTo(t, dial(t, s)), answered(t)) // the first has its socket still
	m.until(t, "answer", func() bool { return m.answers == 2 })
	s.Close()
	s.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(Config{UnixSocket: path}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file has %q: %v", b, err)
	}
	if err := start(Config{UnixSocket: filepath.Join(path, "tap")}); err == nil {
		t.Error("a socket in a file")
	}
	// What was opened before a fault is closed.
	if err := start(Config{UnixSocket: path + "2", Listen: "127.0.0.1:99999"}); err == nil {
		t.Error("a port that there is not")
	}
	if _, err := os.Stat(path + "2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}
