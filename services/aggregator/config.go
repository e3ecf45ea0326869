package aggregator

import (
	"errors"
	"fmt"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
)

// Config is what a user sets.
type Config struct {
	Group             string               `yaml:"group" doc:"Consumer group; processes with the same group share the partitions."`
	InsertMaxRows     int                  `yaml:"insert_max_rows" doc:"Rows after which an insert is made."`
	InsertMaxAge      time.Duration        `yaml:"insert_max_age" doc:"Time after its first message at which an insert is made, whatever its size; how old the newest figures are at most, about."`
	InsertConnections int                  `yaml:"insert_connections" doc:"Most inserts at the same time; partitions wait for each other beyond it."`
	InsertTimeout     time.Duration        `yaml:"insert_timeout" doc:"Longest time one try of an insert may take before its connection counts as dead and it is tried again."`
	InsertAttempts    int                  `yaml:"insert_attempts" doc:"Tries after which rows that the server itself refuses go to the dead-letter topic; a server that is gone or overloaded is waited for without end."`
	MaxFlowAge        time.Duration        `yaml:"max_flow_age" doc:"Flows that began longer before their arrival are counted at their arrival: their exporter's clock is wrong."`
	MaxFlowAhead      time.Duration        `yaml:"max_flow_ahead" doc:"Flows that began longer after their arrival are counted at their arrival: their exporter's clock is wrong."`
	PolicyPath        string               `yaml:"policy_path" doc:"Policy that the enricher judges by: its words are kept in the table policies, beside the verdicts. Empty: that of enricher.policy_path."`
	Retention         clickhouse.Retention `yaml:"retention"`
}

// DefaultConfig makes one insert a second and partition at most.
func DefaultConfig() Config {
	return Config{
		Group:             "aggregator",
		InsertMaxRows:     200_000,
		InsertMaxAge:      time.Second,
		InsertConnections: 2,
		InsertTimeout:     3 * time.Minute,
		InsertAttempts:    10,
		MaxFlowAge:        400 * 24 * time.Hour,
		MaxFlowAhead:      24 * time.Hour,
		Retention:         clickhouse.DefaultRetention(),
	}
}

// The server's settings keep blocks of up to this many rows whole; one batch may come on top.
const maxInsertRows = 900_000

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Group == "" {
		bad("group", "must not be empty")
	}
	if c.InsertMaxRows < 1 || c.InsertMaxRows > maxInsertRows {
		bad("insert_max_rows", "%d is not in 1 to %d", c.InsertMaxRows, maxInsertRows)
	}
	if c.InsertMaxAge < 10*time.Millisecond || c.InsertMaxAge > time.Minute {
		bad("insert_max_age", "%s is not in 10ms to 1m", c.InsertMaxAge)
	}
	if c.InsertConnections < 1 || c.InsertConnections > 64 {
		bad("insert_connections", "%d is not in 1 to 64", c.InsertConnections)
	}
	if c.InsertTimeout < time.Second {
		bad("insert_timeout", "%s is less than 1s", c.InsertTimeout)
	}
	if c.InsertAttempts < 1 {
		bad("insert_attempts", "%d is less than 1", c.InsertAttempts)
	}
	// The bounds keep the months that one insert touches few, and times within what a DateTime holds.
	const year = 366 * 24 * time.Hour
	if c.MaxFlowAge < time.Hour || c.MaxFlowAge > 10*year {
		bad("max_flow_age", "%s is not in 1h to 10 years", c.MaxFlowAge)
	}
	if c.MaxFlowAhead < 0 || c.MaxFlowAhead > year {
		bad("max_flow_ahead", "%s is not in 0 to 1 year", c.MaxFlowAhead)
	}
	if err := c.Retention.Validate(); err != nil {
		errs = append(errs, prefixed("retention.", err)...)
	}
	return errors.Join(errs...)
}

func prefixed(prefix string, err error) []error {
	faults := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		faults = many.Unwrap()
	}
	for i, e := range faults {
		faults[i] = fmt.Errorf("%s%w", prefix, e)
	}
	return faults
}
