// Package ledger adds up, per exporter, protocol and minute, what became of the datagrams of one
// receiver, until the next batch takes the sums along. It does not know where they go.
package ledger

import (
	"net/netip"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/netflow"
)

// Limits bound what a ledger remembers, so that no sender can make it grow.
type Limits struct {
	// Entries is how many (exporter, protocol, minute) are added up at once. It is below
	// flow.MaxLedger by at least the number of protocols.
	Entries int
	// Exporters is how many are known. What others send goes under the zero exporter.
	Exporters int
	// Expiry is how long an exporter that sends nothing stays known.
	Expiry time.Duration
}

// DefaultLimits knows as many exporters as the decoders do.
func DefaultLimits() Limits {
	return Limits{Entries: flow.MaxLedger / 2, Exporters: 8192, Expiry: 6 * time.Hour}
}

const (
	kinds     = int(landfallv1.LedgerCount_LEDGER_COUNT_FLOWS_LATE) + 1
	protocols = int(landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW) + 1

	minuteMs = 60_000
	// sweepEvery is how often, in milliseconds, silent exporters are looked for.
	sweepEvery = 30_000
)

// Ledger holds the sums. It is for one goroutine at a time.
type Ledger struct {
	limits    Limits
	entries   []entry
	index     map[key]int32 // into entries
	last      int32         // the entry that was added to last; most datagrams continue it
	overflow  [protocols]int32
	exporters map[netip.Addr]int64 // when an entry was last made for it, ms
	sweptMs   int64
}

type key struct {
	exporter netip.Addr
	minuteMs int64
	protocol landfallv1.ExportProtocol
}

type entry struct {
	key
	amounts [kinds]uint64
}

const none = -1

// New returns a ledger with nothing in it.
func New(limits Limits) *Ledger {
	l := &Ledger{limits: limits, index: make(map[key]int32), exporters: make(map[netip.Addr]int64)}
	l.reset()
	return l
}

func (l *Ledger) reset() {
	l.entries = l.entries[:0]
	clear(l.index)
	l.last = none
	for i := range l.overflow {
		l.overflow[i] = none
	}
}

// Len returns the number of entries that wait.
func (l *Ledger) Len() int { return len(l.entries) }

// Full reports whether what comes next may have to go under the zero exporter for want of room.
func (l *Ledger) Full() bool { return len(l.entries) >= l.limits.Entries }

// Datagram adds what became of a datagram of that many bytes, which arrived at nowMs (milliseconds
// since 1970).
func (l *Ledger) Datagram(protocol landfallv1.ExportProtocol, r *netflow.Result, bytes int, nowMs int64) {
	e := l.entry(key{r.Exporter, r.ExportMs - r.ExportMs%minuteMs, protocol}, nowMs)
	add := func(what landfallv1.LedgerCount, n uint64) { e.amounts[what] += n }
	add(landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS, 1)
	add(landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAM_BYTES, uint64(bytes))
	add(landfallv1.LedgerCount_LEDGER_COUNT_FLOWS, uint64(r.Flows))
	lost, late := landfallv1.LedgerCount_LEDGER_COUNT_LOST_FLOWS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_FLOWS
	if r.Unit == netflow.UnitDatagrams {
		lost, late = landfallv1.LedgerCount_LEDGER_COUNT_LOST_DATAGRAMS, landfallv1.LedgerCount_LEDGER_COUNT_LATE_DATAGRAMS
	}
	add(lost, uint64(r.SequenceLost))
	add(late, uint64(r.SequenceLate))
	if r.Restarted {
		add(landfallv1.LedgerCount_LEDGER_COUNT_RESTARTS, 1)
	}
	for reason, n := range r.Refused {
		if n > 0 {
			add(Refused(netflow.Reason(reason)), uint64(n))
		}
	}
}

// Add adds n of what, which cannot be laid to an exporter, at nowMs (milliseconds since 1970).
func (l *Ledger) Add(what landfallv1.LedgerCount, n uint64, nowMs int64) {
	if n > 0 {
		l.entry(key{minuteMs: nowMs - nowMs%minuteMs}, nowMs).amounts[what] += n
	}
}

// Merge adds an entry that a ledger has handed out.
func (l *Ledger) Merge(in *landfallv1.LedgerEntry, nowMs int64) {
	e := l.entry(key{flow.Addr(in.Exporter, 0), in.MinuteMs, in.ExportProtocol}, nowMs)
	for i, what := range in.What {
		if what > 0 && int(what) < kinds {
			e.amounts[what] += in.Amount[i]
		}
	}
}

// entry finds or makes an entry. Past the limits it is one under the zero exporter, of the minute in
// which that began.
func (l *Ledger) entry(k key, nowMs int64) *entry {
	if l.last != none && l.entries[l.last].key == k {
		return &l.entries[l.last]
	}
	i, ok := l.index[k]
	if !ok {
		if l.Full() || !l.knows(k.exporter, nowMs) {
			i = l.overflow[k.protocol]
			if i == none {
				i = l.begin(key{minuteMs: nowMs - nowMs%minuteMs, protocol: k.protocol})
				l.overflow[k.protocol] = i
			}
			return &l.entries[i]
		}
		i = l.begin(k)
		l.index[k] = i
	}
	l.last = i
	return &l.entries[i]
}

func (l *Ledger) begin(k key) int32 {
	l.entries = append(l.entries, entry{key: k})
	return int32(len(l.entries) - 1)
}

// knows reports whether an exporter has entries of its own: those that came first have, as long as
// they go on.
func (l *Ledger) knows(exporter netip.Addr, nowMs int64) bool {
	if !exporter.IsValid() {
		return true
	}
	if nowMs-l.sweptMs >= sweepEvery || nowMs < l.sweptMs {
		l.sweptMs = nowMs
		for a, seen := range l.exporters {
			if seen < nowMs-l.limits.Expiry.Milliseconds() {
				delete(l.exporters, a)
			}
		}
	}
	if _, ok := l.exporters[exporter]; !ok && len(l.exporters) >= l.limits.Exporters {
		return false
	}
	l.exporters[exporter] = nowMs
	return true
}

// Take hands out what was counted since the last time, in the order in which it came, and begins
// anew. The entries share memory with one another only.
func (l *Ledger) Take() []*landfallv1.LedgerEntry {
	if len(l.entries) == 0 {
		return nil
	}
	pairs := 0
	for i := range l.entries {
		for _, n := range l.entries[i].amounts {
			if n > 0 {
				pairs++
			}
		}
	}
	out := make([]*landfallv1.LedgerEntry, len(l.entries))
	made := make([]landfallv1.LedgerEntry, len(l.entries))
	exporters := make([]byte, 0, len(l.entries)*flow.AddrSize)
	what := make([]landfallv1.LedgerCount, 0, pairs)
	amount := make([]uint64, 0, pairs)
	for i := range l.entries {
		from, to := &l.entries[i], &made[i]
		out[i] = to
		exporters = appendAddr(exporters, from.exporter)
		to.Exporter = exporters[i*flow.AddrSize : len(exporters) : len(exporters)]
		to.ExportProtocol, to.MinuteMs = from.protocol, from.minuteMs
		first := len(what)
		for k, n := range from.amounts {
			if n > 0 {
				what = append(what, landfallv1.LedgerCount(k))
				amount = append(amount, n)
			}
		}
		to.What, to.Amount = what[first:len(what):len(what)], amount[first:len(amount):len(amount)]
	}
	l.reset()
	return out
}

func appendAddr(b []byte, a netip.Addr) []byte {
	var as16 [flow.AddrSize]byte
	if a.IsValid() {
		as16 = a.As16()
	}
	return append(b, as16[:]...)
}

// Refused is the kind of count that a decoder's reason goes under.
func Refused(r netflow.Reason) landfallv1.LedgerCount {
	switch r {
	case netflow.ReasonShort:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_SHORT
	case netflow.ReasonMalformed:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_MALFORMED
	case netflow.ReasonUnknownVersion:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_UNKNOWN_VERSION
	case netflow.ReasonTemplateMissing:
		return landfallv1.LedgerCount_LEDGER_COUNT_TEMPLATE_MISSING
	case netflow.ReasonTemplateRefused:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_TEMPLATE
	case netflow.ReasonRecordRefused:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_RECORD
	case netflow.ReasonAbsurdCounter:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_ABSURD_COUNTER
	case netflow.ReasonTimeReplaced:
		return landfallv1.LedgerCount_LEDGER_COUNT_TIME_REPLACED
	case netflow.ReasonTimeMissing:
		return landfallv1.LedgerCount_LEDGER_COUNT_TIME_MISSING
	case netflow.ReasonStateLimit:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_STATE_LIMIT
	case netflow.ReasonNotIP:
		return landfallv1.LedgerCount_LEDGER_COUNT_REFUSED_NOT_IP
	}
	return landfallv1.LedgerCount_LEDGER_COUNT_UNSPECIFIED
}
