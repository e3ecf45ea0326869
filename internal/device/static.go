package device

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/gaissmai/bart"
)

// staticEntry is one line of the operator's table.
type staticEntry struct {
	prefix netip.Prefix
	vendor string
	line   int
}

// loadStatic reads the operator's table: lines "prefix,vendor" with a prefix or
// a single address of either family. Empty lines, lines that begin with "#"
// and a first line "prefix,vendor" are passed over. Every faulty line is
// reported, up to ten.
func loadStatic(path string, known []string) ([]staticEntry, Version, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Version{}, fmt.Errorf("read static device table: %w", err)
	}
	entries, err := parseStatic(path, data, known)
	if err != nil {
		return nil, Version{}, err
	}
	return entries, versionOf("static", path, data), nil
}

func parseStatic(path string, data []byte, known []string) ([]staticEntry, error) {
	spelling := make(map[string]string, len(known))
	for _, k := range known {
		spelling[strings.ToLower(k)] = k
	}
	var entries []staticEntry
	var faults []string
	lines := map[netip.Prefix]int{}
	scan := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; scan.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimPrefix(scan.Text(), "\ufeff"))
		if text == "" || text[0] == '#' || (len(entries)+len(faults) == 0 && strings.EqualFold(text, "prefix,vendor")) {
			continue
		}
		e, err := parseStaticLine(text, spelling)
		if first, twice := lines[e.prefix]; err == nil && twice {
			err = fmt.Errorf("%s is on line %d already", e.prefix, first)
		}
		if err != nil {
			if faults = append(faults, fmt.Sprintf("static device table %s, line %d: %v", path, n, err)); len(faults) == 10 {
				break
			}
			continue
		}
		e.line = n
		lines[e.prefix] = n
		entries = append(entries, e)
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("static device table %s: %w", path, err)
	}
	if faults != nil {
		return nil, fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	return entries, nil
}

func parseStaticLine(text string, spelling map[string]string) (staticEntry, error) {
	where, vendor, ok := strings.Cut(text, ",")
	where, vendor = strings.TrimSpace(where), strings.Trim(strings.TrimSpace(vendor), `"`)
	if !ok || strings.Contains(vendor, ",") {
		return staticEntry{}, fmt.Errorf("%q is not \"prefix,vendor\"", text)
	}
	if vendor == "" || len(vendor) > maxVendorBytes || strings.EqualFold(vendor, VendorUnknown) || strings.EqualFold(vendor, VendorRandomised) {
		return staticEntry{}, fmt.Errorf("%q is not a vendor's name (at most %d bytes, neither %q nor %q)", vendor, maxVendorBytes, VendorUnknown, VendorRandomised)
	}
	// "xiaomi" here and "Xiaomi" by its MAC must end in one line of a report.
	if as, known := spelling[strings.ToLower(vendor)]; known {
		vendor = as
	}
	var p netip.Prefix
	if strings.Contains(where, "/") {
		var err error
		if p, err = netip.ParsePrefix(where); err != nil {
			return staticEntry{}, fmt.Errorf("%q is not a prefix", where)
		}
		if p != p.Masked() {
			return staticEntry{}, fmt.Errorf("%s has bits behind its length; is %s meant?", p, p.Masked())
		}
		if p.Addr().Is4In6() {
			return staticEntry{}, fmt.Errorf("%s is an IPv4 prefix in IPv6 form; write it as IPv4", p)
		}
	} else {
		a, err := netip.ParseAddr(where)
		if err != nil || a.Zone() != "" {
			return staticEntry{}, fmt.Errorf("%q is neither a prefix nor an address", where)
		}
		a = a.Unmap()
		p = netip.PrefixFrom(a, a.BitLen())
	}
	return staticEntry{prefix: p, vendor: vendor}, nil
}

// staticTable is the operator's table, ready to ask; values are indexes into
// a resolver's attributions.
type staticTable = bart.Table[uint32]
