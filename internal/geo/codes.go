package geo

import (
	_ "embed" // the two tables below
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
)

//go:embed countries.csv
var countriesCSV string

// subdivisionsCSV holds ISO 3166-2 subdivisions: country, code, display name,
// and the other names that tables use, between bars. It covers the countries
// with the most addresses, not all; countries without lines have no
// subdivisions here (city states, or not done yet).
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
	byName    map[string]map[string]string // country → plain or bare name → code
}

// loadCodes reads the embedded tables once; the result never changes.
var loadCodes = sync.OnceValues(func() (*codeBook, error) { return parseCodes(countriesCSV, subdivisionsCSV) })

func parseCodes(countries, subdivisions string) (*codeBook, error) {
	b := &codeBook{countries: map[string]Country{}, names: map[string]string{}, byName: map[string]map[string]string{}}
	rows, err := csv.NewReader(strings.NewReader(countries)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("countries.csv: %w", err)
	}
	for _, r := range rows[1:] {
		b.countries[r[0]] = Country{r[0], r[1], r[2], r[3]}
	}
	rows, err = csv.NewReader(strings.NewReader(subdivisions)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("subdivisions.csv: %w", err)
	}
	// Full names first: a bare name ("moscow" of "Moscow Oblast") must not
	// take the place of a full one, and one that two share names neither.
	bare := map[string]map[string]string{}
	for i, r := range rows[1:] {
		country, code := r[0], r[1]
		if _, ok := b.countries[country]; !ok || !strings.HasPrefix(code, country+"-") || b.names[code] != "" {
			return nil, fmt.Errorf("subdivisions.csv, entry %d: %s of %s is unknown, misplaced or there twice", i+1, code, country)
		}
		b.names[code] = r[2]
		if b.byName[country] == nil {
			b.byName[country], bare[country] = map[string]string{}, map[string]string{}
		}
		for _, name := range append(strings.Split(r[3], "|"), r[2]) {
			if name == "" {
				continue
			}
			p := plain(name)
			if other, taken := b.byName[country][p]; taken && other != code {
				return nil, fmt.Errorf("subdivisions.csv, entry %d: %q names both %s and %s", i+1, name, other, code)
			}
			b.byName[country][p] = code
			short := withoutKind(p)
			if other, taken := bare[country][short]; taken && other != code {
				code := ""
				bare[country][short] = code
				continue
			}
			bare[country][short] = code
		}
	}
	for country, names := range bare {
		for name, code := range names {
			if _, taken := b.byName[country][name]; !taken && code != "" {
				b.byName[country][name] = code
			}
		}
	}
	return b, nil
}

// subdivision gives the ISO 3166-2 code for a name as a table has it; "" when
// it is not known.
func (b *codeBook) subdivision(country, name string) string {
	names := b.byName[country]
	if names == nil || name == "" {
		return ""
	}
	p := plain(name)
	if code, ok := names[p]; ok {
		return code
	}
	return names[withoutKind(p)]
}

// foldLetters takes the marks off Latin letters, as the city tables do.
var foldLetters = strings.NewReplacer(
	"á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "ā", "a", "ă", "a", "ą", "a", "æ", "ae",
	"ç", "c", "ć", "c", "č", "c", "ď", "d", "đ", "d", "ð", "d",
	"é", "e", "è", "e", "ê", "e", "ë", "e", "ē", "e", "ė", "e", "ę", "e", "ě", "e", "ğ", "g",
	"í", "i", "ì", "i", "î", "i", "ï", "i", "ī", "i", "ı", "i", "ł", "l", "ľ", "l", "ļ", "l",
	"ñ", "n", "ń", "n", "ň", "n", "ņ", "n", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "o", "ø", "o", "ő", "o", "ō", "o", "œ", "oe",
	"ř", "r", "ś", "s", "š", "s", "ş", "s", "ș", "s", "ß", "ss", "ť", "t", "ț", "t", "ţ", "t", "þ", "th",
	"ú", "u", "ù", "u", "û", "u", "ü", "u", "ū", "u", "ů", "u", "ű", "u", "ų", "u", "ý", "y", "ÿ", "y",
	"ź", "z", "ż", "z", "ž", "z", "\u0307", "", // the dot that İ leaves in lower case
	"'", "", "’", "", "‘", "", "ʼ", "", "ʻ", "", "`", "", ".", "", ",", "",
	"-", " ", "–", " ", "—", " ", "/", " ", "(", " ", ")", " ",
)

// plain makes names comparable: lower case, unmarked letters, single spaces.
func plain(name string) string {
	return strings.Join(strings.Fields(foldLetters.Replace(strings.ToLower(name))), " ")
}

// kinds are the words for a sort of subdivision, which tables add or leave out
// at will.
var kinds = map[string]bool{
	"province": true, "region": true, "county": true, "state": true, "governorate": true, "department": true,
	"oblast": true, "oblisi": true, "krai": true, "kray": true, "republic": true, "prefecture": true, "division": true,
	"voivodeship": true, "district": true, "city": true, "municipality": true, "kraj": true, "canton": true, "of": true,
	"do": true, "si": true, "sheng": true, "shi": true,
}

// withoutKind drops those words from a plain name, but never all of it.
func withoutKind(p string) string {
	words := strings.Fields(p)
	kept := words[:0:0]
	for _, w := range words {
		if !kinds[w] {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return p
	}
	return strings.Join(kept, " ")
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

// Subdivisions gives the codes of a country's subdivisions with their display
// names; none for a country that this package has no subdivisions of.
func Subdivisions(country string) map[string]string {
	found := map[string]string{}
	if b, err := loadCodes(); err == nil {
		for code, name := range b.names {
			if strings.HasPrefix(code, country+"-") {
				found[code] = name
			}
		}
	}
	return found
}
