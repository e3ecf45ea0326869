package residency

import (
	"context"
	"encoding/json"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// comment is what ClickHouse's query log keeps of who asked: nothing of a person but the login.
type comment struct {
	Source    string `json:"source"` // uid of the data source
	User      string `json:"user,omitempty"`
	Dashboard string `json:"dashboard,omitempty"` // uid
	Panel     string `json:"panel,omitempty"`
	QueryType string `json:"query_type,omitempty"`
	RefID     string `json:"ref_id,omitempty"`
	From      string `json:"from,omitempty"` // alerting, expression, stream, health or a resource
}

// mostOfAName bounds each text of a comment, so that the whole is never cut within its JSON.
const mostOfAName = 200

func (c comment) with(ctx context.Context, from backend.PluginContext) context.Context {
	if from.User != nil {
		c.User = from.User.Login
	}
	for _, text := range []*string{&c.User, &c.Dashboard, &c.Panel, &c.QueryType, &c.RefID} {
		*text = (*text)[:min(len(*text), mostOfAName)]
	}
	b, err := json.Marshal(c)
	if err != nil { // texts only
		return ctx
	}
	return query.WithComment(ctx, string(b))
}

// Headers of Grafana's that are not the SDK's. It passes those of the panel on with a prefix, and those
// of alerting and of expressions as they are.
const (
	headerDashboard  = "X-Dashboard-Uid"
	headerPanel      = "X-Panel-Id"
	headerExpression = "X-Grafana-From-Expr"
)

// asks tells who sent a request for data: for whom the frames are, and what the log is to say.
func asks(r *backend.QueryDataRequest) (forExpression bool, c comment) {
	header := func(name string) string {
		if v := r.GetHTTPHeader(name); v != "" {
			return v
		}
		return r.Headers[name]
	}
	c = comment{Dashboard: header(headerDashboard), Panel: header(headerPanel)}
	switch {
	case header(backend.FromAlertHeaderName) == "true":
		c.From = "alerting"
	case header(headerExpression) != "":
		c.From = "expression"
	}
	return c.From != "", c
}
