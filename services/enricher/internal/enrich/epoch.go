package enrich

import (
	"math"
	"time"

	"github.com/landfall-telemetry/landfall/internal/attribution"
	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// epoch is a time in which one vendor and one answer have one verdict: the same tables, and no change
// of the policy. It keeps what was judged of the batch at hand.
type epoch struct {
	tables       *Tables
	since, until int64 // milliseconds since 1970; until is excluded
	dataSet      uint32
	policy       *policy.Policy
	instant      time.Time // one of the epoch's

	cells   map[uint64]cell // without a hint, by cellKey.ends
	hinted  map[cellKey]cell
	vendors map[uint32]uint32 // by device.Attribution.ID
	places  map[placeKey]uint32
}

// cellKey is what is known of a flow's two ends: a geo.Answer.ID, a device.Attribution.ID, and what
// the domain name hints at, see Enricher.hint.
type cellKey struct{ answer, vendor, hint uint32 }

// ends is the key without the hint: most flows have none, and it is hashed in half the time.
func (k cellKey) ends() uint64 { return uint64(k.answer)<<32 | uint64(k.vendor) }

// find gives what was judged before.
func (p *epoch) find(k cellKey) (cell, bool) {
	if k.hint == 0 {
		c, known := p.cells[k.ends()]
		return c, known
	}
	c, known := p.hinted[k]
	return c, known
}

// cell is what is written of a flow because of that.
type cell struct{ place, network, vendor, verdict uint32 }

// placeKey is a place of out.Places.
type placeKey struct {
	place      *geo.Place
	method     geo.Method
	confidence geo.Confidence
	answer     uint32 // of which the alternatives are, counted from 1; 0: there are none
	hint       uint32 // if it disputes
}

func (p *epoch) clear() {
	p.tables, p.policy = nil, nil
	clear(p.cells)
	clear(p.hinted)
	clear(p.vendors)
	clear(p.places)
}

// enter finds the epoch of a time, or begins it.
func (e *Enricher) enter(ms int64, at func(int64) *Tables) *epoch {
	for _, p := range e.epochs[:e.used] {
		if ms >= p.since && ms < p.until {
			return p
		}
	}
	tables := e.tablesAt(ms, at)
	if e.used == len(e.epochs) {
		e.epochs = append(e.epochs, &epoch{cells: make(map[uint64]cell), hinted: make(map[cellKey]cell), vendors: make(map[uint32]uint32), places: make(map[placeKey]uint32)})
	}
	p := e.epochs[e.used]
	e.used++
	p.tables, p.policy, p.instant = tables, tables.Policy, time.UnixMilli(ms)
	p.since, p.until = tables.era()
	around := tables.Policy.Around(p.instant)
	if !around.From.IsZero() {
		p.since = max(p.since, around.From.UnixMilli())
	}
	if !around.Until.IsZero() {
		p.until = min(p.until, around.Until.UnixMilli())
	}
	for i, t := range e.tables {
		if t == tables {
			p.dataSet = uint32(i)
		}
	}
	return p
}

// tablesAt gives the tables of a time and keeps them for the batch.
func (e *Enricher) tablesAt(ms int64, at func(int64) *Tables) *Tables {
	for _, t := range e.tables {
		if since, until := t.era(); ms >= since && ms < until {
			return t
		}
	}
	tables := at(ms)
	for _, t := range e.tables {
		if t == tables {
			return t
		}
	}
	e.tables = append(e.tables, tables)
	return tables
}

func (t *Tables) era() (since, until int64) {
	since, until = t.SinceMs, t.UntilMs
	if since == 0 {
		since = math.MinInt64
	}
	if until == 0 {
		until = math.MaxInt64
	}
	return since, until
}

// judge finds what is written of a vendor and an answer, and keeps it.
func (e *Enricher) judge(p *epoch, key cellKey, vendor device.Attribution, answer geo.Answer) cell {
	c := cell{place: e.placeIndex(p, answer, key.hint), network: e.networkIndex(answer.AS), vendor: e.vendorIndex(p, vendor)}
	_, verdict := p.policy.JudgeDisputed(vendor.Vendor, e.located[c.place], p.instant)
	c.verdict = uint32(verdict)
	if key.hint == 0 {
		p.cells[key.ends()] = c
	} else {
		p.hinted[key] = c
	}
	return c
}

func (e *Enricher) vendorIndex(p *epoch, a device.Attribution) uint32 {
	i, ok := p.vendors[a.ID]
	if !ok {
		i = uint32(len(e.out.Vendors))
		p.vendors[a.ID] = i
		e.out.Vendors = append(e.out.Vendors, &landfallv1.Vendor{Name: a.Vendor, Method: a.Method.String()})
	}
	return i
}

func (e *Enricher) placeIndex(p *epoch, a geo.Answer, hint uint32) uint32 {
	var hinted policy.Where
	if hint > 0 {
		hinted = e.hints[hint-1]
	}
	confidence, disputes := attribution.Corroborate(a, hinted)
	k := placeKey{place: a.Place, method: a.Method, confidence: confidence}
	if len(a.Alternatives) > 0 {
		k.answer = a.ID + 1
	}
	if disputes {
		k.hint = hint
	}
	i, ok := p.places[k]
	if ok {
		return i
	}
	i = uint32(len(e.out.Places))
	p.places[k] = i
	out := &landfallv1.Place{Method: k.method.String(), Confidence: k.confidence.String()}
	if a.Place != nil {
		out.CountryCode, out.SubdivisionCode, out.City = a.Place.CountryCode, a.Place.SubdivisionCode, a.Place.City
		out.CloudProvider, out.CloudRegion = a.Place.CloudProvider, a.Place.CloudRegion
	}
	places := attribution.Places(a, hinted, disputes)
	for _, other := range places[min(1, len(places)):] {
		out.Alternatives = append(out.Alternatives, attribution.Code(other))
	}
	out.Jurisdiction, _ = p.policy.JudgeDisputed("", places, p.instant)
	e.out.Places, e.located = append(e.out.Places, out), append(e.located, places)
	return i
}

func (e *Enricher) networkIndex(as *geo.AS) uint32 {
	i, ok := e.networks[as]
	if !ok {
		i = uint32(len(e.out.Networks))
		e.networks[as] = i
		n := &landfallv1.Network{}
		if as != nil {
			n.Asn, n.Organization = as.Number, as.Organization
		}
		e.out.Networks = append(e.out.Networks, n)
	}
	return i
}
