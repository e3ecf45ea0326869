package cloud

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// columns are those of the CSV form; the first three are needed.
var columns = []string{"prefix", "provider", "region", "country", "subdivision", "city"}

// csvBegins reports whether data begins, after comments, with the header.
func csvBegins(data []byte) bool {
	data = bytes.TrimPrefix(data, mark)
	for bytes.HasPrefix(data, []byte("#")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return bytes.HasPrefix(data, []byte(header))
}

// parseCSV reads our own form for providers that publish prefixes elsewhere or
// otherwise:
//
//	prefix,provider,region[,country[,subdivision[,city]]]
//
// with that header, comment lines that begin with #, and any provider. A row
// with a country says where its region is, and all rows of one region that have
// a country say the same; without one the region must be in our own table, or
// empty.
func parseCSV(data []byte) (*List, error) {
	var (
		g     gathering
		list  List
		given definitions
		first = true
	)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, mark)))
	r.Comment = '#'
	r.ReuseRecord = true
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvFault(err)
		}
		line, _ := r.FieldPos(0)
		at := place{"line", int64(line)}
		if first {
			if first = false; !slices.Equal(rec, columns[:min(len(rec), len(columns))]) || len(rec) < 3 || len(rec) > len(columns) {
				return nil, at.fault("the header is %q, not %q with %q after it or less", strings.Join(rec, ","), header, strings.Join(columns[3:], ","))
			}
			continue
		}
		var row [6]string
		copy(row[:], rec)
		for i := 1; i < len(row); i++ { // as written: small letters would hide another encoding
			if err := checkName(columns[i], row[i]); err != nil {
				return nil, at.fault("%w", err)
			}
		}
		region := Region{Provider: strings.ToLower(row[1]), Region: regionOf(row[2]), Country: row[3], Subdivision: row[4], City: row[5]}
		if region.Provider == "" {
			return nil, at.fault("no provider")
		}
		if err := g.add(row[0], region.Provider, region.Region, at); err != nil {
			return nil, err
		}
		if err := given.add(region, at); err != nil {
			return nil, err
		}
		list.Provider = region.Provider
	}
	end := place{"line", int64(bytes.Count(data, []byte("\n")) + 1)}
	if len(g.ranges) == 0 {
		return nil, end.fault("the list has no prefix")
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, end.fault("the list is cut short: its last line has no end")
	}
	if err := given.done(); err != nil {
		return nil, err
	}
	if list.Regions = given.regions; several(given.named) {
		list.Provider = ""
	}
	list.Ranges, list.Skipped = g.sorted(), g.skipped
	return &list, nil
}

// several reports whether a file names more than one provider.
func several(named map[regionName]place) bool {
	provider := ""
	for name := range named {
		if provider != "" && provider != name.provider {
			return true
		}
		provider = name.provider
	}
	return false
}
