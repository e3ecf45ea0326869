package broker

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config says where the broker listens and how much it keeps.
type Config struct {
	Listen          string        `yaml:"listen" doc:"Loopback address to listen on; there is neither login nor TLS, so no other address is accepted."`
	Port            int           `yaml:"port" doc:"TCP port of the Kafka protocol; 0 chooses a free one."`
	Dir             string        `yaml:"dir" doc:"Folder for topics, messages and committed offsets; made when absent."`
	SyncWrites      bool          `yaml:"sync_writes" doc:"Bring every batch to the disk before it is acknowledged, so that a power cut loses nothing; a killed process loses nothing either way."`
	MaxMessageBytes int           `yaml:"max_message_bytes" doc:"Largest batch of messages a producer may send, in bytes as sent."`
	SegmentBytes    int64         `yaml:"segment_bytes" doc:"Size of one log file in bytes; disk space is freed file by file."`
	RetainBytes     int64         `yaml:"retain_bytes" doc:"Bytes of a topic to keep although every consumer group has read them."`
	MaxTopicBytes   int64         `yaml:"max_topic_bytes" doc:"Most bytes of a topic, read or not; at this size new messages for it are refused until a consumer catches up."`
	GroupIdle       time.Duration `yaml:"group_idle" doc:"A consumer group without members that has committed nothing for this long no longer holds messages back."`
	TrimEvery       time.Duration `yaml:"trim_every" doc:"How often messages that are not needed any more are deleted."`
}

// DefaultConfig is made for one machine: a few topics, each of which may fall
// half a gigabyte behind.
func DefaultConfig() Config {
	return Config{
		Listen:          "127.0.0.1",
		Port:            9092,
		Dir:             "data/broker",
		SyncWrites:      true,
		MaxMessageBytes: 8 << 20,
		SegmentBytes:    16 << 20,
		RetainBytes:     64 << 20,
		MaxTopicBytes:   512 << 20,
		GroupIdle:       7 * 24 * time.Hour,
		TrimEvery:       5 * time.Second,
	}
}

// Validate reports every fault at once, each with the key it is about.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if a, err := netip.ParseAddr(c.Listen); err != nil {
		bad("listen", "%q is not an IP address", c.Listen)
	} else if !a.IsLoopback() {
		bad("listen", "%s is not a loopback address", c.Listen)
	}
	if c.Port < 0 || c.Port > 65535 {
		bad("port", "%d is not between 0 and 65535", c.Port)
	}
	if c.Dir == "" {
		bad("dir", "is empty")
	}
	if c.MaxMessageBytes < 1<<10 || c.MaxMessageBytes > maxRequest/2 {
		bad("max_message_bytes", "%d is not between 1 KiB and %d", c.MaxMessageBytes, maxRequest/2)
	}
	if c.SegmentBytes < 1<<10 {
		bad("segment_bytes", "%d is less than 1 KiB", c.SegmentBytes)
	}
	if c.RetainBytes < 0 {
		bad("retain_bytes", "%d is negative", c.RetainBytes)
	}
	if least := c.RetainBytes + int64(c.MaxMessageBytes); c.MaxTopicBytes < least {
		bad("max_topic_bytes", "%d is less than retain_bytes and one message together (%d)", c.MaxTopicBytes, least)
	}
	if c.GroupIdle <= 0 {
		bad("group_idle", "%s is not positive", c.GroupIdle)
	}
	if c.TrimEvery <= 0 {
		bad("trim_every", "%s is not positive", c.TrimEvery)
	}
	return errors.Join(errs...)
}
