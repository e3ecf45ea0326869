package panel

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// annotations answers with what happened to data sets, policies and exporters.
func annotations(ctx context.Context, env Env, q Query, t times) (data.Frames, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if env.ForExpression {
		return nil, badQuery("annotations are no figures: take another type")
	}
	kinds := make([]query.EventKind, len(q.Events))
	for i, k := range q.Events {
		kinds[i] = query.EventKind(k)
	}
	a, err := env.Client.Events(ctx, query.Events{
		Kinds: kinds, Since: t.within.From.UTC(), Until: t.within.To.UTC(), Exporters: q.Exporters, Operators: q.Operators, Sites: q.Sites,
	})
	if err != nil {
		return nil, err
	}
	type row = query.Event
	f := table(a.Rows, []column[row]{
		moments("time", "Time", func(r *row) time.Time { return r.Time }),
		moments("timeEnd", "End", func(r *row) time.Time { return r.End }),
		texts("title", "Title", func(r *row) string { return r.Title }),
		texts("text", "Text", func(r *row) string { return r.Text }),
		texts("tags", "Tags", func(r *row) string { return strings.Join(r.Tags, ",") }),
		texts("id", "Id", eventID),
	})
	return about(a.Basis).attach(data.FrameTypeTable, f), nil
}

// eventID is the same whenever the same event is asked for.
func eventID(e *query.Event) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d\x00%s\x00%s", e.Kind, e.Time.UnixMilli(), e.Title, strings.Join(e.Tags, "\x00"))
	return fmt.Sprintf("%016x", h.Sum64())
}
