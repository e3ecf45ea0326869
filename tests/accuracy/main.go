// Command accuracy holds the city table against what the cloud providers publish of their own
// addresses: how often it has the country and the subdivision right by itself, and with their lists
// loaded. It prints a line of JSON a list and, with -write, puts the table into a document between the
// lines "<!-- accuracy -->" and "<!-- /accuracy -->".
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

func main() {
	if err := mainErr(); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

func mainErr() error {
	city := flag.String("city", "data/city", "city table: a file, or a folder of them")
	write := flag.String("write", "", "document to put the table into")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "accuracy [flags] LIST…   published lists of AWS, Google, Azure, Oracle; .gz too")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		return errors.New("name the published lists")
	}
	alone, err := geo.Open(geo.Files{City: []string{*city}})
	if err != nil {
		return err
	}
	var results []result
	for _, path := range flag.Args() {
		list, err := read(path)
		if err != nil {
			return err
		}
		with, err := geo.Open(geo.Files{City: []string{*city}, Cloud: []string{path}})
		if err != nil {
			return err
		}
		r := compare(list, alone, with)
		results = append(results, r)
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	if *write == "" {
		return nil
	}
	return replace(*write, table(results, alone.Versions()))
}

func read(path string) (*cloud.List, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return cloud.Parse(filepath.Base(path), data)
}

// rate is a share of what could be right.
type rate struct{ Right, Of float64 }

func (r rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.share()) }

func (r rate) share() float64 {
	if r.Of == 0 {
		return 0
	}
	return r.Right / r.Of
}

func (r *rate) add(right bool, weight float64) {
	r.Of += weight
	if right {
		r.Right += weight
	}
}

// judged is how often a table is right: by prefix, and by IPv4 address.
type judged struct {
	Country     rate `json:"country"`
	Subdivision rate `json:"subdivision"`
	Addresses4  struct {
		Country     rate `json:"country"`
		Subdivision rate `json:"subdivision"`
	} `json:"by_ipv4_address"`
}

type result struct {
	Provider  string  `json:"provider"`
	Version   string  `json:"version"`
	Date      string  `json:"date,omitempty"` // Azure's has none
	Prefixes  int     `json:"prefixes"`       // with a region
	Without   int     `json:"prefixes_without_region"`
	Unplaced  int     `json:"prefixes_of_regions_without_a_place"`
	Addresses float64 `json:"ipv4_addresses"`
	Regions   int     `json:"regions"`
	City      judged  `json:"city_table"`
	Cloud     judged  `json:"with_the_list"`
}

// samples is how many addresses of a prefix are looked up, evenly spread.
const samples = 16

func compare(list *cloud.List, alone, with *geo.Table) result {
	r := result{Provider: list.Provider, Version: list.Version}
	if !list.Date.IsZero() {
		r.Date = list.Date.Format(time.DateOnly)
	}
	var truth bart.Table[cloud.Region]
	regions := map[string]bool{}
	for _, p := range list.Ranges {
		if p.Region == "" {
			r.Without++
			continue
		}
		region, ok := cloud.RegionPlace(p.Provider, p.Region)
		if !ok {
			r.Unplaced++ // of a region whose place its provider does not say
			continue
		}
		regions[p.Region] = true
		truth.Insert(p.Prefix.Masked(), region)
	}
	r.Regions = len(regions)
	for prefix := range truth.All() {
		r.Prefixes++
		weight := 0.0
		if prefix.Addr().Is4() {
			weight = float64(uint64(1) << (32 - prefix.Bits()))
		}
		for i := range samples {
			address := nth(prefix, i)
			region, _ := truth.Lookup(address) // a longer prefix inside this one may be of another region
			r.City.add(alone.Lookup(address), region, weight/samples)
			r.Cloud.add(with.Lookup(address), region, weight/samples)
		}
		r.Addresses += weight
	}
	return r
}

// nth gives the i-th of the sampled addresses of a prefix.
func nth(p netip.Prefix, i int) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	// The sample's number in the four bits behind the prefix, as far as there are any.
	for k := range 4 {
		bit := p.Bits() + k
		if bit < 8*len(b) && i&(8>>k) != 0 {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (j *judged) add(a geo.Answer, want cloud.Region, addresses float64) {
	country, subdivision := "", ""
	if a.Place != nil {
		country, subdivision = a.Place.CountryCode, a.Place.SubdivisionCode
	}
	j.Country.add(country == want.Country, 1.0/samples)
	j.Addresses4.Country.add(country == want.Country, addresses)
	if want.Subdivision != "" {
		j.Subdivision.add(subdivision == want.Subdivision, 1.0/samples)
		j.Addresses4.Subdivision.add(subdivision == want.Subdivision, addresses)
	}
}

func table(results []result, versions []geo.Version) string {
	var b strings.Builder
	for _, v := range versions {
		fmt.Fprintf(&b, "City table: version %s.\n\n", v.Version)
	}
	b.WriteString("| list | date | prefixes with a region | city table alone: country | subdivision | by IPv4 address: country | subdivision | with the list: country | subdivision |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %d in %d regions | %s | %s | %s | %s | %s | %s |\n", r.Provider, cmp.Or(r.Date, "version "+r.Version), r.Prefixes, r.Regions,
			percent(r.City.Country), percent(r.City.Subdivision), percent(r.City.Addresses4.Country), percent(r.City.Addresses4.Subdivision),
			percent(r.Cloud.Country), percent(r.Cloud.Subdivision))
	}
	return b.String()
}

func percent(r rate) string { return fmt.Sprintf("%.1f %%", 100*r.share()) }

const begin, end = "<!-- accuracy -->\n", "<!-- /accuracy -->"

func replace(path, text string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %s and %s", path, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(path, []byte(before+begin+text+end+after), 0o644)
}
