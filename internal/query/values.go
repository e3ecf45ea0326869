package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// ByExporter is a dimension of Values only: figures are not kept by exporter.
const ByExporter Dimension = "exporter"

// Values asks which values a dimension has in a time, for who is to choose some.
type Values struct {
	Dimension Dimension // or ByExporter
	// Filter: values of flows that pass it. Exporters are narrowed by operators and sites only.
	Filter
	// Since (included) and Until (excluded) are widened to whole days; zero: open. For exporters these are
	// days of arrival.
	Since, Until time.Time
	// Search is a part of the value or of the network's holder, in upper or lower case; empty: all. Names
	// of places are not known here.
	Search string
	Top    int // how many; 0: 1,000
}

// Value is one that a dimension has.
type Value struct {
	Value   string `json:"value"` // as a Condition takes it
	Text    string `json:"text"`  // for people; of places and countries after Name
	BytesUp uint64 `json:"bytes_up"`
}

// ValuesAnswer has the most bytes up first.
type ValuesAnswer struct {
	Question Values `json:"-"`
	Basis
	Rows []Value `json:"rows"`
	More bool    `json:"more"` // there are others, past the top
}

const defaultValues = 1000

const valuesSQL = `SELECT $value AS answer_value, $holder AS answer_holder, sum(r.bytes_up) AS answer_bytes_up
FROM $database.$table AS r
WHERE $where
GROUP BY answer_value
ORDER BY answer_bytes_up DESC, answer_value
LIMIT {limit:UInt64}`

// The exporter's address as people write it: IPv4 is mapped into IPv6 in the tables.
const exporterValue = "if(startsWith(toString(r.exporter), '::ffff:'), substring(toString(r.exporter), 8), toString(r.exporter))"

// Validate reports every fault of the question as one *InvalidError.
func (q Values) Validate() error {
	var f faults
	known := Dimensions()
	if len(q.Networks) > 0 {
		known = endpointDimensions
	}
	if q.Dimension != ByExporter && !slices.Contains(known, q.Dimension) {
		f.add("unknown dimension %q, known here are %v and %s", q.Dimension, known, ByExporter)
	}
	q.Filter.faults(&f)
	f.conditions(q.Where, known)
	f.times(q.Since, q.Until)
	f.top(q.Top)
	if len(q.Search) > maxMatch {
		f.add("what is searched for has %d bytes, at most %d are taken", len(q.Search), maxMatch)
	}
	return f.err()
}

// Values lists the values of a dimension. A question that makes no sense, or that asks for more than the
// most rows of an answer, is an *InvalidError.
func (c *Client) Values(ctx context.Context, q Values) (ValuesAnswer, error) {
	if err := q.Validate(); err != nil {
		return ValuesAnswer{}, err
	}
	q.Top = cmp.Or(q.Top, min(defaultValues, c.maxRows))
	q.Since, q.Until = widen(q.Since, q.Until, day)
	a := ValuesAnswer{Question: q, Rows: []Value{}, Basis: Basis{Rollup: q.table(), Since: q.Since, Until: q.Until}}
	if q.Top > c.maxRows {
		return a, c.tooMany()
	}
	if q.Dimension == ByExporter && q.narrowed() {
		a.Warnings = append(a.Warnings, "exporters are kept by operator and site: no other filter narrows them")
	}
	var segments []segment
	var also []Statement
	if a.Rollup != "endpoint_day" && a.Rollup != "exporter_day" {
		all, revisions, err := c.revisions(ctx)
		if err != nil {
			return a, err
		}
		if segments, err = inForce(all, nil, q.Since, q.Until); err != nil {
			return a, err
		}
		also = append(also, revisions.public())
	}
	s := c.valuesStatement(q, segments)
	a.SQL = s.sql
	a.Statements = append([]Statement{s.public()}, also...)
	var v Value
	var holder string
	err := c.ask(ctx, s, []any{&v.Value, &holder, &v.BytesUp}, func() error {
		if a.More = len(a.Rows) == q.Top; a.More {
			return nil
		}
		v.Text = v.Value
		if q.Dimension == ByASN {
			k := Key{ASOrganization: holder}
			if _, err := fmt.Sscan(v.Value, &k.ASN); err != nil {
				return fmt.Errorf("read the number of a network: %w", err)
			}
			v.Text = k.Label(ByASN, nil)
		}
		a.Rows = append(a.Rows, v)
		return nil
	})
	return a, err
}

// table is the smallest that knows all that the question is about.
func (q *Values) table() string {
	switch {
	case q.Dimension == ByExporter:
		return "exporter_day"
	case len(q.Networks) > 0:
		return "endpoint_day"
	}
	return Residency{By: []Dimension{q.Dimension}, Vendors: q.Vendors, Places: q.Places, Countries: q.Countries, ASNs: q.ASNs, Where: q.Where}.dayTable()
}

// narrowed reports whether the filter says more than operators and sites.
func (q *Values) narrowed() bool {
	return len(q.Vendors)+len(q.Places)+len(q.Countries)+len(q.ASNs)+len(q.Networks) > 0 ||
		len(conditionsOn(q.Where, []Dimension{ByOperator, BySite})) < len(q.Where)
}

func (c *Client) valuesStatement(q Values, segments []segment) *statement {
	s := c.statement("values", q.table())
	filter, value, holder := q.Filter, exporterValue, "''"
	if q.Dimension == ByExporter {
		filter = Filter{Operators: q.Operators, Sites: q.Sites, Where: conditionsOn(q.Where, []Dimension{ByOperator, BySite})}
	} else {
		value = q.Dimension.value()
	}
	searched := value
	if q.Dimension == ByASN {
		holder = "argMax(toString(r.as_organization), r.bytes_up)"
		searched = "concat('AS', " + value + ", ' ', toString(r.as_organization))"
	}
	s.among(filter)
	if q.Search != "" {
		s.and("positionCaseInsensitiveUTF8(" + searched + ", {search:String}) > 0")
		s.set("search", q.Search)
	}
	if segments != nil {
		if q.Dimension != BySide {
			s.in("r.handset_side", "sides", handsetSides[:3])
		}
		s.revised(segments)
	}
	s.span(q.Since, q.Until)
	s.set("limit", uint64(q.Top+1))
	s.write(c.database, valuesSQL, "$value", value, "$holder", holder)
	return s
}

// Name sets the texts of places and countries.
func (a *ValuesAnswer) Name(name func(code string) string) {
	if d := a.Question.Dimension; d == ByPlace || d == ByCountry {
		for i := range a.Rows {
			a.Rows[i].Text = named(a.Rows[i].Value, name)
		}
	}
}
