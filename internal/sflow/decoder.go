package sflow

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
)

// Limits bound what a decoder remembers and what it does for one datagram.
type Limits struct {
	// Agents is the number of (agent, sub-agent) pairs that are remembered.
	Agents int
	// SamplesPerDatagram and RecordsPerSample bound one datagram.
	SamplesPerDatagram, RecordsPerSample int
	// Expiry is how long a silent agent is remembered.
	Expiry time.Duration
}

// DefaultLimits leaves room for more than a datagram can reasonably hold.
func DefaultLimits() Limits {
	return Limits{Agents: 8192, SamplesPerDatagram: 1024, RecordsPerSample: 64, Expiry: 6 * time.Hour}
}

// Decoder decodes datagrams and follows the agents' sequence numbers. It is for one goroutine.
type Decoder struct {
	limits  Limits
	agents  map[agentKey]*agent
	sweptMs int64
	result  netflow.Result
	sample  sample
	record  flow.Record
}

type agentKey struct {
	address  netip.Addr
	subAgent uint32
}

type agent struct {
	seen     int64 // ms since 1970
	uptime   uint32
	sequence netflow.Sequence
}

// New returns a decoder that has heard of no agent.
func New(limits Limits) *Decoder {
	return &Decoder{limits: limits, agents: make(map[agentKey]*agent)}
}

const (
	version = 5
	// sweepEvery is how often, in milliseconds, silent agents are looked for.
	sweepEvery = 30_000
)

// Decode appends a flow for each sampled IP packet of a datagram, which arrived at received, to out.
// The flow's exporter is the agent that the datagram names; its times are those of the arrival, as
// sFlow gives none. It keeps nothing of datagram.
func (d *Decoder) Decode(datagram []byte, received time.Time, out *flow.Batch) netflow.Result {
	d.result = netflow.Result{ExportMs: received.UnixMilli(), Unit: netflow.UnitDatagrams}
	r := &d.result
	in := reader{datagram}
	v, ok := in.uint32()
	if !ok {
		r.Refuse(netflow.ReasonShort)
		return *r
	}
	if v != version {
		r.Refuse(netflow.ReasonUnknownVersion)
		return *r
	}
	r.Version = version
	if r.Exporter, ok = in.address(); !ok {
		r.Refuse(netflow.ReasonMalformed)
		return *r
	}
	subAgent, _ := in.uint32()
	sequence, _ := in.uint32()
	uptime, _ := in.uint32()
	samples, ok := in.uint32()
	if !ok {
		r.Refuse(netflow.ReasonShort)
		return *r
	}
	r.Domain = subAgent
	receivedMs := received.UnixMilli()
	a := d.agentOf(agentKey{r.Exporter, subAgent}, receivedMs)
	if a == nil {
		r.Refuse(netflow.ReasonStateLimit)
		return *r
	}
	// An agent whose uptime was set back, and not because its 32 bits ran over, has restarted.
	rebooted := uptime < a.uptime && a.uptime-uptime > 10_000 && a.uptime-uptime < 1<<31
	a.uptime = uptime
	r.SequenceLost, r.Late, r.Restarted = a.sequence.Observe(sequence, 1, false, rebooted)
	if r.Late {
		r.SequenceLate = 1
	}

	if samples > uint32(d.limits.SamplesPerDatagram) {
		r.Refuse(netflow.ReasonMalformed)
		samples = uint32(d.limits.SamplesPerDatagram)
	}
	for range samples {
		format, _ := in.uint32()
		length, ok := in.uint32()
		body, fits := in.bytes(length)
		if !ok || !fits {
			r.Refuse(netflow.ReasonMalformed) // where the next sample begins is not known
			return *r
		}
		d.decodeSample(format, body, receivedMs, out)
	}
	return *r
}

// agentOf finds or makes the state of an agent; nil if there is no room.
func (d *Decoder) agentOf(key agentKey, nowMs int64) *agent {
	if nowMs-d.sweptMs >= sweepEvery || nowMs < d.sweptMs {
		d.sweptMs = nowMs
		for k, a := range d.agents {
			if a.seen < nowMs-d.limits.Expiry.Milliseconds() {
				delete(d.agents, k)
			}
		}
	}
	a := d.agents[key]
	if a == nil {
		if len(d.agents) >= d.limits.Agents {
			return nil
		}
		a = new(agent)
		d.agents[key] = a
	}
	a.seen = nowMs
	return a
}

// reader takes XDR values from the front of b.
type reader struct{ b []byte }

func (r *reader) uint32() (uint32, bool) {
	if len(r.b) < 4 {
		r.b = nil
		return 0, false
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v, true
}

func (r *reader) bytes(n uint32) ([]byte, bool) {
	if uint64(n) > uint64(len(r.b)) {
		return nil, false
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v, true
}

// address reads a type (1: IPv4, 2: IPv6) and an address.
func (r *reader) address() (netip.Addr, bool) {
	kind, _ := r.uint32()
	size, ok := map4or6(kind)
	if !ok {
		return netip.Addr{}, false
	}
	b, ok := r.bytes(size)
	if !ok {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(b)
	return a.Unmap(), ok
}

func map4or6(kind uint32) (uint32, bool) {
	switch kind {
	case 1:
		return 4, true
	case 2:
		return 16, true
	}
	return 0, false
}
