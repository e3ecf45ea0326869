package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/exporter"
)

// Phases of the scenario.
const (
	PhaseHistory = "history"
	PhaseLive    = "live"
)

// Progress of a run.
type Progress struct {
	Phase     string
	Flows     uint64        // records sent, all phases
	Total     uint64        // that this run will have sent in the end; 0: endless
	Datagrams uint64        // sent
	At        time.Time     // how far history has come
	Held      time.Duration // waited for the collector so far
	Dropped   uint64        // datagrams that the kernel dropped at the collector's sockets; 0 where it cannot be known
}

// Player plays the scenario. Its methods are for one goroutine at a time.
type Player struct {
	cfg        Config
	log        *slog.Logger
	now        func() time.Time
	dial       func(source netip.Addr, target netip.AddrPort) (sender, error)
	pacer      *exporter.Pacer
	start, end time.Time // of history
	handsets   [stationCount][]handset
	stations   []*station
	senders    []sender
	network    [stationCount]*lossy // nil where nothing is dropped or silent
	silence    silence
	remotes    [placeCount]remotes
	choosers   []chooser
	shapes     shapes
	services   [8]service

	tally    *tally // nil while nothing is added to the truth
	flows    uint64
	total    uint64
	reported time.Time
}

// New makes a player. It reads the city tables that cfg names, to draw destinations from, and asks
// ouis for the MAC prefixes of each of Brands.
func New(cfg Config, ouis OUIs, log *slog.Logger) (*Player, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	found, err := drawRemotes(cfg.Seed, cfg.CityIPv4, cfg.CityIPv6)
	if err != nil {
		return nil, err
	}
	p, err := newPlayer(cfg, ouis, log, found)
	if err != nil {
		return nil, err
	}
	p.pacer = exporter.NewPacer(exporter.PacerConfig{Rate: cfg.Rate, Blind: cfg.Blind}, log)
	return p, nil
}

// newPlayer makes a player without reading files; p.pacer or p.dial is to be set.
func newPlayer(cfg Config, ouis OUIs, log *slog.Logger, to [placeCount]remotes) (*Player, error) {
	p := &Player{cfg: cfg, log: log, now: time.Now, remotes: to, shapes: newShapes(), services: services()}
	p.dial = func(source netip.Addr, target netip.AddrPort) (sender, error) {
		return exporter.Dial(source, target, p.pacer)
	}
	for _, b := range brands() {
		p.choosers = append(p.choosers, newChooser(b.mix))
	}
	var err error
	p.handsets, err = newHandsets(cfg, ouis)
	return p, err
}

// open opens the exporters' sockets, once.
func (p *Player) open() error {
	if p.stations != nil {
		return nil
	}
	var err error
	if p.start, p.end, err = p.cfg.window(p.now()); err != nil {
		return err
	}
	if p.silence, err = p.cfg.silence(); err != nil {
		return err
	}
	var stations []*station
	for i, l := range layouts() {
		to := p.cfg.NetFlowAddress
		switch l.protocol {
		case "ipfix":
			to = p.cfg.IPFIXAddress
		case "sflow":
			to = p.cfg.SFlowAddress
		}
		target, err := netip.ParseAddrPort(to)
		if err != nil {
			return fmt.Errorf("exporter %s: target %q: %w", l.name, to, err)
		}
		out, err := p.dial(netip.MustParseAddr(l.source), target)
		if err != nil {
			return fmt.Errorf("exporter %s: %w", l.name, err)
		}
		p.senders = append(p.senders, out)
		if p.cfg.Drop > 0 || p.cfg.Silence != "" {
			p.network[i] = newLossy(out, l, p.cfg, p.now)
			out = p.network[i]
		}
		address := out.Source().Addr().Unmap()
		e, err := newExporter(i, p.start, address, out)
		if err != nil {
			return fmt.Errorf("exporter %s: %w", l.name, err)
		}
		stations = append(stations, &station{
			layout: l, exporter: e, address: address, handsets: p.handsets[i],
			rng:    stream(p.cfg.Seed, "flows "+l.name),
			router: 0x00000c_07ac01 + uint64(i), // a Cisco router's address, as a gateway's
		})
	}
	p.stations = stations
	return nil
}

// Close closes the exporters' sockets.
func (p *Player) Close() error {
	var errs []error
	for _, s := range p.senders {
		errs = append(errs, s.Close())
	}
	p.senders, p.stations = nil, nil
	if p.pacer != nil {
		errs = append(errs, p.pacer.Close())
	}
	return errors.Join(errs...)
}

// Run sends history and then the counted live part, writes the truth to the file that the
// configuration names, and returns it. It is called once. An error, also the end of ctx, means that
// the truth is not whole. progress may be nil.
func (p *Player) Run(ctx context.Context, progress func(Progress)) (Truth, error) {
	if err := p.open(); err != nil {
		return Truth{}, err
	}
	p.tally = newTally(p.start)
	p.total = p.flows + uint64(p.cfg.Flows) + uint64(p.cfg.LiveFlows)
	if err := p.history(ctx, progress); err != nil {
		return Truth{}, err
	}
	if err := p.countedLive(ctx, progress); err != nil {
		return Truth{}, err
	}
	p.report(progress, PhaseLive, p.now(), true)
	truth := p.tally.truth()
	p.tally, p.total = nil, 0
	truth.Seed, truth.HistoryStart, truth.HistoryEnd = p.cfg.Seed, p.start, p.end
	for i, s := range p.stations {
		c := s.exporter.Counters()
		truth.Datagrams += c.Datagrams
		e := ExporterTruth{Name: s.name, Protocol: s.protocol, Address: s.address.String(), Flows: c.Records, Datagrams: c.Datagrams}
		if p.network[i] != nil {
			p.network[i].addTo(&e)
		}
		if s.name == p.silence.exporter {
			from, to := p.start.Add(time.Duration(p.silence.from)*time.Hour), p.start.Add(time.Duration(p.silence.to)*time.Hour)
			e.SilentFrom, e.SilentTo = &from, &to
		}
		truth.Exporters = append(truth.Exporters, e)
	}
	if p.cfg.TruthFile != "" {
		if err := truth.Write(p.cfg.TruthFile); err != nil {
			return truth, err
		}
	}
	return truth, nil
}

const hourMs = 3600 * 1000

// history goes through the weeks hour by hour; in each hour every exporter has its part of the flows.
func (p *Player) history(ctx context.Context, progress func(Progress)) error {
	hours := p.cfg.Weeks * 7 * 24
	var all uint64
	for h := range hours {
		all += hourWeight(h)
	}
	totals := p.totals(p.cfg.Flows, func(l layout) int { return l.history })
	limit := p.end.UnixMilli()
	var before, after uint64
	for h := range hours {
		after += hourWeight(h)
		p.choosers[mover] = newChooser(moverMix((float64(h) + 0.5) / float64(hours)))
		from := p.start.UnixMilli() + int64(h)*hourMs
		for i, s := range p.stations {
			// Differences of rounded sums: the parts add up to the whole.
			n := int(totals[i]*after/all - totals[i]*before/all)
			if p.silence.has(s.name, h) {
				p.total -= uint64(n)
				continue
			}
			to, over := from+hourMs, limit
			if p.silence.has(s.name, h+1) {
				// What it would tell in the next hour it tells before it dies.
				to, over = to-1000, to-1000
			}
			if err := p.send(ctx, s, n, from, to, over); err != nil {
				return err
			}
		}
		before = after
		p.report(progress, PhaseHistory, time.UnixMilli(from+hourMs).UTC(), false)
	}
	return nil
}

// totals shares flows out among the stations by per-mille weights; the first that has any takes what
// rounding leaves.
func (p *Player) totals(flows int, weight func(layout) int) (parts [stationCount]uint64) {
	left := uint64(flows)
	for i, l := range layouts() {
		parts[i] = uint64(flows) * uint64(weight(l)) / 1000
		left -= parts[i]
	}
	parts[ipfixSampled] += left
	return parts
}

// report calls progress, ten times a second at most.
func (p *Player) report(progress func(Progress), phase string, at time.Time, always bool) {
	if progress == nil || !always && time.Since(p.reported) < 100*time.Millisecond {
		return
	}
	p.reported = time.Now()
	state := Progress{Phase: phase, Flows: p.flows, Total: p.total, At: at}
	for _, s := range p.stations {
		state.Datagrams += s.exporter.Counters().Datagrams
	}
	if p.pacer != nil {
		state.Held, state.Dropped = p.pacer.Held(), p.pacer.Dropped()
	}
	progress(state)
}
