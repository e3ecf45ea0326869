package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// TLS says how a connection to a peer is secured.
type TLS struct {
	Enabled  bool   `yaml:"enabled" doc:"Whether to use TLS. Needed for a peer that is not on this machine."`
	CAFile   string `yaml:"ca_file" doc:"PEM file of the authority that signed the peer's certificate; empty: the system's authorities."`
	CertFile string `yaml:"cert_file" doc:"PEM file of our own certificate; empty: none is shown."`
	KeyFile  string `yaml:"key_file" doc:"PEM file of our own certificate's key."`
}

// Client returns the settings for a client, or nil if TLS is off.
func (t TLS) Client() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load cert_file and key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// CheckPeer refuses a peer that is reached without TLS and is not on this machine, unless plaintext
// is explicitly allowed. The address is host:port.
func (t TLS) CheckPeer(address string, allowPlaintext bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q is not host:port", address)
	}
	if t.Enabled || allowPlaintext || IsLoopback(host) {
		return nil
	}
	return errors.New(address + " is not on this machine: set tls.enabled, or allow_plaintext if the network between is trusted")
}

// IsLoopback reports whether host names this machine's loopback.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
