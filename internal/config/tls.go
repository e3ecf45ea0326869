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
	CA       string `yaml:"ca" doc:"The authority's certificate itself, as PEM text, instead of ca_file."`
	Cert     string `yaml:"cert" doc:"Our own certificate itself, as PEM text, instead of cert_file."`
	Key      Secret `yaml:"key" doc:"Our own certificate's key itself, as PEM text, instead of key_file."`
	// ServerName is the name that the peer's certificate must have.
	ServerName string `yaml:"server_name" doc:"Name that the peer's certificate must have; empty: the host of its address."`
}

// Validate reports every fault that shows without reading a file.
func (t TLS) Validate() error {
	var errs []error
	for _, both := range []struct{ name, file, text string }{{"ca", t.CAFile, t.CA}, {"cert", t.CertFile, t.Cert}, {"key", t.KeyFile, t.Key.Reveal()}} {
		if both.file != "" && both.text != "" {
			errs = append(errs, fmt.Errorf("%[1]s and %[1]s_file: only one of them can be given", both.name))
		}
	}
	if (t.CertFile != "" || t.Cert != "") != (t.KeyFile != "" || t.Key != "") {
		errs = append(errs, errors.New("a certificate needs its key, and a key its certificate"))
	}
	return errors.Join(errs...)
}

// Client returns the settings for a client, or nil if TLS is off.
func (t TLS) Client() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	ca, err := pem(t.CA, "ca_file", t.CAFile)
	if err != nil {
		return nil, err
	}
	if ca != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("the authority (%s) holds no certificate in PEM form", source("ca_file", t.CAFile))
		}
	}
	cert, err := pem(t.Cert, "cert_file", t.CertFile)
	if err != nil {
		return nil, err
	}
	key, err := pem(t.Key.Reveal(), "key_file", t.KeyFile)
	if err != nil {
		return nil, err
	}
	if cert != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("our own certificate (%s) and its key: %w", source("cert_file", t.CertFile), err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// pem is the text, or what the file holds; nil if neither is given.
func pem(text, setting, file string) ([]byte, error) {
	if file == "" {
		if text == "" {
			return nil, nil
		}
		return []byte(text), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", setting, err)
	}
	return b, nil
}

// source says where a certificate came from.
func source(setting, file string) string {
	if file == "" {
		return "as text"
	}
	return setting + " " + file
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
