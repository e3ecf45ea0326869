package scenario

import (
	"slices"
	"strings"
	"testing"
)

func smallTruth() Truth {
	return Truth{
		FlowsSent: 6, BytesSent: 660,
		Cells: []Cell{
			{"Apple", "US-CA", "2026-11-09", 1, 10, 100, 1, 2},
			{"Xiaomi", "CN-BJ", "2026-11-09", 2, 20, 200, 3, 4},
			{"Xiaomi", "CN-BJ", "2026-11-16", 3, 30, 300, 5, 6},
		},
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func([]Cell) []Cell
		wrong  int
		says   string
	}{
		{"right", func(r []Cell) []Cell { return r }, 0, ""},
		{"right, in another order", func(r []Cell) []Cell { slices.Reverse(r); return r }, 0, ""},
		{"right, with a row of zeros", func(r []Cell) []Cell { return append(r, Cell{Vendor: "Google", Place: "SG", Week: "2026-11-09"}) }, 0, ""},
		{
			"one byte more", func(r []Cell) []Cell { r[1].BytesUp++; return r }, 1,
			"Xiaomi to CN-BJ in the week of 2026-11-09 differs: bytes up: sent 20, counted 21 (+1)",
		},
		{
			"one byte less, down", func(r []Cell) []Cell { r[0].BytesDown--; return r }, 1,
			"Apple to US-CA in the week of 2026-11-09 differs: bytes down: sent 100, counted 99 (-1)",
		},
		{
			"a byte in the wrong direction", func(r []Cell) []Cell { r[0].BytesDown--; r[0].BytesUp++; return r }, 1,
			"bytes up: sent 10, counted 11 (+1); bytes down: sent 100, counted 99 (-1)",
		},
		{"a packet more", func(r []Cell) []Cell { r[2].PacketsDown++; return r }, 1, "packets down: sent 6, counted 7 (+1)"},
		{
			"missing", func(r []Cell) []Cell { return r[:2] }, 1,
			"Xiaomi to CN-BJ in the week of 2026-11-16 is missing: sent 3 flows, 30 bytes up",
		},
		{
			"extra", func(r []Cell) []Cell { return append(r, Cell{"", "unknown", "2026-11-09", 1, 1, 0, 1, 0}) }, 1,
			" to unknown in the week of 2026-11-09 is extra: nothing was sent, counted 1 flows, 1 bytes up",
		},
		{"twice", func(r []Cell) []Cell { return append(r, r[0]) }, 1, "Apple to US-CA in the week of 2026-11-09 is in more than one row"},
		{"in another week", func(r []Cell) []Cell { r[0].Week = "2026-11-16"; return r }, 2, "is missing"},
		{"nothing counted", func([]Cell) []Cell { return nil }, 3, "is missing"},
	} {
		r := Check(smallTruth(), c.break_(smallTruth().Cells))
		if r.CellsWrong != c.wrong || r.OK() != (c.wrong == 0) || len(r.Wrong) != c.wrong || r.Cells != 3 || r.FlowsSent != 6 || r.BytesSent != 660 {
			t.Errorf("%s: %+v", c.name, r)
		}
		if c.says != "" && !strings.Contains(strings.Join(r.Wrong, "\n"), c.says) {
			t.Errorf("%s: says %q, want %q", c.name, r.Wrong, c.says)
		}
	}
	if r := Check(smallTruth(), smallTruth().Cells); r.FlowsCounted != 6 || r.BytesCounted != 660 {
		t.Errorf("counted %+v", r)
	}
}

func TestCheckListsTheFirstOnly(t *testing.T) {
	var truth Truth
	for i := range 50 {
		truth.Cells = append(truth.Cells, Cell{Vendor: string(rune('a' + i)), Place: "SG", Week: "2026-11-09", Flows: 1})
	}
	if r := Check(truth, nil); r.CellsWrong != 50 || len(r.Wrong) != maxWrong || !strings.HasPrefix(r.Wrong[0], "a to SG") {
		t.Errorf("%+v", r)
	}
}
