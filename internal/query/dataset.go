package query

import "context"

// maxDataSets bounds the list of data-set versions of an answer.
const maxDataSets = 20

const dataSetsSQL = `SELECT toString(r.data_sets), sum(r.flows), count() OVER ()
FROM $database.$table AS r
WHERE $where
GROUP BY r.data_sets
ORDER BY sum(r.flows) DESC, r.data_sets
LIMIT {limit:UInt64}`

func (c *Client) dataSetsStatement(q Residency, segments []segment) *statement {
	s := c.statement("data sets", "data_set_day")
	s.in("r.operator", "operators", q.Operators)
	s.in("r.site", "sites", q.Sites)
	since, until := widen(q.Since, q.Until, day)
	s.span(since, until)
	s.revised(segments)
	s.set("limit", uint64(maxDataSets))
	s.write(c.database, dataSetsSQL)
	return s
}

func (c *Client) dataSets(ctx context.Context, s *statement) (list []DataSets, more int, err error) {
	var d DataSets
	var all uint64
	err = c.ask(ctx, s, []any{&d.Versions, &d.Flows, &all}, func() error {
		list = append(list, d)
		return nil
	})
	return list, int(all) - len(list), err
}
