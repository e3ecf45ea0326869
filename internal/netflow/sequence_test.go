package netflow

import (
	"math"
	"testing"
)

func TestSequence(t *testing.T) {
	type step struct {
		number, amount  uint32
		uncounted, boot bool
		lost            uint32
		late, anew      bool
	}
	for name, steps := range map[string][]step{
		"in order":      {{number: 100, amount: 10}, {number: 110, amount: 10}, {number: 120, amount: 1}},
		"gap":           {{number: 100, amount: 10}, {number: 150, amount: 10, lost: 40}, {number: 160, amount: 1}},
		"wraps":         {{number: math.MaxUint32 - 4, amount: 10}, {number: 5, amount: 10}, {number: 25, amount: 1, lost: 10}},
		"reordered":     {{number: 1, amount: 1}, {number: 3, amount: 1, lost: 1}, {number: 2, amount: 1, late: true}, {number: 4, amount: 1}},
		"restart at 0":  {{number: 500, amount: 1}, {number: 0, amount: 1, anew: true}, {number: 1, amount: 1}},
		"restart far":   {{number: 1 << 30, amount: 1}, {number: 7, amount: 1, anew: true}, {number: 8, amount: 1}},
		"restart near":  {{number: 500, amount: 1}, {number: 7, amount: 1, late: true}, {number: 8, amount: 1, late: true}, {number: 9, amount: 1, late: true}, {number: 10, amount: 1, anew: true}, {number: 12, amount: 1, lost: 1}},
		"restart known": {{number: 500, amount: 1}, {number: 900, amount: 1, boot: true, anew: true}, {number: 901, amount: 1}},
		// As softflowd numbers its IPFIX: with the records of the datagram itself.
		"inclusive":       {{number: 23, amount: 24}, {number: 55, amount: 32}, {number: 88, amount: 33}, {number: 107, amount: 19}, {number: 127, amount: 10, lost: 10}},
		"surely not":      {{number: 0, amount: 1}, {number: 1, amount: 2}, {number: 3, amount: 3}, {number: 6, amount: 4}, {number: 10, amount: 5}, {number: 25, amount: 15, lost: 10}},
		"uneven, in gaps": {{number: 0, amount: 5}, {number: 5, amount: 7}, {number: 22, amount: 3, lost: 10}, {number: 25, amount: 9}},
		"not countable":   {{number: 500, amount: 0, uncounted: true}, {number: 530, amount: 10}, {number: 540, amount: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var s Sequence
			for i, c := range steps {
				lost, late, anew := s.Observe(c.number, c.amount, c.uncounted, c.boot)
				if lost != c.lost || late != c.late || anew != c.anew {
					t.Fatalf("step %d: lost=%d late=%t anew=%t, want %d %t %t", i, lost, late, anew, c.lost, c.late, c.anew)
				}
			}
		})
	}
}

func TestSequenceOfMessages(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4)}, ends...)
	tmpl := setOf(2, templateOf(300, fields...))
	two := setOf(300, be(4, 5), endValues, be(4, 6), endValues)
	lost := func(datagram []byte) uint32 { _, r := h.decode(datagram); return r.SequenceLost }
	if n := lost(messageIPFIX(1, 100, tmpl, two)); n != 0 {
		t.Errorf("first: lost %d", n)
	}
	if n := lost(messageIPFIX(1, 102, two)); n != 0 {
		t.Errorf("IPFIX counts records: lost %d", n)
	}
	if n := lost(messageIPFIX(1, 109, two)); n != 5 {
		t.Errorf("lost %d, want 5", n)
	}
	// A missing template's records cannot be counted: no gap is made up.
	if n := lost(messageIPFIX(1, 111, setOf(999, make([]byte, 100)))); n != 0 {
		t.Errorf("lost %d", n)
	}
	if n := lost(messageIPFIX(1, 150, two)); n != 0 {
		t.Errorf("lost %d", n)
	}
	if n := lost(message9(1, 7)); n != 0 {
		t.Errorf("lost %d", n)
	}
	if n := lost(message9(1, 10)); n != 2 {
		t.Errorf("v9 counts datagrams: lost %d, want 2", n)
	}
	// v9 restarts: its uptime is set back.
	rebooted := message9(1, 500)
	copy(rebooted[4:], be(4, 1000))
	if _, r := h.decode(rebooted); r.SequenceLost != 0 || !r.Restarted {
		t.Errorf("got %s", describeResult(&r))
	}
}

// TestLateDatagrams: what comes late says how much of the loss it takes back.
func TestLateDatagrams(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4)}, ends...)
	two := setOf(300, be(4, 5), endValues, be(4, 6), endValues)
	h.clean(messageIPFIX(1, 100, setOf(2, templateOf(300, fields...)), two))
	if _, r := h.decode(messageIPFIX(1, 104, two)); r.SequenceLost != 2 || r.SequenceLate != 0 {
		t.Errorf("IPFIX, a gap: %s", describeResult(&r))
	}
	if _, r := h.decode(messageIPFIX(1, 102, two)); !r.Late || r.SequenceLate != 2 || r.Unit != UnitFlows {
		t.Errorf("IPFIX, late: %s, %d", describeResult(&r), r.SequenceLate)
	}
	h.clean(message9(1, 7))
	if _, r := h.decode(message9(1, 9)); r.SequenceLost != 1 {
		t.Errorf("v9, a gap: %s", describeResult(&r))
	}
	if _, r := h.decode(message9(1, 8)); !r.Late || r.SequenceLate != 1 || r.Unit != UnitDatagrams {
		t.Errorf("v9, late: %s, %d", describeResult(&r), r.SequenceLate)
	}
}
