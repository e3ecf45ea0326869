package geo

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Table answers where addresses are. It never changes and is safe for any
// number of readers.
type Table struct {
	v4           index4
	v6           index6
	answers      []draft
	places       []Place
	alternatives []*Place // to each place, so that an answer's are a slice of it
	systems      []AS
	versions     []Version
	sources      *sources // what Evidence reads
}

// Files are the data files that a table is made of. Each may be compressed
// with gzip. An entry of City, Witness or ASN may be a folder, whose files are
// all taken (*.mmdb for cities; *.csv but not *-num.csv for ASes); an empty one
// is left out. What has no file stays unknown.
type Files struct {
	City    []string // MMDB, flat or nested schema; at most one of each family
	Witness []string // likewise: a second table, that agrees with the first or disputes it
	ASN     []string // CSV of first address, last address, number, organisation
	Cloud   []string // published lists, in any form that package cloud reads; of equal prefixes the last file's counts
	Anycast []string // lines of a prefix and, perhaps, an example address
	// Overrides is the operator's own CSV file, with the columns prefix, country,
	// subdivision, city, cloud_provider, cloud_region, confidence, note, reference.
	Overrides string
	// Evidence keeps what each city and AS table says by itself, for
	// Table.Evidence. It takes about as much memory again as the table.
	Evidence bool
}

// Open builds a table. Any fault in any file refuses the whole and names the
// file, and the line or byte.
func Open(f Files) (*Table, error) {
	codes, err := loadCodes()
	if err != nil {
		return nil, err
	}
	s := &sources{}
	var group errgroup.Group
	if err := load(&group, &s.cities, f.City, "*.mmdb", func(path string) (*cityFile, error) { return loadCity(path, codes) }); err != nil {
		return nil, fmt.Errorf("find city table: %w", err)
	}
	if err := load(&group, &s.witnesses, f.Witness, "*.mmdb", func(path string) (*cityFile, error) { return loadCity(path, codes) }); err != nil {
		return nil, fmt.Errorf("find witness: %w", err)
	}
	if err := load(&group, &s.asns, f.ASN, "*.csv", loadASN); err != nil {
		return nil, fmt.Errorf("find AS table: %w", err)
	}
	if err := load(&group, &s.clouds, f.Cloud, "*", func(path string) (*cloudFile, error) { return loadCloud(path, codes) }); err != nil {
		return nil, fmt.Errorf("find cloud lists: %w", err)
	}
	if err := load(&group, &s.anycasts, f.Anycast, "*", loadAnycast); err != nil {
		return nil, fmt.Errorf("find anycast lists: %w", err)
	}
	var overrides []*overrideFile
	if err := load(&group, &overrides, []string{f.Overrides}, "*.csv", func(path string) (*overrideFile, error) { return loadOverrides(path, codes) }); err != nil {
		return nil, fmt.Errorf("find overrides: %w", err)
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if len(overrides) > 1 {
		return nil, fmt.Errorf("%s holds several files of overrides; one is expected", f.Overrides)
	}
	for _, o := range overrides {
		s.overrides = o
	}
	return build(s, f.Evidence)
}

// load starts to read the files behind paths, each into its own place of into.
func load[F any](group *errgroup.Group, into *[]F, paths []string, pattern string, read func(string) (F, error)) error {
	var files []string
	for _, path := range paths {
		found, err := filesOf(path, pattern)
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	*into = make([]F, len(files))
	for i, path := range files {
		group.Go(func() (err error) {
			(*into)[i], err = read(path)
			return err
		})
	}
	return nil
}

// filesOf gives a path itself, or the matching files of the folder it is.
func filesOf(path, pattern string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	matches, err := filepath.Glob(filepath.Join(path, pattern))
	if err != nil {
		return nil, err
	}
	matches = slices.DeleteFunc(matches, func(m string) bool { return aside(filepath.Base(m)) })
	if len(matches) == 0 {
		return nil, fmt.Errorf("the folder %s holds no %s file", path, pattern)
	}
	return matches, nil
}

// aside reports whether a file lies beside data files without being one.
func aside(name string) bool {
	ext := filepath.Ext(name)
	return name[0] == '.' || name == manifestName || ext == ".md" || ext == ".txt" || ext == ".so" || strings.HasSuffix(name, "-num.csv")
}

// nat64 is the first half of the well-known prefix 64:ff9b::/96 (RFC 6052), in
// which mobile networks carry IPv4 destinations.
const nat64 = 0x0064ff9b_00000000

// Lookup says where an address is. IPv4-mapped addresses count as IPv4, and
// so does what is embedded in 64:ff9b::/96. A zone is ignored. It does not
// allocate.
func (t *Table) Lookup(a netip.Addr) Answer {
	if a.Is4() {
		b := a.As4()
		return t.answer(t.v4.find(binary.BigEndian.Uint32(b[:])))
	}
	if !a.IsValid() {
		return t.answer(1)
	}
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	if embeds4(hi, lo) {
		return t.answer(t.v4.find(uint32(lo)))
	}
	return t.answer(t.v6.find(hi, lo))
}

// answer says in full what a draft says in numbers.
func (t *Table) answer(id uint32) Answer {
	d := &t.answers[id]
	a := Answer{ID: id, Method: d.method, Confidence: d.confidence, Reason: d.reason}
	if d.place != 0 {
		a.Place = &t.places[d.place-1]
	}
	if d.as != 0 {
		a.AS = &t.systems[d.as-1]
	}
	if d.alternative != 0 {
		a.Alternatives = t.alternatives[d.alternative-1 : d.alternative : d.alternative]
	}
	return a
}

func embeds4(hi, lo uint64) bool {
	return (hi == 0 && lo>>32 == 0xffff) || (hi == nat64 && lo>>32 == 0)
}

// plainAddress gives the IPv4 address inside an IPv6 one as Lookup sees it,
// and takes off the zone.
func plainAddress(a netip.Addr) netip.Addr {
	if !a.IsValid() || a.Is4() {
		return a
	}
	b := a.As16()
	if embeds4(binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])) {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a.WithZone("")
}

// Answers gives the number of different answers; every Answer.ID is below it,
// so that a caller can keep what it makes of an answer in a slice.
func (t *Table) Answers() int { return len(t.answers) }

// Versions says which data sets the table was built from, by name.
func (t *Table) Versions() []Version { return slices.Clone(t.versions) }
