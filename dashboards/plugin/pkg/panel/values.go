package panel

import (
	"context"
	"encoding/json"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Values lists the values that a dimension has in a time, under the filters of a query in JSON form
// (none: of all flows). Faults of the asker are as in Answer.
func Values(ctx context.Context, env Env, dimension query.Dimension, search string, since, until time.Time, narrowed json.RawMessage) (query.ValuesAnswer, error) {
	v := query.Values{Dimension: dimension, Search: search, Since: since, Until: until}
	if len(narrowed) > 0 && !empty(narrowed) {
		q, err := Decode(narrowed, "")
		if err != nil {
			return query.ValuesAnswer{}, err
		}
		v.Filter = q.Filter()
	}
	a, err := env.Client.Values(ctx, v)
	if err != nil {
		return a, err
	}
	a.Name(env.Name)
	return a, nil
}

// Credit is what the licences of data sets ask for: it is to be shown where results are.
func Credit(sets []query.DataSets) string {
	c := &Custom{}
	c.dataSets(sets, 0)
	return c.Credit
}
