package collector

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/dns/dnsmessage"
	"google.golang.org/protobuf/proto"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// tapped is a dnstap message: 10.0.0.1 asked for name, an alias of which is 203.0.113.7.
func tapped(t *testing.T, name string) []byte {
	t.Helper()
	asked, alias := dnsmessage.MustNewName(name), dnsmessage.MustNewName("edge.cdn.example.")
	header := func(n dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET, TTL: 60}
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{Response: true},
		Questions: []dnsmessage.Question{{Name: asked, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{
			{Header: header(asked), Body: &dnsmessage.CNAMEResource{CNAME: alias}},
			{Header: header(alias), Body: &dnsmessage.AResource{A: [4]byte{203, 0, 113, 7}}},
			{Header: header(dnsmessage.MustNewName("other.example.")), Body: &dnsmessage.AResource{A: [4]byte{203, 0, 113, 8}}},
		},
	}
	response, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	frame, err := proto.Marshal(&tap.Dnstap{Type: tap.Dnstap_MESSAGE.Enum(), Message: &tap.Message{
		Type: tap.Message_CLIENT_RESPONSE.Enum(), QueryAddress: []byte{10, 0, 0, 1},
		ResponseTimeSec: proto.Uint64(uint64(time.Now().Add(-time.Second).Unix())), ResponseMessage: response,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// resolver is a frame stream to the collector.
func resolver(t *testing.T, a net.Addr, bidirectional bool) (*framestream.Writer, net.Conn) {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	w, err := framestream.NewWriter(c, &framestream.WriterOptions{ContentTypes: [][]byte{tap.FSContentType}, Bidirectional: bidirectional, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

func TestFlowsGetTheNamesThatWereAskedFor(t *testing.T) {
	config := testConfig(t)
	config.DNSTap.UnixSocket, config.DNSTap.Listen = filepath.Join(t.TempDir(), "tap"), "127.0.0.1:0"
	r := start(t, config, busConfig(kafkatest.Start(t)), nil)
	next, sent := uint64(1), 0
	send := func(w *framestream.Writer, frame []byte) {
		t.Helper()
		if _, err := w.WriteFrame(frame); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		sent++
		until(t, "the message", func() bool { return r.metric("dns_messages_total", nil) == float64(sent) })
	}
	refused := func(reason string, n float64) {
		t.Helper()
		until(t, reason, func() bool { return r.metric("dns_refused_total", map[string]string{"reason": reason}) == n })
	}
	addresses := r.s.dnstap.Addresses()
	unix, _ := resolver(t, addresses[0], true)
	send(unix, tapped(t, "WWW.Example."))
	r.send(1, 1, &next)
	until(t, "a named flow", func() bool { return r.metric("dns_joined_flows_total", map[string]string{"result": "named"}) == 1 })
	if err := unix.Close(); err != nil { // the handshake to the end
		t.Error(err)
	}
	tcp, conn := resolver(t, addresses[1], false) // a resolver that starts anew, and only talks
	send(tcp, bytes.Repeat([]byte{0xff}, 1<<16))
	refused("malformed", 1)
	send(tcp, tapped(t, "api.example."))
	until(t, "two answers", func() bool { return r.metric("dns_answers_total", nil) == 2 })
	r.send(1, 1, &next)
	until(t, "an ambiguous flow", func() bool { return r.metric("dns_joined_flows_total", map[string]string{"result": "ambiguous"}) == 1 })
	if _, err := conn.Write([]byte{0, 0, 1, 0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	refused("frame_cut", 1)
	_, large := resolver(t, addresses[1], true)
	_, _ = large.Write([]byte{0xff, 0xff, 0xff, 0xff})
	refused("frame_too_large", 1)
	garbage, err := net.Dial("tcp", addresses[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	_, _ = garbage.Write(bytes.Repeat([]byte{0xaa}, 1<<16))
	refused("handshake", 1)
	stalled, _ := resolver(t, addresses[1], true) // and is there when the collector stops
	_ = stalled
	got := r.readAll(2)
	for i, want := range []struct {
		name   string
		source landfallv1.DomainSource
	}{{"www.example", landfallv1.DomainSource_DOMAIN_SOURCE_DNS}, {"api.example", landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS}} {
		for _, f := range got.flows {
			if f.Octets == uint64(i+1) && (f.DomainName != want.name || f.DomainSource != want.source) {
				t.Errorf("flow %d: %q by %s", f.Octets, f.DomainName, f.DomainSource)
			}
		}
	}
	if n := r.metric("dns_entries", nil); n != 2 {
		t.Errorf("%v entries", n)
	}
}

func TestDNSTapConfig(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*DNSTap)
		want   string // of the fault; empty: taken
	}{
		{"none", func(*DNSTap) {}, ""},
		{"a socket", func(d *DNSTap) { d.UnixSocket = "/run/landfall/tap" }, ""},
		{"a long path", func(d *DNSTap) { d.UnixSocket = "/" + strings.Repeat("x", 100) }, "dnstap.unix_socket: longer"},
		{"loopback", func(d *DNSTap) { d.Listen = "127.0.0.1:6000" }, ""},
		{"loopback of IPv6", func(d *DNSTap) { d.Listen = "[::1]:6000" }, ""},
		{"no port", func(d *DNSTap) { d.Listen = "127.0.0.1" }, "dnstap.listen: \"127.0.0.1\" is not host:port"},
		{"everybody", func(d *DNSTap) { d.Listen, d.AllowPlaintext = ":6000", true }, "set allowed_senders"},
		{"plaintext", func(d *DNSTap) { d.Listen, d.AllowedSenders = "192.0.2.1:6000", []string{"192.0.2.0/24"} }, "set cert_file and key_file, or allow_plaintext"},
		{"plaintext on purpose", func(d *DNSTap) {
			d.Listen, d.AllowedSenders, d.AllowPlaintext = "192.0.2.1:6000", []string{"192.0.2.0/24"}, true
		}, ""},
		{"TLS", func(d *DNSTap) {
			d.Listen, d.AllowedSenders, d.CertFile, d.KeyFile = "192.0.2.1:6000", []string{"192.0.2.5", "2001:db8::/64"}, "cert.pem", "key.pem"
		}, ""},
		{"a certificate without key", func(d *DNSTap) { d.CertFile = "cert.pem" }, "one is set without the other"},
		{"a key without certificate", func(d *DNSTap) { d.KeyFile = "key.pem" }, "one is set without the other"},
		{"no prefix", func(d *DNSTap) { d.AllowedSenders = []string{"192.0.2.0/24", "resolver.example"} }, "dnstap.allowed_senders[1]: \"resolver.example\""},
		{"no entries", func(d *DNSTap) { d.MaxEntries = 0 }, "dnstap.max_entries: 0"},
		{"too many entries", func(d *DNSTap) { d.MaxEntries = 100_000_001 }, "dnstap.max_entries: 100000001"},
		{"kept too short", func(d *DNSTap) { d.Keep = time.Minute - 1 }, "dnstap.keep: 59.9"},
		{"kept too long", func(d *DNSTap) { d.Keep = 169 * time.Hour }, "dnstap.keep: 169h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := DefaultConfig()
			test.change(&c.DNSTap)
			err := c.Validate()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestDNSTapThatCannotStart: the fault names the setting, and nothing is left open.
func TestDNSTapThatCannotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := bus.New(busConfig("127.0.0.1:1"), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, change := range map[string]func(*DNSTap){
		"cert_file":   func(d *DNSTap) { d.Listen, d.CertFile, d.KeyFile = "127.0.0.1:0", file, file },
		"unix_socket": func(d *DNSTap) { d.UnixSocket = file },
		"listen":      func(d *DNSTap) { d.UnixSocket, d.Listen = file+".sock", "127.0.0.1:99999" },
	} {
		config := testConfig(t)
		change(&config.DNSTap)
		s, err := New(config, client, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "collector.dnstap: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(file + ".sock"); err == nil {
		t.Error("a socket is left")
	}
}
