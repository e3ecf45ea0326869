package cloud

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The providers whose regions this package can place.
const (
	AWS     = "aws"
	Google  = "gcp"
	Azure   = "azure"
	Oracle  = "oracle"
	Alibaba = "alibaba"
	Tencent = "tencent"
	Huawei  = "huawei"
)

// Range is one prefix of a published list.
type Range struct {
	Prefix   netip.Prefix // masked, globally reachable
	Provider string       // one of the constants above, or what a CSV file says, in small letters
	Region   string       // as the list writes it, in small letters; AWS: the network border group; "" where the list gives none
}

// List is one published list, checked.
type List struct {
	Provider string    // "" where a CSV file has several
	Version  string    // the publisher's own: sync token, change number, time stamp; "" for CSV
	Date     time.Time // when it was published, UTC; zero where the form has no date (Azure, CSV)
	Ranges   []Range   // by prefix, each once; one may lie inside another, and then says more
	Regions  []Region  // places that a CSV file itself gives; they hold before RegionPlace for its ranges
	Skipped  int       // entries that add nothing: repeated, or said better by an authoritative one
}

// place is where in a file something stands: "byte 17" or "line 3".
type place struct {
	unit string
	n    int64
}

func (p place) String() string { return fmt.Sprintf("%s %d", p.unit, p.n) }

// fault is an error at a place.
func (p place) fault(format string, args ...any) error {
	return fmt.Errorf("%s: %w", p, fmt.Errorf(format, args...))
}

// gathering is the ranges of one list while it is read.
type gathering struct {
	ranges  map[netip.Prefix]entry
	skipped int
}

type entry struct {
	provider, region string
	at               place
}

// add takes one prefix as written.
func (g *gathering) add(text, provider, region string, at place) error {
	p, err := parsePrefix(text)
	if err != nil {
		return at.fault("%w", err)
	}
	return g.addPrefix(p, entry{provider, region, at})
}

func (g *gathering) addPrefix(p netip.Prefix, e entry) error {
	if g.ranges == nil {
		g.ranges = make(map[netip.Prefix]entry)
	}
	old, ok := g.ranges[p]
	if !ok || old.region != e.region {
		if err := cmp.Or(checkName("provider", e.provider), checkName("region", e.region)); err != nil {
			return e.at.fault("%w", err)
		}
	}
	if !ok {
		g.ranges[p] = e
		return nil
	}
	g.skipped++
	if old.provider != e.provider {
		return e.at.fault("%s is %s's, but %s at %s", p, e.provider, old.provider, old.at)
	}
	switch {
	case old.region == e.region, e.region == "", e.holds(old):
		return nil
	case old.region == "", old.holds(e):
		g.ranges[p] = e // a region says more than none, a zone more than its region
		return nil
	}
	return e.at.fault("%s is in region %s, but in %s at %s", p, e.region, old.region, old.at)
}

// holds reports whether zone is a part of e, as AWS names its
// border groups: us-east-1-nyc-1 in us-east-1. Elsewhere such names are regions
// of their own: Alibaba's cn-beijing-finance-1 is not in its cn-beijing.
func (e entry) holds(zone entry) bool {
	return e.provider == AWS && strings.HasPrefix(zone.region, e.region+"-")
}

// sorted gives the ranges by address, shorter prefixes first.
func (g *gathering) sorted() []Range {
	out := make([]Range, 0, len(g.ranges))
	for p, e := range g.ranges {
		out = append(out, Range{p, e.provider, e.region})
	}
	slices.SortFunc(out, func(a, b Range) int { return comparePrefixes(a.Prefix, b.Prefix) })
	return out
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
