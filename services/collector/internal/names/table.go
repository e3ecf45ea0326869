// Package names remembers which names clients have asked a resolver for and which addresses they were
// answered, so that a flow between a client and an address gets the name. It knows nothing of how
// answers come in.
package names

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// Window is how long after a flow's start an answer may be that explains it: the clocks of exporter
// and resolver differ, and flow start times are rounded.
const Window = 2 * time.Second

// maxRuns bounds what is kept of one client and address: a client that asks for many names in turn
// at one address costs a bounded search.
const maxRuns = 16

// key is client and answer, the smaller of the two first: a flow does not say which side asked, and
// so needs one search only. Where two clients are each other's answers, both count for their flows.
type key [2 * flow.AddrSize]byte

func (k *key) set(a, b *[flow.AddrSize]byte) {
	if first, second := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:]); first > second ||
		first == second && binary.BigEndian.Uint64(a[8:]) > binary.BigEndian.Uint64(b[8:]) {
		a, b = b, a
	}
	copy(k[:], a[:])
	copy(k[flow.AddrSize:], b[:])
}

// run is one name that a client asked for at one address, again and again with no other name between
// and no gap longer than keep. So the runs say the same as all answers would. It fills a cache line.
type run struct {
	key         key
	first, last int64 // milliseconds since 1970
	name        uint32
	older       uint32 // run of the same key; 0: none
	// Runs in the order of their last answers.
	next, previous uint32
}

const (
	blockRuns = 1 << 12
	tagShift  = 32 // of the hash in a slot
)

// Table is a bounded table of runs. All methods may be called at once.
type Table struct {
	keepMs int64
	max    int
	seed   maphash.Seed

	mu     sync.RWMutex
	blocks []*[blockRuns]run // runs by number; 0 is none: its next is the oldest, its previous the newest
	unused uint32            // free runs, by older
	made   uint32            // runs in blocks that were ever used
	count  int
	slots  []uint64 // open addressing, linear: hash<<32 | number of the key's newest run
	mask   uint64
	names  intern
}

// New makes an empty table of at most max entries (at least 1), whose answers hold for flows that
// begin up to keep after them.
func New(max int, keep time.Duration) *Table {
	t := &Table{keepMs: keep.Milliseconds(), max: max, seed: maphash.MakeSeed(), names: newIntern()}
	t.resize(1 << 10)
	t.made = 1
	t.blocks = append(t.blocks, new([blockRuns]run))
	return t
}

// Len returns the number of entries.
func (t *Table) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

// Add notes that client was answered address when it asked for name at ms, milliseconds since 1970.
// The addresses are 16 bytes each, the name is in flow.DomainName's form. Answers of one client and
// address that come out of order count as if they came at the time of the last one: a resolver's
// threads report milliseconds apart.
func (t *Table) Add(client, address [flow.AddrSize]byte, name string, ms int64) {
	var k key
	k.set(&client, &address)
	h := t.hash(&k)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, head := t.find(h, &k); head != 0 {
		r := t.run(head)
		ms = max(ms, r.last)
		if t.names.text[r.name] == name && ms-r.last <= t.keepMs {
			r.last = ms
			t.unlink(head)
			t.link(head)
			return
		}
	}
	if t.count >= t.max {
		t.evict(t.run(0).next)
	}
	if 3*(t.count+1) > 2*len(t.slots) {
		t.resize(2 * len(t.slots))
	}
	slot, head := t.find(h, &k)
	n := t.take()
	*t.run(n) = run{key: k, first: ms, last: ms, name: t.names.add(name), older: head}
	t.slots[slot] = h<<tagShift | uint64(n)
	t.link(n)
	t.count++
	if head != 0 {
		runs, last := 1, head
		for ; t.run(last).older != 0; runs++ {
			last = t.run(last).older
		}
		if runs >= maxRuns {
			t.evict(last)
		}
	}
}

// Expire forgets what no flow can need any more: a flow is reported up to keep after its start, and
// its answer may be keep older.
func (t *Table) Expire(nowMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.count > 0 {
		oldest := t.run(0).next
		if t.run(oldest).last >= nowMs-2*t.keepMs {
			return
		}
		t.evict(oldest)
	}
}

func (t *Table) hash(k *key) uint64 {
	return maphash.Bytes(t.seed, k[:]) & (1<<tagShift - 1)
}

func (t *Table) run(n uint32) *run { return &t.blocks[n/blockRuns][n%blockRuns] }

// find returns the key's slot and newest run, or the slot where it belongs and 0.
func (t *Table) find(h uint64, k *key) (slot uint64, head uint32) {
	for slot = h & t.mask; ; slot = (slot + 1) & t.mask {
		s := t.slots[slot]
		if s == 0 {
			return slot, 0
		}
		if s>>tagShift == h && t.run(uint32(s)).key == *k {
			return slot, uint32(s)
		}
	}
}

func (t *Table) resize(slots int) {
	old := t.slots
	t.slots, t.mask = make([]uint64, slots), uint64(slots-1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		slot := s >> tagShift & t.mask
		for t.slots[slot] != 0 {
			slot = (slot + 1) & t.mask
		}
		t.slots[slot] = s
	}
}

// take returns the number of a free run.
func (t *Table) take() uint32 {
	if n := t.unused; n != 0 {
		t.unused = t.run(n).older
		return n
	}
	n := t.made
	if int(n/blockRuns) == len(t.blocks) {
		t.blocks = append(t.blocks, new([blockRuns]run))
	}
	t.made++
	return n
}

// link puts a run at the end of the order, unlink takes it out.
func (t *Table) link(n uint32) {
	ends, r := t.run(0), t.run(n)
	r.previous, r.next = ends.previous, 0
	t.run(ends.previous).next = n
	ends.previous = n
}

func (t *Table) unlink(n uint32) {
	r := t.run(n)
	t.run(r.previous).next = r.next
	t.run(r.next).previous = r.previous
}

// evict forgets a run that is the oldest of its key.
func (t *Table) evict(n uint32) {
	r := t.run(n)
	slot, head := t.find(t.hash(&r.key), &r.key)
	if head == n {
		t.remove(slot)
	} else {
		newer := t.run(head)
		for newer.older != n {
			newer = t.run(newer.older)
		}
		newer.older = 0
	}
	t.unlink(n)
	t.names.drop(r.name)
	*r = run{older: t.unused}
	t.unused = n
	t.count--
}

// remove empties a slot, and moves those up that had to make way for it.
func (t *Table) remove(slot uint64) {
	for next := (slot + 1) & t.mask; t.slots[next] != 0; next = (next + 1) & t.mask {
		home := t.slots[next] >> tagShift & t.mask
		if (next-home)&t.mask >= (next-slot)&t.mask {
			t.slots[slot] = t.slots[next]
			slot = next
		}
	}
	t.slots[slot] = 0
}

// intern keeps each name once, for as long as runs have it.
type intern struct {
	number map[string]uint32
	text   []string
	uses   []uint32
	free   []uint32
}

func newIntern() intern { return intern{number: make(map[string]uint32)} }

func (i *intern) add(name string) uint32 {
	n, ok := i.number[name]
	switch {
	case ok:
	case len(i.free) > 0:
		n = i.free[len(i.free)-1]
		i.free = i.free[:len(i.free)-1]
		i.text[n] = name
		i.number[name] = n
	default:
		n = uint32(len(i.text))
		i.text, i.uses = append(i.text, name), append(i.uses, 0)
		i.number[name] = n
	}
	i.uses[n]++
	return n
}

func (i *intern) drop(n uint32) {
	if i.uses[n]--; i.uses[n] == 0 {
		delete(i.number, i.text[n])
		i.text[n] = ""
		i.free = append(i.free, n)
	}
}
