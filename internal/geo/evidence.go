package geo

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Evidence is every source's word on one address.
type Evidence struct {
	Address netip.Addr // as looked up: IPv4 where it was embedded in IPv6
	Answer  Answer
	// Rule decided: "anycast", "override", "cloud", "city", "none", or "special:"
	// and the reason.
	Rule    string
	Sources []SourceAnswer // in the order of precedence; those without a word are left out
}

// SourceAnswer is what one data set says by itself.
type SourceAnswer struct {
	Set, Version string // as in Version
	Place        *Place // nil when it speaks of something else
	AS           *AS    // nil likewise
	Note         string // the prefix that matched; an override's line, note and reference
	Decided      bool   // the answer's place, or its lack, comes from here
}

// Evidence gives every source's word on an address. City and AS tables speak
// for themselves only in a table that was opened with Files.Evidence. It
// allocates, and walks all prefixes of the lists: some milliseconds.
func (t *Table) Evidence(a netip.Addr) Evidence {
	e := Evidence{Address: plainAddress(a), Answer: t.Lookup(a)}
	e.Rule = rule(e.Answer)
	if !e.Address.IsValid() {
		return e
	}
	t.listed(&e)
	if t.sources.kept && !e.Answer.Reason.special() {
		s := t.sources
		var city, witness, as uint32
		if e.Address.Is4() {
			k := key4Of(e.Address)
			city, witness, as = s.city.v4.at(k), s.witness.v4.at(k), s.as.v4.at(k)
		} else {
			k := key6Of(e.Address)
			city, witness, as = s.city.v6.at(k), s.witness.v6.at(k), s.as.v6.at(k)
		}
		if city != 0 {
			e.Sources = append(e.Sources, t.source("city", SourceAnswer{Place: &t.places[city-1], Decided: e.Rule == "city"}))
		}
		if witness != 0 {
			e.Sources = append(e.Sources, t.source("witness", SourceAnswer{Place: &t.places[witness-1]}))
		}
		if as != 0 {
			sa := SourceAnswer{AS: &t.systems[as-1], Decided: e.Answer.Reason == ReasonSatellite}
			if operator := satellites[sa.AS.Number]; operator != "" {
				sa.Note = "satellite operator: " + operator
			}
			e.Sources = append(e.Sources, t.source("asn", sa))
		}
	}
	return e
}

// listed adds the word of those sources that are lists of prefixes.
func (t *Table) listed(e *Evidence) {
	for i, p := range specialPrefixes {
		if p.Contains(e.Address) {
			e.Sources = append(e.Sources, SourceAnswer{Set: "special", Note: p.String() + ": " + special[i].reason.String(), Decided: e.Answer.Reason == special[i].reason})
		}
	}
	for _, f := range t.sources.anycasts {
		for _, p := range f.prefixes {
			if p.Contains(e.Address) {
				e.Sources = append(e.Sources, t.source("anycast", SourceAnswer{Note: p.String(), Decided: e.Rule == "anycast"}))
			}
		}
	}
	if o := t.sources.overrides; o != nil {
		var best *override
		for i, r := range o.rows {
			if r.prefix.Contains(e.Address) && (best == nil || r.prefix.Bits() > best.prefix.Bits()) {
				best = &o.rows[i]
			}
		}
		if best != nil {
			note := strings.TrimSuffix(fmt.Sprintf("%s, line %d: %s", best.prefix, best.line, best.note), ": ")
			e.Sources = append(e.Sources, t.source("overrides", SourceAnswer{Place: &best.place, Note: note, Decided: e.Rule == "override"}))
		}
	}
	decisive := -1 // of the sources: the longest prefix of all lists, the last of equal ones
	longest := 0
	for _, f := range t.sources.clouds {
		var best *cloudRange
		for i := range f.ranges {
			if r := &f.ranges[i]; r.prefix.Contains(e.Address) && (best == nil || r.prefix.Bits() > best.prefix.Bits()) {
				best = r
			}
		}
		if best == nil {
			continue
		}
		e.Sources = append(e.Sources, t.source(f.set, SourceAnswer{Place: &best.place, Note: best.prefix.String()}))
		if best.prefix.Bits() >= longest {
			longest, decisive = best.prefix.Bits(), len(e.Sources)-1
		}
	}
	if e.Rule == "cloud" && decisive >= 0 {
		e.Sources[decisive].Decided = true
	}
}

func (t *Table) source(set string, s SourceAnswer) SourceAnswer {
	s.Set = set
	if i := slices.IndexFunc(t.versions, func(v Version) bool { return v.Name == set }); i >= 0 {
		s.Version = t.versions[i].Version
	}
	return s
}

// rule names what decided.
func rule(a Answer) string {
	switch {
	case a.Reason.special(), a.Reason == ReasonInvalid, a.Reason == ReasonSatellite:
		return "special:" + a.Reason.String()
	case a.Method == MethodAnycast:
		return "anycast"
	case a.Method == MethodOverride:
		return "override"
	case a.Method == MethodCloudRange:
		return "cloud"
	case a.Method == MethodCityDB:
		return "city"
	}
	return "none"
}

// at gives the value that holds for an address.
func (r runs[K]) at(a K) uint32 {
	i, found := slices.BinarySearchFunc(r.start, a, func(s, a K) int { return s.compare(a) })
	if !found {
		i--
	}
	return r.value[i]
}
