package reporter

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/config"
)

// Config is what a user sets.
type Config struct {
	Listen         string        `yaml:"listen" doc:"Address of the page and the API as host:port; an address that is not loopback needs tls or allow_plaintext."`
	TLS            ServerTLS     `yaml:"tls" doc:"Certificate of the page; without one it is served by plain HTTP."`
	AllowPlaintext bool          `yaml:"allow_plaintext" doc:"Whether plain HTTP is served on an address that other machines reach, as behind a proxy that ends TLS."`
	AllowedHosts   []string      `yaml:"allowed_hosts" doc:"Host names under which requests are answered; empty: the loopback names on a loopback address, any name on another."`
	Tenant         string        `yaml:"tenant" doc:"Show what this tenant of the configuration may see, with its login; empty: everything, with the reader's."`
	QueryTimeout   time.Duration `yaml:"query_timeout" doc:"Longest time for one question to ClickHouse."`
	MaxQueries     int           `yaml:"max_queries" doc:"Questions put to ClickHouse at the same time; more of them wait until query_timeout."`
}

// ServerTLS names the certificate that the page shows.
type ServerTLS struct {
	CertFile string `yaml:"cert_file" doc:"PEM file of the certificate; empty: plain HTTP."`
	KeyFile  string `yaml:"key_file" doc:"PEM file of the certificate's key."`
}

func (t ServerTLS) enabled() bool { return t.CertFile != "" && t.KeyFile != "" }

// DefaultConfig serves plain HTTP on loopback, port 8080.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8080", QueryTimeout: 20 * time.Second, MaxQueries: 4}
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var errs []error
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("tls: cert_file and key_file belong together; one of them is missing"))
	}
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("listen: %q is not host:port", c.Listen))
	case !config.IsLoopback(host) && !c.TLS.enabled() && !c.AllowPlaintext:
		errs = append(errs, fmt.Errorf("listen: %s is reached from other machines: set tls.cert_file and tls.key_file, or allow_plaintext if a proxy before it ends TLS", c.Listen))
	}
	for i, h := range c.AllowedHosts {
		if h == "" || strings.ContainsAny(h, "/ ") {
			errs = append(errs, fmt.Errorf("allowed_hosts[%d]: %q is not a host name", i, h))
		}
	}
	if c.QueryTimeout < 100*time.Millisecond || c.QueryTimeout > 10*time.Minute {
		errs = append(errs, fmt.Errorf("query_timeout: %s is not between 100ms and 10m", c.QueryTimeout))
	}
	if c.MaxQueries < 1 || c.MaxQueries > 1000 {
		errs = append(errs, fmt.Errorf("max_queries: %d is not between 1 and 1000", c.MaxQueries))
	}
	return errors.Join(errs...)
}

// hostAllowed reports whether a request may name the host (a Host header, with or without a port).
// On loopback only loopback's names are answered: a page elsewhere whose name is rebound to
// 127.0.0.1 must not read the answers.
func (c Config) hostAllowed(header string) bool {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	for _, h := range c.AllowedHosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	listen, _, _ := net.SplitHostPort(c.Listen)
	if config.IsLoopback(listen) {
		return config.IsLoopback(strings.ToLower(host))
	}
	return len(c.AllowedHosts) == 0
}
