package netflow

import (
	"net/netip"
)

// exporter is what is remembered of one exporter.
type exporter struct {
	seen      int64 // ms since 1970
	domains   map[domainKey]*domain
	templates int
	fields    int
	samplers  int
	nameBytes int
}

// domainKey has the version in it because v5, v9 and IPFIX number their domains independently.
type domainKey struct {
	version uint16
	id      uint32
}

// domain is what is remembered of one observation domain. The templates are keyed without the
// source port: over UDP that is not part of an exporter's identity (RFC 7011, 8).
type domain struct {
	seen         int64 // ms since 1970
	templates    map[uint16]*template
	samplers     map[samplerKey]uint32
	applications map[uint64]string
	sequence     Sequence
	uptime       uint32 // of the last header, ms
	hasUptime    bool
	systemInitMs int64 // systemInitTimeMilliseconds (160) from an options record
}

// sweepEvery is how often, in milliseconds, the tables are looked through for what has expired. A
// full table is not looked through more often: a flood of new senders must not make that the work.
const sweepEvery = 30_000

// domainOf finds or makes the state of a domain; nil if that would pass the limits.
func (d *Decoder) domainOf(address netip.Addr, key domainKey, nowMs int64) (*exporter, *domain) {
	if nowMs-d.sweptMs >= sweepEvery || nowMs < d.sweptMs {
		d.sweptMs = nowMs
		d.expire(nowMs)
	}
	e := d.exporters[address]
	if e == nil {
		if len(d.exporters) >= d.limits.Exporters {
			return nil, nil
		}
		e = &exporter{domains: make(map[domainKey]*domain)}
		d.exporters[address] = e
	}
	e.seen = nowMs
	o := e.domains[key]
	if o == nil {
		if len(e.domains) >= d.limits.Domains {
			return e, nil
		}
		o = &domain{
			templates:    make(map[uint16]*template),
			samplers:     make(map[samplerKey]uint32),
			applications: make(map[uint64]string),
		}
		e.domains[key] = o
	}
	o.seen = nowMs
	return e, o
}

// expire forgets what was neither sent nor used for too long.
func (d *Decoder) expire(nowMs int64) {
	before := nowMs - d.limits.Expiry.Milliseconds()
	for address, e := range d.exporters {
		for key, o := range e.domains {
			for id, t := range o.templates {
				if t.seen < before {
					d.forget(e, o, id)
				}
			}
			if o.seen < before {
				d.countLearned(e, -len(o.samplers), 0)
				for _, name := range o.applications {
					d.countLearned(e, 0, -nameCost-len(name))
				}
				delete(e.domains, key)
			}
		}
		if e.seen < before {
			delete(d.exporters, address)
		}
	}
}

// countLearned adds to what is remembered of samplers and names.
func (d *Decoder) countLearned(e *exporter, samplers, nameBytes int) {
	e.samplers += samplers
	d.samplers += samplers
	e.nameBytes += nameBytes
	d.nameBytes += nameBytes
}

// forget removes a template.
func (d *Decoder) forget(e *exporter, o *domain, id uint16) {
	t := o.templates[id]
	if t == nil {
		return
	}
	delete(o.templates, id)
	n := t.width()
	e.templates--
	e.fields -= n
	d.fields -= n
}

// remember stores a template if the limits allow.
func (d *Decoder) remember(e *exporter, o *domain, id uint16, t *template) bool {
	d.forget(e, o, id)
	n := t.width()
	if e.templates >= d.limits.Templates || e.fields+n > d.limits.Fields || d.fields+n > d.limits.TotalFields {
		return false
	}
	o.templates[id] = t
	e.templates++
	e.fields += n
	d.fields += n
	return true
}
