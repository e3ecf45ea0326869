package names

import (
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// Joined counts flows by what was found for them. Flows with a name of their exporter's are in none.
type Joined struct {
	Named, Ambiguous, None int
}

// chunk is how many flows are looked up at once: their first accesses to memory overlap, and Add
// waits no longer than that for its turn.
const chunk = 128

// Join gives each flow without a name the one that its client asked for last before the flow's start
// (and Window), if that was not longer than keep before. Either side may be the client. It does not
// wait for answers: a flow is reported after its end, and its answer came before its begin.
func (t *Table) Join(b *flow.Batch) Joined {
	p := b.Columns()
	var j Joined
	if b.Len() == 0 {
		return j
	}
	if len(p.SourceAddress) == 0 || len(p.DestinationAddress) == 0 {
		return Joined{None: b.Len()}
	}
	var found [chunk]match
	for from := 0; from < b.Len(); from += chunk {
		n := min(chunk, b.Len()-from)
		t.lookup(p, from, found[:n])
		for i := range n {
			switch m := &found[i]; {
			case m.skip:
			case m.name == "":
				j.None++
			case m.ambiguous:
				j.Ambiguous++
				b.SetDomain(from+i, m.name, landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS)
			default:
				j.Named++
				b.SetDomain(from+i, m.name, landfallv1.DomainSource_DOMAIN_SOURCE_DNS)
			}
			found[i] = match{}
		}
	}
	return j
}

// match is what was found for one flow.
type match struct {
	name            string
	askedMs         int64
	ambiguous, skip bool
}

// lookup fills found for the flows from that one on.
func (t *Table) lookup(p *landfallv1.FlowBatch, from int, found []match) {
	type candidate struct {
		key  key
		hash uint64
		slot uint64
	}
	var candidates [2 * chunk]candidate
	for i := range found {
		f := from + i
		if len(p.DomainName) > 0 && p.DomainName[f] != 0 {
			found[i].skip = true
			continue
		}
		source := p.SourceAddress[f*flow.AddrSize : (f+1)*flow.AddrSize]
		destination := p.DestinationAddress[f*flow.AddrSize : (f+1)*flow.AddrSize]
		there, back := &candidates[2*i], &candidates[2*i+1]
		copy(there.key[:], source)
		copy(there.key[flow.AddrSize:], destination)
		copy(back.key[:], destination)
		copy(back.key[flow.AddrSize:], source)
		there.hash, back.hash = t.hash(&there.key), t.hash(&back.key)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range found { // of their own, so that the memory of all is fetched at once
		if !found[i].skip {
			candidates[2*i].slot = t.slots[candidates[2*i].hash&t.mask]
			candidates[2*i+1].slot = t.slots[candidates[2*i+1].hash&t.mask]
		}
	}
	// So are the runs that the tags say are the keys'.
	var touched uint32
	for i := range candidates[:2*len(found)] {
		if c := &candidates[i]; c.slot != 0 && c.slot>>tagShift == c.hash {
			touched += t.run(uint32(c.slot)).name
		}
	}
	sink(touched)
	for i := range found {
		if found[i].skip {
			continue
		}
		var startMs int64
		if len(p.StartMs) > 0 {
			startMs = p.StartMs[from+i]
		}
		for side := range 2 {
			c := &candidates[2*i+side]
			if c.slot == 0 {
				continue
			}
			if _, head := t.find(c.hash, &c.key); head != 0 {
				t.choose(head, startMs+Window.Milliseconds(), &found[i])
			}
		}
	}
}

// sink has the compiler keep the reads.
//
//go:noinline
func sink(uint32) {}

// choose takes the last name that was asked for until then, and sees whether there is another one
// within keep. If the other side of the flow gave a name already, the later one is taken.
func (t *Table) choose(head uint32, untilMs int64, m *match) {
	var have *run
	ambiguous := false
	for n := head; n != 0; n = t.run(n).older {
		r := t.run(n)
		if r.first > untilMs {
			continue
		}
		if r.last < untilMs-t.keepMs { // and so are those before it
			break
		}
		if have == nil {
			have = r
		} else if r.name != have.name {
			ambiguous = true
			break
		}
	}
	if have == nil {
		return
	}
	name, asked := t.names.text[have.name], min(have.last, untilMs)
	switch {
	case m.name == "":
		*m = match{name: name, askedMs: asked, ambiguous: ambiguous}
	case m.name != name:
		if asked > m.askedMs {
			m.name, m.askedMs = name, asked
		}
		m.ambiguous = true
	default:
		m.ambiguous = m.ambiguous || ambiguous
	}
}
