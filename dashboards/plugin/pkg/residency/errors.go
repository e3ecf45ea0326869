package residency

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// statusGone is nginx's for a caller that has gone away.
const statusGone backend.Status = 499

// fault is what a failed question looks like to the user.
type fault struct {
	status  backend.Status
	source  backend.ErrorSource
	message string
}

func (f fault) response() backend.DataResponse {
	return backend.ErrDataResponseWithSource(f.status, f.source, f.message)
}

// explain says in words what went wrong with a question, and whose fault it is.
func (d *Datasource) explain(ctx context.Context, err error) fault {
	var invalid *query.InvalidError
	var bad *panel.BadQuery
	if errors.As(err, &invalid) || errors.As(err, &bad) {
		return fault{backend.StatusBadRequest, backend.ErrorSourcePlugin, err.Error()}
	}
	down := func(status backend.Status, format string, args ...any) fault {
		return fault{status, backend.ErrorSourceDownstream, fmt.Sprintf(format, args...)}
	}
	if errors.Is(context.Cause(ctx), errNoAnswer) {
		return down(backend.StatusTimeout, "ClickHouse at %s did not answer within %s.", d.Address, d.timeout+grace)
	}
	if ctx.Err() != nil {
		return down(statusGone, "The caller went away before ClickHouse answered.")
	}
	var said *clickhousego.Exception
	if !errors.As(err, &said) {
		return down(backend.StatusBadGateway, "ClickHouse at %s cannot be asked: %v", d.Address, err)
	}
	const less = "Ask for a shorter time, a coarser bucket or fewer dimensions."
	switch proto.Error(said.Code) {
	case proto.ErrTimeoutExceeded, proto.ErrTooSlow:
		return down(backend.StatusTimeout, "ClickHouse gave up after the %d s of the setting timeoutSeconds. %s", d.TimeoutSeconds, less)
	case proto.ErrTooManyRows, proto.ErrTooManyBytes, proto.ErrTooManyRowsOrBytes:
		return down(backend.StatusBadRequest, "ClickHouse would have to read more than it may (setting maxBytesRead). %s It says: %s", less, said.Message)
	case proto.ErrMemoryLimitExceeded:
		return down(backend.StatusBadGateway, "ClickHouse has not enough memory for this. %s It says: %s", less, said.Message)
	case proto.ErrTooManySimultaneousQueries, proto.ErrQuotaExceeded:
		return down(backend.StatusTooManyRequests, "ClickHouse takes no more questions just now: %s", said.Message)
	case proto.ErrReadonly, proto.ErrReadonlySetting:
		return down(backend.StatusForbidden, "%s: %s", d.readonly(), said.Message)
	case proto.ErrAccessDenied:
		return down(backend.StatusForbidden, "User %q may not read all of database %q: %s", d.User, d.Database, said.Message)
	case proto.ErrUnknownTable, proto.ErrUnknownDatabase, proto.ErrUnknownIdentifier, proto.ErrNoSuchColumnInTable:
		return down(backend.StatusBadGateway, "%s ClickHouse says: %s", d.schemaFault(ctx), said.Message)
	}
	if clickhouse.LoginRefused(err) {
		return down(backend.StatusUnauthorized, "ClickHouse does not let user %q in: %s", d.User, said.Message)
	}
	return down(backend.StatusBadGateway, "ClickHouse: %s", strings.TrimSpace(said.Message))
}

func (d *Datasource) readonly() string {
	return fmt.Sprintf("User %q has a profile with readonly = 1, so that no cap can be set; give it readonly = 2", d.User)
}

// schemaFault says how the database's schema differs from the one that this plugin asks.
func (d *Datasource) schemaFault(ctx context.Context) string {
	s := d.schema(ctx)
	if s.fault != "" {
		return s.fault
	}
	return fmt.Sprintf("Database %q lacks a table or a column that this plugin asks for.", d.Database)
}
