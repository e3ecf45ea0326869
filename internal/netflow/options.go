package netflow

import (
	"math"
	"net/netip"
)

// samplerKey says which flows of a domain a sampling interval holds for.
type samplerKey struct {
	of samplerOf
	id uint64
}

type samplerOf uint8

const (
	ofDomain    samplerOf = iota // all of them
	ofSampler                    // those with this flowSamplerId or selectorId
	ofInterface                  // those that came in by this interface
)

// learnOptions takes what an options record says of samplers, applications and the boot time.
func (d *Decoder) learnOptions() {
	m := &d.m
	v, o := &m.values, m.domain
	m.result.OptionRecords++
	if interval := v.interval(); interval > 0 {
		key := samplerKey{}
		switch {
		case v.has(slotSamplerID):
			key = samplerKey{ofSampler, v.n[slotSamplerID]}
		case v.has(slotIngress):
			key = samplerKey{ofInterface, v.n[slotIngress]}
		}
		_, known := o.samplers[key]
		switch {
		case known:
			o.samplers[key] = interval
		case len(o.samplers) < d.limits.Samplers && m.exporter.samplers < d.limits.ExporterSamplers && d.samplers < d.limits.TotalSamplers:
			o.samplers[key] = interval
			d.countLearned(m.exporter, 1, 0)
		default:
			m.result.Refuse(ReasonStateLimit)
		}
	}
	if name := v.name(slotApplicationName); v.has(slotApplicationID) && len(name) > 0 {
		id := v.n[slotApplicationID]
		if old, known := o.applications[id]; !known || old != string(name) {
			d.learnName(id, text(name), old, known)
		}
	}
	if v.has(slotSystemInit) {
		o.systemInitMs = int64(min(v.n[slotSystemInit], math.MaxInt64))
	}
}

// nameCost is about what a name takes beside its bytes.
const nameCost = 64

// learnName keeps an application's name in the place of old, if the limits allow.
func (d *Decoder) learnName(id uint64, name, old string, known bool) {
	e, o, grows := d.m.exporter, d.m.domain, len(name)-len(old)
	if !known {
		grows += nameCost
	}
	if !known && len(o.applications) >= d.limits.Names ||
		grows > 0 && (e.nameBytes+grows > d.limits.ExporterNameBytes || d.nameBytes+grows > d.limits.TotalNameBytes) {
		d.m.result.Refuse(ReasonStateLimit)
		return
	}
	o.applications[id] = name
	d.countLearned(e, 0, grows)
}

// interval returns the sampling interval that the record itself gives; 0 if none. It is the number
// of packets that one observed packet stands for (RFC 5477, 8.2).
func (v *values) interval() uint32 {
	ratio := func(all, observed uint64) uint32 {
		if observed == 0 || all < observed {
			return 0
		}
		return uint32(min((all+observed/2)/observed, math.MaxUint32))
	}
	switch {
	case v.has(slotPacketInterval) && v.has(slotPacketSpace):
		n, space := v.n[slotPacketInterval], v.n[slotPacketSpace]
		if n > math.MaxUint32 || space > math.MaxUint32 {
			return 0
		}
		return ratio(n+space, n)
	case v.has(slotSamplingSize) && v.has(slotPopulation):
		if v.n[slotPopulation] > math.MaxInt64 {
			return 0
		}
		return ratio(v.n[slotPopulation], v.n[slotSamplingSize])
	}
	// packetInterval alone is what some exporters call the rate.
	n := v.firstNonZero(slotRandomInterval, slotSamplingInterval, slotProbability, slotPacketInterval)
	return uint32(min(n, math.MaxUint32))
}

// samplingInterval returns the interval of the record: what it says itself, or what its sampler,
// interface or domain is known to have; 0 if nobody said.
func (m *message) samplingInterval() uint32 {
	v, samplers := &m.values, m.domain.samplers
	if n := v.interval(); n > 0 {
		return n
	}
	if v.has(slotSamplerID) {
		if n, ok := samplers[samplerKey{ofSampler, v.n[slotSamplerID]}]; ok {
			return n
		}
	}
	if v.has(slotIngress) {
		if n, ok := samplers[samplerKey{ofInterface, v.n[slotIngress]}]; ok {
			return n
		}
	}
	if n, ok := samplers[samplerKey{}]; ok {
		return n
	}
	if len(samplers) == 1 && !v.has(slotSamplerID) {
		// The domain has one sampler, and the flows do not name theirs.
		for key, n := range samplers {
			if key.of == ofSampler {
				return n
			}
		}
	}
	// What holds for the whole exporter may be said in domain 0 (RFC 7011, 3.1).
	if whole := m.exporter.domains[domainKey{version: m.version}]; m.domainID != 0 && whole != nil {
		if n, ok := whole.samplers[samplerKey{}]; ok {
			return n
		}
	}
	if v.has(slotSamplerID) {
		return m.exporter.samplerElsewhere(m.version, v.n[slotSamplerID])
	}
	return 0
}

// samplerElsewhere returns the interval of a sampler that only another domain of the exporter has
// told of, as some IOS-XE releases do; 0 if none has, or two differ.
func (e *exporter) samplerElsewhere(version uint16, id uint64) uint32 {
	var found uint32
	for key, o := range e.domains {
		n, ok := o.samplers[samplerKey{ofSampler, id}]
		if key.version != version || !ok {
			continue
		}
		if found != 0 && found != n {
			return 0
		}
		found = n
	}
	return found
}

// applicationName is what the record says, or what options records said of its applicationId.
func (m *message) applicationName() string {
	if b := m.values.name(slotApplicationName); len(b) > 0 {
		return text(b)
	}
	if m.values.has(slotApplicationID) {
		return m.domain.applications[m.values.n[slotApplicationID]]
	}
	return ""
}

// given returns the first address that is one; exporters write zeros for "none".
func given(candidates ...netip.Addr) netip.Addr {
	for _, a := range candidates {
		if a.IsValid() && !a.IsUnspecified() {
			return a
		}
	}
	return netip.Addr{}
}
