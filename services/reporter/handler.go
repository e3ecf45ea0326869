package reporter

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// route is one question of the API. Its parameters are all that it knows; any other is refused.
type route struct {
	path       string
	parameters []string
	answer     func(ctx context.Context, q url.Values) (reply, error)
}

// reply writes an answer's body; it is made before the first byte is sent.
type reply struct {
	contentType string
	fileName    string // for a download; empty: shown
	write       func(io.Writer) error
}

func jsonReply(v any) reply {
	return reply{contentType: "application/json", write: func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }}
}

func csvReply(name string, write func(io.Writer) error) reply {
	return reply{contentType: "text/csv; charset=utf-8", fileName: "landfall-" + name + ".csv", write: write}
}

func (s *Service) routes() []route {
	return []route{
		{"/api/v1/residency", residencyParameters, s.residency},
		{"/api/v1/compare", compareParameters, s.compare},
		{"/api/v1/endpoints", endpointsParameters, s.endpoints},
		{"/api/v1/new", newParameters, s.newSince},
		{"/api/v1/completeness", completenessParameters, s.completeness},
		{"/api/v1/vendors", nil, s.vendors},
		{"/api/v1/totals", nil, s.totals},
		{"/api/v1/places", []string{"code"}, s.places},
		{"/api/v1/about", nil, s.aboutPage},
	}
}

// handler is the whole of what is served.
func (s *Service) handler(pages pages) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.Handle("GET "+r.path, s.ask(r))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	for _, pattern := range []string{"GET /{$}", "GET /assets/", "GET /favicon.svg"} {
		mux.HandleFunc(pattern, s.page(pages))
	}
	mux.HandleFunc("/", s.refusePath)
	return s.guard(gzhttp.GzipHandler(mux), mux)
}

// guard sets the headers that keep other sites out, refuses foreign host names and counts requests.
func (s *Service) guard(next http.Handler, mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		_, pattern := mux.Handler(r)
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.config.hostAllowed(r.Host) {
			next.ServeHTTP(recorder, r)
		} else {
			s.refuse(recorder, &problem{
				Status: http.StatusMisdirectedRequest, reason: "host",
				Detail: "this server is not known by the name in the Host header; reporter.allowed_hosts lists more names",
			})
		}
		s.metrics.requests.WithLabelValues(pattern, strconv.Itoa(recorder.status)).Inc()
		s.metrics.seconds.WithLabelValues(pattern).Observe(time.Since(begin).Seconds())
	})
}

// ask answers one route: it refuses unknown parameters, bounds the questions under way and turns
// every fault into a problem.
func (s *Service) ask(r route) http.Handler {
	var failing atomic.Bool // an outage is logged once, not at every poll of every page
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		values, err := url.ParseQuery(req.URL.RawQuery)
		if err != nil {
			s.refuse(w, badParameter("query string", "is not well formed"))
			return
		}
		if p := unknownParameter(values, r.parameters); p != nil {
			s.refuse(w, p)
			return
		}
		ctx, cancel := context.WithTimeout(req.Context(), s.config.QueryTimeout)
		defer cancel()
		var answer reply
		select {
		case s.slots <- struct{}{}:
			answer, err = r.answer(ctx, values)
			<-s.slots
		case <-ctx.Done():
			err = errBusy
		}
		if err != nil {
			s.failed(w, req, r.path, err, &failing)
			return
		}
		if failing.CompareAndSwap(true, false) {
			s.log.Info("ClickHouse answers the page again", "route", r.path)
		}
		h := w.Header()
		h.Set("Content-Type", answer.contentType)
		h.Set("Cache-Control", "no-store")
		if answer.fileName != "" {
			h.Set("Content-Disposition", `attachment; filename="`+answer.fileName+`"`)
		}
		if err := answer.write(w); err != nil && req.Context().Err() == nil {
			s.log.Debug("answer not written", "route", r.path, "error", err)
		}
	})
}

var errBusy = errors.New("all questions to ClickHouse are taken")

// failed answers for a question that got no answer. What ClickHouse said goes to the log only: it
// may quote the statement.
func (s *Service) failed(w http.ResponseWriter, req *http.Request, route string, err error, failing *atomic.Bool) {
	var refused *problem
	var invalid *query.InvalidError
	switch {
	case errors.As(err, &refused):
		s.refuse(w, refused)
		return
	case errors.As(err, &invalid):
		s.refuse(w, &problem{Status: http.StatusBadRequest, Detail: invalid.Error(), reason: "parameter"})
		return
	case req.Context().Err() != nil:
		s.metrics.failures.WithLabelValues("client_gone").Inc()
		return
	}
	p := &problem{Status: http.StatusServiceUnavailable}
	reason := "unavailable"
	switch {
	case errors.Is(err, errBusy):
		reason = "busy"
		p.Detail = "waiting for ClickHouse: it is busy with other questions; ask again"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "timeout"
		p.Detail = "waiting for ClickHouse: no answer within " + s.config.QueryTimeout.String() + " (reporter.query_timeout)"
	default:
		p.Detail = "waiting for ClickHouse: it is not reached or refused the question; the log of the reporter says more"
	}
	s.metrics.failures.WithLabelValues(reason).Inc()
	if failing.CompareAndSwap(false, true) {
		s.log.Warn("ClickHouse did not answer the page", "route", route, "reason", reason, "error", err)
	}
	p.write(w)
}

func (s *Service) refuse(w http.ResponseWriter, p *problem) {
	s.metrics.refused.WithLabelValues(p.reason).Inc()
	p.write(w)
}

func (s *Service) refusePath(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, &problem{Status: http.StatusMethodNotAllowed, Detail: "only GET and HEAD are answered", Allowed: []string{"GET", "HEAD"}, reason: "method"})
		return
	}
	var paths []string
	for _, route := range s.routes() {
		paths = append(paths, route.path)
	}
	s.refuse(w, &problem{Status: http.StatusNotFound, Detail: "there is nothing at this path", Allowed: paths, reason: "path"})
}

// statusRecorder remembers the status for the request's counter.
type statusRecorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *statusRecorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
