package query

import (
	"fmt"
	"time"
	_ "time/tzdata" // zones are known wherever this runs, as they are to the server
)

// Hours are hours of the day: from From:00 until To:00, over midnight if From is after To. Both are 0 to
// 24.
type Hours struct {
	From     int    `json:"from"`
	To       int    `json:"to"`
	Location string `json:"location,omitempty"` // a time zone of IANA's, such as Asia/Kolkata; empty: UTC
}

// tellsZones is the time from which the zones are looked at, where a question has no begin: before it,
// some that now are whole hours from UTC were not, and there were no flows to keep.
var tellsZones = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (h *Hours) location() (*time.Location, error) {
	if h.Location == "Local" {
		return nil, fmt.Errorf("unknown time zone %s", h.Location)
	}
	return time.LoadLocation(h.Location)
}

// keeps reports whether an hour of the day is among them.
func (h *Hours) keeps(hour int) bool {
	if h.From < h.To {
		return h.From <= hour && hour < h.To
	}
	return h.From <= hour || hour < h.To
}

// touch reports whether any minute of [from, to) is in the hours; a zero time is open.
func (h *Hours) touch(from, to time.Time) bool {
	if from.IsZero() || to.IsZero() || to.Sub(from) >= 2*day {
		return true
	}
	zone, err := h.location()
	if err != nil {
		return false
	}
	for t := from.In(zone); t.Before(to); t = t.Add(time.Minute) {
		if h.keeps(t.Hour()) {
			return true
		}
	}
	return false
}

// whole reports whether hours of the zone are hours of UTC in all of [since, until); a zero time is open.
func (h *Hours) whole(since, until time.Time) bool {
	zone, err := h.location()
	if err != nil {
		return false
	}
	t := since
	if t.IsZero() {
		t = tellsZones
	}
	if until.IsZero() {
		until = latest
	}
	for t.Before(until) {
		if _, offset := t.In(zone).Zone(); offset%3600 != 0 {
			return false
		}
		_, end := t.In(zone).ZoneBounds()
		if end.IsZero() {
			break
		}
		if !end.After(t) {
			// On the last day of a leap year, far ahead, Go says that the zone's time ends as it begins.
			end = t.Add(day)
		}
		t = end
	}
	return true
}

// hours keeps the rows of the rollup r whose bucket is in the hours.
func (s *statement) hours(h *Hours) {
	if h == nil {
		return
	}
	join := "AND"
	if h.From > h.To {
		join = "OR"
	}
	const hour = "toHour(r.bucket, {hours_zone:String})"
	s.and(fmt.Sprintf("(%s >= {hours_from:UInt8} %s %s < {hours_to:UInt8})", hour, join, hour))
	zone := h.Location
	if zone == "" {
		zone = "UTC"
	}
	s.set("hours_zone", zone)
	s.set("hours_from", uint8(h.From))
	s.set("hours_to", uint8(h.To))
}

func (h *Hours) faults(f *faults) {
	if h == nil {
		return
	}
	if h.From < 0 || h.From > 24 || h.To < 0 || h.To > 24 {
		f.add("hours from %d to %d are not between 0 and 24", h.From, h.To)
	} else if h.From == h.To {
		f.add("hours from %d to %d are none", h.From, h.To)
	}
	if _, err := h.location(); err != nil {
		f.add("the time zone of the hours: %w", err)
	}
}
