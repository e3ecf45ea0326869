package aggregator

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	flowsInserted     prometheus.Counter
	batchesInserted   prometheus.Counter
	batchesDuplicate  *prometheus.CounterVec
	flowsCorrected    *prometheus.CounterVec
	messagesRefused   *prometheus.CounterVec
	inserts           prometheus.Counter
	insertsRepeated   prometheus.Counter
	insertsIncomplete *prometheus.CounterVec
	insertErrors      *prometheus.CounterVec
	commitErrors      prometheus.Counter
	insertSeconds     prometheus.Histogram
	insertRows        prometheus.Histogram
	lagSeconds        *prometheus.GaugeVec
	dataSetsRecorded  prometheus.Counter
	recordErrors      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "landfall_aggregator_" + name, Help: help})
	}
	counters := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "landfall_aggregator_" + name, Help: help}, []string{"reason"})
	}
	m := &metrics{
		flowsInserted:     counter("flows_inserted_total", "Flows in inserts that the server acknowledged."),
		batchesInserted:   counter("batches_inserted_total", "Batches in inserts that the server acknowledged."),
		batchesDuplicate:  counters("batches_duplicate_total", "Batches left out because they were counted before: a second copy by the collector (origin) or the enricher (source)."),
		flowsCorrected:    counters("flows_corrected_total", "Flows counted at their arrival because their start cannot be: too_old or too_new."),
		messagesRefused:   counters("messages_refused_total", "Messages that went to the dead-letter topic: malformed, schema_version or insert_refused."),
		inserts:           counter("inserts_total", "Inserts that the server acknowledged."),
		insertsRepeated:   counter("inserts_repeated_total", "Inserts made again after a restart because their plan was not confirmed."),
		insertErrors:      counters("insert_errors_total", "Tries of an insert that failed: refused (the rows), server (another error of the server's) or connection."),
		dataSetsRecorded:  counter("data_sets_recorded_total", "Data sets written to the table data_sets, when a batch named them first."),
		recordErrors:      counter("record_errors_total", "Tries to write down data sets or the policy that failed."),
		commitErrors:      counter("commit_errors_total", "Tries to commit to Kafka that failed."),
		insertsIncomplete: counters("inserts_incomplete_total", "Inserts that cannot be made as planned: Kafka deleted messages of a plan, which had been inserted (was_inserted) or was not (lost); the topic was made anew (anew); or the server took the flows and refused their rollups (rollup_refused)."),
		insertSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_aggregator_insert_duration_seconds",
			Help: "Duration of acknowledged inserts, in all tables.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		insertRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_aggregator_insert_rows",
			Help: "Rows of acknowledged inserts.", Buckets: prometheus.ExponentialBuckets(10, 4, 9),
		}),
		lagSeconds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "landfall_aggregator_lag_seconds",
			Help: "How long the last batch inserted had been in Kafka; 0 when there is nothing to insert.",
		}, []string{"partition"}),
	}
	for _, c := range []prometheus.Collector{
		m.flowsInserted, m.batchesInserted, m.batchesDuplicate, m.flowsCorrected,
		m.messagesRefused, m.inserts, m.insertsRepeated, m.insertErrors, m.commitErrors, m.insertsIncomplete,
		m.insertSeconds, m.insertRows, m.lagSeconds, m.dataSetsRecorded, m.recordErrors,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register aggregator metrics: %w", err)
		}
	}
	for _, r := range []string{reasonOrigin, reasonSource} {
		m.batchesDuplicate.WithLabelValues(r)
	}
	for _, r := range []string{reasonWasInserted, reasonLost, reasonAnew, reasonRollupRefused} {
		m.insertsIncomplete.WithLabelValues(r)
	}
	for _, r := range []string{reasonTooOld, reasonTooNew} {
		m.flowsCorrected.WithLabelValues(r)
	}
	for _, r := range []string{reasonRefused, reasonServer, reasonConnection} {
		m.insertErrors.WithLabelValues(r)
	}
	for _, r := range []string{reasonMalformed, reasonSchemaVersion, reasonInsertRefused} {
		m.messagesRefused.WithLabelValues(r)
	}
	return m, nil
}

// The reasons in the metrics and in the dead-letter topic.
const (
	reasonOrigin        = "origin"
	reasonSource        = "source"
	reasonMalformed     = "malformed"
	reasonSchemaVersion = "schema_version"
	reasonInsertRefused = "insert_refused"
	reasonTooOld        = "too_old"
	reasonTooNew        = "too_new"
	reasonRefused       = "refused"
	reasonServer        = "server"
	reasonConnection    = "connection"
	reasonWasInserted   = "was_inserted"
	reasonLost          = "lost"
	reasonAnew          = "anew"
	reasonRollupRefused = "rollup_refused"
)
