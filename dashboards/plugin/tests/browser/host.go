// Package browser is what the plugin's browser test has in place of a Grafana: a server on loopback with
// the few requests that Grafana's front end makes for a data source, which it forwards to the plugin's
// own binary, and a page that mounts the plugin's editors and draws its answers. What the plugin answers
// it leaves to the binary.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
)

// maxBody bounds what the page may send.
const maxBody = 4 << 20

// Host serves the page and forwards to the plugin.
type Host struct {
	Plugin    *pluginhost.Plugin
	Page      string // folder of the built page
	Module    string // folder of the built plugin: module.js, plugin.json, img
	Dashboard string // folder of the dashboards' JSON; empty: none

	mu     sync.Mutex
	source pluginhost.Source
}

// SetSource is what an administrator saves.
func (h *Host) SetSource(s pluginhost.Source) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Updated = time.Now()
	h.source = s
}

// Handler are the host's routes, with Grafana's paths.
func (h *Host) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/ds/query", h.query)
	mux.HandleFunc("GET /api/datasources/uid/{uid}", h.settings)
	mux.HandleFunc("PUT /api/datasources/uid/{uid}", h.save)
	mux.HandleFunc("GET /api/datasources/uid/{uid}/health", h.health)
	mux.HandleFunc("/api/datasources/uid/{uid}/resources/{path...}", h.resource)
	if h.Dashboard != "" {
		mux.Handle("/dashboards/", http.StripPrefix("/dashboards/", http.FileServer(http.Dir(h.Dashboard))))
	}
	mux.Handle("/public/plugins/"+pluginhost.PluginID+"/",
		http.StripPrefix("/public/plugins/"+pluginhost.PluginID+"/", http.FileServer(http.Dir(h.Module))))
	mux.HandleFunc("/public/build/img/icons/{folder}/{name}", icon)
	mux.Handle("/", http.FileServer(http.Dir(h.Page)))
	return mux
}

// context is that of a signed-in viewer.
func (h *Host) context(uid string) (backend.PluginContext, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if uid != h.source.UID {
		return backend.PluginContext{}, fmt.Errorf("there is no data source %q", uid)
	}
	return h.source.Context(&backend.User{Login: "viewer", Name: "A viewer", Role: "Viewer"})
}

// queryRequest is the body of /api/ds/query.
type queryRequest struct {
	Queries  []json.RawMessage
	From, To string // milliseconds since 1970
}

func (h *Host) query(w http.ResponseWriter, r *http.Request) {
	var body queryRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	within, err := timeRange(body.From, body.To)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	request := &backend.QueryDataRequest{}
	for _, raw := range body.Queries {
		var q struct {
			RefID         string
			QueryType     string
			Datasource    struct{ UID string }
			IntervalMs    int64
			MaxDataPoints int64
		}
		if err := json.Unmarshal(raw, &q); err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		if request.PluginContext, err = h.context(q.Datasource.UID); err != nil {
			fail(w, http.StatusNotFound, err)
			return
		}
		request.Queries = append(request.Queries, backend.DataQuery{
			RefID: q.RefID, QueryType: q.QueryType, MaxDataPoints: q.MaxDataPoints,
			Interval: time.Duration(q.IntervalMs) * time.Millisecond, TimeRange: within, JSON: raw,
		})
	}
	answer, err := h.Plugin.QueryData(r.Context(), request)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	for _, one := range answer.Responses {
		if one.Error != nil {
			status = http.StatusBadRequest // as Grafana does when one of the queries fails
		}
	}
	reply(w, status, answer)
}

func timeRange(from, to string) (within backend.TimeRange, err error) {
	for _, end := range []struct {
		text string
		to   *time.Time
	}{{from, &within.From}, {to, &within.To}} {
		ms, err := strconv.ParseInt(end.text, 10, 64)
		if err != nil {
			return within, fmt.Errorf("time range: %w", err)
		}
		*end.to = time.UnixMilli(ms).UTC()
	}
	return within, nil
}

// sourceJSON is a data source in Grafana's API. Secrets go in and never come out: secureJsonFields says
// which there are.
type sourceJSON struct {
	UID      string            `json:"uid"`
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	JSONData any               `json:"jsonData"`
	Secrets  map[string]string `json:"secureJsonData,omitempty"`
	Fields   map[string]bool   `json:"secureJsonFields"`
}

func (h *Host) settings(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.PathValue("uid") != h.source.UID {
		fail(w, http.StatusNotFound, fmt.Errorf("there is no data source %q", r.PathValue("uid")))
		return
	}
	fields := map[string]bool{}
	for name := range h.source.Secrets {
		fields[name] = true
	}
	reply(w, http.StatusOK, sourceJSON{UID: h.source.UID, Name: h.source.Name, Type: pluginhost.PluginID, JSONData: h.source.JSONData, Fields: fields})
}

// save keeps the secrets that are not sent again, unless their field was reset.
func (h *Host) save(w http.ResponseWriter, r *http.Request) {
	var s sourceJSON
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&s); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	h.mu.Lock()
	secrets := maps.Clone(h.source.Secrets)
	h.mu.Unlock()
	maps.DeleteFunc(secrets, func(name, _ string) bool { return !s.Fields[name] })
	if secrets == nil {
		secrets = map[string]string{}
	}
	maps.Copy(secrets, s.Secrets)
	h.SetSource(pluginhost.Source{UID: r.PathValue("uid"), Name: s.Name, JSONData: s.JSONData, Secrets: secrets})
	h.settings(w, r)
}

func (h *Host) health(w http.ResponseWriter, r *http.Request) {
	from, err := h.context(r.PathValue("uid"))
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	result, err := h.Plugin.CheckHealth(r.Context(), &backend.CheckHealthRequest{PluginContext: from})
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	status := http.StatusOK
	if result.Status != backend.HealthStatusOk {
		status = http.StatusBadRequest
	}
	answer := map[string]any{"status": result.Status.String(), "message": result.Message}
	if len(result.JSONDetails) > 0 {
		answer["details"] = json.RawMessage(result.JSONDetails)
	}
	reply(w, status, answer)
}

func (h *Host) resource(w http.ResponseWriter, r *http.Request) {
	from, err := h.context(r.PathValue("uid"))
	if err != nil {
		fail(w, http.StatusNotFound, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	url := r.PathValue("path")
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	if err := h.forward(r.Context(), w, &backend.CallResourceRequest{
		PluginContext: from, Method: r.Method, Path: r.PathValue("path"), URL: url, Body: body, Headers: r.Header,
	}); err != nil {
		fail(w, http.StatusInternalServerError, err)
	}
}

func (h *Host) forward(ctx context.Context, w http.ResponseWriter, request *backend.CallResourceRequest) error {
	started := false
	return h.Plugin.CallResource(ctx, request, backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
		if !started {
			started = true
			for name, values := range r.Headers {
				w.Header()[name] = slices.Clone(values)
			}
			w.WriteHeader(r.Status)
		}
		_, err := w.Write(r.Body)
		return err
	}))
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the page has gone
}

func fail(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"message": err.Error()})
}
