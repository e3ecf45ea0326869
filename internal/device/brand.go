package device

import (
	_ "embed" // the rules below
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// brandsCSV turns the names of organisations into brands: pattern, brand. A
// pattern is words that the organisation's plain name holds one after another;
// "^" in front ties them to its beginning, "$" behind to its end. The first
// rule that fits wins.
//
//go:embed brands.csv
var brandsCSV string

// maxVendorBytes bounds what a name may be, since it becomes a label.
const maxVendorBytes = 64

type brandRule struct {
	words      string // with a space on both sides
	start, end bool
	brand      string
}

type brandRules []brandRule

func parseBrands(text string) (brandRules, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = 2
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("brands.csv: %w", err)
	}
	var rules brandRules
	for i, row := range rows[1:] {
		rule := brandRule{brand: row[1]}
		pattern := row[0]
		pattern, rule.start = strings.CutPrefix(pattern, "^")
		pattern, rule.end = strings.CutSuffix(pattern, "$")
		rule.words = " " + pattern + " "
		if pattern == "" || plain(pattern) != pattern || row[1] == "" || len(row[1]) > maxVendorBytes {
			return nil, fmt.Errorf("brands.csv, rule %d: %q → %q is not plain words and a brand", i+1, row[0], row[1])
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// brand gives the brand of an organisation, or its tidied name.
func (rules brandRules) brand(organisation string) string {
	name := " " + plain(organisation) + " "
	for _, r := range rules {
		var fits bool
		switch {
		case r.start && r.end:
			fits = name == r.words
		case r.start:
			fits = strings.HasPrefix(name, r.words)
		case r.end:
			fits = strings.HasSuffix(name, r.words)
		default:
			fits = strings.Contains(name, r.words)
		}
		if fits {
			return r.brand
		}
	}
	return tidy(organisation)
}

// names gives the brands, each once.
func (rules brandRules) names() []string {
	var all []string
	for _, r := range rules {
		if !slices.Contains(all, r.brand) {
			all = append(all, r.brand)
		}
	}
	return all
}

// plain makes names comparable: lower case, letters and digits only, single
// spaces.
func plain(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), " ")
}

// legal are the words for a company's form, which end a name.
var legal = map[string]bool{
	"co": true, "ltd": true, "limited": true, "inc": true, "incorporated": true, "corp": true, "corporation": true,
	"company": true, "llc": true, "lp": true, "gmbh": true, "ag": true, "kg": true, "bv": true, "nv": true, "sa": true, "sas": true,
	"srl": true, "spa": true, "oy": true, "oyj": true, "ab": true, "as": true, "aps": true, "pte": true, "pty": true, "pvt": true, "plc": true,
	"private": true, "kk": true, "sro": true, "zoo": true, "sp": true, "doo": true, "kft": true, "ltda": true, "sdn": true, "bhd": true, "jsc": true,
}

// loosen sets words apart that lists write together: "Co.,Ltd", "Co.Ltd".
var loosen = strings.NewReplacer(",", " ", "Co.", "Co. ", "(", " (", "，", " ")

// tidy takes company forms and shouting off a name.
func tidy(organisation string) string {
	organisation = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) { // zero-width spaces and their like
			return -1
		}
		return r
	}, strings.ToValidUTF8(organisation, ""))
	words := strings.Fields(loosen.Replace(organisation))
	for len(words) > 1 {
		last := strings.ToLower(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return r
			}
			return -1
		}, words[len(words)-1]))
		if last != "" && !legal[last] {
			break
		}
		words = words[:len(words)-1]
	}
	for i, w := range words {
		if len(w) > 4 && w == strings.ToUpper(w) && strings.IndexFunc(w, unicode.IsDigit) < 0 {
			runes := []rune(strings.ToLower(w))
			for j, r := range runes {
				if unicode.IsLetter(r) {
					runes[j] = unicode.ToUpper(r)
					break
				}
			}
			words[i] = string(runes)
		}
	}
	name := strings.Join(words, " ")
	if len(name) > maxVendorBytes {
		name = strings.ToValidUTF8(name[:maxVendorBytes], "")
	}
	return name
}
