package query

import (
	"testing"
	"time"
)

// Zones with summer times far into the future come to an end, too.
func TestHoursWhole(t *testing.T) {
	for zone, want := range map[string]bool{
		"": true, "America/Chicago": true, "Europe/Berlin": true, "Africa/Cairo": true, "Asia/Kolkata": false, "Australia/Lord_Howe": false,
	} {
		h := &Hours{From: 22, To: 6, Location: zone}
		done := make(chan bool, 1)
		go func() { done <- h.whole(time.Time{}, time.Time{}) }()
		select {
		case got := <-done:
			if got != want {
				t.Errorf("%q: %v", zone, got)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q: no end", zone)
		}
	}
}
