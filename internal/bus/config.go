// Package bus reads and writes Kafka: one acknowledged message at a time into a chosen partition,
// and each assigned partition in order, with commits that carry metadata and are fenced by the
// group's generation.
//
// It knows nothing of what the messages mean. Exactly-once is made above it from the identity that
// messages carry (docs/decisions/0002-exactly-once.md).
package bus

import (
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/landfall-telemetry/landfall/internal/config"
)

// The topics, without the prefix.
const (
	TopicFlows      = "flows"
	TopicSessions   = "sessions"
	TopicEnriched   = "enriched"
	TopicDeadLetter = "deadletter"
)

// MaxMessageBytes is the largest message that the topics take, compressed.
const MaxMessageBytes = 8 << 20

// Config is what a user sets.
type Config struct {
	Brokers           []string      `yaml:"brokers" doc:"Addresses (host:port) of Kafka brokers to begin with."`
	TopicPrefix       string        `yaml:"topic_prefix" doc:"What the topics' and consumer groups' names begin with."`
	Partitions        int           `yaml:"partitions" doc:"Partitions of the topics that Landfall creates: the most enrichers or aggregators that can share the work."`
	ReplicationFactor int           `yaml:"replication_factor" doc:"Copies of each partition of the topics that Landfall creates."`
	Retention         time.Duration `yaml:"retention" doc:"How long Kafka keeps messages of the topics that Landfall creates."`
	Compression       string        `yaml:"compression" doc:"How messages are compressed: none, lz4, snappy, zstd or gzip."`
	SessionTimeout    time.Duration `yaml:"session_timeout" doc:"After how long without a heartbeat a consumer's partitions go to another."`
	TLS               config.TLS    `yaml:"tls"`
	SASL              SASL          `yaml:"sasl"`
	AllowPlaintext    bool          `yaml:"allow_plaintext" doc:"Whether brokers on other machines may be used without TLS."`
}

// SASL is how a client authenticates itself to the brokers.
type SASL struct {
	Mechanism string        `yaml:"mechanism" doc:"none, plain, scram-sha-256 or scram-sha-512."`
	User      string        `yaml:"user" doc:"User name."`
	Password  config.Secret `yaml:"password" doc:"Password."`
}

// DefaultConfig suits a broker on this machine.
func DefaultConfig() Config {
	return Config{
		Brokers:           []string{"127.0.0.1:9092"},
		TopicPrefix:       "landfall",
		Partitions:        4,
		ReplicationFactor: 1,
		Retention:         72 * time.Hour,
		Compression:       "lz4",
		SessionTimeout:    10 * time.Second,
		SASL:              SASL{Mechanism: "none"},
	}
}

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: at least one is needed"))
	}
	for _, b := range c.Brokers {
		if err := c.TLS.CheckPeer(b, c.AllowPlaintext); err != nil {
			errs = append(errs, fmt.Errorf("brokers: %w", err))
		}
	}
	if c.TopicPrefix == "" {
		errs = append(errs, errors.New("topic_prefix: must not be empty"))
	}
	if c.Partitions < 1 || c.Partitions > 1024 {
		errs = append(errs, fmt.Errorf("partitions: %d is not in 1 to 1024", c.Partitions))
	}
	if c.ReplicationFactor < 1 {
		errs = append(errs, fmt.Errorf("replication_factor: %d is less than 1", c.ReplicationFactor))
	}
	if c.Retention < time.Hour {
		errs = append(errs, fmt.Errorf("retention: %s is less than an hour", c.Retention))
	}
	if c.SessionTimeout < time.Second || c.SessionTimeout > 5*time.Minute {
		errs = append(errs, fmt.Errorf("session_timeout: %s is not in 1s to 5m", c.SessionTimeout))
	}
	if _, err := c.compression(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.SASL.mechanism(); err != nil {
		errs = append(errs, fmt.Errorf("sasl.%w", err))
	}
	return errors.Join(errs...)
}

func (c Config) compression() (kafka.Compression, error) {
	switch c.Compression {
	case "none", "":
		return 0, nil
	case "gzip":
		return kafka.Gzip, nil
	case "snappy":
		return kafka.Snappy, nil
	case "lz4":
		return kafka.Lz4, nil
	case "zstd":
		return kafka.Zstd, nil
	}
	return 0, fmt.Errorf("compression: %q is not none, lz4, snappy, zstd or gzip", c.Compression)
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "none", "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: s.User, Password: s.Password.Reveal()}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, s.User, s.Password.Reveal())
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, s.User, s.Password.Reveal())
	}
	return nil, fmt.Errorf("mechanism: %q is not none, plain, scram-sha-256 or scram-sha-512", s.Mechanism)
}
