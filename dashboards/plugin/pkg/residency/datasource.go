// Package residency is the backend of the Grafana data source: it turns panels' queries into
// residency questions and the answers into frames. What a question means, and its SQL, it leaves to
// internal/query.
package residency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// PluginID is the id of plugin.json.
const PluginID = "landfall-residency-datasource"

// connectTimeout bounds the wait for a server that does not answer.
const connectTimeout = 5 * time.Second

// ClickHouse's codes for a table that is not there, or not for this user.
const (
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
	codeAccessDenied    = 497
)

// Datasource is one configured data source. It connects with its first request.
type Datasource struct {
	backend.QueryDataHandler

	config clickhouse.Config
	mu     sync.Mutex
	conn   driver.Conn
}

// New makes the instance for a data source's settings; the SDK makes a new one when they change.
func New(_ context.Context, settings backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	c, err := readSettings(settings)
	if err != nil {
		return nil, backend.DownstreamError(err)
	}
	d := &Datasource{config: c}
	mux := datasource.NewQueryTypeMux()
	mux.HandleFunc("residency", d.residency)
	mux.HandleFunc("", noSuchType) // what no other handler is for
	d.QueryDataHandler = mux
	return d, nil
}

// Dispose closes the connections.
func (d *Datasource) Dispose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

// client returns the connected client. A failure is tried again with the next request.
func (d *Datasource) client(ctx context.Context) (*query.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		conn, err := clickhouse.Open(ctx, d.config, slog.New(slog.DiscardHandler)) // the error tells all
		if err != nil {
			return nil, err
		}
		d.conn = conn
	}
	return query.New(d.conn, d.config.Database, query.Options{}), nil
}

// CheckHealth connects, logs in and reads the totals, and says which of these fails.
func (d *Datasource) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	bad := func(format string, args ...any) (*backend.CheckHealthResult, error) {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: fmt.Sprintf(format, args...)}, nil
	}
	client, err := d.client(ctx)
	if err != nil {
		return bad("%v", err)
	}
	totals, err := client.Totals(ctx)
	var refused *clickhousego.Exception
	switch {
	case errors.As(err, &refused) && (refused.Code == codeUnknownTable || refused.Code == codeUnknownDatabase):
		return bad("Database %q has none of Landfall's tables; the aggregator makes them when it starts.", d.config.Database)
	case errors.As(err, &refused) && refused.Code == codeAccessDenied:
		return bad("User %q may not read database %q: %s", d.config.User, d.config.Database, refused.Message)
	case err != nil:
		return bad("%v", err)
	}
	message := fmt.Sprintf("Connected to %s: %d flows counted", d.config.Addresses[0], totals.Flows)
	if !totals.LastReceived.IsZero() {
		message += ", the last received " + totals.LastReceived.UTC().Format(time.RFC3339)
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: message + "."}, nil
}

// residency answers the queries of type residency.
func (d *Datasource) residency(ctx context.Context, request *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	response := backend.NewQueryDataResponse()
	for _, q := range request.Queries {
		response.Responses[q.RefID] = d.answer(ctx, q)
	}
	return response, nil
}

func noSuchType(_ context.Context, request *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	response := backend.NewQueryDataResponse()
	for _, q := range request.Queries {
		response.Responses[q.RefID] = backend.ErrDataResponse(backend.StatusBadRequest,
			fmt.Sprintf("there is no query type %q; there is residency", q.QueryType))
	}
	return response, nil
}

func (d *Datasource) answer(ctx context.Context, q backend.DataQuery) backend.DataResponse {
	var model Query
	if err := json.Unmarshal(q.JSON, &model); err != nil {
		return backend.ErrDataResponse(backend.StatusBadRequest, "query: "+err.Error())
	}
	question, err := model.question(q.TimeRange, q.Interval)
	if err != nil {
		return backend.ErrDataResponse(backend.StatusBadRequest, err.Error())
	}
	client, err := d.client(ctx)
	if err != nil {
		return backend.ErrDataResponseWithSource(backend.StatusBadGateway, backend.ErrorSourceDownstream, err.Error())
	}
	answer, err := client.Residency(ctx, question)
	var invalid *query.InvalidError
	switch {
	case errors.As(err, &invalid):
		return backend.ErrDataResponse(backend.StatusBadRequest, err.Error())
	case err != nil:
		return backend.ErrDataResponseWithSource(backend.StatusBadGateway, backend.ErrorSourceDownstream, err.Error())
	}
	return backend.DataResponse{Frames: frames(answer, model.metric(), q.RefID)}
}
