// Package attribution puts together what a table of places and a domain name say of where a remote end
// is. The enricher and the recomputation judge by it alike. It knows nothing of flows or batches.
package attribution

import (
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/geo/hostname"
	"github.com/landfall-telemetry/landfall/internal/policy"
)

// Hint is the place that a domain name's region token names; the zero value: it names none.
func Hint(domain string) policy.Where {
	h, _ := hostname.Parse(domain)
	return policy.Where{Country: h.Country, Subdivision: h.Subdivision, Provider: h.Provider, Region: h.Region}
}

// Corroborate gives the confidence in an answer beside a hint, and whether the hint disputes it: it
// names another country, or another subdivision. One that names the same place makes a single source
// agreed. A name never places anything alone, and says nothing against what the provider publishes,
// anycast and addresses that are nowhere.
func Corroborate(a geo.Answer, hint policy.Where) (confidence geo.Confidence, disputes bool) {
	if hint.Country == "" || a.Place == nil || a.Place.CountryCode == "" || a.Confidence == geo.Published || a.Confidence == geo.Indeterminate {
		return a.Confidence, false
	}
	p := a.Place
	switch {
	case hint.Country != p.CountryCode, hint.Subdivision != "" && p.SubdivisionCode != "" && hint.Subdivision != p.SubdivisionCode:
		return geo.Disputed, true
	case a.Confidence == geo.Single && hint.Subdivision == p.SubdivisionCode:
		return geo.Agreed, false
	}
	return a.Confidence, false
}

// Places are all places that are said of the end: the answer's first, then what the table's other
// sources say, then the hint if it disputes. None: nothing is known.
func Places(a geo.Answer, hint policy.Where, disputes bool) []policy.Where {
	if a.Place == nil {
		return nil
	}
	places := []policy.Where{where(a.Place)}
	for _, p := range a.Alternatives {
		places = append(places, where(p))
	}
	if disputes {
		for _, p := range places[1:] {
			if Code(p) == Code(hint) {
				return places
			}
		}
		places = append(places, hint)
	}
	return places
}

func where(p *geo.Place) policy.Where {
	return policy.Where{Country: p.CountryCode, Subdivision: p.SubdivisionCode, Provider: p.CloudProvider, Region: p.CloudRegion}
}

// Code is a place's ISO 3166-2 code, or its ISO 3166-1 code, or "".
func Code(w policy.Where) string {
	if w.Subdivision != "" {
		return w.Subdivision
	}
	return w.Country
}
