package query

import (
	"context"
	"time"
)

// Revision is one correction: the days in [Since, Until) were computed anew.
type Revision struct {
	Revision uint16    `json:"revision"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	// State is building, active or abandoned. Only active ones ever are in force.
	State    string    `json:"state"`
	Cutoff   time.Time `json:"cutoff"` // flows that were inserted from then on are counted beside it
	Created  time.Time `json:"created"`
	Changed  time.Time `json:"changed"`   // when it got its state
	DataSets string    `json:"data_sets"` // that judged it, as in DataSets.Versions
	Note     string    `json:"note,omitempty"`
}

// RevisionsAnswer has the oldest first.
type RevisionsAnswer struct {
	Basis
	Rows []Revision `json:"rows"`
}

const allRevisionsSQL = `SELECT r.revision, r.since, r.until, toString(r.state), r.cutoff, r.created, r.changed, r.data_sets, r.note
FROM $database.$table AS r FINAL
ORDER BY r.revision`

// Revisions returns all corrections. They are of days and not of operators, so no scope applies.
func (c *Client) Revisions(ctx context.Context) (RevisionsAnswer, error) {
	s := &statement{purpose: "revisions", table: "revisions"}
	s.write(c.database, allRevisionsSQL)
	a := RevisionsAnswer{Basis: Basis{Rollup: s.table, SQL: s.sql, Statements: []Statement{s.public()}}, Rows: []Revision{}}
	var r Revision
	err := c.ask(ctx, s, []any{&r.Revision, &r.Since, &r.Until, &r.State, &r.Cutoff, &r.Created, &r.Changed, &r.DataSets, &r.Note}, func() error {
		for _, t := range []*time.Time{&r.Since, &r.Until, &r.Cutoff, &r.Created, &r.Changed} {
			*t = t.UTC()
		}
		a.Rows = append(a.Rows, r)
		return nil
	})
	return a, err
}
