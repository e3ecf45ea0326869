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
	ambiguous, skip bool
}

// lookup fills found for the flows from that one on.
func (t *Table) lookup(p *landfallv1.FlowBatch, from int, found []match) {
	type candidate struct {
		key  key
		hash uint64
		slot uint64
	}
	var candidates [chunk]candidate
	for i := range found {
		f := from + i
		if len(p.DomainName) > 0 && p.DomainName[f] != 0 {
			found[i].skip = true
			continue
		}
		c := &candidates[i]
		c.key.set((*[flow.AddrSize]byte)(p.SourceAddress[f*flow.AddrSize:]), (*[flow.AddrSize]byte)(p.DestinationAddress[f*flow.AddrSize:]))
		c.hash = t.hash(&c.key)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range found { // of their own, so that the memory of all is fetched at once
		if !found[i].skip {
			candidates[i].slot = t.slots[candidates[i].hash&t.mask]
		}
	}
	// So are the runs that the tags say are the keys'.
	var touched uint32
	for i := range candidates[:len(found)] {
		if c := &candidates[i]; c.slot != 0 && c.slot>>tagShift == c.hash {
			touched += t.run(uint32(c.slot)).name
		}
	}
	sink(touched)
	for i := range found {
		c := &candidates[i]
		if found[i].skip || c.slot == 0 {
			continue
		}
		_, head := t.find(c.hash, &c.key)
		if head == 0 {
			continue
		}
		var startMs int64
		if len(p.StartMs) > 0 {
			startMs = p.StartMs[from+i]
		}
		t.choose(head, startMs+Window.Milliseconds(), &found[i])
	}
}

// sink has the compiler keep the reads.
//
//go:noinline
func sink(uint32) {}

// choose takes the last name that was asked for until then, and sees whether there is another one
// within keep.
func (t *Table) choose(head uint32, untilMs int64, m *match) {
	var have *run
	for n := head; n != 0; n = t.run(n).older {
		r := t.run(n)
		if r.first > untilMs {
			continue
		}
		if r.last < untilMs-t.keepMs { // and so are those before it
			return
		}
		if have == nil {
			have, m.name = r, t.names.text[r.name]
		} else if r.name != have.name {
			m.ambiguous = true
			return
		}
	}
}
