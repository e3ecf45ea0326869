package collector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/dnstap"
	"github.com/landfall-telemetry/landfall/services/collector/internal/names"
)

// DNSTap says where resolvers report what they answered their clients. With neither a socket nor an
// address there is no such source.
type DNSTap struct {
	UnixSocket     string        `yaml:"unix_socket" doc:"Path of a socket (mode 0660) to which a resolver on this machine sends dnstap; empty: none."`
	Listen         string        `yaml:"listen" doc:"Address (host:port) on which dnstap is received over TCP; empty: none. One that is not loopback needs allowed_senders, and a certificate or allow_plaintext."`
	AllowedSenders []string      `yaml:"allowed_senders" doc:"Prefixes or addresses of the resolvers that dnstap is taken from over TCP; empty, on loopback only: every sender."`
	CertFile       string        `yaml:"cert_file" doc:"PEM file of the certificate to receive dnstap over TLS with; empty: TCP without TLS."`
	KeyFile        string        `yaml:"key_file" doc:"PEM file of that certificate's key."`
	AllowPlaintext bool          `yaml:"allow_plaintext" doc:"Whether dnstap, which says who looked up what, may come from other machines without TLS."`
	MaxEntries     int           `yaml:"max_entries" doc:"Answers (client, address and name) that are kept; the oldest make room for new ones. A million take about 90 MB."`
	Keep           time.Duration `yaml:"keep" doc:"How long after a client's last answer a flow may begin and get its name."`
}

func (d DNSTap) enabled() bool { return d.UnixSocket != "" || d.Listen != "" }

func (d DNSTap) faults() []error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(d.UnixSocket) > 100 {
		fault("unix_socket: longer than 100 bytes, which a socket's path may not be")
	}
	if (d.CertFile == "") != (d.KeyFile == "") {
		fault("cert_file and key_file: one is set without the other")
	}
	if d.Listen != "" {
		host, _, err := net.SplitHostPort(d.Listen)
		switch {
		case err != nil:
			fault("listen: %q is not host:port", d.Listen)
		case config.IsLoopback(host):
		case len(d.AllowedSenders) == 0:
			fault("listen: %s is reached from other machines: set allowed_senders", d.Listen)
		case d.CertFile == "" && !d.AllowPlaintext:
			fault("listen: %s is reached from other machines: set cert_file and key_file, or allow_plaintext if the network between is trusted", d.Listen)
		}
	}
	if _, err := prefixes("allowed_senders", d.AllowedSenders); err != nil {
		errs = append(errs, err)
	}
	if d.MaxEntries < 1 || d.MaxEntries > 100_000_000 {
		fault("max_entries: %d is not in 1 to 100000000", d.MaxEntries)
	}
	if d.Keep < time.Minute || d.Keep > 7*24*time.Hour {
		fault("keep: %s is not in 1m to 168h", d.Keep)
	}
	return errs
}

// startNames opens the source of names, if there is one.
func (s *Service) startNames(ctx context.Context) error {
	d := s.config.DNSTap
	if !d.enabled() {
		return nil
	}
	allowed, err := prefixes("allowed_senders", d.AllowedSenders)
	if err != nil {
		return err
	}
	c := dnstap.Config{UnixSocket: d.UnixSocket, Listen: d.Listen, Allowed: allowed, Keep: d.Keep}
	if d.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(d.CertFile, d.KeyFile)
		if err != nil {
			return errors.Join(errors.New("load cert_file and key_file"), err)
		}
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	table := names.New(d.MaxEntries, d.Keep)
	s.dnstap, err = dnstap.Start(ctx, c, table, dnsMetrics{s.metrics}, s.log)
	if err == nil {
		s.names = table
	}
	return err
}

// nameFlows gives the flows without a name the one that their client asked a resolver for.
func (s *Service) nameFlows(b *flow.Batch) {
	if s.names == nil {
		return
	}
	j := s.names.Join(b)
	s.metrics.dnsNamed.Add(float64(j.Named))
	s.metrics.dnsAmbiguous.Add(float64(j.Ambiguous))
	s.metrics.dnsNone.Add(float64(j.None))
}

// dnsMetrics is dnstap.Metrics.
type dnsMetrics struct{ m *metrics }

func (d dnsMetrics) Message()                  { d.m.dnsMessages.Inc() }
func (d dnsMetrics) Answers(n int)             { d.m.dnsAnswers.Add(float64(n)) }
func (d dnsMetrics) Refused(why dnstap.Reason) { d.m.dnsRefused.WithLabelValues(string(why)).Inc() }
func (d dnsMetrics) Connections(change int)    { d.m.dnsConnections.Add(float64(change)) }
func (d dnsMetrics) Entries(n int)             { d.m.dnsEntries.Set(float64(n)) }
