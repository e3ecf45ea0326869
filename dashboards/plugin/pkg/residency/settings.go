package residency

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// Settings are the data source's jsonData. Passwords and keys lie in secureJsonData.
type Settings struct {
	Address           string   `json:"address"`           // host:port
	Protocol          string   `json:"protocol"`          // native (default) or http
	Database          string   `json:"database"`          // empty: landfall
	User              string   `json:"user"`              // one that may only read; empty: landfall_reader
	TLS               bool     `json:"tls"`               // over TLS, for http that is https
	TLSAuth           bool     `json:"tlsAuth"`           // with a client certificate: secure tlsClientCert and tlsClientKey
	TLSAuthWithCACert bool     `json:"tlsAuthWithCACert"` // against the authority in secure tlsCACert, not the system's
	ServerName        string   `json:"serverName"`        // that the certificate must have; empty: the address's host
	AllowPlaintext    bool     `json:"allowPlaintext"`    // without TLS to another machine
	TimeoutSeconds    int      `json:"timeoutSeconds"`    // for one statement; 0: 30
	MaxConnections    int      `json:"maxConnections"`    // 0: 10
	MaxRows           int      `json:"maxRows"`           // of an answer; 0: query.MaxRows
	MaxBytesRead      uint64   `json:"maxBytesRead"`      // by one statement, uncompressed; 0: 50 GB
	Operators         []string `json:"operators"`         // whose rows are shown; empty: of all
	Sites             []string `json:"sites"`             // likewise
	MinHandsets       int      `json:"minHandsets"`       // figures of fewer handsets are withheld; 0: none
	CompletenessBound *float64 `json:"completenessBound"` // share below which an answer warns; absent: 0.99
	FreshnessMinutes  int      `json:"freshnessMinutes"`  // age of the newest data above which health warns; 0: 15
}

// Bounds of the settings.
const (
	mostSeconds     = 600
	mostConnections = 200
	mostRows        = 1_000_000
	mostNames       = 1000
	defaultBound    = 0.99
)

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// connection is what the settings come to.
type connection struct {
	Settings
	clickhouse clickhouse.Config
	options    query.Options
	bound      float64
	timeout    time.Duration
}

// readSettings returns what a data source is to do, or all that is wrong with its settings.
func readSettings(from backend.DataSourceInstanceSettings) (connection, error) {
	var s Settings
	if len(from.JSONData) > 0 {
		if err := json.Unmarshal(from.JSONData, &s); err != nil {
			return connection{}, fmt.Errorf("settings of the data source: %w", err)
		}
	}
	s.fill()
	secret := from.DecryptedSecureJSONData
	errs := []error{s.check(secret)}
	c := clickhouse.DefaultConfig()
	c.Addresses, c.Protocol, c.Database, c.User = []string{s.Address}, s.Protocol, s.Database, s.User
	c.Password, c.MaxConnections, c.AllowPlaintext = config.Secret(secret["password"]), s.MaxConnections, s.AllowPlaintext
	timeout := time.Duration(s.TimeoutSeconds) * time.Second
	// The server is to say that the time is over, before the connection counts as dead.
	c.ReadTimeout = timeout + grace
	c.TLS = config.TLS{Enabled: s.TLS, ServerName: s.ServerName}
	if s.TLSAuthWithCACert {
		c.TLS.CA = secret["tlsCACert"]
	}
	if s.TLSAuth {
		c.TLS.Cert, c.TLS.Key = secret["tlsClientCert"], config.Secret(secret["tlsClientKey"])
	}
	if _, err := c.TLS.Client(); err != nil && errs[0] == nil {
		errs = append(errs, fmt.Errorf("tls: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return connection{}, fmt.Errorf("settings of the data source: %w", err)
	}
	return connection{
		Settings: s, clickhouse: c, bound: *s.CompletenessBound, timeout: timeout,
		options: query.Options{
			Scope: query.Scope{Operators: s.Operators, Sites: s.Sites},
			Caps:  query.Caps{Seconds: s.TimeoutSeconds, BytesToRead: s.MaxBytesRead, Rows: s.MaxRows},
		},
	}, nil
}

func (s *Settings) fill() {
	c := clickhouse.DefaultConfig()
	fill(&s.Address, c.Addresses[0])
	fill(&s.Protocol, c.Protocol)
	fill(&s.Database, c.Database)
	fill(&s.User, "landfall_reader")
	fill(&s.TimeoutSeconds, 30)
	fill(&s.MaxConnections, c.MaxConnections)
	fill(&s.MaxRows, query.MaxRows)
	fill(&s.FreshnessMinutes, 15)
	if s.CompletenessBound == nil {
		bound := defaultBound
		s.CompletenessBound = &bound
	}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports every fault, by the names that the editor and provisioning have.
func (s *Settings) check(secret map[string]string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	host, port, err := net.SplitHostPort(s.Address)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || host == "" || numberErr != nil || number == 0:
		bad("address: %q is not host:port", s.Address)
	case !s.TLS && !s.AllowPlaintext && !config.IsLoopback(host):
		bad("address: %s is not on Grafana's machine: set tls, or allowPlaintext if the network between is trusted", s.Address)
	}
	if s.Protocol != clickhouse.ProtocolNative && s.Protocol != clickhouse.ProtocolHTTP {
		bad("protocol: %q is not native or http", s.Protocol)
	}
	if !namePattern.MatchString(s.Database) {
		bad("database: %q is not a name (letters, digits and _, at most 64)", s.Database)
	}
	if !s.TLS && (s.TLSAuth || s.TLSAuthWithCACert || s.ServerName != "") {
		bad("tls is off: tlsAuth, tlsAuthWithCACert and serverName need it")
	}
	if s.TLSAuth && (secret["tlsClientCert"] == "" || secret["tlsClientKey"] == "") {
		bad("tlsAuth: tlsClientCert and tlsClientKey are both needed")
	}
	if s.TLSAuthWithCACert && secret["tlsCACert"] == "" {
		bad("tlsAuthWithCACert: tlsCACert is missing")
	}
	between := func(name string, value, least, most int) {
		if value < least || value > most {
			bad("%s: %d is not from %d to %d", name, value, least, most)
		}
	}
	between("timeoutSeconds", s.TimeoutSeconds, 1, mostSeconds)
	between("maxConnections", s.MaxConnections, 1, mostConnections)
	between("maxRows", s.MaxRows, 1, mostRows)
	between("minHandsets", s.MinHandsets, 0, 1_000_000)
	between("freshnessMinutes", s.FreshnessMinutes, 1, 366*24*60)
	if b := *s.CompletenessBound; !(b >= 0 && b <= 1) {
		bad("completenessBound: %v is not from 0 to 1", b)
	}
	for name, list := range map[string][]string{"operators": s.Operators, "sites": s.Sites} {
		if len(list) > mostNames {
			bad("%s: %d names, at most %d are taken", name, len(list), mostNames)
		}
		if slices.Contains(list, "") {
			bad("%s: a name is empty", name)
		}
	}
	return errors.Join(errs...)
}
