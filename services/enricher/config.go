package enricher

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config is what a user sets.
type Config struct {
	SubscriberPrefixes []string `yaml:"subscriber_prefixes" doc:"Prefixes that handsets have their addresses from. The end of a flow inside them is the handset, the other end the remote."`
	StaticVendorsFile  string   `yaml:"static_vendors_file" doc:"CSV file of prefix,vendor for handsets whose vendor the operator knows; goes before the MAC address. Empty: none."`
	PseudonymKeyFile   string   `yaml:"pseudonym_key_file" doc:"File with the key (64 hexadecimal digits) of the subscribers' pseudonyms; made if it is not there. All enrichers need the same one. Empty: secrets/pseudonym.key in state_dir."`
	PolicyPath         string   `yaml:"policy_path" doc:"YAML file of jurisdictions and verdicts; read again when it changes. Empty: none, and flows get no verdict."`
	CityPath           string   `yaml:"city_path" doc:"City table: an MMDB file, or a folder of them. Empty: the one that landfall data update puts in data_dir."`
	WitnessPath        string   `yaml:"witness_path" doc:"A second city table, which agrees with the first or disputes it: an MMDB file, or a folder of them. Empty: the one in data_dir, if there is one."`
	ASNPath            string   `yaml:"asn_path" doc:"Table of autonomous systems: a CSV file, or a folder of them. Empty: the one that landfall data update puts in data_dir."`
	CloudPaths         []string `yaml:"cloud_paths" doc:"Published cloud ranges: JSON files of AWS, Google, Azure or Oracle, or CSV files. Empty: those in data_dir, if there are any."`
	AnycastPaths       []string `yaml:"anycast_paths" doc:"Lists of anycast prefixes. Empty: those in data_dir, if there are any."`
	OverridesPath      string   `yaml:"overrides_path" doc:"CSV file of the operator's own word on prefixes. Empty: the one in data_dir, if there is one."`
	OUIFile            string   `yaml:"oui_file" doc:"Table of MAC address blocks in JSON form. Empty: the one that landfall data update puts in data_dir."`

	DataCheckInterval time.Duration `yaml:"data_check_interval" doc:"How often to look whether a data set or the policy has changed; SIGHUP looks at once."`
	DataDir           string        `yaml:"-"` // the data_dir of all services
}

// DefaultConfig takes private and carrier-grade NAT addresses for handsets.
func DefaultConfig() Config {
	return Config{
		SubscriberPrefixes: []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
		DataCheckInterval:  30 * time.Second,
	}
}

// Validate reports every fault.
func (c Config) Validate() error {
	var errs []error
	if len(c.SubscriberPrefixes) == 0 {
		errs = append(errs, errors.New("subscriber_prefixes: at least one is needed to tell handsets from remotes"))
	}
	if c.DataCheckInterval < 10*time.Millisecond {
		errs = append(errs, fmt.Errorf("data_check_interval: %s is too often", c.DataCheckInterval))
	}
	_, err := c.prefixes()
	return errors.Join(append(errs, err)...)
}

func (c Config) prefixes() ([]netip.Prefix, error) {
	var errs []error
	prefixes := make([]netip.Prefix, 0, len(c.SubscriberPrefixes))
	for _, s := range c.SubscriberPrefixes {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("subscriber_prefixes: %q is not a prefix such as 100.64.0.0/10", s))
			continue
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, errors.Join(errs...)
}
