package panel

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Env is what an answer needs beside the query. All of it comes from the data source and its settings,
// nothing from the query.
type Env struct {
	Client *query.Client // sees what the data source may see
	// Name gives the display names of places and countries.
	Name func(code string) string
	// CompletenessBound is the share below which an answer comes with a warning.
	CompletenessBound float64
	// MinHandsets withholds figures of fewer handsets; 0: none.
	MinHandsets int
	// SourceUID and SourceName are the data source's, for links to its own queries.
	SourceUID, SourceName string
	// ForExpression: alerting, recorded queries or expressions ask, and take figures only.
	ForExpression bool
}

// Answer asks what a panel asks. Faults of the asker are *BadQuery and *query.InvalidError; what else
// fails is the server's.
func Answer(ctx context.Context, env Env, q backend.DataQuery) (data.Frames, error) {
	model, err := Decode(q.JSON, q.QueryType)
	if err != nil {
		return nil, err
	}
	answer := map[string]func(context.Context, Env, Query, times) (data.Frames, error){
		TypeResidency:    residency,
		TypeMap:          countries,
		TypeCompare:      compare,
		TypeShifts:       compare,
		TypeOvertakes:    overtakes,
		TypeEndpoints:    endpoints,
		TypeNewEndpoints: newEndpoints,
		TypeCompleteness: completeness,
		TypeFlows:        flows,
		TypeAnnotations:  annotations,
	}[model.Type]
	frames, err := answer(ctx, env, model, times{within: q.TimeRange, interval: q.Interval})
	for _, f := range frames {
		f.RefID = q.RefID
	}
	return frames, err
}
