package device

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Vendors that are none.
const (
	VendorUnknown    = "unknown"
	VendorRandomised = "randomised"
)

// Method is how a vendor was reached.
type Method uint8

// The methods, in the vocabulary of DESIGN.md; imei_tac and dhcp are to come.
const (
	MethodNone Method = iota
	MethodOUI
	MethodStatic
	methods
)

var methodNames = [methods]string{"none", "oui", "static"}

func (m Method) String() string {
	if m >= methods {
		return "none"
	}
	return methodNames[m]
}

// Attribution is what is known of the device behind an address.
type Attribution struct {
	Vendor string // a brand, or VendorUnknown, or VendorRandomised; never ""
	ID     uint32 // below Resolver.Attributions; equal IDs of one resolver are equal attributions
	Method Method
}

// The attributions that every resolver has, by ID.
const (
	idUnknown = iota
	idRandomised
	idFirstVendor
)

// Resolver says whose handsets are where. It never changes and is safe for
// any number of readers.
type Resolver struct {
	blocks       *blocks
	ofBlock      []uint32 // index of blocks.vendors → attribution
	static       staticTable
	attributions []Attribution
	brands       []string
	versions     []Version
}

// Open builds a resolver from an OUI list (index.json of npm's oui-data) and
// the operator's table of "prefix,vendor" lines. "" leaves either out. Any
// fault refuses the whole and names the file and the line.
func Open(ouiPath, staticPath string) (*Resolver, error) {
	rules, err := parseBrands(brandsCSV)
	if err != nil {
		return nil, err
	}
	r := &Resolver{attributions: []Attribution{
		idUnknown:    {Vendor: VendorUnknown, ID: idUnknown},
		idRandomised: {Vendor: VendorRandomised, ID: idRandomised},
	}}
	known := rules.names()
	if ouiPath != "" {
		b, version, err := loadOUI(ouiPath, rules)
		if err != nil {
			return nil, err
		}
		r.blocks = b
		r.versions = append(r.versions, version)
		known = append(known, b.vendors...)
		r.ofBlock = make([]uint32, len(b.vendors)) // the unknown one stays at idUnknown
		for i, name := range b.vendors[1:] {
			r.ofBlock[i+1] = r.attribute(name, MethodOUI)
		}
		r.brands = slices.Sorted(slices.Values(b.vendors[1:]))
	}
	if staticPath != "" {
		entries, version, err := loadStatic(staticPath, known)
		if err != nil {
			return nil, err
		}
		r.versions = append(r.versions, version)
		ids := map[string]uint32{}
		for _, e := range entries {
			id, ok := ids[e.vendor]
			if !ok {
				id = r.attribute(e.vendor, MethodStatic)
				ids[e.vendor] = id
			}
			r.static.Insert(e.prefix, id)
		}
	}
	return r, nil
}

func (r *Resolver) attribute(vendor string, method Method) uint32 {
	id := uint32(len(r.attributions))
	r.attributions = append(r.attributions, Attribution{vendor, id, method})
	return id
}

// Lookup says whose block a MAC address is from: what the IEEE lists comes
// first, then the locally administered bit, which makes it randomised. Zero,
// group addresses and what is longer than 48 bits are unknown. It does not
// allocate.
func (r *Resolver) Lookup(mac MAC) Attribution {
	if !mac.single() {
		return r.attributions[idUnknown]
	}
	if r.blocks != nil {
		if id := r.blocks.find(mac); id != 0 {
			return r.attributions[r.ofBlock[id]]
		}
	}
	if mac.LocallyAdministered() {
		return r.attributions[idRandomised]
	}
	return r.attributions[idUnknown]
}

// Resolve says whose device is behind a handset-side address and MAC, either
// of which may be zero. What the operator says of the address wins over the
// MAC. It does not allocate.
func (r *Resolver) Resolve(addr netip.Addr, mac uint64) Attribution {
	if addr.IsValid() && r.static.Size() > 0 {
		if id, ok := r.static.Lookup(addr.Unmap()); ok {
			return r.attributions[id]
		}
	}
	return r.Lookup(MAC(mac))
}

// Attributions gives the number of different attributions; every
// Attribution.ID is below it.
func (r *Resolver) Attributions() int { return len(r.attributions) }

// OUIs gives the 24-bit blocks of a brand as Lookup spells it, sorted.
func (r *Resolver) OUIs(brand string) []OUI {
	if r.blocks == nil {
		return nil
	}
	return r.blocks.ouis(brand)
}

// Brands gives every vendor of the OUI list, sorted.
func (r *Resolver) Brands() []string { return slices.Clone(r.brands) }

// Versions says which data sets the resolver was built from.
func (r *Resolver) Versions() []Version { return slices.Clone(r.versions) }

// Holder has the resolver in service and exchanges it whole (DESIGN rule 7).
type Holder struct {
	ouiPath, staticPath string
	resolver            atomic.Pointer[Resolver]
	reload              sync.Mutex
}

// NewHolder opens the first resolver.
func NewHolder(ouiPath, staticPath string) (*Holder, error) {
	r, err := Open(ouiPath, staticPath)
	if err != nil {
		return nil, err
	}
	h := &Holder{ouiPath: ouiPath, staticPath: staticPath}
	h.resolver.Store(r)
	return h, nil
}

// Resolver gives the resolver in service. Take it once per batch.
func (h *Holder) Resolver() *Resolver { return h.resolver.Load() }

// Reload builds a resolver from the same paths and puts it in service. After
// an error the old one goes on.
func (h *Holder) Reload() error {
	h.reload.Lock()
	defer h.reload.Unlock()
	r, err := Open(h.ouiPath, h.staticPath)
	if err != nil {
		return fmt.Errorf("reload device tables, the old ones stay in service: %w", err)
	}
	h.resolver.Store(r)
	return nil
}
