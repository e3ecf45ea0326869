package hostname

import (
	_ "embed" // the table below
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// tokensCSV has the columns token, form, provider, region, country, subdivision, source. The form is
// "part" (under any domain) or "under:" and the domains, "|" between them, under which alone the row
// holds; such a row goes before a "part" row of the same token. A row without a country says that the
// token means no place there. The source is the page that says it, or our reason.
//
//go:embed tokens.csv
var tokensCSV string

type rule struct {
	domains []string // empty: any
	hint    Hint
}

type table struct {
	rules   map[string][]rule
	lengths [256]uint64 // by first byte: bit n set if a token has n bytes
}

var tokens = mustRead()

// mustRead reads the embedded table; a test holds it to be sound.
func mustRead() *table {
	t, err := readTokens(tokensCSV)
	if err != nil {
		panic(err) // cannot happen: the table is part of the program and tested
	}
	return t
}

// readTokens refuses a table with a row that it cannot use, naming the token.
func readTokens(text string) (*table, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = 7
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("tokens.csv: %w", err)
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("tokens.csv: no rows")
	}
	t := &table{rules: make(map[string][]rule, len(records))}
	for _, row := range records[1:] {
		token, form := row[0], row[1]
		list, under := strings.CutPrefix(form, "under:")
		switch {
		case token == "" || len(token) > maxToken || token != strings.ToLower(token) || strings.Contains(token, "."):
			return nil, fmt.Errorf("tokens.csv: %q cannot be a token", token)
		case form != "part" && (!under || list == ""):
			return nil, fmt.Errorf("tokens.csv: %s has the unknown form %q", token, form)
		case row[6] == "":
			return nil, fmt.Errorf("tokens.csv: %s has no source", token)
		}
		next := rule{hint: Hint{row[2], row[3], row[4], row[5], token}}
		if under {
			next.domains = strings.Split(list, "|")
		}
		for _, other := range t.rules[token] {
			if len(next.domains)+len(other.domains) == 0 || slices.ContainsFunc(next.domains, func(d string) bool { return slices.Contains(other.domains, d) }) {
				return nil, fmt.Errorf("tokens.csv: %s stands there twice for the same domain", token)
			}
		}
		if under {
			t.rules[token] = append([]rule{next}, t.rules[token]...)
		} else {
			t.rules[token] = append(t.rules[token], next)
		}
		t.lengths[token[0]] |= 1 << len(token)
	}
	return t, nil
}
