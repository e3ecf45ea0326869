package geo

import (
	"cmp"
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
	v4       index4
	v6       index6
	answers  []Answer
	places   []Place
	systems  []AS
	versions []Version
}

// Open builds a table. Each path is a file, or a folder whose files are all
// taken (*.mmdb for cities; *.csv but not *-num.csv for ASes); "" leaves that
// side unknown. Any fault in any file refuses the whole and names the file.
func Open(cityPath, asnPath string) (*Table, error) {
	codes, err := loadCodes()
	if err != nil {
		return nil, err
	}
	cityFiles, err := filesOf(cityPath, "*.mmdb", "")
	if err != nil {
		return nil, fmt.Errorf("find city table: %w", err)
	}
	asnFiles, err := filesOf(asnPath, "*.csv", "-num.csv")
	if err != nil {
		return nil, fmt.Errorf("find AS table: %w", err)
	}
	cities := make([]*cityFile, len(cityFiles))
	systems := make([]*asnFile, len(asnFiles))
	var group errgroup.Group
	for i, path := range cityFiles {
		group.Go(func() (err error) {
			cities[i], err = loadCity(path, codes)
			return err
		})
	}
	for i, path := range asnFiles {
		group.Go(func() (err error) {
			systems[i], err = loadASN(path)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return build(cities, systems)
}

// filesOf gives a path itself, or the matching files of the folder it is.
func filesOf(path, pattern, except string) ([]string, error) {
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
	matches = slices.DeleteFunc(matches, func(m string) bool { return except != "" && strings.HasSuffix(m, except) })
	if len(matches) == 0 {
		return nil, fmt.Errorf("the folder %s holds no %s file", path, pattern)
	}
	return matches, nil
}

// build puts the files over each other: special-purpose blocks first, then
// places and ASes side by side.
func build(cities []*cityFile, systems []*asnFile) (*Table, error) {
	t := &Table{}
	city4, city6 := (&sorted[key4]{}).done(), (&sorted[key6]{}).done()
	placeID := map[Place]uint32{}
	for _, c := range cities {
		renumber := make([]uint32, len(c.places)+1)
		for i, p := range c.places {
			renumber[i+1] = internIn(&t.places, placeID, p)
		}
		if err := take(&city4, c.v4, renumber, c.path, "IPv4 places"); err != nil {
			return nil, err
		}
		if err := take(&city6, c.v6, renumber, c.path, "IPv6 places"); err != nil {
			return nil, err
		}
		c.v4, c.v6, c.places = runs[key4]{}, runs[key6]{}, nil
		t.versions = addVersion(t.versions, "city", c.file, c.built)
	}
	as4, as6 := (&sorted[key4]{}).done(), (&sorted[key6]{}).done()
	asID := map[AS]uint32{}
	for _, a := range systems {
		renumber := make([]uint32, len(a.systems)+1)
		for i, s := range a.systems {
			renumber[i+1] = internIn(&t.systems, asID, s)
		}
		if err := take(&as4, a.v4, renumber, a.path, "IPv4 ASes"); err != nil {
			return nil, err
		}
		if err := take(&as6, a.v6, renumber, a.path, "IPv6 ASes"); err != nil {
			return nil, err
		}
		t.versions = addVersion(t.versions, "asn", a.file, a.built())
	}
	slices.SortFunc(t.versions, func(a, b Version) int { return cmp.Compare(a.Name, b.Name) })

	// From here on t.places and t.systems do not move: answers point into them.
	combine := t.combiner()
	t.v4 = newIndex4(overlay(specialRuns(true, key4Of), city4, as4, combine))
	t.v6 = newIndex6(overlay(specialRuns(false, key6Of), city6, as6, combine))
	t.answers = slices.Clip(t.answers)
	return t, nil
}

func internIn[T comparable](list *[]T, ids map[T]uint32, v T) uint32 {
	id, ok := ids[v]
	if !ok {
		*list = append(*list, v)
		id = uint32(len(*list))
		ids[v] = id
	}
	return id
}

// take moves a file's runs into the table's, with their values renumbered.
func take[K key[K]](into *runs[K], from runs[K], renumber []uint32, path, what string) error {
	if len(from.start) <= 1 && from.value[0] == 0 {
		return nil
	}
	if len(into.start) > 1 || into.value[0] != 0 {
		return fmt.Errorf("%s holds %s, and so does a file before it", path, what)
	}
	for i, v := range from.value {
		if v != 0 {
			from.value[i] = renumber[v]
		}
	}
	*into = from
	return nil
}

// combiner gives the function that turns a reason, a place and an AS into the
// number of an answer. Answer 0 is "not in any table".
func (t *Table) combiner() func(reason, place, as uint32) uint32 {
	t.answers = []Answer{{Reason: ReasonNotInTable}, {ID: 1, Reason: ReasonInvalid}}
	type combination struct{ reason, place, as uint32 }
	ids := make(map[combination]uint32, len(t.places)+len(t.systems))
	ids[combination{}] = 0
	var last combination
	var lastID uint32
	return func(reason, place, as uint32) uint32 {
		if reason != 0 {
			place, as = 0, 0
		}
		c := combination{reason, place, as}
		if c == last {
			return lastID
		}
		id, ok := ids[c]
		if !ok {
			id = uint32(len(t.answers))
			a := Answer{ID: id, Reason: Reason(reason)}
			if as != 0 {
				a.AS = &t.systems[as-1]
			}
			switch {
			case place != 0:
				a.Place, a.Method, a.Confidence = &t.places[place-1], MethodCityDB, Single
			case reason == 0:
				a.Reason = ReasonNotInTable
			}
			t.answers = append(t.answers, a)
			ids[c] = id
		}
		last, lastID = c, id
		return id
	}
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
		return t.answers[t.v4.find(binary.BigEndian.Uint32(b[:]))]
	}
	if !a.IsValid() {
		return t.answers[1]
	}
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	if (hi == 0 && lo>>32 == 0xffff) || (hi == nat64 && lo>>32 == 0) {
		return t.answers[t.v4.find(uint32(lo))]
	}
	return t.answers[t.v6.find(hi, lo)]
}

// Answers gives the number of different answers; every Answer.ID is below it,
// so that a caller can keep what it makes of an answer in a slice.
func (t *Table) Answers() int { return len(t.answers) }

// Versions says which data sets the table was built from, by name.
func (t *Table) Versions() []Version { return slices.Clone(t.versions) }
