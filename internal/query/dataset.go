package query

import (
	"context"
	"slices"
	"strings"
)

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

// The table is of data sets and not of operators, so no scope applies. Its key has the digest and the
// time from which a version judged, so that a version may have several rows.
const dataSetNamesSQL = `SELECT toString(r.name), r.version, max(r.sha256), max(r.license), max(r.source), max(r.credit)
FROM $database.$table AS r
WHERE concat(r.name, ' ', r.version) IN {data_sets:Array(String)}
GROUP BY r.name, r.version`

func (c *Client) dataSetNamesStatement() *statement {
	s := &statement{purpose: "licences of the data sets", table: "data_sets"}
	s.write(c.database, dataSetNamesSQL)
	return s
}

// dataSets asks for the versions, and then for what is recorded of them.
func (c *Client) dataSets(ctx context.Context, s, names *statement) (list []DataSets, more int, err error) {
	var d DataSets
	var all uint64
	err = c.ask(ctx, s, []any{&d.Versions, &d.Flows, &all}, func() error {
		list = append(list, d)
		return nil
	})
	if err != nil || len(list) == 0 {
		return list, 0, err
	}
	var wanted []string
	for _, d := range list {
		wanted = append(wanted, strings.Split(d.Versions, ", ")...)
	}
	slices.Sort(wanted)
	names.set("data_sets", slices.Compact(wanted))
	known := make(map[string]DataSet)
	var one DataSet
	err = c.ask(ctx, names, []any{&one.Name, &one.Version, &one.SHA256, &one.License, &one.Source, &one.Credit}, func() error {
		known[one.Name+" "+one.Version] = one
		return nil
	})
	for i := range list {
		for _, name := range strings.Split(list[i].Versions, ", ") {
			if one, ok := known[name]; ok {
				list[i].Sets = append(list[i].Sets, one)
			}
		}
	}
	return list, int(all) - len(list), err
}
