package enrich

import (
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// unhinted marks a name that was looked at and hints at nothing.
const unhinted = 1

// beginHints makes room for the names of a batch.
func (e *Enricher) beginHints(names int) {
	if cap(e.hinted) < names+1 {
		e.hinted = make([]uint32, names+1)
	}
	e.hinted = e.hinted[:names+1]
	clear(e.hinted)
	e.hints = e.hints[:0]
	clear(e.hintIDs)
}

// hint says what the i-th flow's domain name hints at: an index of e.hints, counted from 1; 0:
// nothing. Names that may be another's, because the address has several, do not count.
func (e *Enricher) hint(columns *landfallv1.FlowBatch, i int) uint32 {
	if len(columns.DomainName) == 0 || len(columns.DomainSource) == 0 {
		return 0
	}
	name, source := columns.DomainName[i], landfallv1.DomainSource(columns.DomainSource[i])
	if name == 0 || source != landfallv1.DomainSource_DOMAIN_SOURCE_EXPORTER && source != landfallv1.DomainSource_DOMAIN_SOURCE_DNS {
		return 0
	}
	if e.hinted[name] == 0 {
		e.hinted[name] = unhinted + e.hintID(e.nameHint(columns.Strings[name-1]))
	}
	return e.hinted[name] - unhinted
}

// hintID gives equal hints one number: many names are of one region.
func (e *Enricher) hintID(w policy.Where) uint32 {
	if !w.Known() {
		return 0
	}
	id, known := e.hintIDs[w]
	if !known {
		e.hints = append(e.hints, w)
		id = uint32(len(e.hints))
		e.hintIDs[w] = id
	}
	return id
}
