package cloud

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// columns are those of the CSV form; the first three are needed.
var columns = []string{"prefix", "provider", "region", "country", "subdivision", "city"}

// csvBegins reports whether data begins, after comments, with the header.
func csvBegins(data []byte) bool {
	for bytes.HasPrefix(data, []byte("#")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return bytes.HasPrefix(data, []byte(header))
}

// parseCSV reads our own form for providers that publish prefixes elsewhere or
// otherwise:
//
//	prefix,provider,region[,country[,subdivision[,city]]]
//
// with that header, comment lines that begin with #, and any provider. A row
// with a country says where its region is, and all rows of one region that have
// a country say the same; without one the region must be in our own table, or
// empty.
func parseCSV(data []byte) (*List, error) {
	var t table
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.Comment = '#'
	r.ReuseRecord = true
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var at *csv.ParseError
			if errors.As(err, &at) {
				return nil, place{"line", int64(at.Line)}.fault("%w", at.Err)
			}
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if err := t.row(rec, place{"line", int64(line)}); err != nil {
			return nil, err
		}
	}
	end := place{"line", int64(bytes.Count(data, []byte("\n")) + 1)}
	if len(t.ranges) == 0 {
		return nil, end.fault("the list has no prefix")
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, end.fault("the list is cut short: its last line has no end")
	}
	t.list.Ranges, t.list.Skipped = t.sorted(), t.skipped
	return &t.list, nil
}

// table is a CSV list while it is read.
type table struct {
	gathering
	list      List
	begun     bool
	providers map[string]bool
	defined   map[[2]string]int // provider and region → index into list.Regions
	lines     []place           // of list.Regions
}

func (t *table) row(rec []string, at place) error {
	if !t.begun {
		t.begun = true
		if n := len(rec); n < 3 || n > len(columns) || !slices.Equal(rec, columns[:n]) {
			return at.fault("the header is %q, but must be %q or its beginning", strings.Join(rec, ","), strings.Join(columns, ","))
		}
		t.providers, t.defined = make(map[string]bool), make(map[[2]string]int)
		return nil
	}
	var f [6]string
	copy(f[:], rec)
	region := Region{Provider: strings.ToLower(f[1]), Region: regionOf(f[2]), Country: f[3], Subdivision: f[4], City: f[5]}
	if region.Provider == "" {
		return at.fault("no provider")
	}
	if err := t.define(region, at); err != nil {
		return err
	}
	if t.providers[region.Provider] = true; len(t.providers) == 1 {
		t.list.Provider = strings.Clone(region.Provider) // the record shares its line's memory
	} else {
		t.list.Provider = ""
	}
	return t.add(f[0], strings.Clone(region.Provider), strings.Clone(region.Region), at)
}

// define takes the place that a row gives for its region.
func (t *table) define(region Region, at place) error {
	key := [2]string{region.Provider, region.Region}
	i, defined := t.defined[key]
	if region.Country == "" {
		if region.Subdivision+region.City != "" {
			return at.fault("a place without its country")
		}
		if _, known := RegionPlace(region.Provider, region.Region); region.Region != "" && !known && !defined {
			return at.fault("the region %s of %s is not known: give its country", region.Region, region.Provider)
		}
		return nil
	}
	if region.Region == "" {
		return at.fault("a country, but no region that is there")
	}
	if err := region.check(); err != nil {
		return at.fault("%w", err)
	}
	if !defined {
		key[0], key[1] = strings.Clone(key[0]), strings.Clone(key[1])
		t.defined[key] = len(t.list.Regions)
		t.list.Regions = append(t.list.Regions, Region{key[0], key[1], strings.Clone(region.Country), strings.Clone(region.Subdivision), strings.Clone(region.City), ""})
		t.lines = append(t.lines, at)
		return nil
	}
	if was := t.list.Regions[i]; was != region {
		return at.fault("%s %s is in %s %s %s, but in %s %s %s at %s", region.Provider, region.Region,
			region.Country, region.Subdivision, region.City, was.Country, was.Subdivision, was.City, t.lines[i])
	}
	return nil
}
