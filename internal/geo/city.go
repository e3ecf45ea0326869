package geo

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// cityFile is one MMDB file as read: runs of 1 + an index into places.
type cityFile struct {
	file
	built time.Time
	layer
	places []Place
}

// loadCity reads a whole MMDB city table. The file is read and not mapped: a
// mapped file that is cut short under a running service ends the process.
func loadCity(path string, codes *codeBook) (*cityFile, error) {
	f, data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read city table: %w", err)
	}
	return parseCity(f, data, codes)
}

func parseCity(f file, data []byte, codes *codeBook) (*cityFile, error) {
	path := f.path
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("city table %s is no whole MMDB file: %w", path, err)
	}
	defer r.Close()
	c := &cityFile{file: f, built: time.Unix(int64(r.Metadata.BuildEpoch), 0).UTC()}
	var v4 sorted[key4]
	var v6 sorted[key6]
	// Half of the tree's nodes is close to what comes; the file's length bounds
	// a damaged count.
	if expect := min(int(r.Metadata.NodeCount), len(data)/6) / 2; r.Metadata.IPVersion == 4 {
		v4.runs.grow(expect)
	} else {
		v6.runs.grow(expect)
	}
	reader, err := readerOf(r)
	if err != nil {
		return nil, fmt.Errorf("city table %s: %w", path, err)
	}
	values := newSeen(len(data))
	byRecord := make(map[cityRecord]uint32, 1<<18)
	// A tree has at most one network more than it has nodes; a damaged one that
	// uses its nodes again and again can have 2^32 of them.
	networks := uint64(0)
	for network := range r.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if err := network.Err(); err != nil {
			return nil, fmt.Errorf("city table %s is damaged: %w", path, err)
		}
		if networks++; networks > uint64(r.Metadata.NodeCount)+1 {
			return nil, fmt.Errorf("city table %s is damaged: its search tree has loops (%d nodes, and more networks, at %s)", path, r.Metadata.NodeCount, network.Prefix())
		}
		if !network.Found() {
			continue
		}
		value, known := values.get(network.Offset())
		if !known {
			rec, err := reader(network)
			if err != nil {
				return nil, fmt.Errorf("city table %s: record of %s, byte %d of the data: %w", path, network.Prefix(), network.Offset(), err)
			}
			if value, err = c.intern(rec, byRecord, codes); err != nil {
				return nil, fmt.Errorf("city table %s: record of %s, byte %d of the data: %w", path, network.Prefix(), network.Offset(), err)
			}
			values.put(network.Offset(), value)
		}
		if p := network.Prefix(); p.Addr().Is4() {
			err = v4.add(key4Of(p.Addr()), key4Of(lastOf4(p)), value)
		} else {
			first := key6Of(p.Addr())
			err = v6.add(first, lastOf6(first, p.Bits()), value)
		}
		if err != nil {
			return nil, fmt.Errorf("city table %s is damaged at %s: %w", path, network.Prefix(), err)
		}
	}
	if len(c.places) == 0 {
		return nil, fmt.Errorf("city table %s (type %q) names no country: a table with the keys country_code, state1, city or country, subdivisions, city is expected", path, r.Metadata.DatabaseType)
	}
	c.v4, c.v6 = v4.done(), v6.done()
	return c, nil
}

// seen remembers the values of records by their place in the file. It may
// forget one, which then is decoded again: a map that never does takes a third
// of the loading time.
type seen []struct {
	next  uintptr // the record's offset plus one; 0: nothing here
	value uint32
}

// A record of eight keys takes more bytes than this, so that two hardly ever
// meet in one slot.
const seenGrain = 32

func newSeen(fileBytes int) seen { return make(seen, fileBytes/seenGrain+1) }

func (s seen) get(offset uintptr) (uint32, bool) {
	slot := s[offset/seenGrain%uintptr(len(s))]
	return slot.value, slot.next == offset+1
}

func (s seen) put(offset uintptr, value uint32) {
	slot := &s[offset/seenGrain%uintptr(len(s))]
	slot.next, slot.value = offset+1, value
}

// intern gives the value of a record: 0 when it names no country.
func (c *cityFile) intern(rec cityRecord, byRecord map[cityRecord]uint32, codes *codeBook) (uint32, error) {
	if rec.country == "" || rec.country == "ZZ" {
		return 0, nil
	}
	if value, ok := byRecord[rec]; ok {
		return value, nil
	}
	if len(rec.country) != 2 || rec.country[0] < 'A' || rec.country[0] > 'Z' || rec.country[1] < 'A' || rec.country[1] > 'Z' {
		return 0, fmt.Errorf("country code %q is not ISO 3166-1 alpha-2", rec.country)
	}
	for _, text := range []string{rec.iso, rec.name, rec.city} {
		if err := checkText(text); err != nil {
			return 0, err
		}
	}
	c.places = append(c.places, Place{
		CountryCode:     rec.country,
		SubdivisionCode: rec.subdivision(codes),
		SubdivisionName: rec.name,
		City:            rec.city,
	})
	value := uint32(len(c.places))
	byRecord[rec] = value
	return value, nil
}

func lastOf4(p netip.Prefix) netip.Addr {
	k := uint32(key4Of(p.Addr())) | uint32(uint64(1)<<(32-p.Bits())-1)
	return netip.AddrFrom4([4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)})
}

func lastOf6(first key6, bits int) key6 {
	if bits < 64 {
		return key6{first.hi | (1<<(64-bits) - 1), ^uint64(0)}
	}
	if bits == 64 {
		return key6{first.hi, ^uint64(0)}
	}
	return key6{first.hi, first.lo | (1<<(128-bits) - 1)}
}
