package clickhouse

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/landfall-telemetry/landfall/internal/config"
)

// Config says where ClickHouse is and how to log in.
type Config struct {
	Addresses      []string      `yaml:"addresses" doc:"Addresses (host:port); the first that answers is used."`
	Protocol       string        `yaml:"protocol" doc:"Protocol that the addresses speak: native, or http (https with tls.enabled). Questions can be asked over both; the aggregator needs native."`
	Database       string        `yaml:"database" doc:"Database of Landfall's tables; the aggregator creates it."`
	Cluster        string        `yaml:"cluster" doc:"Name of the ClickHouse cluster that the tables are made on, replicated and distributed; empty: one server. The addresses are then the replicas of one shard. Only the statements are tested, not a cluster."`
	User           string        `yaml:"user" doc:"User name."`
	Password       config.Secret `yaml:"password" doc:"Password."`
	DialTimeout    time.Duration `yaml:"dial_timeout" doc:"Longest time one try to connect may take."`
	ReadTimeout    time.Duration `yaml:"read_timeout" doc:"Longest time without a word from the server before a connection counts as dead."`
	MaxConnections int           `yaml:"max_connections" doc:"Most connections of one process for queries."`
	TLS            config.TLS    `yaml:"tls"`
	AllowPlaintext bool          `yaml:"allow_plaintext" doc:"Whether servers on other machines may be used without TLS."`
}

// The protocols that a server speaks, each on a port of its own.
const (
	ProtocolNative = "native"
	ProtocolHTTP   = "http"
)

// DefaultConfig suits a server on this machine.
func DefaultConfig() Config {
	return Config{
		Addresses:      []string{"127.0.0.1:9000"},
		Protocol:       ProtocolNative,
		Database:       "landfall",
		User:           "landfall",
		DialTimeout:    5 * time.Second,
		ReadTimeout:    time.Minute,
		MaxConnections: 10,
	}
}

// A name that needs no quoting; it stands in DDL, where there are no parameters.
var databasePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	if len(c.Addresses) == 0 {
		errs = append(errs, errors.New("addresses: at least one is needed"))
	}
	for _, a := range c.Addresses {
		if err := c.TLS.CheckPeer(a, c.AllowPlaintext); err != nil {
			errs = append(errs, fmt.Errorf("addresses: %w", err))
		}
	}
	if c.Protocol != ProtocolNative && c.Protocol != ProtocolHTTP {
		errs = append(errs, fmt.Errorf("protocol: %q is not native or http", c.Protocol))
	}
	if err := c.TLS.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("tls: %w", err))
	}
	if !databasePattern.MatchString(c.Database) {
		errs = append(errs, fmt.Errorf("database: %q is not a name (letters, digits and _, at most 64)", c.Database))
	}
	if c.Cluster != "" && !databasePattern.MatchString(c.Cluster) {
		errs = append(errs, fmt.Errorf("cluster: %q is not a name (letters, digits and _, at most 64)", c.Cluster))
	}
	if c.User == "" {
		errs = append(errs, errors.New("user: must not be empty"))
	}
	if c.DialTimeout <= 0 {
		errs = append(errs, fmt.Errorf("dial_timeout: %s is not positive", c.DialTimeout))
	}
	if c.ReadTimeout <= 0 {
		errs = append(errs, fmt.Errorf("read_timeout: %s is not positive", c.ReadTimeout))
	}
	if c.MaxConnections < 1 {
		errs = append(errs, fmt.Errorf("max_connections: %d is less than 1", c.MaxConnections))
	}
	return errors.Join(errs...)
}

// LogValue keeps the log short and free of secrets.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("addresses", c.Addresses), slog.String("database", c.Database), slog.String("user", c.User))
}

func (c Config) options(tls *tls.Config, database string) *clickhousego.Options {
	o := &clickhousego.Options{
		Addr:         c.Addresses,
		Auth:         clickhousego.Auth{Database: database, Username: c.User, Password: c.Password.Reveal()},
		TLS:          tls,
		DialTimeout:  c.DialTimeout,
		ReadTimeout:  c.ReadTimeout,
		MaxOpenConns: c.MaxConnections,
		MaxIdleConns: c.MaxConnections,
		Compression:  &clickhousego.Compression{Method: clickhousego.CompressionLZ4},
	}
	if c.Protocol == ProtocolHTTP {
		o.Protocol = clickhousego.HTTP
		// Over HTTP nothing tells the server that nobody waits any more, unless it looks; which it does for
		// what may only read.
		o.Settings = clickhousego.Settings{"cancel_http_readonly_queries_on_client_close": 1}
		// A proxy that the environment names is for the way out, not for a database.
		o.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) {
			t.Proxy = nil
			return t, nil
		}
	}
	return o
}
