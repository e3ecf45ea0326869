package flows

import (
	"encoding/binary"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// cellKey is all dimensions of a residency rollup but time.
type cellKey struct {
	scope, vendor, place, network uint32 // see names
	side, verdict                 uint16
}

// bucketKey is a cell at a bucket, in seconds since 1970, of minutes, hours or days.
type bucketKey struct{ bucket, cell uint32 }

// endpointKey is a remote address as the flows of a cell and a day see it.
type endpointKey struct {
	cellKey
	day          uint32 // seconds since 1970
	alternatives uint32
	address      proto.IPv6
}

// endpoint is what the flows of a key come to.
type endpoint struct {
	endpointKey
	cell        uint32
	first, last uint32 // starts, in seconds since 1970
	subscribers uint32 // flows with a subscriber
	latest
	sums
}

// latest is the minute that a flow was of last, and the number of the cell at that minute.
type latest struct{ minute, at uint32 }

// expected is a flow to be added.
type expected struct {
	endpointKey
	hash, cellHash uint64
}

// lookahead is for how many flows the memory is touched that adding them will need. One look after
// the other, each would be waited for: the tables of a large block are in no cache.
const lookahead = 256

// rollup sums up flows by minute and by endpoint as they come, and from those by hour and by day when
// the block is sealed. Its memory is bounded by the number of flows.
type rollup struct {
	names *names

	cells   groups[cellKey]
	latest  []latest // by cell
	minutes groups[bucketKey]
	hours   groups[bucketKey]
	days    groups[bucketKey]

	slots     []slot // of endpoints, as in groups
	endpoints []endpoint

	ahead   []expected
	touched uint32 // keeps the compiler from leaving touch out

	minuteSums, hourSums, daySums []sums

	// By flow: the subscriber, and the endpoint that it talked to.
	subscribers []uint64
	endpointOf  []uint32
	dayOf       []uint32 // by endpoint: the number of its day

	minute, hour, day *residencyTable
	endpointDay       *endpointTable
	seen              *table
}

func newRollup(n *names) *rollup {
	r := &rollup{
		names:  n,
		minute: newResidencyTable("residency_minute", n), hour: newResidencyTable("residency_hour", n), day: newResidencyTable("residency_day", n),
		endpointDay: newEndpointTable(n),
	}
	r.seen = r.endpointDay.seenTable()
	r.day.addSets()
	return r
}

func (r *rollup) reset() {
	r.cells.reset()
	r.minutes.reset()
	r.hours.reset()
	r.days.reset()
	clear(r.slots)
	r.latest = r.latest[:0]
	r.endpoints = r.endpoints[:0]
	r.minuteSums, r.hourSums, r.daySums = r.minuteSums[:0], r.hourSums[:0], r.daySums[:0]
	r.subscribers, r.endpointOf = r.subscribers[:0], r.endpointOf[:0]
}

// expect says what add will count.
func (r *rollup) expect(key endpointKey) {
	seeds := &r.names.seeds
	cell := seeds.cell(&key.cellKey)
	hash := seeds.three(cell+uint64(key.day), binary.LittleEndian.Uint64(key.address[:]), binary.LittleEndian.Uint64(key.address[8:]))
	r.ahead = append(r.ahead, expected{key, hash, cell})
}

// touch reads what add will need, in loops so small that the processor waits for many at once.
func (r *rollup) touch() {
	if len(r.endpoints) < lookahead {
		return
	}
	mask, cellMask, sum := uint32(len(r.slots)-1), uint32(len(r.cells.slots)-1), uint32(0)
	var at [lookahead]uint32
	for i := range r.ahead {
		at[i] = r.slots[uint32(r.ahead[i].hash>>32)&mask].next
		sum += r.cells.slots[uint32(r.ahead[i].cellHash>>32)&cellMask].next
	}
	for i := range r.ahead {
		e := &r.endpoints[max(at[i], 1)-1]
		at[i] = e.at
		sum += e.interval
	}
	for i := range r.ahead {
		sum += r.minuteSums[at[i]].interval
	}
	r.touched += sum
}

// add counts the flow that was expected as the one of that number, which began at startMs.
func (r *rollup) add(number int, startMs int64, subscriber uint64, s *sums) {
	at := r.find(&r.ahead[number])
	e := &r.endpoints[at]
	start := uint32(startMs / secondMs)
	if e.flows == 0 {
		e.first, e.last = start, start
	}
	e.first, e.last = min(e.first, start), max(e.last, start)
	if minute := start - start%60; e.minute != minute || e.flows == 0 {
		e.latest = r.minuteOf(e.cell, minute)
	}
	e.add(s)
	r.minuteSums[e.at].add(s)
	if subscriber != 0 {
		e.subscribers++
	}
	r.subscribers = append(r.subscribers, subscriber)
	r.endpointOf = append(r.endpointOf, at)
}

// minuteOf returns the number of a cell at a minute, which is added if need be.
func (r *rollup) minuteOf(cell, minute uint32) latest {
	last := &r.latest[cell]
	if last.minute != minute {
		at, fresh := r.minutes.find(r.names.seeds.one(pair(minute, cell)), bucketKey{minute, cell})
		if fresh {
			r.minuteSums = append(r.minuteSums, sums{})
		}
		*last = latest{minute, at}
	}
	return *last
}

// find returns the number of an endpoint, which is added if need be. It is groups.find, but for the
// keys, which lie beside the sums here.
func (r *rollup) find(x *expected) uint32 {
	if 2*len(r.endpoints) >= len(r.slots) {
		r.slots = rehashed(r.slots)
	}
	short, mask := uint32(x.hash>>32), uint32(len(r.slots)-1)
	for at := short & mask; ; at = (at + 1) & mask {
		s := &r.slots[at]
		if s.next == 0 {
			cell, fresh := r.cells.find(x.cellHash, x.cellKey)
			if fresh {
				r.latest = append(r.latest, latest{minute: ^uint32(0)})
			}
			r.endpoints = append(r.endpoints, endpoint{endpointKey: x.endpointKey, cell: cell})
			*s = slot{short, uint32(len(r.endpoints))}
			return s.next - 1
		}
		if s.hash == short && r.endpoints[s.next-1].endpointKey == x.endpointKey {
			return s.next - 1
		}
	}
}

// coarser sums up the buckets of one level for the next.
func (r *rollup) coarser(from *groups[bucketKey], fromSums []sums, into *groups[bucketKey], intoSums []sums, seconds uint32) []sums {
	for i := range from.keys {
		key := from.keys[i]
		key.bucket -= key.bucket % seconds
		at, fresh := into.find(r.names.seeds.one(pair(key.bucket, key.cell)), key)
		if fresh {
			intoSums = append(intoSums, fromSums[i])
		} else {
			intoSums[at].add(&fromSums[i])
		}
	}
	return intoSums
}

// seal appends the inserts of the rollups to dst.
func (r *rollup) seal(dst []Insert, planned time.Time, g *generationsAt) []Insert {
	r.hours.reset()
	r.days.reset()
	r.hourSums = r.coarser(&r.minutes, r.minuteSums, &r.hours, r.hourSums[:0], 3600)
	r.daySums = r.coarser(&r.hours, r.hourSums, &r.days, r.daySums[:0], 86_400)
	r.fillSets()
	r.minute.fill(r, r.minutes.keys, r.minuteSums, planned, g)
	r.hour.fill(r, r.hours.keys, r.hourSums, planned, g)
	r.day.fill(r, r.days.keys, r.daySums, planned, g)
	r.endpointDay.fill(r, planned)
	dst = append(dst, r.minute.insert(len(r.minuteSums)), r.hour.insert(len(r.hourSums)), r.day.insert(len(r.daySums)))
	if rows := len(r.endpointDay.of); rows > 0 {
		dst = append(dst, r.endpointDay.insert(rows), r.seen.insert(rows))
	}
	return dst
}

// fillSets hands the subscribers and the remote addresses to the days, and the subscribers to the
// endpoints.
func (r *rollup) fillSets() {
	handsets, addresses, talked := &r.day.handsets, &r.day.endpoints, &r.endpointDay.handsets
	handsets.begin(len(r.days.keys))
	addresses.begin(len(r.days.keys))
	r.endpointDay.choose(r.endpoints)
	talked.begin(len(r.endpointDay.of))
	r.dayOf = r.dayOf[:0]
	for i := range r.endpoints {
		e := &r.endpoints[i]
		day, _ := r.days.find(r.names.seeds.one(pair(e.day, e.cell)), bucketKey{e.day, e.cell})
		r.dayOf = append(r.dayOf, day)
		handsets.expect(day, e.subscribers)
		if e.address != (proto.IPv6{}) {
			addresses.expect(day, 1)
		}
		if row := r.endpointDay.rowOf[i]; row >= 0 {
			talked.expect(uint32(row), e.subscribers)
		}
	}
	handsets.layOut()
	addresses.layOut()
	talked.layOut()
	for i := range r.endpoints {
		if e := &r.endpoints[i]; e.address != (proto.IPv6{}) {
			addresses.put(r.dayOf[i], e.address)
		}
	}
	for i, subscriber := range r.subscribers {
		if subscriber == 0 {
			continue
		}
		at := r.endpointOf[i]
		handsets.put(r.dayOf[at], subscriber)
		if row := r.endpointDay.rowOf[at]; row >= 0 {
			talked.put(uint32(row), subscriber)
		}
	}
}
