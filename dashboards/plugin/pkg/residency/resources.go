package residency

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// maxBody bounds the body of a resource request: a query with ten thousand values is refused by its
// checks and not cut.
const maxBody = 1 << 20

// resources are what the editors ask for.
func (d *Datasource) resources() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (any, error){
		"GET /dimensions": d.dimensions, "POST /values": d.values, "POST /explain": d.explanation, "GET /info": d.info,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, handle) })
	}
	return mux
}

func (d *Datasource) serve(w http.ResponseWriter, r *http.Request, handle func(*http.Request) (any, error)) {
	if d.refused != nil {
		reply(w, http.StatusBadRequest, map[string]string{"message": d.refused.Error()})
		return
	}
	if r.Body == nil { // the adapter's requests have none where nothing was sent
		r.Body = http.NoBody
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	ctx, done := within(r.Context(), d.timeout+grace)
	defer done()
	from := backend.PluginConfigFromContext(ctx)
	r = r.WithContext(comment{Source: d.uid, QueryType: r.URL.Path[1:], From: "resource"}.with(ctx, from))
	answer, err := handle(r)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		reply(w, http.StatusRequestEntityTooLarge, map[string]string{"message": fmt.Sprintf("The request is larger than %d bytes.", maxBody)})
	case errors.Is(err, errRequest):
		reply(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
	case err != nil:
		f := d.explain(ctx, err)
		reply(w, int(f.status), map[string]string{"message": f.message})
	default:
		reply(w, http.StatusOK, answer)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"message":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // who asked may be gone
}

var errRequest = errors.New("request")

// read reads the body of a request, strictly.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	var large *http.MaxBytesError
	if err := decoder.Decode(into); errors.As(err, &large) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	return nil
}

type dimensionTitle struct {
	Value query.Dimension `json:"value"`
	Title string          `json:"title"`
}

func (d *Datasource) dimensions(*http.Request) (any, error) {
	all := []dimensionTitle{}
	for _, one := range query.Dimensions() {
		all = append(all, dimensionTitle{one, one.Title()})
	}
	return all, nil
}

type valuesRequest struct {
	Dimension query.Dimension `json:"dimension"` // or exporter
	Search    string          `json:"search"`
	From      time.Time       `json:"from"`
	To        time.Time       `json:"to"`
	Query     json.RawMessage `json:"query"` // whose filters narrow the values
}

type namedValue struct {
	Value string `json:"value"`
	Text  string `json:"text"`
}

func (d *Datasource) values(r *http.Request) (any, error) {
	var asked valuesRequest
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	a, err := panel.Values(r.Context(), d.env(false), asked.Dimension, asked.Search, asked.From.UTC(), asked.To.UTC(), asked.Query)
	if err != nil {
		return nil, err
	}
	all := make([]namedValue, len(a.Rows))
	for i, v := range a.Rows {
		all[i] = namedValue{v.Value, v.Text}
	}
	return all, nil
}

type explainRequest struct {
	Query      json.RawMessage `json:"query"`
	From       time.Time       `json:"from"`
	To         time.Time       `json:"to"`
	IntervalMs int64           `json:"intervalMs"`
}

type statement struct {
	For string `json:"for"`
	SQL string `json:"sql"`
}

type explained struct {
	Rollup     string      `json:"rollup"`
	Statements []statement `json:"statements"`
	Warnings   []string    `json:"warnings"`
	Rows       int         `json:"rows"`
	ElapsedMs  int64       `json:"elapsedMs"`
}

// explanation answers a query, and says how instead of what.
func (d *Datasource) explanation(r *http.Request) (any, error) {
	var asked explainRequest
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if len(asked.Query) == 0 {
		return nil, fmt.Errorf("%w: query is missing", errRequest)
	}
	began := time.Now()
	frames, err := panel.Answer(r.Context(), d.env(false), backend.DataQuery{
		RefID: "explain", JSON: asked.Query, Interval: time.Duration(asked.IntervalMs) * time.Millisecond,
		TimeRange: backend.TimeRange{From: asked.From, To: asked.To},
	})
	if err != nil {
		return nil, err
	}
	out := explained{ElapsedMs: time.Since(began).Milliseconds(), Statements: []statement{}, Warnings: []string{}}
	for i, f := range frames {
		out.Rows += f.Rows()
		if i > 0 || f.Meta == nil {
			continue
		}
		about, _ := f.Meta.Custom.(*panel.Custom)
		for ; about != nil; about = about.Before {
			if out.Rollup == "" {
				out.Rollup = about.Rollup
			}
			out.Warnings = append(out.Warnings, about.Warnings...)
			for _, s := range about.Statements {
				out.Statements = append(out.Statements, statement{s.For, s.SQL})
			}
		}
	}
	return out, nil
}

type information struct {
	Schema    schema           `json:"schema"`
	Version   string           `json:"version"`
	DataSets  []query.DataSets `json:"dataSets"`
	Credit    string           `json:"credit"`
	Freshness freshness        `json:"freshness"`
}

type freshness struct {
	LastReceived time.Time `json:"lastReceived,omitzero"`
	Minutes      int       `json:"minutes"` // older data count as old
	Old          bool      `json:"old"`
}

// info is of the last week that there are data of.
func (d *Datasource) info(r *http.Request) (any, error) {
	totals, err := d.client.Totals(r.Context())
	if err != nil {
		return nil, err
	}
	out := information{Schema: d.schema(r.Context()), Version: version(), DataSets: []query.DataSets{}}
	out.Freshness = freshness{LastReceived: totals.LastReceived, Minutes: d.FreshnessMinutes}
	out.Freshness.Old = time.Since(totals.LastReceived) > time.Duration(d.FreshnessMinutes)*time.Minute
	if totals.LastFlow.IsZero() {
		return out, nil
	}
	a, err := d.client.Residency(r.Context(), query.Residency{Since: totals.LastFlow.UTC().AddDate(0, 0, -7).Truncate(24 * time.Hour)})
	if err != nil {
		return nil, err
	}
	out.DataSets = append(out.DataSets, a.DataSets...)
	out.Credit = panel.Credit(a.DataSets)
	return out, nil
}

// version is that of the build.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "dev"
}
