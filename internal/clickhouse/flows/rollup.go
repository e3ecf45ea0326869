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
	bucketKey
	address proto.IPv6
}

type endpointSums struct {
	sums
	first, last uint32 // starts, in seconds since 1970
	subscribers uint32 // flows with a subscriber
}

// rollup sums up flows by minute and by endpoint as they come, and from those by hour and by day when
// the block is sealed. Its memory is bounded by the number of flows.
type rollup struct {
	names *names

	cells     groups[cellKey]
	minutes   groups[bucketKey]
	hours     groups[bucketKey]
	days      groups[bucketKey]
	endpoints groups[endpointKey]

	minuteSums, hourSums, daySums []sums
	endpointSums                  []endpointSums

	// By flow: the subscriber, and the endpoint that it talked to.
	subscribers []uint64
	endpointOf  []uint32
	dayOf       []uint32 // by endpoint: the number of its day

	minute, hour, day *residencyTable
	endpoint          *endpointTable
	seen              *table
}

func newRollup(n *names) *rollup {
	r := &rollup{
		names:  n,
		minute: newResidencyTable("residency_minute", n), hour: newResidencyTable("residency_hour", n), day: newResidencyTable("residency_day", n),
		endpoint: newEndpointTable(n),
	}
	r.seen = r.endpoint.seenTable()
	r.day.addSets()
	return r
}

func (r *rollup) reset() {
	r.cells.reset()
	r.minutes.reset()
	r.hours.reset()
	r.days.reset()
	r.endpoints.reset()
	r.minuteSums, r.hourSums, r.daySums, r.endpointSums = r.minuteSums[:0], r.hourSums[:0], r.daySums[:0], r.endpointSums[:0]
	r.subscribers, r.endpointOf = r.subscribers[:0], r.endpointOf[:0]
}

// add counts a flow that began at startMs.
func (r *rollup) add(key cellKey, startMs int64, remote proto.IPv6, subscriber uint64, s *sums) {
	seeds := &r.names.seeds
	cell, _ := r.cells.find(seeds.three(pair(key.scope, key.vendor), pair(key.place, key.network), uint64(key.side)<<16|uint64(key.verdict)), key)

	minute := bucketKey{uint32(startMs / minuteMs * 60), cell}
	at, fresh := r.minutes.find(seeds.one(pair(minute.bucket, minute.cell)), minute)
	if fresh {
		r.minuteSums = append(r.minuteSums, *s)
	} else {
		r.minuteSums[at].add(s)
	}

	endpoint := endpointKey{bucketKey{uint32(startMs / dayMs * 86_400), cell}, remote}
	start := uint32(startMs / secondMs)
	at, fresh = r.endpoints.find(seeds.three(pair(endpoint.bucket, endpoint.cell), binary.LittleEndian.Uint64(remote[:]), binary.LittleEndian.Uint64(remote[8:])), endpoint)
	if fresh {
		r.endpointSums = append(r.endpointSums, endpointSums{sums: *s, first: start, last: start})
	} else {
		e := &r.endpointSums[at]
		e.add(s)
		e.first, e.last = min(e.first, start), max(e.last, start)
	}
	if subscriber != 0 {
		r.endpointSums[at].subscribers++
	}
	r.subscribers = append(r.subscribers, subscriber)
	r.endpointOf = append(r.endpointOf, at)
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
	r.endpoint.fill(r, planned)
	dst = append(dst, r.minute.insert(len(r.minuteSums)), r.hour.insert(len(r.hourSums)), r.day.insert(len(r.daySums)))
	if rows := r.endpoint.rows(); rows > 0 {
		dst = append(dst, r.endpoint.insert(rows), r.seen.insert(rows))
	}
	return dst
}

// fillSets hands the subscribers and the remote addresses to the days, and the subscribers to the
// endpoints.
func (r *rollup) fillSets() {
	handsets, addresses, talked := &r.day.handsets, &r.day.endpoints, &r.endpoint.handsets
	handsets.begin(len(r.days.keys))
	addresses.begin(len(r.days.keys))
	talked.begin(r.endpoint.choose(r))
	r.dayOf = r.dayOf[:0]
	for i := range r.endpoints.keys {
		key := &r.endpoints.keys[i]
		day, _ := r.days.find(r.names.seeds.one(pair(key.bucket, key.cell)), key.bucketKey)
		r.dayOf = append(r.dayOf, day)
		handsets.expect(day, r.endpointSums[i].subscribers)
		if key.address != (proto.IPv6{}) {
			addresses.expect(day, 1)
		}
		if row := r.endpoint.rowOf[i]; row >= 0 {
			talked.expect(uint32(row), r.endpointSums[i].subscribers)
		}
	}
	handsets.layOut()
	addresses.layOut()
	talked.layOut()
	for i := range r.endpoints.keys {
		if key := &r.endpoints.keys[i]; key.address != (proto.IPv6{}) {
			addresses.put(r.dayOf[i], key.address)
		}
	}
	for i, subscriber := range r.subscribers {
		if subscriber == 0 {
			continue
		}
		at := r.endpointOf[i]
		handsets.put(r.dayOf[at], subscriber)
		if row := r.endpoint.rowOf[at]; row >= 0 {
			talked.put(uint32(row), subscriber)
		}
	}
}
