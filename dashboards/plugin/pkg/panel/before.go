package panel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Before is the earlier time of a comparison: the same length just before, the same moved back, or a
// time of its own.
type Before struct {
	Back     time.Duration // 0: not this; whole minutes
	From, To time.Time     // both or none
}

const day = 24 * time.Hour

var offset = regexp.MustCompile(`^-([1-9][0-9]{0,4})([mhdw])$`)

// UnmarshalJSON reads "previous", an offset like "-7d" (m, h, d or w), or {"from", "to"}.
func (b *Before) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text == "previous" || text == "" {
			return nil
		}
		parts := offset.FindStringSubmatch(text)
		if parts == nil {
			return fmt.Errorf(`%q is not "previous" and no offset like "-7d"`, text)
		}
		n, err := strconv.Atoi(parts[1])
		b.Back = time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day}[parts[2]]
		return err
	}
	var own struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&own); err != nil || !own.From.Before(own.To) {
		return errors.New(`want "previous", an offset like "-7d", or {"from", "to"} in RFC 3339, in this order`)
	}
	b.From, b.To = own.From, own.To
	return nil
}

// MarshalJSON writes it as UnmarshalJSON reads it.
func (b Before) MarshalJSON() ([]byte, error) {
	switch {
	case b.Back > 0:
		return json.Marshal(fmt.Sprintf("-%dm", b.Back/time.Minute))
	case !b.From.IsZero():
		return json.Marshal(map[string]time.Time{"from": b.From, "to": b.To})
	}
	return json.Marshal("previous")
}

// of is the earlier time for [since, until).
func (b *Before) of(since, until time.Time) (from, to time.Time) {
	switch {
	case b != nil && b.Back > 0:
		return since.Add(-b.Back), until.Add(-b.Back)
	case b != nil && !b.From.IsZero():
		return b.From.UTC(), b.To.UTC()
	}
	return since.Add(since.Sub(until)), since
}
