package collector

import (
	"net/netip"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
	"github.com/landfall-telemetry/landfall/internal/sflow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/ledger"
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
	// ledger is what was counted since the last batch. A batch takes it along, so that the flows that
	// it says were counted are those of the batches up to that one.
	ledger *ledger.Ledger
}

func newReceiver(s *Service, protocol string, listener *udp.Listener, m *listenerMetrics) *receiver {
	r := &receiver{s: s, protocol: protocol, listener: listener, metrics: m, cache: newExporterCache(s.metrics), ledger: ledger.New(ledger.DefaultLimits())}
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
	alone := time.NewTicker(r.s.ledgerEvery)
	defer alone.Stop()
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
			case r.batch.Len() >= r.s.config.BatchMaxFlows || r.ledger.Full():
				age.Stop()
				r.flush()
			case empty && r.batch.Len() > 0:
				age.Reset(r.s.config.BatchMaxAge)
			}
		case <-age.C:
			r.flush()
		case <-alone.C:
			r.flush()
			r.s.putLosses(r.s.ledgerEvery)
		}
	}
}

func (r *receiver) take(d *udp.Datagram) {
	from := d.From.Addr().Unmap().WithZone("")
	if !r.s.allows(from) {
		r.metrics.notAllowed.Inc()
		r.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_NOT_ALLOWED, 1, d.Received.UnixMilli())
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
	protocol := r.protocolOf(result.Version)
	r.cache.get(exporterKey{result.Exporter, protocol}, result.Unit).count(&result, len(d.Data))
	r.ledger.Datagram(protocol, &result, len(d.Data), d.Received.UnixMilli())
}

// protocolOf says what a datagram is, by the version in its header.
func (r *receiver) protocolOf(version uint16) landfallv1.ExportProtocol {
	switch {
	case r.protocol == ProtocolSFlow:
		return landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW
	case version == 5:
		return landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V5
	case version == 9:
		return landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V9
	case version == 10:
		return landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX
	}
	return landfallv1.ExportProtocol_EXPORT_PROTOCOL_UNSPECIFIED
}

// flush hands the batch on, with the ledger, and begins new ones. Where there are no flows the ledger
// goes alone; where nothing was counted, nothing goes.
func (r *receiver) flush() {
	now := time.Now()
	r.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_QUEUE_FULL, r.metrics.queueFullNew.Swap(0), now.UnixMilli())
	r.ledger.Add(landfallv1.LedgerCount_LEDGER_COUNT_DROPPED_KERNEL, r.metrics.kernelNew.Swap(0), now.UnixMilli())
	if r.ledger.Len() == 0 { // and so without flows
		return
	}
	if r.batch.Len() == 0 {
		r.received = now
	}
	r.s.nameFlows(&r.batch)
	r.batch.AppendLedger(r.ledger.Take()...)
	r.s.put(&r.batch, r.received.UnixMilli())
	r.batch.Reset()
}
