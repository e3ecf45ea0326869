package enricher

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

type metrics struct {
	batches      prometheus.Counter
	flows        [4]prometheus.Counter // by landfallv1.HandsetSide
	refused      *prometheus.CounterVec
	retries      prometheus.Counter
	writeSeconds prometheus.Histogram

	loaded         prometheus.Gauge
	reloads        prometheus.Counter
	reloadFailures *prometheus.CounterVec
	olderLoads     prometheus.Counter
}

// sideNames are the values of the label side.
var sideNames = [4]string{
	landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED: "none",
	landfallv1.HandsetSide_HANDSET_SIDE_SOURCE:      "source",
	landfallv1.HandsetSide_HANDSET_SIDE_DESTINATION: "destination",
	landfallv1.HandsetSide_HANDSET_SIDE_BOTH:        "both",
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	flows := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "landfall_enricher_flows_total",
		Help: "Flows enriched, by the end of the flow that is a handset.",
	}, []string{"side"})
	m := &metrics{
		batches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_enricher_batches_total", Help: "Batches enriched and written.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_enricher_messages_refused_total", Help: "Messages that could not be enriched and went to the dead letters.",
		}, []string{"reason"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_enricher_write_retries_total", Help: "Writes to Kafka that failed and were tried again.",
		}),
		writeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "landfall_enricher_write_seconds", Help: "Time that a write to Kafka took until it was acknowledged.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "landfall_enricher_tables_loaded_timestamp_seconds", Help: "When the data sets and the policy in service were put there.",
		}),
		reloads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_enricher_tables_reloads_total", Help: "Changes of data sets or policy that were put into service.",
		}),
		reloadFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_enricher_tables_reload_failures_total", Help: "Data sets or policies that were refused while those before stayed in service.",
		}, []string{"reason"}),
		olderLoads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "landfall_enricher_tables_older_loads_total", Help: "Data sets of an earlier time that were loaded for late flows.",
		}),
	}
	for side, name := range sideNames {
		m.flows[side] = flows.WithLabelValues(name)
	}
	for _, reason := range []string{"data", "policy", "older"} {
		m.reloadFailures.WithLabelValues(reason)
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.batches, flows, m.refused, m.retries, m.writeSeconds, m.loaded, m.reloads, m.reloadFailures, m.olderLoads} {
		errs = append(errs, reg.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register enricher metrics: %w", err)
	}
	return m, nil
}
