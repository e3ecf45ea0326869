package cloud

import (
	"encoding/csv"
	"errors"
	"regexp"
)

// The shapes of ISO 3166 codes; whether there is such a code is for the place table to say.
var (
	countryCode     = regexp.MustCompile(`^[A-Z]{2}$`)
	subdivisionCode = regexp.MustCompile(`^[A-Z]{2}-[A-Z0-9]{1,3}$`)
)

type regionName struct{ provider, region string }

// definitions are the places that a CSV file gives for its regions.
type definitions struct {
	regions []Region
	at      map[regionName]place // of the first row of a region that gives its place
	index   map[regionName]int
	named   map[regionName]place // first row of every region
}

// add takes what a row says of its region.
func (d *definitions) add(r Region, at place) error {
	if d.at == nil {
		d.at, d.index, d.named = map[regionName]place{}, map[regionName]int{}, map[regionName]place{}
	}
	name := regionName{r.Provider, r.Region}
	if _, ok := d.named[name]; !ok {
		d.named[name] = at
	}
	switch {
	case r.Country == "" && r.Subdivision == "" && r.City == "":
		return nil
	case r.Region == "":
		return at.fault("a place for no region")
	case !countryCode.MatchString(r.Country):
		return at.fault("country %q is not ISO 3166-1 alpha-2", r.Country)
	case r.Subdivision != "" && (!subdivisionCode.MatchString(r.Subdivision) || r.Subdivision[:2] != r.Country):
		return at.fault("subdivision %q is not an ISO 3166-2 code of %s", r.Subdivision, r.Country)
	}
	if first, ok := d.at[name]; ok {
		if old := d.regions[d.index[name]]; old != r {
			return at.fault("%s %s is in %s, but in %s at %s", r.Provider, r.Region, r.where(), old.where(), first)
		}
		return nil
	}
	d.at[name], d.index[name] = at, len(d.regions)
	d.regions = append(d.regions, r)
	return nil
}

// where gives a place as a CSV file writes it.
func (r Region) where() string { return r.Country + "," + r.Subdivision + "," + r.City }

// done makes sure that the place of every region is known.
func (d *definitions) done() error {
	var unknown regionName
	var first place
	for name, at := range d.named {
		_, given := d.at[name]
		_, ours := RegionPlace(name.provider, name.region)
		if name.region != "" && !given && !ours && (first.n == 0 || at.n < first.n) {
			unknown, first = name, at
		}
	}
	if first.n > 0 {
		return first.fault("where region %q of %s is, is not known: give its country in this file", unknown.region, unknown.provider)
	}
	return nil
}

// csvFault says at which line the csv package stopped.
func csvFault(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return place{"line", int64(parse.Line)}.fault("%w", parse.Err)
	}
	return place{"line", 1}.fault("%w", err)
}
