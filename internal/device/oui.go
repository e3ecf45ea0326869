package device

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// blocks are the IEEE's address blocks as read: 24 bits (MA-L), and the 28
// and 36 bits (MA-M, MA-S) that some of them are divided into. Vendors are
// indexes into the list of them.
type blocks struct {
	large   map[uint32]large
	medium  map[uint32]uint32 // 28 bits
	small   map[uint64]uint32 // 36 bits
	vendors []string
	ids     map[string]uint32
}

type large struct {
	vendor  uint32
	divided bool // there are narrower blocks in it
}

// The organisation under which the IEEE lists a block that it divides, and the
// one that hides who has a block.
const (
	orgDivided = "IEEE Registration Authority"
	orgPrivate = "Private"
)

// loadOUI reads the JSON of npm's oui-data: an object of hexadecimal prefixes
// of 6, 7 or 9 digits to an organisation's name and address in lines.
func loadOUI(path string, rules brandRules) (*blocks, Version, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Version{}, fmt.Errorf("read OUI list: %w", err)
	}
	b, err := parseOUI(data, rules)
	if err != nil {
		return nil, Version{}, fmt.Errorf("OUI list %s: %w", path, err)
	}
	return b, versionOf("oui", path, data), nil
}

func parseOUI(data []byte, rules brandRules) (*blocks, error) {
	var entries map[string]string
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("it is no whole JSON object of prefixes and names: %w", err)
	}
	b := &blocks{large: make(map[uint32]large, len(entries)), medium: map[uint32]uint32{}, small: map[uint64]uint32{}, ids: map[string]uint32{}}
	b.vendor(VendorUnknown) // 0
	brands := map[string]string{}
	for prefix, text := range entries {
		n, err := strconv.ParseUint(prefix, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("prefix %q is not hexadecimal", prefix)
		}
		organisation, _, _ := strings.Cut(text, "\n")
		organisation = strings.TrimSpace(organisation)
		brand, ok := brands[organisation]
		if !ok {
			switch organisation {
			case "", orgDivided, orgPrivate:
				brand = VendorUnknown
			default:
				if brand = rules.brand(organisation); brand == "" {
					brand = VendorUnknown
				}
			}
			brands[organisation] = brand
		}
		id := b.vendor(brand)
		switch len(prefix) {
		case 6:
			b.large[uint32(n)] = large{id, b.large[uint32(n)].divided}
		case 7:
			b.medium[uint32(n)] = id
			b.divide(uint32(n >> 4))
		case 9:
			b.small[n] = id
			b.divide(uint32(n >> 12))
		default:
			return nil, fmt.Errorf("prefix %q has %d digits, not 6, 7 or 9", prefix, len(prefix))
		}
	}
	if len(b.large) == 0 {
		return nil, fmt.Errorf("it holds no block")
	}
	return b, nil
}

func (b *blocks) divide(prefix uint32) {
	b.large[prefix] = large{b.large[prefix].vendor, true}
}

func (b *blocks) vendor(name string) uint32 {
	id, ok := b.ids[name]
	if !ok {
		id = uint32(len(b.vendors))
		b.vendors = append(b.vendors, name)
		b.ids[name] = id
	}
	return id
}

// find gives the vendor of the narrowest block around an address; 0 is the
// unknown one.
func (b *blocks) find(m MAC) uint32 {
	l := b.large[uint32(m>>24)]
	if l.divided {
		if id, ok := b.small[uint64(m>>12)]; ok {
			return id
		}
		if id, ok := b.medium[uint32(m>>20)]; ok {
			return id
		}
	}
	return l.vendor
}

// ouis gives the 24-bit blocks of a vendor from which a station can have its
// address, sorted.
func (b *blocks) ouis(vendor string) []OUI {
	want, ok := b.ids[vendor]
	if !ok || want == 0 {
		return nil
	}
	var all []OUI
	for prefix, l := range b.large {
		if m := OUI(prefix).MAC(1); l.vendor == want && !l.divided && m.single() && !m.LocallyAdministered() {
			all = append(all, OUI(prefix))
		}
	}
	slices.Sort(all)
	return all
}
