package clickhouse

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// Config says where the engine is, where its data go and who may log in.
type Config struct {
	Library       string        `yaml:"library" doc:"Path of the engine's shared library (libchdb.so); landfall data update fetches it."`
	Dir           string        `yaml:"dir" doc:"Folder for the engine's data and its generated settings; made when absent."`
	Listen        string        `yaml:"listen" doc:"Loopback address of both listeners; there is no TLS, so no other address is accepted."`
	NativePort    int           `yaml:"native_port" doc:"TCP port of the native protocol; 0 chooses a free one."`
	HTTPPort      int           `yaml:"http_port" doc:"TCP port of the HTTP interface; 0 chooses a free one."`
	MaxMemory     int64         `yaml:"max_memory" doc:"Most memory the server may use, in bytes; a query that would go over it fails."`
	MaxThreads    int           `yaml:"max_threads" doc:"Most threads one query may use; 0 means one per core."`
	Database      string        `yaml:"database" doc:"Database that both users get their rights on; it is not created here."`
	ServiceUser   string        `yaml:"service_user" doc:"User of the services: all rights on the database, none on files or the network."`
	ReaderUser    string        `yaml:"reader_user" doc:"User of dashboards and ad-hoc queries: may only read the database."`
	LogLevel      string        `yaml:"log_level" doc:"The engine's own log level: none, fatal, critical, error, warning, information, debug or trace."`
	QueryLogDays  int           `yaml:"query_log_days" doc:"Days to keep the engine's query_log and part_log; 0 turns both off, which saves CPU."`
	StartTimeout  time.Duration `yaml:"start_timeout" doc:"Longest time one start of the engine may take until it answers."`
	StartAttempts int           `yaml:"start_attempts" doc:"Failed restarts in a row after which the engine counts as broken and landfall ends."`

	// The passwords come from whoever wires the parts together, never from
	// this section of a file. They are stored hashed, in a file only the owner
	// may read, and never logged.
	ServicePassword string `yaml:"-" doc:"Password of the service user; passed by the wiring."`
	ReaderPassword  string `yaml:"-" doc:"Password of the reader user; passed by the wiring."`
	// Users are further logins that may only read; passed by the wiring.
	Users []User `yaml:"-" doc:"Further logins that may only read; passed by the wiring."`
	// ExtraGrants are further GRANT statements for the service user, for tests
	// that make databases of their own.
	ExtraGrants []string `yaml:"-" doc:"Further GRANT statements for the service user; only for tests."`
}

// User is a login that may only read, and perhaps not every row.
type User struct {
	Name, Password string
	Rights         []string          // such as "SELECT ON landfall.flows"
	Filters        map[string]string // by table of the database: the condition, in SQL, on the rows that it sees
}

// DefaultConfig has everything but the passwords.
func DefaultConfig() Config {
	return Config{
		Library:       "data/engine/libchdb.so",
		Dir:           "data/clickhouse",
		Listen:        "127.0.0.1",
		MaxMemory:     2 << 30,
		Database:      "landfall",
		ServiceUser:   "landfall",
		ReaderUser:    "landfall_reader",
		LogLevel:      "warning",
		StartTimeout:  time.Minute,
		StartAttempts: 5,
	}
}

var (
	namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	logLevels   = []string{"none", "fatal", "critical", "error", "warning", "information", "debug", "trace"}
)

// minMemory is what the idle engine needs (about 250 MB) and one query's worth.
const minMemory = 512 << 20

// Validate reports every fault at once, each with the key it is about.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Library == "" {
		bad("library", "is empty")
	}
	if c.Dir == "" {
		bad("dir", "is empty")
	}
	if a, err := netip.ParseAddr(c.Listen); err != nil {
		bad("listen", "%q is not an IP address", c.Listen)
	} else if !a.IsLoopback() {
		bad("listen", "%s is not a loopback address", c.Listen)
	}
	port := func(key string, n int) {
		if n < 0 || n > 65535 {
			bad(key, "%d is not between 0 and 65535", n)
		}
	}
	port("native_port", c.NativePort)
	port("http_port", c.HTTPPort)
	if c.NativePort != 0 && c.NativePort == c.HTTPPort {
		bad("http_port", "is the same as native_port (%d)", c.HTTPPort)
	}
	if c.MaxMemory < minMemory {
		bad("max_memory", "%d is less than %d bytes, which the engine needs", c.MaxMemory, minMemory)
	}
	if c.MaxThreads < 0 {
		bad("max_threads", "%d is negative", c.MaxThreads)
	}
	name := func(key, s string) {
		if !namePattern.MatchString(s) {
			bad(key, "%q is not a name (letters, digits and _, at most 64)", s)
		}
	}
	name("database", c.Database)
	name("service_user", c.ServiceUser)
	name("reader_user", c.ReaderUser)
	if c.ServiceUser == c.ReaderUser {
		bad("reader_user", "is the same as service_user")
	}
	if c.ServicePassword == "" {
		bad("service_password", "is empty")
	}
	if c.ReaderPassword == "" {
		bad("reader_password", "is empty")
	}
	names := map[string]bool{"default": true, c.ServiceUser: true, c.ReaderUser: true}
	for _, u := range c.Users {
		name("users", u.Name)
		if names[u.Name] {
			bad("users", "%s is the name of two", u.Name)
		}
		names[u.Name] = true
		if u.Password == "" {
			bad("users", "%s has no password", u.Name)
		}
	}
	if !slices.Contains(logLevels, c.LogLevel) {
		bad("log_level", "%q is none of %v", c.LogLevel, logLevels)
	}
	if c.QueryLogDays < 0 {
		bad("query_log_days", "%d is negative", c.QueryLogDays)
	}
	if c.StartTimeout <= 0 {
		bad("start_timeout", "%s is not positive", c.StartTimeout)
	}
	if c.StartAttempts < 1 {
		bad("start_attempts", "%d is less than 1", c.StartAttempts)
	}
	return errors.Join(errs...)
}
