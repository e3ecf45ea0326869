package geo

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// asnFile is one CSV file as read: runs of 1 + an index into systems.
type asnFile struct {
	file
	layer
	systems []AS
}

// loadASN reads a CSV file of lines "first,last,number,organization" with
// addresses of one or both families (the format of @ip-location-db/asn). Any
// other line refuses the file, by its number. Ranges may overlap, as one pair
// in the published table does; the one that begins later wins.
func loadASN(path string) (*asnFile, error) {
	f, data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read AS table: %w", err)
	}
	return parseASN(f, data)
}

func parseASN(f file, data []byte) (*asnFile, error) {
	path := f.path
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, fmt.Errorf("AS table %s is cut short: its last line has no end", path)
	}
	a := &asnFile{file: f}
	var v4 nested[key4]
	var v6 nested[key6]
	seen := make(map[AS]uint32, 1<<17)
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	r.FieldsPerRecord = 4
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("AS table %s: %w", path, err) // the csv package names the line
		}
		line, _ := r.FieldPos(0)
		if err := a.add(rec, seen, &v4, &v6); err != nil {
			return nil, fmt.Errorf("AS table %s, line %d: %w", path, line, err)
		}
	}
	a.v4, a.v6 = v4.flatten(), v6.flatten()
	return a, nil
}

func (a *asnFile) add(rec []string, seen map[AS]uint32, v4 *nested[key4], v6 *nested[key6]) error {
	first, err := netip.ParseAddr(rec[0])
	if err != nil {
		return fmt.Errorf("first address: %w", err)
	}
	last, err := netip.ParseAddr(rec[1])
	if err != nil {
		return fmt.Errorf("last address: %w", err)
	}
	number, err := strconv.ParseUint(rec[2], 10, 32)
	if err != nil {
		return fmt.Errorf("AS number %q is not a number of 32 bits", rec[2])
	}
	if first.Is4() != last.Is4() || first.Is4In6() || first.Zone() != "" || last.Zone() != "" {
		return fmt.Errorf("%s and %s are not two plain addresses of one family", first, last)
	}
	if last.Less(first) {
		return fmt.Errorf("the range ends at %s, before it begins at %s", last, first)
	}
	as := AS{Number: uint32(number), Organization: rec[3]}
	value, ok := seen[as]
	if !ok {
		if err := checkText(as.Organization); err != nil {
			return err
		}
		as.Organization = strings.Clone(rec[3]) // the record shares its line's memory
		a.systems = append(a.systems, as)
		value = uint32(len(a.systems))
		seen[as] = value
	}
	if first.Is4() {
		v4.spans = append(v4.spans, span[key4]{key4Of(first), key4Of(last), value})
	} else {
		v6.spans = append(v6.spans, span[key6]{key6Of(first), key6Of(last), value})
	}
	return nil
}
