package policy

import (
	"maps"
	"slices"
	"strings"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// check finds names that mean nothing and rows that contradict each other.
func (r *reader) check(p *Policy) {
	names := map[string]bool{}
	for _, j := range p.Jurisdictions {
		names[j.Name] = true
	}
	known := func(line int, name string) {
		if !names[name] && !isCountry(name) {
			r.fault(line, "%q is neither a jurisdiction of this file nor an ISO 3166-1 code (there are: %s)", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
	}
	homes := map[string]Home{}
	for _, h := range p.Home {
		if first, twice := homes[h.Name]; twice {
			r.fault(h.Line, "home %s is there twice, first in line %d", h.Name, first.Line)
		}
		homes[h.Name] = h
		known(h.Line, h.Name)
	}
	for _, rule := range p.Rules {
		for _, j := range rule.Jurisdictions {
			known(rule.Line, j)
			h, domestic := homes[j]
			if domestic && rule.Vendors == nil && rule.Verdict != landfallv1.Verdict_VERDICT_DOMESTIC {
				r.fault(rule.Line, "%s is %s for any vendor, and home in line %d", j, VerdictName(rule.Verdict), h.Line)
			}
		}
		if rule.Jurisdictions == nil && rule.Verdict == landfallv1.Verdict_VERDICT_DOMESTIC {
			r.fault(rule.Line, "domestic cannot be said of any jurisdiction")
		}
	}
	r.checkPlaces(p)
	r.checkRules(p)
}

// checkPlaces finds places that two rows put under two jurisdictions at once.
func (r *reader) checkPlaces(p *Policy) {
	byPlace := map[string][]int{}
	for i, j := range p.Jurisdictions {
		for _, place := range j.Places {
			for _, k := range byPlace[place] {
				if other := p.Jurisdictions[k]; other.Name != j.Name && other.overlaps(j.Period) {
					r.fault(j.Line, "%s is in %s %s, and in %s %s by line %d", place, j.Name, j.Period, other.Name, other.Period, other.Line)
				}
			}
			byPlace[place] = append(byPlace[place], i)
		}
	}
}

// checkRules finds rules of one weight that say two things of one vendor and jurisdiction at once.
func (r *reader) checkRules(p *Policy) {
	type key struct{ vendor, jurisdiction string } // "": any
	byKey := map[key][]int{}
	told := map[[2]int]bool{}
	for i, rule := range p.Rules {
		for _, vendor := range orAny(rule.Vendors) {
			for _, j := range orAny(rule.Jurisdictions) {
				k := key{strings.ToLower(vendor), j}
				for _, o := range byKey[k] {
					other := p.Rules[o]
					if other.Verdict == rule.Verdict || !other.overlaps(rule.Period) || told[[2]int{o, i}] {
						continue
					}
					told[[2]int{o, i}] = true
					r.fault(rule.Line, "vendor %s, jurisdiction %s is %s %s, and %s %s by line %d",
						name(vendor), name(j), VerdictName(rule.Verdict), rule.Period, VerdictName(other.Verdict), other.Period, other.Line)
				}
				byKey[k] = append(byKey[k], i)
			}
		}
	}
}

func orAny(names []string) []string {
	if names == nil {
		return []string{""}
	}
	return names
}

func name(s string) string {
	if s == "" {
		return Any
	}
	return s
}

// String gives a period in words.
func (p Period) String() string {
	switch {
	case p.From.IsZero() && p.Until.IsZero():
		return "always"
	case p.Until.IsZero():
		return "from " + date(p.From)
	case p.From.IsZero():
		return "until " + date(p.Until)
	}
	return "from " + date(p.From) + " until " + date(p.Until)
}
