package policy

import (
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Explanation is an answer of Judge with the rows of the file that it comes from.
type Explanation struct {
	Jurisdiction string
	Verdict      landfallv1.Verdict
	Placed       *Jurisdiction // the row that placed it; nil: a country of its own, or unknown
	Home         *Home         // set when it is domestic because it is home
	Rule         *Rule         // the rule that decided; nil: home, or the default
	Around       Period        // in which no answer of the policy changes
}

// Explain is Judge for people.
func (p *Policy) Explain(vendor string, place Where, at time.Time) Explanation {
	d := p.decide(vendor, place, at)
	e := Explanation{Jurisdiction: d.jurisdiction, Verdict: d.verdict, Around: p.Around(at)}
	if d.row >= 0 {
		e.Placed = &p.Jurisdictions[d.row]
	}
	if d.home >= 0 {
		e.Home = &p.Home[d.home]
	}
	if d.rule >= 0 {
		e.Rule = &p.Rules[d.rule]
	}
	return e
}

// ParseWhere reads a place as the files write it: an ISO 3166-1 or 3166-2 code, or provider/region.
func ParseWhere(text string) (Where, bool) {
	if !isPlace(text) {
		return Where{}, false
	}
	if m := regionPattern.FindStringSubmatch(text); m != nil {
		return Where{Provider: m[1], Region: m[2]}, true
	}
	w := Where{Country: text[:2]}
	if len(text) > 2 {
		w.Subdivision = text
	}
	return w, true
}
