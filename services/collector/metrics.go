package collector

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/netflow"
	"github.com/landfall-telemetry/landfall/services/collector/internal/dnstap"
	"github.com/landfall-telemetry/landfall/services/collector/internal/outbox"
)

// metrics are the collector's. Those with an exporter's label are reached through exporterMetrics,
// so that no label is looked up per datagram.
type metrics struct {
	datagrams, bytes, flows, options, counterSamples, unknownElements *prometheus.CounterVec
	refused, templateMissing, gaps, late, restarts                    *prometheus.CounterVec
	lostDatagrams, lostFlows                                          *prometheus.CounterVec
	writtenBatches, writtenFlows, writeErrors                         prometheus.Counter
	writeSeconds                                                      prometheus.Histogram
	spoolBytes, spoolBatches                                          prometheus.Gauge

	dnsMessages, dnsAnswers, dnsNamed, dnsAmbiguous, dnsNone prometheus.Counter
	dnsRefused                                               *prometheus.CounterVec
	dnsEntries, dnsConnections                               prometheus.Gauge

	maxExporters int
	mu           sync.Mutex
	exporters    map[exporterKey]bool
	templates    int
}

const otherLabel = "other"

func newMetrics(reg prometheus.Registerer, maxExporters int) (*metrics, error) {
	var all []prometheus.Collector
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "landfall_collector_" + name, Help: help}, labels)
		all = append(all, v)
		return v
	}
	counter := func(name, help string) prometheus.Counter {
		v := prometheus.NewCounter(prometheus.CounterOpts{Name: "landfall_collector_" + name, Help: help})
		all = append(all, v)
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		v := prometheus.NewGauge(prometheus.GaugeOpts{Name: "landfall_collector_" + name, Help: help})
		all = append(all, v)
		return v
	}
	m := &metrics{
		datagrams:       vec("datagrams_total", "Datagrams that were received and decoded.", "exporter", "protocol"),
		bytes:           vec("datagram_bytes_total", "Bytes of those datagrams.", "exporter", "protocol"),
		flows:           vec("flows_total", "Flows that were decoded.", "exporter", "protocol"),
		options:         vec("option_records_total", "Records of options data.", "exporter", "protocol"),
		counterSamples:  vec("counter_samples_total", "sFlow counter samples, which are no flows.", "exporter", "protocol"),
		unknownElements: vec("unknown_elements_total", "Values that are not known and were passed over.", "exporter", "protocol"),
		refused:         vec("refused_total", "What was refused or corrected, by reason.", "exporter", "reason"),
		templateMissing: vec("template_missing_total", "Data sets whose template had not come.", "exporter", "domain", "template"),
		gaps:            vec("sequence_gap_total", "What exporters sent and did not arrive, by their sequence numbers.", "exporter", "unit"),
		late:            vec("sequence_late_total", "Datagrams that came after a gap had been counted for them.", "exporter", "unit"),
		restarts:        vec("exporter_restarts_total", "Times that an exporter began its sequence anew.", "exporter", "unit"),
		lostDatagrams:   vec("lost_datagrams_total", "Datagrams that were not decoded: queue_full, kernel or not_allowed.", "listener", "reason"),
		lostFlows:       vec("lost_flows_total", "Decoded flows that were lost (spool_damaged counts batches).", "reason"),
		writtenBatches:  counter("written_batches_total", "Batches that Kafka has acknowledged."),
		writtenFlows:    counter("written_flows_total", "Flows in those batches."),
		writeErrors:     counter("kafka_write_errors_total", "Writes that failed and were tried again."),
		spoolBytes:      gauge("spool_bytes", "Bytes that wait on disk."),
		spoolBatches:    gauge("spool_batches", "Batches that wait on disk."),
		dnsMessages:     counter("dns_messages_total", "Messages of resolvers (dnstap)."),
		dnsAnswers:      counter("dns_answers_total", "Addresses that clients were answered."),
		dnsRefused:      vec("dns_refused_total", "What resolvers sent and was refused, by reason.", "reason"),
		dnsEntries:      gauge("dns_entries", "Answers (client, address, name) that are kept."),
		dnsConnections:  gauge("dns_connections", "Resolvers that are connected."),
		maxExporters:    maxExporters,
		exporters:       make(map[exporterKey]bool),
	}
	m.writeSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "landfall_collector_kafka_write_seconds", Help: "Time that a successful write to Kafka took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	})
	all = append(all, m.writeSeconds)
	joined := vec("dns_joined_flows_total", "Flows without a name of their exporter's, by what resolvers said.", "result")
	m.dnsNamed, m.dnsAmbiguous, m.dnsNone = joined.WithLabelValues("named"), joined.WithLabelValues("ambiguous"), joined.WithLabelValues("none")
	for _, why := range dnstap.Reasons {
		m.dnsRefused.WithLabelValues(string(why))
	}
	for _, why := range []outbox.Loss{outbox.LossSpoolFull, outbox.LossSpoolFailed, outbox.LossTooLarge, outbox.LossSpoolDamaged} {
		m.lostFlows.WithLabelValues(string(why))
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register collector metrics: %w", err)
		}
	}
	return m, nil
}

// Wrote, WriteFailed and Spool are of outbox.Metrics; Lost is in losses.go.
func (m *metrics) Wrote(flows int, took time.Duration) {
	m.writtenBatches.Inc()
	m.writtenFlows.Add(float64(flows))
	m.writeSeconds.Observe(took.Seconds())
}

func (m *metrics) WriteFailed() { m.writeErrors.Inc() }

func (m *metrics) Spool(batches int, bytes int64) {
	m.spoolBatches.Set(float64(batches))
	m.spoolBytes.Set(float64(bytes))
}

// listenerMetrics count what a socket loses: udp.Lost. It is told by the goroutine that receives; the
// one that decodes takes what is new for the ledger.
type listenerMetrics struct {
	queueFull, kernel, notAllowed prometheus.Counter
	queueFullNew, kernelNew       atomic.Uint64
}

func (m *metrics) listener(address string) *listenerMetrics {
	return &listenerMetrics{
		queueFull:  m.lostDatagrams.WithLabelValues(address, "queue_full"),
		kernel:     m.lostDatagrams.WithLabelValues(address, "kernel"),
		notAllowed: m.lostDatagrams.WithLabelValues(address, "not_allowed"),
	}
}

// QueueFull implements udp.Lost.
func (l *listenerMetrics) QueueFull(n int) {
	l.queueFull.Add(float64(n))
	l.queueFullNew.Add(uint64(n))
}

// Kernel implements udp.Lost.
func (l *listenerMetrics) Kernel(n uint32) {
	l.kernel.Add(float64(n))
	l.kernelNew.Add(uint64(n))
}

// exporterKey is an exporter that speaks one protocol.
type exporterKey struct {
	address  netip.Addr
	protocol landfallv1.ExportProtocol
}

// protocolLabel is a protocol as metrics show it.
func protocolLabel(p landfallv1.ExportProtocol) string {
	switch p {
	case landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V5:
		return "netflow_v5"
	case landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V9:
		return "netflow_v9"
	case landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX:
		return "ipfix"
	case landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW:
		return "sflow"
	}
	return "unknown"
}

// exporterMetrics are one exporter's counters, found once.
type exporterMetrics struct {
	m                                                                 *metrics
	label                                                             string
	datagrams, bytes, flows, options, counterSamples, unknownElements prometheus.Counter
	refused                                                           [netflow.ReasonCount]prometheus.Counter
	gaps, late, restarts                                              prometheus.Counter
	templates                                                         map[netflow.Template]prometheus.Counter
}

// exporterCache holds the counters of the exporters that one goroutine sees.
type exporterCache struct {
	m     *metrics
	known map[exporterKey]*exporterMetrics
	other map[landfallv1.ExportProtocol]*exporterMetrics
}

func newExporterCache(m *metrics) *exporterCache {
	return &exporterCache{m: m, known: make(map[exporterKey]*exporterMetrics), other: make(map[landfallv1.ExportProtocol]*exporterMetrics)}
}

func (c *exporterCache) get(key exporterKey, unit netflow.Unit) *exporterMetrics {
	if e := c.known[key]; e != nil {
		return e
	}
	if c.m.admit(key) {
		e := c.m.exporter(key.address.String(), protocolLabel(key.protocol), unit)
		c.known[key] = e
		return e
	}
	e := c.other[key.protocol]
	if e == nil {
		e = c.m.exporter(otherLabel, protocolLabel(key.protocol), unit)
		c.other[key.protocol] = e
	}
	return e
}

// admit reports whether an exporter has metrics of its own: the first maxExporters have.
func (m *metrics) admit(key exporterKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.exporters[key] && len(m.exporters) >= m.maxExporters {
		return false
	}
	m.exporters[key] = true
	return true
}

func (m *metrics) exporter(label, protocol string, unit netflow.Unit) *exporterMetrics {
	e := &exporterMetrics{
		m: m, label: label,
		datagrams:       m.datagrams.WithLabelValues(label, protocol),
		bytes:           m.bytes.WithLabelValues(label, protocol),
		flows:           m.flows.WithLabelValues(label, protocol),
		options:         m.options.WithLabelValues(label, protocol),
		counterSamples:  m.counterSamples.WithLabelValues(label, protocol),
		unknownElements: m.unknownElements.WithLabelValues(label, protocol),
		gaps:            m.gaps.WithLabelValues(label, unit.String()),
		late:            m.late.WithLabelValues(label, unit.String()),
		restarts:        m.restarts.WithLabelValues(label, unit.String()),
		templates:       make(map[netflow.Template]prometheus.Counter),
	}
	for reason := range netflow.ReasonCount {
		e.refused[reason] = m.refused.WithLabelValues(label, reason.String())
	}
	return e
}

// maxTemplateLabels bounds the missing templates that are counted by name, of all exporters.
const maxTemplateLabels = 1000

// count adds what became of a datagram.
func (e *exporterMetrics) count(r *netflow.Result, bytes int) {
	e.datagrams.Inc()
	e.bytes.Add(float64(bytes))
	add := func(c prometheus.Counter, n int) {
		if n > 0 {
			c.Add(float64(n))
		}
	}
	add(e.flows, r.Flows)
	add(e.options, r.OptionRecords)
	add(e.counterSamples, r.CounterSamples)
	add(e.unknownElements, r.UnknownElements)
	add(e.gaps, int(r.SequenceLost))
	if r.Late {
		e.late.Inc()
	}
	if r.Restarted {
		e.restarts.Inc()
	}
	for reason, n := range r.Refused {
		add(e.refused[reason], int(n))
	}
	for _, t := range r.Missing {
		e.template(t).Inc()
	}
}

func (e *exporterMetrics) template(t netflow.Template) prometheus.Counter {
	if c := e.templates[t]; c != nil {
		return c
	}
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	if e.m.templates >= maxTemplateLabels {
		return e.m.templateMissing.WithLabelValues(e.label, otherLabel, otherLabel)
	}
	e.m.templates++
	c := e.m.templateMissing.WithLabelValues(e.label, strconv.FormatUint(uint64(t.Domain), 10), strconv.Itoa(int(t.ID)))
	e.templates[t] = c
	return c
}
