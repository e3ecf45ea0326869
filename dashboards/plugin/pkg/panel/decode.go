package panel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// BadQuery says all that is wrong with a panel's query. It is the asker's fault, not the server's.
type BadQuery struct{ err error }

func (e *BadQuery) Error() string { return "query: " + e.err.Error() }

// Unwrap returns the faults.
func (e *BadQuery) Unwrap() error { return e.err }

func badQuery(format string, args ...any) error { return &BadQuery{fmt.Errorf(format, args...)} }

type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &BadQuery{errors.Join(f...)}
}

// Decode reads a query. queryType is the one that Grafana tells beside it; empty: the query's own, and
// residency if it has none. All faults come as one *BadQuery: what is unknown, what is not for the
// type, what is of another form. Fields that are null or empty are taken for absent.
func Decode(raw json.RawMessage, queryType string) (Query, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil || all == nil {
		return Query{}, badQuery("it is not a JSON object")
	}
	var f faults
	var own string
	if text, ok := all["queryType"]; ok {
		f.read("queryType", text, &own)
	}
	q := Query{Type: cmp.Or(queryType, own, TypeResidency)}
	if !slices.Contains(Types(), q.Type) {
		f.add("there is no query type %q; there are %s", q.Type, strings.Join(Types(), ", "))
		return q, f.err()
	}
	if own != "" && own != q.Type {
		f.add("its type is %q, and %q in it", q.Type, own)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if slices.Contains(grafanas, name) || empty(all[name]) {
			continue
		}
		i := slices.IndexFunc(fields, func(known field) bool { return known.name == name })
		switch {
		case i < 0:
			f.add("there is no field %q", name)
		case fields[i].types != nil && !slices.Contains(fields[i].types, q.Type):
			f.add("%q is for %s, not for %s", name, strings.Join(fields[i].types, ", "), q.Type)
		default:
			f.read(name, all[name], fields[i].into(&q))
		}
	}
	if err := f.err(); err != nil {
		return q, err
	}
	q.check(&f)
	return q, f.err()
}

// empty reports whether a value says nothing: an editor may leave it behind.
func empty(value json.RawMessage) bool {
	switch string(bytes.TrimSpace(value)) {
	case "null", `""`, "[]", "{}", "false":
		return true
	}
	return false
}

// read reads one field, strictly, and says in words what it should be.
func (f *faults) read(name string, value json.RawMessage, into any) {
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		if kind.Field != "" {
			name += "." + kind.Field
		}
		f.add("%s: a %s where %s is wanted", name, kind.Value, wanted(kind.Type.String()))
	case err != nil:
		f.add("%s: %s", name, strings.TrimPrefix(err.Error(), "json: "))
	}
}

// wanted names Go's types for people.
func wanted(kind string) string {
	switch kind {
	case "[]string", "[]query.Dimension", "[]panel.AdHoc":
		return "a list"
	case "string", "query.Dimension", "query.Unit":
		return "a text"
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "uint16":
		return "a whole number from 0 to 65535"
	}
	return "an object"
}
