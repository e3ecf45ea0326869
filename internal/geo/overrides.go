package geo

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

// override is one line of the operator's own file.
type override struct {
	prefix     netip.Prefix
	place      Place
	confidence Confidence
	note       string // with the reference
	line       int
}

type overrideFile struct {
	file
	rows []override
}

var (
	overrideColumns    = []string{"prefix", "country", "subdivision", "city", "cloud_provider", "cloud_region", "confidence", "note", "reference"}
	overrideConfidence = map[string]Confidence{"": Single, "single": Single, "agreed": Agreed, "published": Published}
)

// loadOverrides reads the operator's CSV file. Its header names the columns,
// in any order: prefix and country are needed, subdivision, city,
// cloud_provider, cloud_region, confidence (single, agreed or published; empty:
// single), note and reference may be there. A cloud region that package cloud
// knows may stand instead of the country. The longest prefix wins; the same one
// twice is refused.
func loadOverrides(path string, codes *codeBook) (*overrideFile, error) {
	f, data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	return parseOverrides(f, data, codes)
}

func parseOverrides(f file, data []byte, codes *codeBook) (*overrideFile, error) {
	o := &overrideFile{file: f}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.Comment, r.TrimLeadingSpace = '#', true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("overrides %s: header: %w", f.path, err)
	}
	column, err := overrideHeader(header)
	if err != nil {
		line, _ := r.FieldPos(0)
		return nil, fmt.Errorf("overrides %s, line %d: %w", f.path, line, err)
	}
	lines := map[netip.Prefix]int{}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("overrides %s: %w", f.path, err) // the csv package names the line
		}
		line, _ := r.FieldPos(0)
		row, err := overrideRow(func(name string) string {
			if i, ok := column[name]; ok {
				return strings.TrimSpace(rec[i])
			}
			return ""
		}, codes)
		if err == nil && lines[row.prefix] != 0 {
			err = fmt.Errorf("%s stands in line %d already", row.prefix, lines[row.prefix])
		}
		if err != nil {
			return nil, fmt.Errorf("overrides %s, line %d: %w", f.path, line, err)
		}
		row.line, lines[row.prefix] = line, line
		o.rows = append(o.rows, row)
	}
	if len(o.rows) == 0 {
		return nil, fmt.Errorf("overrides %s, line 2: the file ends without a single prefix", f.path)
	}
	return o, nil
}

func overrideHeader(header []string) (map[string]int, error) {
	column := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if !slices.Contains(overrideColumns, name) {
			return nil, fmt.Errorf("there is no column %q; there are %s", name, strings.Join(overrideColumns, ", "))
		}
		if _, twice := column[name]; twice {
			return nil, fmt.Errorf("the column %s is there twice", name)
		}
		column[name] = i
	}
	for _, name := range overrideColumns[:2] {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("the column %s is missing", name)
		}
	}
	return column, nil
}

func overrideRow(field func(string) string, codes *codeBook) (row override, err error) {
	if row.prefix, err = parsePrefix(field("prefix")); err != nil {
		return row, err
	}
	p := &row.place
	*p = Place{
		CountryCode: field("country"), SubdivisionCode: field("subdivision"), City: field("city"),
		CloudProvider: strings.ToLower(field("cloud_provider")), CloudRegion: strings.ToLower(field("cloud_region")),
	}
	if p.CloudRegion != "" && p.CloudProvider == "" {
		return row, fmt.Errorf("the cloud region %s has no cloud_provider", p.CloudRegion)
	}
	if p.CountryCode == "" {
		if p.CloudRegion == "" || p.SubdivisionCode != "" {
			return row, errors.New("there is no country")
		}
		region, ok := cloud.RegionPlace(p.CloudProvider, p.CloudRegion)
		if !ok {
			return row, fmt.Errorf("there is no country, and where the region %s of %s is, is not known", p.CloudRegion, p.CloudProvider)
		}
		p.CountryCode, p.SubdivisionCode = region.Country, region.Subdivision
		if p.City == "" {
			p.City = region.City
		}
	}
	if err := checkCodes(p, codes); err != nil {
		return row, err
	}
	for _, text := range []string{p.City, p.CloudProvider, p.CloudRegion} {
		if err := checkText(text); err != nil {
			return row, err
		}
	}
	p.SubdivisionName = codes.names[p.SubdivisionCode]
	var ok bool
	if row.confidence, ok = overrideConfidence[field("confidence")]; !ok {
		return row, fmt.Errorf("confidence %q is not single, agreed or published", field("confidence"))
	}
	row.note = strings.Join(slices.DeleteFunc([]string{field("note"), field("reference")}, func(s string) bool { return s == "" }), "; ")
	return row, nil
}

// checkCodes checks a place's codes against ISO 3166.
func checkCodes(p *Place, codes *codeBook) error {
	if _, ok := codes.countries[p.CountryCode]; !ok {
		return fmt.Errorf("country %q is not a code of ISO 3166-1", p.CountryCode)
	}
	code := p.SubdivisionCode
	if code == "" {
		return nil
	}
	rest, of := strings.CutPrefix(code, p.CountryCode+"-")
	known := codes.names[code] != "" || codes.byName[p.CountryCode] == nil
	if !of || rest == "" || len(rest) > 3 || strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || !known {
		return fmt.Errorf("subdivision %q is not an ISO 3166-2 code of %s", code, p.CountryCode)
	}
	return nil
}

// maxText bounds a name, in bytes: names go into every enriched batch, whose reader refuses a batch with
// longer ones whole.
const maxText = 1024

// checkText refuses a name that a batch cannot hold.
func checkText(text string) error {
	switch {
	case len(text) > maxText:
		return fmt.Errorf("a name of %d bytes, at most %d are read", len(text), maxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("the name %q is not in UTF-8", text)
	}
	return nil
}
