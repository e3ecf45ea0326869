package reporter

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics count by route, which is a pattern of ours and never what a peer sent.
type metrics struct {
	requests *prometheus.CounterVec   // route, code
	seconds  *prometheus.HistogramVec // route
	refused  *prometheus.CounterVec   // reason
	failures *prometheus.CounterVec   // reason
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_reporter_requests_total", Help: "Requests answered, by route and status code.",
		}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "landfall_reporter_request_duration_seconds", Help: "Time to answer a request, by route.",
			Buckets: []float64{.002, .01, .05, .2, 1, 5, 20},
		}, []string{"route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_reporter_refused_requests_total", Help: "Requests refused for what they ask: host, parameter, path or method.",
		}, []string{"reason"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "landfall_reporter_failed_queries_total", Help: "Questions that ClickHouse did not answer: unavailable, timeout, busy, or client_gone.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{"host", "parameter", "path", "method"} {
		m.refused.WithLabelValues(reason)
	}
	for _, reason := range []string{"unavailable", "timeout", "busy", "client_gone"} {
		m.failures.WithLabelValues(reason)
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.refused, m.failures} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
