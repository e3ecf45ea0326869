package collector

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// The protocols of a listener. NetFlow stands for NetFlow v5 and v9 and for IPFIX: each datagram
// says which one it is.
const (
	ProtocolNetFlow = "netflow"
	ProtocolSFlow   = "sflow"
)

// Listen is one UDP socket.
type Listen struct {
	Address  string `yaml:"address" doc:"Address (host:port) to receive on; an empty host means every address of the machine."`
	Protocol string `yaml:"protocol" doc:"What is sent there: netflow (NetFlow v5 and v9, IPFIX) or sflow."`
}

// Config is what a user sets.
type Config struct {
	Name                string        `yaml:"name" doc:"Name of this collector, unique in the deployment; empty means the host's name. Batches carry it for ever."`
	Operator            string        `yaml:"operator" doc:"Name of the network operator that this collector serves; it is a column of every flow, and with the site the scope that a tenant may read."`
	Site                string        `yaml:"site" doc:"Name of the site whose exporters send here; it is a column of every flow."`
	Listen              []Listen      `yaml:"listen" doc:"UDP sockets to receive on: a list of address (host:port) and protocol (netflow or sflow). The default is loopback only."`
	AllowedExporters    []string      `yaml:"allowed_exporters" doc:"Prefixes or addresses that datagrams are taken from; empty means every sender."`
	ReceiveBufferBytes  int           `yaml:"receive_buffer_bytes" doc:"Bytes of datagrams that the kernel holds for each socket; 0 leaves it to the system."`
	DatagramQueue       int           `yaml:"datagram_queue" doc:"Datagrams that wait for decoding, for each socket; each takes 2 KiB of memory."`
	BatchMaxFlows       int           `yaml:"batch_max_flows" doc:"Flows after which a batch is written."`
	BatchMaxAge         time.Duration `yaml:"batch_max_age" doc:"Time after which a batch is written that has fewer flows."`
	BatchQueue          int           `yaml:"batch_queue" doc:"Batches that wait for Kafka in memory before they go to disk."`
	SpoolDir            string        `yaml:"spool_dir" doc:"Folder for the batches that wait while Kafka is gone."`
	SpoolMaxBytes       int64         `yaml:"spool_max_bytes" doc:"Bytes that the spool may take; flows beyond are lost and counted."`
	DNSTap              DNSTap        `yaml:"dnstap"`
	MaxMeteredExporters int           `yaml:"max_metered_exporters" doc:"Exporters that have metrics of their own; the others share the label other."`
}

// DefaultConfig listens on loopback at the usual ports.
func DefaultConfig() Config {
	return Config{
		Site: "default",
		Listen: []Listen{
			{Address: "127.0.0.1:2055", Protocol: ProtocolNetFlow},
			{Address: "127.0.0.1:4739", Protocol: ProtocolNetFlow},
			{Address: "127.0.0.1:6343", Protocol: ProtocolSFlow},
		},
		ReceiveBufferBytes:  8 << 20,
		DatagramQueue:       8192,
		BatchMaxFlows:       4096,
		BatchMaxAge:         250 * time.Millisecond,
		BatchQueue:          64,
		SpoolDir:            filepath.Join("data", "spool"),
		SpoolMaxBytes:       4 << 30,
		DNSTap:              DNSTap{MaxEntries: 1_000_000, Keep: time.Hour},
		MaxMeteredExporters: 1000,
	}
}

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Name) > 255 {
		fault("name: longer than 255 bytes")
	}
	if len(c.Operator) > 255 {
		fault("operator: longer than 255 bytes")
	}
	if len(c.Site) > 255 {
		fault("site: longer than 255 bytes")
	}
	if len(c.Listen) == 0 {
		fault("listen: at least one socket is needed")
	}
	seen := make(map[string]int)
	for i, l := range c.Listen {
		host, port, err := net.SplitHostPort(l.Address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			fault("listen[%d].address: %q is not host:port", i, l.Address)
		} else if host != "" && host != "localhost" && net.ParseIP(host) == nil {
			fault("listen[%d].address: %q is not an address of this machine", i, host)
		} else if first, twice := seen[l.Address]; twice && n != 0 {
			fault("listen[%d].address: %s is that of listen[%d] too", i, l.Address, first)
		}
		seen[l.Address] = i
		if l.Protocol != ProtocolNetFlow && l.Protocol != ProtocolSFlow {
			fault("listen[%d].protocol: %q is not %s or %s", i, l.Protocol, ProtocolNetFlow, ProtocolSFlow)
		}
	}
	if _, err := c.allowed(); err != nil {
		errs = append(errs, err)
	}
	between := func(name string, value, low, high int) {
		if value < low || value > high {
			fault("%s: %d is not in %d to %d", name, value, low, high)
		}
	}
	between("receive_buffer_bytes", c.ReceiveBufferBytes, 0, 1<<30)
	between("datagram_queue", c.DatagramQueue, 64, 1<<20)
	between("batch_max_flows", c.BatchMaxFlows, 1, flow.MaxFlows/2)
	between("batch_queue", c.BatchQueue, 1, 4096)
	between("max_metered_exporters", c.MaxMeteredExporters, 0, 100_000)
	if c.BatchMaxAge < time.Millisecond || c.BatchMaxAge > time.Minute {
		fault("batch_max_age: %s is not in 1ms to 1m", c.BatchMaxAge)
	}
	if c.SpoolDir == "" {
		fault("spool_dir: must not be empty")
	}
	if c.SpoolMaxBytes < 1<<20 {
		fault("spool_max_bytes: %d is less than 1 MiB", c.SpoolMaxBytes)
	}
	for _, err := range c.DNSTap.faults() {
		fault("dnstap.%w", err)
	}
	return errors.Join(errs...)
}

// allowed parses the prefixes that datagrams are taken from.
func (c Config) allowed() ([]netip.Prefix, error) {
	return prefixes("allowed_exporters", c.AllowedExporters)
}

// prefixes parses a list of prefixes and addresses.
func prefixes(setting string, list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	var errs []error
	for i, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			a = a.Unmap()
			prefixes = append(prefixes, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %q is not a prefix or an address", setting, i, s))
			continue
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, errors.Join(errs...)
}

// name is the configured name, or that of the host.
func (c Config) name() (string, error) {
	if c.Name != "" {
		return c.Name, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name is not set, and the host has none: %w", err)
	}
	return host, nil
}
