package geo

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// anycastFile is one list as read.
type anycastFile struct {
	file
	prefixes []netip.Prefix
}

// loadAnycast reads a list of lines "prefix" or "prefix,example address" (the
// form of https://github.com/bgptools/anycast-prefixes). Empty lines and those
// that begin with # are left out. A list without a prefix is refused.
func loadAnycast(path string) (*anycastFile, error) {
	f, data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read anycast list: %w", err)
	}
	return parseAnycast(f, data)
}

func parseAnycast(f file, data []byte) (*anycastFile, error) {
	a := &anycastFile{file: f}
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		line := strings.TrimSpace(string(raw))
		if line == "" || line[0] == '#' {
			continue
		}
		p, err := anycastLine(line)
		if err != nil {
			return nil, fmt.Errorf("anycast list %s, line %d: %w", f.path, number, err)
		}
		a.prefixes = append(a.prefixes, p)
	}
	if len(a.prefixes) == 0 {
		return nil, fmt.Errorf("anycast list %s, line %d: the list ends without a single prefix", f.path, max(number, 1))
	}
	return a, nil
}

func anycastLine(line string) (netip.Prefix, error) {
	text, example, has := strings.Cut(line, ",")
	p, err := parsePrefix(strings.TrimSpace(text))
	if err != nil || !has {
		return p, err
	}
	a, err := netip.ParseAddr(strings.TrimSpace(example))
	if err != nil {
		return p, fmt.Errorf("the example %q is not an address", example)
	}
	if !p.Contains(a) {
		return p, fmt.Errorf("the example %s is not in %s", a, p)
	}
	return p, nil
}
