package scenario

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/exporter"
)

// The exporters of the network, in the order of Truth.Exporters.
const (
	ipfixSampled = iota
	ipfixBiflow
	netflow9
	netflow5
	sflow
	stationCount
)

// blockNetFlow5 is the subscriber block of the exporter without MACs; block i is exporter i's.
const blockNetFlow5 = netflow5

// layout of one exporter.
type layout struct {
	name, protocol string
	source         string // address that it sends from, on this machine
	subscribers    int    // its share of them, per mille
	history        int    // its share of the flows of history, per mille
	bidirectional  bool   // a record has both directions
	onePacket      bool   // a record is one packet
	noIPv6         bool
	reversed       int // per mille of flows that the remote side begins
}

func layouts() [stationCount]layout {
	return [stationCount]layout{
		ipfixSampled: {name: "ipfix-sampled", protocol: "ipfix", source: "127.0.1.1", subscribers: 250, history: 280, reversed: 50},
		ipfixBiflow:  {name: "ipfix-biflow", protocol: "ipfix", source: "127.0.1.2", subscribers: 300, history: 340, bidirectional: true, reversed: 80},
		netflow9:     {name: "netflow9", protocol: "netflow_v9", source: "127.0.1.3", subscribers: 220, history: 240, bidirectional: true, reversed: 50},
		netflow5:     {name: "netflow5", protocol: "netflow_v5", source: "127.0.1.4", subscribers: 130, history: 140, noIPv6: true, reversed: 50},
		sflow:        {name: "sflow", protocol: "sflow", source: "127.0.1.5", subscribers: 100, onePacket: true},
	}
}

// subscribersOf is how many handsets an exporter's network has.
func subscribersOf(cfg Config, station int) int {
	return max(1, cfg.Subscribers*layouts()[station].subscribers/1000)
}

// station is one exporter with its subscribers.
type station struct {
	layout
	exporter exporter.Exporter
	address  netip.Addr // that it sends from
	handsets []handset
	rng      *rand.PCG
	clock    int64 // ms; the exporter's own, on whole seconds
	router   uint64
}

// sender is what a station sends through.
type sender interface {
	exporter.Sender
	Source() netip.AddrPort
	Close() error
}

// newExporter makes station i's exporter. The routers have booted long enough before history that
// their 32-bit uptimes wrap in it: after 5 and 54 days of it (v9), after 30 and 79 days (v5).
func newExporter(i int, historyStart time.Time, agent netip.Addr, out exporter.Sender) (exporter.Exporter, error) {
	refresh := exporter.DefaultTemplateRefresh()
	switch i {
	case ipfixSampled:
		return exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 1, Interval: 100, Refresh: refresh}, out), nil
	case ipfixBiflow:
		return exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 2, Biflow: true, Refresh: refresh}, out), nil
	case netflow9:
		return exporter.NewNetFlow9(exporter.NetFlow9Config{
			SourceID: 3,
			Samplers: []exporter.Sampler{{ID: 1, Interval: 1000}, {ID: 2, Interval: 250}},
			Boot:     historyStart.Add(-45*24*time.Hour - 1234*time.Millisecond),
			Refresh:  refresh,
		}, out), nil
	case netflow5:
		return exporter.NewNetFlow5(exporter.NetFlow5Config{
			EngineID: 4, Interval: 200, Boot: historyStart.Add(-20*24*time.Hour - 567*time.Millisecond),
		}, out)
	case sflow:
		return exporter.NewSFlow(exporter.SFlowConfig{
			Agent: agent, SubAgentID: 5, Interval: 512, Boot: historyStart,
			Counters: exporter.TemplateRefresh{Packets: 30, Every: 20 * time.Second},
		}, out)
	}
	return nil, fmt.Errorf("no exporter %d", i)
}

// newHandsets makes the subscribers of every station.
func newHandsets(cfg Config, ouis OUIs) (all [stationCount][]handset, err error) {
	lists, err := brandOUIs(ouis)
	if err != nil {
		return all, err
	}
	for i, l := range layouts() {
		if i == netflow5 {
			all[i], _ = staticHandsets(cfg)
			continue
		}
		all[i] = withMACs(stream(cfg.Seed, "handsets "+l.name), uint32(i), subscribersOf(cfg, i), lists)
	}
	return all, nil
}
