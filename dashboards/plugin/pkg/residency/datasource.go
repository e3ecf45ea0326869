// Package residency is the backend of the Grafana data source: its settings and connections, who asks
// and what may be seen, health, resources and streams. What a query means and how its answer looks it
// leaves to panel, the SQL to internal/query.
package residency

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// PluginID is the id of plugin.json.
const PluginID = "landfall-residency-datasource"

// Datasource is one configured data source. It connects with its first statement.
type Datasource struct {
	backend.CallResourceHandler
	connection

	refused error // what is wrong with the settings; nothing else is set then
	uid     string
	name    string
	conn    *queue
	client  *query.Client
	answers chan struct{} // bounds the questions that are answered at once
	live    *live
	log     log.Logger
}

// New makes the instance for a data source's settings; the SDK makes a new one when they change. One
// whose settings are refused answers everything with what is wrong with them.
func New(_ context.Context, settings backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	d := &Datasource{uid: settings.UID, name: settings.Name, live: newLive(), log: log.DefaultLogger.With("uid", settings.UID)}
	d.CallResourceHandler = httpadapter.New(d.resources())
	d.refused = d.open(settings)
	return d, nil
}

func (d *Datasource) open(settings backend.DataSourceInstanceSettings) error {
	c, err := readSettings(settings)
	if err != nil {
		return err
	}
	conn, err := clickhouse.Connect(c.clickhouse)
	if err != nil {
		return err
	}
	d.connection = c
	d.conn = newQueue(conn, c.MaxConnections)
	d.client = query.New(d.conn, c.Database, c.options)
	d.answers = make(chan struct{}, c.MaxConnections)
	return nil
}

// Dispose ends the streams and closes the connections.
func (d *Datasource) Dispose() {
	d.live.end()
	if d.conn != nil {
		d.conn.Close()
	}
}

// QueryData answers the queries of a request at the same time, as far as there are connections.
func (d *Datasource) QueryData(ctx context.Context, request *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	response := backend.NewQueryDataResponse()
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, q := range request.Queries {
		all.Go(func() {
			r := d.answer(ctx, request, q)
			mu.Lock()
			defer mu.Unlock()
			response.Responses[q.RefID] = r
		})
	}
	all.Wait()
	return response, nil
}

func (d *Datasource) answer(ctx context.Context, request *backend.QueryDataRequest, q backend.DataQuery) (response backend.DataResponse) {
	// The SDK catches panics of its own goroutine only; in this one it would end the plugin, and with it
	// everybody's panels.
	defer func() {
		if fault := recover(); fault != nil {
			d.log.Error("a query made the plugin panic", "fault", fault, "query", string(q.JSON), "stack", string(debug.Stack()))
			response = backend.ErrDataResponseWithSource(backend.StatusInternal, backend.ErrorSourcePlugin, "The plugin has a fault; its log says more.")
		}
	}()
	if d.refused != nil {
		return backend.ErrDataResponseWithSource(backend.StatusBadRequest, backend.ErrorSourceDownstream, d.refused.Error())
	}
	// Before anything waits for the server.
	model, err := panel.Decode(q.JSON, q.QueryType)
	if err != nil {
		return d.explain(ctx, err).response()
	}
	select {
	case d.answers <- struct{}{}:
		defer func() { <-d.answers }()
	case <-ctx.Done():
		return d.explain(ctx, ctx.Err()).response()
	}
	ctx, done := within(ctx, d.timeout+grace)
	defer done()
	forExpression, c := asks(request)
	c.Source, c.QueryType, c.RefID = d.uid, model.Type, q.RefID
	env := d.env(forExpression)
	frames, err := panel.Answer(c.with(ctx, request.PluginContext), env, q)
	if err != nil {
		return d.explain(ctx, err).response()
	}
	if model.Live && model.Type == panel.TypeNewEndpoints && !forExpression && len(frames) > 0 {
		d.offer(model, q.TimeRange, frames[0])
	}
	return backend.DataResponse{Frames: frames, Status: backend.StatusOK}
}

func (d *Datasource) env(forExpression bool) panel.Env {
	return panel.Env{
		Client: d.client, Name: geo.Name, CompletenessBound: d.bound, MinHandsets: d.MinHandsets,
		SourceUID: d.uid, SourceName: d.name, ForExpression: forExpression,
	}
}

// schema is what there is to know of the database's schema.
type schema struct {
	Version  int64  `json:"version,omitempty"` // 0: unknown
	Expected int64  `json:"expected"`
	Unknown  string `json:"unknown,omitempty"` // why it is
	fault    string // how it differs from the one that is asked for
}

// schema compares the database's schema with the one that this plugin was built for.
func (d *Datasource) schema(ctx context.Context) schema {
	known, err := clickhouse.Migrations()
	if err != nil || len(known) == 0 {
		return schema{Unknown: fmt.Sprint("this plugin knows no migrations: ", err)}
	}
	s := schema{Expected: known[len(known)-1].Version}
	// In a cluster questions go to a database of distributed tables beside the one with the migrations.
	version, err := clickhouse.SchemaVersion(ctx, d.conn, strings.TrimSuffix(d.Database, "_all"))
	if err != nil {
		s.Unknown = err.Error()
		return s
	}
	s.Version = version
	switch {
	case version > s.Expected:
		s.fault = fmt.Sprintf("The schema of database %q is at %d, newer than the %d that this plugin knows: upgrade the plugin.", d.Database, version, s.Expected)
	case version < s.Expected:
		next := known[slices.IndexFunc(known, func(m clickhouse.Migration) bool { return m.Version > version })]
		s.fault = fmt.Sprintf("The schema of database %q is at %d, older than the %d that this plugin asks: migration %s is missing; start the aggregator of the plugin's version, which makes it.",
			d.Database, version, s.Expected, next.Name)
	}
	return s
}
