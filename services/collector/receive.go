package collector

import (
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
	"github.com/landfall-telemetry/landfall/internal/sflow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/udp"
)

// receiver decodes the datagrams of one socket into batches.
type receiver struct {
	s        *Service
	protocol string
	listener *udp.Listener
	metrics  *listenerMetrics
	cache    *exporterCache
	decode   func(d *udp.Datagram, from netip.Addr, out *flow.Batch) netflow.Result

	batch    flow.Batch
	received time.Time // of the batch's first datagram
}

func newReceiver(s *Service, protocol string, listener *udp.Listener, m *listenerMetrics) *receiver {
	r := &receiver{s: s, protocol: protocol, listener: listener, metrics: m, cache: newExporterCache(s.metrics)}
	if protocol == ProtocolSFlow {
		d := sflow.New(sflow.DefaultLimits())
		r.decode = func(in *udp.Datagram, _ netip.Addr, out *flow.Batch) netflow.Result {
			return d.Decode(in.Data, in.Received, out)
		}
	} else {
		d := netflow.New(netflow.DefaultLimits())
		r.decode = func(in *udp.Datagram, from netip.Addr, out *flow.Batch) netflow.Result {
			return d.Decode(in.Data, from, in.Received, out)
		}
	}
	return r
}

// run decodes until the socket is closed and its queue is empty.
func (r *receiver) run() {
	age := time.NewTimer(r.s.config.BatchMaxAge)
	age.Stop()
	defer age.Stop()
	for {
		select {
		case d, open := <-r.listener.Datagrams():
			if !open {
				r.flush()
				return
			}
			empty := r.batch.Len() == 0
			r.take(d)
			r.listener.Release(d)
			switch {
			case r.batch.Len() >= r.s.config.BatchMaxFlows:
				age.Stop()
				r.flush()
			case empty && r.batch.Len() > 0:
				age.Reset(r.s.config.BatchMaxAge)
			}
		case <-age.C:
			r.flush()
		}
	}
}

func (r *receiver) take(d *udp.Datagram) {
	from := d.From.Addr().Unmap().WithZone("")
	if !r.s.allows(from) {
		r.metrics.notAllowed.Inc()
		return
	}
	empty := r.batch.Len() == 0
	result := r.decode(d, from, &r.batch)
	if empty && r.batch.Len() > 0 {
		r.received = d.Received
	}
	if !result.Exporter.IsValid() { // sFlow that does not get as far as naming its agent
		result.Exporter = from
	}
	r.cache.get(exporterKey{result.Exporter, r.protocolOf(result.Version)}, result.Unit).count(&result, len(d.Data))
}

// protocolOf is the label of what a datagram is.
func (r *receiver) protocolOf(version uint16) string {
	switch {
	case r.protocol == ProtocolSFlow:
		return "sflow"
	case version == 5:
		return "netflow_v5"
	case version == 9:
		return "netflow_v9"
	case version == 10:
		return "ipfix"
	}
	return "unknown"
}

// flush hands the batch on and begins a new one.
func (r *receiver) flush() {
	if r.batch.Len() == 0 {
		return
	}
	r.s.put(&r.batch, r.received.UnixMilli())
	r.batch.Reset()
}
