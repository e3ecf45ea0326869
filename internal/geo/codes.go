package geo

import (
	_ "embed" // the two tables below
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed countries.csv
var countriesCSV string

// subdivisionsCSV holds the ISO 3166-2 subdivisions of all countries; its head
// tells its columns, its sources and their licences. Countries without lines
// have no subdivisions in ISO 3166-2, or are one city.
//
//go:embed subdivisions.csv
var subdivisionsCSV string

// Country is one entry of ISO 3166-1.
type Country struct {
	Code    string // alpha-2
	Alpha3  string
	Numeric string // three digits
	Name    string // short English name
}

// codeBook is both tables, read.
type codeBook struct {
	countries map[string]Country
	names     map[string]string            // subdivision code → display name
	second    map[string]bool              // the codes of level 2
	byName    map[string]map[string]string // country → plain name → code
	bare      map[string]map[string]string // country → name without its kind → code; "" where two share it
}

// loadCodes reads the embedded tables once; the result never changes.
var loadCodes = sync.OnceValues(func() (*codeBook, error) { return parseCodes(countriesCSV, subdivisionsCSV) })

func parseCodes(countries, subdivisions string) (*codeBook, error) {
	b := &codeBook{
		countries: map[string]Country{}, names: map[string]string{}, second: map[string]bool{},
		byName: map[string]map[string]string{}, bare: map[string]map[string]string{},
	}
	rows, err := csv.NewReader(strings.NewReader(countries)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("countries.csv: %w", err)
	}
	for _, r := range rows[1:] {
		b.countries[r[0]] = Country{r[0], r[1], r[2], r[3]}
	}
	lines := csv.NewReader(strings.NewReader(subdivisions))
	lines.Comment = '#'
	if rows, err = lines.ReadAll(); err != nil {
		return nil, fmt.Errorf("subdivisions.csv: %w", err)
	}
	second := map[string]map[string]string{} // like byName, for level 2; "" where two share a name
	for i, r := range rows[1:] {
		country, code, level := r[0], r[1], r[4]
		if _, ok := b.countries[country]; !ok || !strings.HasPrefix(code, country+"-") || b.names[code] != "" || r[2] == "" {
			return nil, fmt.Errorf("subdivisions.csv, entry %d: %s of %s is unknown, misplaced, nameless or there twice", i+1, code, country)
		}
		b.names[code] = r[2]
		if level == "2" {
			b.second[code] = true
		}
		if b.byName[country] == nil {
			b.byName[country], b.bare[country], second[country] = map[string]string{}, map[string]string{}, map[string]string{}
		}
		for _, name := range append(strings.Split(r[3], "|"), r[2]) {
			if name == "" {
				continue
			}
			p := plain(name)
			if level == "2" {
				share(second[country], p, code)
				continue
			}
			if other, taken := b.byName[country][p]; taken && other != code {
				return nil, fmt.Errorf("subdivisions.csv, entry %d: %q names both %s and %s", i+1, name, other, code)
			}
			b.byName[country][p] = code
			share(b.bare[country], withoutKind(p), code)
		}
	}
	// In falling order of trust: full names, names without their kind ("moscow"
	// of "Moscow Oblast" must not take the place of a full one), the names of
	// what lies below.
	for _, layer := range []map[string]map[string]string{b.bare, second} {
		for country, names := range layer {
			for name, code := range names {
				if _, taken := b.byName[country][name]; !taken && code != "" {
					b.byName[country][name] = code
				}
			}
		}
	}
	return b, nil
}

// share gives a name to a code, or to none when another code has it.
func share(names map[string]string, name, code string) {
	if other, taken := names[name]; taken && other != code {
		code = ""
	}
	names[name] = code
}

// subdivision gives the ISO 3166-2 code for a name as a table has it; "" when
// it is not known, or when two subdivisions share it.
func (b *codeBook) subdivision(country, name string) string {
	names := b.byName[country]
	if names == nil || name == "" {
		return ""
	}
	p := plain(name)
	if code, ok := names[p]; ok {
		return code
	}
	// Not byName again: "Tashkent Region" is not the city of Tashkent.
	return b.bare[country][withoutKind(p)]
}

// valid says whether a code is one of a country's subdivisions, of any level.
func (b *codeBook) valid(country, code string) bool {
	return b.names[code] != "" && strings.HasPrefix(code, country+"-")
}

// baseLetters gives the letter that is left of a marked one, by its code point.
var baseLetters = sync.OnceValue(func() *[0x1F00]byte {
	var base [0x1F00]byte
	i := 0
	for _, r := range markedLetters {
		base[r] = plainLetters[i]
		i++
	}
	return &base
})

// plain makes names comparable: lower case, unmarked letters, single spaces.
func plain(name string) string {
	base := baseLetters()
	out := make([]byte, 0, len(name)+4)
	space := false
	for _, r := range name {
		switch r {
		case ' ', '\t', '\u00a0', '-', '–', '—', '/', '(', ')':
			space = true
			continue
		case '\'', '’', '‘', 'ʼ', 'ʻ', 'ʿ', 'ʾ', '`', '.', ',':
			continue
		}
		if r >= 0x300 && r < 0x370 { // a mark of its own
			continue
		}
		if space && len(out) > 0 {
			out = append(out, ' ')
		}
		space = false
		r = unicode.ToLower(r)
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r == 'æ':
			out = append(out, "ae"...)
		case r == 'œ':
			out = append(out, "oe"...)
		case r == 'ß':
			out = append(out, "ss"...)
		case r == 'þ':
			out = append(out, "th"...)
		case int(r) < len(base) && base[r] != 0:
			out = append(out, base[r])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// isKind says whether a word is one for a sort of subdivision, which tables
// add or leave out at will.
func isKind(word string) bool {
	switch word {
	case "province", "region", "county", "state", "governorate", "department", "oblast", "oblisi", "oblysy", "krai", "kray",
		"republic", "prefecture", "division", "voivodeship", "district", "city", "municipality", "kraj", "canton", "of", "do",
		"si", "sheng", "shi", "parish", "pradesh", "atoll", "atholhu", "opstina", "obcina", "rayon", "urban", "novads", "zupanija":
		return true
	}
	return false
}

// withoutKind drops those words from a plain name, but never all of it.
func withoutKind(p string) string {
	out := make([]byte, 0, len(p))
	for word := range strings.SplitSeq(p, " ") {
		if isKind(word) {
			continue
		}
		if len(out) > 0 {
			out = append(out, ' ')
		}
		out = append(out, word...)
	}
	if len(out) == 0 || len(out) == len(p) {
		return p
	}
	return string(out)
}

// CountryOf gives the country with an alpha-2 code.
func CountryOf(code string) (Country, bool) {
	b, err := loadCodes()
	if err != nil {
		return Country{}, false
	}
	c, ok := b.countries[code]
	return c, ok
}

// CountryName gives a country's short English name, or the code itself when
// there is no such country.
func CountryName(code string) string {
	if c, ok := CountryOf(code); ok {
		return c.Name
	}
	return code
}

// Name gives the display name of a place code: "Beijing" for CN-BJ,
// "Singapore" for SG. A code that is not known is its own name.
func Name(code string) string {
	if b, err := loadCodes(); err == nil {
		if name, ok := b.names[code]; ok {
			return name
		}
	}
	return CountryName(code)
}

// ValidSubdivision says whether code is an ISO 3166-2 code of a country with
// this alpha-2 code, of any level. A place that has an ISO 3166-1 code of its own
// is no other country's subdivision here: US-PR is not valid, PR is a country.
func ValidSubdivision(country, code string) bool {
	b, err := loadCodes()
	return err == nil && b.valid(country, code)
}

// Subdivisions gives the codes of a country's subdivisions, of the level that
// city tables write, with their display names; none for a country that this package has no subdivisions of.
func Subdivisions(country string) map[string]string {
	found := map[string]string{}
	if b, err := loadCodes(); err == nil {
		for code, name := range b.names {
			if strings.HasPrefix(code, country+"-") && !b.second[code] {
				found[code] = name
			}
		}
	}
	return found
}
