package policy

import (
	"slices"
	"strings"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Any stands in a rule for every vendor, or for every jurisdiction abroad.
const Any = "any"

// Policy is a policy file that has been read. It is safe for any number of readers; a nil *Policy
// judges nothing.
type Policy struct {
	Name          string // of the file
	SHA256        string // of the file, lower-case hexadecimal
	Version       string
	Operator      string
	Example       bool // made to be read, not to be relied on
	Default       landfallv1.Verdict
	Home          []Home
	Jurisdictions []Jurisdiction
	Rules         []Rule

	countries    map[string][]stay // by ISO 3166-1 code
	subdivisions map[string][]stay // by ISO 3166-2 code
	regions      map[region][]stay
	named        []vendorRules
	every        vendorRules
	home         map[string]int // name → index in Home
	changes      []time.Time
}

// Home is a jurisdiction that is domestic.
type Home struct {
	Line int
	Name string
}

// Period is the time from From to before Until; a zero time is open.
type Period struct{ From, Until time.Time }

// Jurisdiction is a row of the file: for the period, the places are under the regime that it names.
type Jurisdiction struct {
	Line int
	Name string
	// Places are ISO 3166-1 or 3166-2 codes, or "provider/region" of a cloud.
	Places []string
	Period
	Reference string
}

// Rule is a row of the file: for the period, what is said of the vendors' traffic to the
// jurisdictions.
type Rule struct {
	Line          int
	Vendors       []string // nil: any
	Jurisdictions []string // nil: any that is not home
	Period
	Verdict   landfallv1.Verdict
	Reference string
}

// Where is a place as the tables of places have it; empty strings are not known.
type Where struct{ Country, Subdivision, Provider, Region string }

// Known reports whether the place is a place at all.
func (w Where) Known() bool { return w.Country != "" || w.Provider != "" && w.Region != "" }

type region struct{ provider, name string }

// stay is the time for which a place is under the jurisdiction of a row.
type stay struct {
	Period
	row int // index in Policy.Jurisdictions
}

// vendorRules are the rules of one vendor, or of any.
type vendorRules struct {
	vendor string
	named  map[string][]int // by jurisdiction, indexes in Policy.Rules
	every  []int
}

// Holds reports whether at lies in the period.
func (p Period) Holds(at time.Time) bool {
	return (p.From.IsZero() || !at.Before(p.From)) && (p.Until.IsZero() || at.Before(p.Until))
}

func (p Period) overlaps(q Period) bool {
	return (p.Until.IsZero() || q.From.IsZero() || q.From.Before(p.Until)) && (q.Until.IsZero() || p.From.IsZero() || p.From.Before(q.Until))
}

// Judge says under which jurisdiction a place is at a time, and what the policy says of the vendor's
// traffic to it. A place that is not known has none, and is indeterminate. A country that no row
// speaks of is a jurisdiction of its own, under its ISO 3166-1 code.
//
// The narrowest row places it: cloud region, then subdivision, then country. At home a rule must name
// vendor and jurisdiction to say anything else than domestic. Abroad, a rule that names the vendor
// goes before one for any, and among those one that names the jurisdiction before one for any; if
// none speaks, the default does. Judge does not allocate.
func (p *Policy) Judge(vendor string, place Where, at time.Time) (jurisdiction string, verdict landfallv1.Verdict) {
	if p == nil {
		return "", landfallv1.Verdict_VERDICT_UNSPECIFIED
	}
	d := p.decide(vendor, place, at)
	return d.jurisdiction, d.verdict
}

// JudgeDisputed judges a place that sources do not agree on: the jurisdiction and the verdict that all
// the places share; else none, and indeterminate.
func (p *Policy) JudgeDisputed(vendor string, places []Where, at time.Time) (jurisdiction string, verdict landfallv1.Verdict) {
	if p == nil {
		return "", landfallv1.Verdict_VERDICT_UNSPECIFIED
	}
	if len(places) == 0 {
		return "", landfallv1.Verdict_VERDICT_INDETERMINATE
	}
	jurisdiction, verdict = p.Judge(vendor, places[0], at)
	for _, place := range places[1:] {
		j, v := p.Judge(vendor, place, at)
		if j != jurisdiction {
			jurisdiction = ""
		}
		if v != verdict {
			verdict = landfallv1.Verdict_VERDICT_INDETERMINATE
		}
	}
	return jurisdiction, verdict
}

// Changes are the instants, in order, at which an answer of Judge can change.
func (p *Policy) Changes() []time.Time {
	if p == nil {
		return nil
	}
	return slices.Clone(p.changes)
}

// Around gives the longest period around an instant in which no answer of Judge changes. It does not
// allocate.
func (p *Policy) Around(at time.Time) Period {
	if p == nil {
		return Period{}
	}
	var around Period
	i, exact := slices.BinarySearchFunc(p.changes, at, time.Time.Compare)
	if exact {
		i++
	}
	if i > 0 {
		around.From = p.changes[i-1]
	}
	if i < len(p.changes) {
		around.Until = p.changes[i]
	}
	return around
}

// decision is an answer and the rows that it comes from, -1 where none does.
type decision struct {
	jurisdiction    string
	verdict         landfallv1.Verdict
	row, rule, home int
}

func (p *Policy) decide(vendor string, place Where, at time.Time) decision {
	d := decision{verdict: landfallv1.Verdict_VERDICT_INDETERMINATE, row: -1, rule: -1, home: -1}
	if d.row = p.rowOf(place, at); d.row >= 0 {
		d.jurisdiction = p.Jurisdictions[d.row].Name
	} else {
		d.jurisdiction = place.Country
	}
	if d.jurisdiction == "" {
		return d
	}
	home, domestic := p.home[d.jurisdiction]
	for i := range p.named {
		if v := &p.named[i]; strings.EqualFold(v.vendor, vendor) {
			d.rule = p.ruleOf(v, d.jurisdiction, domestic, at)
			break
		}
	}
	if d.rule < 0 {
		if domestic {
			d.home, d.verdict = home, landfallv1.Verdict_VERDICT_DOMESTIC
			return d
		}
		d.rule = p.ruleOf(&p.every, d.jurisdiction, domestic, at)
	}
	d.verdict = p.Default
	if d.rule >= 0 {
		d.verdict = p.Rules[d.rule].Verdict
	}
	return d
}

// rowOf finds the row that places w, or -1.
func (p *Policy) rowOf(w Where, at time.Time) int {
	if w.Region != "" {
		if row := inForce(p.regions[region{w.Provider, w.Region}], at); row >= 0 {
			return row
		}
	}
	if w.Subdivision != "" {
		if row := inForce(p.subdivisions[w.Subdivision], at); row >= 0 {
			return row
		}
	}
	return inForce(p.countries[w.Country], at)
}

func inForce(stays []stay, at time.Time) int {
	for i := range stays {
		if stays[i].Holds(at) {
			return stays[i].row
		}
	}
	return -1
}

// ruleOf finds the vendor's rule for a jurisdiction, or -1. Rules that overlap say the same; the first
// of the file is taken.
func (p *Policy) ruleOf(v *vendorRules, jurisdiction string, domestic bool, at time.Time) int {
	for _, i := range v.named[jurisdiction] {
		if p.Rules[i].Holds(at) {
			return i
		}
	}
	if domestic {
		return -1
	}
	for _, i := range v.every {
		if p.Rules[i].Holds(at) {
			return i
		}
	}
	return -1
}

// index makes what Judge looks up out of the rows.
func (p *Policy) index() {
	p.countries, p.subdivisions, p.regions = map[string][]stay{}, map[string][]stay{}, map[region][]stay{}
	p.home, p.every = map[string]int{}, vendorRules{named: map[string][]int{}}
	for i, h := range p.Home {
		p.home[h.Name] = i
	}
	for i, j := range p.Jurisdictions {
		p.notice(j.Period)
		for _, place := range j.Places {
			s := stay{j.Period, i}
			switch provider, name, cloud := strings.Cut(place, "/"); {
			case cloud:
				p.regions[region{provider, name}] = append(p.regions[region{provider, name}], s)
			case len(place) == 2:
				p.countries[place] = append(p.countries[place], s)
			default:
				p.subdivisions[place] = append(p.subdivisions[place], s)
			}
		}
	}
	for i, r := range p.Rules {
		p.notice(r.Period)
		if r.Vendors == nil {
			p.every.add(i, r.Jurisdictions)
		}
		for _, vendor := range r.Vendors {
			n := slices.IndexFunc(p.named, func(v vendorRules) bool { return strings.EqualFold(v.vendor, vendor) })
			if n < 0 {
				n = len(p.named)
				p.named = append(p.named, vendorRules{vendor: vendor, named: map[string][]int{}})
			}
			p.named[n].add(i, r.Jurisdictions)
		}
	}
	slices.SortFunc(p.changes, time.Time.Compare)
	p.changes = slices.CompactFunc(p.changes, time.Time.Equal)
}

func (v *vendorRules) add(rule int, jurisdictions []string) {
	if jurisdictions == nil {
		v.every = append(v.every, rule)
	}
	for _, j := range jurisdictions {
		v.named[j] = append(v.named[j], rule)
	}
}

func (p *Policy) notice(period Period) {
	for _, t := range []time.Time{period.From, period.Until} {
		if !t.IsZero() {
			p.changes = append(p.changes, t)
		}
	}
}
