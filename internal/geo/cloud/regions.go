package cloud

import (
	_ "embed" // the table below
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
)

// regionsCSV is our table of regions: provider, region as its list writes it,
// ISO 3166-1 country, ISO 3166-2 subdivision and city where the provider says
// them, and the provider's page that does.
//
//go:embed regions.csv
var regionsCSV string

// Region is where a cloud region is.
type Region struct {
	Provider, Region string
	Country          string // ISO 3166-1 alpha-2
	Subdivision      string // ISO 3166-2; "" where the provider names none or the country has none
	City             string
	Source           string // the page that says it
}

// RegionPlace gives the place of a provider's region, in small letters as in
// Range; false if it is not in our table.
func RegionPlace(provider, region string) (Region, bool) {
	t := loadRegions()
	i, ok := t.index[[2]string{provider, region}]
	if !ok {
		return Region{}, false
	}
	return t.rows[i], true
}

// Regions gives the whole table in its own order. The caller must not change it.
func Regions() []Region { return loadRegions().rows }

type regionTable struct {
	rows  []Region
	index map[[2]string]int
}

// loadRegions reads the embedded table once; a test holds it to be sound.
var loadRegions = sync.OnceValue(func() *regionTable {
	t, err := parseRegions(regionsCSV)
	if err != nil {
		panic(err) // cannot happen: the table is part of the program and tested
	}
	return t
})

func parseRegions(text string) (*regionTable, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = 6
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("regions.csv: %w", err)
	}
	if len(records) < 2 {
		return nil, fmt.Errorf("regions.csv: no rows")
	}
	t := &regionTable{index: make(map[[2]string]int, len(records))}
	for _, rec := range records[1:] {
		row := Region{rec[0], rec[1], rec[2], rec[3], rec[4], rec[5]}
		key := [2]string{row.Provider, row.Region}
		if _, twice := t.index[key]; twice {
			return nil, fmt.Errorf("regions.csv: %s %s stands there twice", row.Provider, row.Region)
		}
		t.index[key] = len(t.rows)
		t.rows = append(t.rows, row)
	}
	return t, nil
}
