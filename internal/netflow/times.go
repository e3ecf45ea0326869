package netflow

import (
	"encoding/binary"
	"math"
)

// A flow's time is believed from maxAgeMs before its arrival (a year of history that an exporter
// may send late) to maxAheadMs after it (clocks that are set to the wrong zone's summer time).
const (
	maxAgeMs   = 400 * 24 * 3600 * 1000
	maxAheadMs = 3600 * 1000
)

// ntpEpochMs is 1970 in NTP's era 0, which begins in 1900.
const ntpEpochSeconds = 2_208_988_800

// exported takes the time in the header. The flows' times are computed from it, and judged after that.
func (m *message) exported(seconds, nanoseconds uint32) {
	m.exportMs = int64(seconds)*1000 + int64(nanoseconds)/1e6
	if m.believed(m.exportMs) {
		m.result.ExportMs = m.exportMs
	}
}

// believed reports whether a time, in milliseconds since 1970, is near enough to the arrival.
func (m *message) believed(t int64) bool {
	return t >= m.receivedMs-maxAgeMs && t <= m.receivedMs+maxAheadMs
}

// sinceBoot turns a v5 or v9 time, in milliseconds since the exporter's boot, into milliseconds
// since 1970. The header gives the same instant in both clocks; taking the difference in 32 bits
// keeps it right when the uptime has run over (every 49.7 days) in between.
func (m *message) sinceBoot(v uint32) int64 {
	return m.exportMs - int64(int32(m.uptime-v))
}

// sinceInit does the same for IPFIX, where the boot is given as systemInitTimeMilliseconds: the
// number of times that the 32 bits ran over is the one that comes closest to the export time.
func (m *message) sinceInit(initMs int64, v uint32) int64 {
	const lap = 1 << 32
	at := initMs + int64(v)
	laps := math.Round(float64(m.exportMs-at) / lap)
	return at + int64(max(laps, 0))*lap
}

// place sets the record's times, in milliseconds since 1970, or replaces them if they are not to be
// believed.
func (m *message) place(startMs, endMs int64) {
	start, end := m.believed(startMs), m.believed(endMs)
	switch {
	case start && end:
	case start:
		endMs = startMs
	case end:
		startMs = endMs
	default:
		startMs, endMs = m.receivedMs, m.receivedMs
	}
	if !start || !end {
		m.result.Refuse(ReasonTimeReplaced)
	}
	m.record.StartMs, m.record.EndMs = startMs, max(startMs, endMs)
}

// times sets the record's times from its elements.
func (m *message) times() {
	v := &m.values
	start, end := int64(v.n[slotStart]), int64(v.n[slotEnd])
	hasStart, hasEnd := v.has(slotStart), v.has(slotEnd)
	missing := false
	if v.has(slotStartUptime) || v.has(slotEndUptime) {
		var toMs func(uint32) int64
		initMs := m.domain.systemInitMs
		if v.has(slotSystemInit) {
			initMs = int64(v.n[slotSystemInit])
		}
		first, last := uint32(v.n[slotStartUptime]), uint32(v.n[slotEndUptime])
		switch {
		case m.version == versionNetFlow9:
			toMs = m.sinceBoot
		case initMs > 0:
			toMs = func(u uint32) int64 { return m.sinceInit(initMs, u) }
		default:
			// No boot time: the flow keeps its length and ends when it was exported.
			missing = !hasStart && !hasEnd
			if !v.has(slotEndUptime) {
				last = first
			}
			toMs = func(u uint32) int64 { return m.exportMs - int64(int32(last-u)) }
		}
		if !hasStart && v.has(slotStartUptime) {
			start, hasStart = toMs(first), true
		}
		if !hasEnd && v.has(slotEndUptime) {
			end, hasEnd = toMs(last), true
		}
	}
	if !hasStart && v.has(slotStartDelta) {
		start, hasStart = m.exportMs-int64(v.n[slotStartDelta]), true
	}
	if !hasEnd && v.has(slotEndDelta) {
		end, hasEnd = m.exportMs-int64(v.n[slotEndDelta]), true
	}
	if !hasEnd && v.has(slotObserved) {
		end, hasEnd = int64(v.n[slotObserved]), true
	}
	duration := int64(min(v.n[slotDuration], maxAgeMs))
	switch {
	case hasStart && hasEnd:
	case hasStart:
		end = start + duration
	case hasEnd:
		start = end - duration
	default:
		missing = true
		end = m.exportMs
		start = end - duration
	}
	if missing {
		m.result.Refuse(ReasonTimeMissing)
	}
	m.place(start, end)
}

// ntpMs reads a dateTimeMicroseconds or dateTimeNanoseconds (RFC 7011, 6.1.9): NTP's 64 bits.
func ntpMs(b []byte) uint64 {
	seconds := int64(binary.BigEndian.Uint32(b)) - ntpEpochSeconds
	if seconds < -ntpEpochSeconds/2 {
		seconds += 1 << 32 // era 1, from 2036
	}
	return uint64(seconds*1000 + int64(uint64(binary.BigEndian.Uint32(b[4:]))*1000>>32))
}
