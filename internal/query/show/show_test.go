package show

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

var update = flag.Bool("update", false, "write testdata anew, to be looked at")

// TestTables compares all tables, at the widths of an old and of a common terminal, with those that a
// person has looked at.
func TestTables(t *testing.T) {
	for _, width := range []int{80, 120} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			got := tables(t, width)
			for i, line := range strings.Split(got, "\n") {
				if cellsOf(line) > width {
					t.Errorf("line %d has %d cells: %s", i+1, cellsOf(line), line)
				}
			}
			file := filepath.Join("testdata", fmt.Sprintf("tables-%d.txt", width))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				t.Fatalf("%s is written anew", file)
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-%s +got; -update writes it anew):\n%s", file, diff)
			}
		})
	}
}

func tables(t *testing.T, width int) string {
	t.Helper()
	o := Options{Width: width, PlaceName: names}
	withheld := answer(query.ByVendor, query.ByPlace)
	withheld.Question.MinHandsets = 10
	withheld.Rows[1].Handsets = 77
	withheld.Rows[2].Cell = query.Cell{Suppressed: true}
	withheld.Rows[4].Cell = query.Cell{Unobserved: true, Figures: query.Figures{BytesUpInterval: estimate.Interval{High: 550_000}, BytesDownInterval: estimate.Interval{High: 550_000}}}
	hidden := answer(query.ByPlace)
	hidden.Rows[0].Cell, hidden.Rows[1].Cell = query.Cell{Suppressed: true}, query.Cell{Suppressed: true}
	units := func(u query.Unit) query.EndpointsAnswer {
		a := query.EndpointsAnswer{Rows: endpoints(), Question: query.Endpoints{Unit: u}}
		a.Info, a.DataSets = answer().Buckets[1], answer().DataSets
		return a
	}
	var b strings.Builder
	for _, c := range []struct {
		name  string
		write func() error
	}{
		{"places by week", func() error { return Residency(&b, answer(query.ByPlace), o) }},
		{"places by week, withheld", func() error { return Residency(&b, hidden, o) }},
		{"vendors and places by week", func() error { return Residency(&b, withheld, o) }},
		{"nothing", func() error { return Residency(&b, query.ResidencyAnswer{}, o) }},
		{"addresses", func() error { return Endpoints(&b, units(""), o) }},
		{"networks", func() error { return Endpoints(&b, units(query.UnitNetwork), o) }},
		{"autonomous systems", func() error { return Endpoints(&b, units(query.UnitASN), o) }},
		{"new places of each vendor", func() error {
			return NewSince(&b, query.NewSinceAnswer{Rows: endpoints(), Question: query.NewSince{EachVendor: true, Unit: query.UnitPlace}}, o)
		}},
		{"nothing new", func() error {
			return NewSince(&b, query.NewSinceAnswer{Basis: query.Basis{Warnings: []string{"the history begins on 2026-03-02"}}}, o)
		}},
		{"two times", func() error { return Compare(&b, comparison(), o) }},
		{"overtakes", func() error { return Overtakes(&b, overtakes(), query.ByPlace, answer(query.ByPlace), o) }},
		{"no overtakes", func() error { return Overtakes(&b, nil, query.ByPlace, answer(query.ByPlace), o) }},
		{"flows", func() error { return Flows(&b, flows(), o) }},
		{"no flows", func() error { return Flows(&b, query.FlowsAnswer{}, o) }},
		{"events", func() error { return Events(&b, events(), o) }},
		{"no events", func() error { return Events(&b, query.EventsAnswer{}, o) }},
		{"values", func() error { return Values(&b, values(), o) }},
		{"completeness", func() error { return Completeness(&b, ledger(), o) }},
		{"no ledger", func() error { return Completeness(&b, query.CompletenessAnswer{}, o) }},
		{"revisions", func() error { return Revisions(&b, revisions(), o) }},
		{"no revisions", func() error { return Revisions(&b, query.RevisionsAnswer{}, o) }},
		{"vendors", func() error {
			return Vendors(&b, []query.VendorTotal{{Vendor: "Xiaomi", Flows: 1234567, BytesUp: 5e12, BytesDown: 9e13}}, o)
		}},
	} {
		b.WriteString("== " + c.name + "\n")
		if err := c.write(); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestFigures(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9995: "10.0 kB", 99_949: "99.9 kB", 99_951: "100 kB",
		999_499: "999 kB", 999_500: "1.00 MB", 12_345_678_901: "12.3 GB", 1<<64 - 1: "18.4 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct {
		value     uint64
		low, high float64
		want      string
	}{
		{1000, 1000, 1000, ""},
		{1000, 960, 1040, "± 4%"},
		{1000, 960, 1041, "± 5%"},
		{1000, 990.5, 1009.4, "± 1%"},
		{100_000, 99_600, 100_400, "± 0.4%"},
		{100_000, 99_999, 100_001, "± 0.1%"},
		{1000, 200, 4000, "200 B–4.00 kB"},
		{2000, 1200, 4000, "1.20–4.00 kB"},
		{0, 0, 1_200_000, "< 1.20 MB"},
		{0, 0, 1e30, "< 1000000000000 EB"},
	} {
		if got := within(c.value, estimate.Interval{Low: c.low, High: c.high}); got != c.want {
			t.Errorf("within(%d, %g–%g) = %q, want %q", c.value, c.low, c.high, got, c.want)
		}
	}
	if got := counted(0.99996); got != "> 99.9%" {
		t.Errorf("what is not whole is shown as %q", got)
	}
	if got := percent(0.0001); got != "<0.1%" {
		t.Errorf("a small share is shown as %q", got)
	}
}

// CSV has as many cells in each line as in its head, and nothing that a spreadsheet would work out.
func TestSheets(t *testing.T) {
	rows := endpoints()
	rows[0].ASOrganization = `=cmd("x")`
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"endpoints":    func(b *bytes.Buffer) error { return EndpointsCSV(b, rows) },
		"flows":        func(b *bytes.Buffer) error { return FlowsCSV(b, flows().Rows) },
		"events":       func(b *bytes.Buffer) error { return EventsCSV(b, events().Rows) },
		"values":       func(b *bytes.Buffer) error { return ValuesCSV(b, values().Rows) },
		"overtakes":    func(b *bytes.Buffer) error { return OvertakesCSV(b, overtakes(), query.ByASN) },
		"compare":      func(b *bytes.Buffer) error { return CompareCSV(b, comparison()) },
		"completeness": func(b *bytes.Buffer) error { return CompletenessCSV(b, ledger()) },
		"revisions":    func(b *bytes.Buffer) error { return RevisionsCSV(b, revisions()) },
		"vendors":      func(b *bytes.Buffer) error { return VendorsCSV(b, []query.VendorTotal{{Vendor: "-1+1", Flows: 1}}) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			lines, err := csv.NewReader(&b).ReadAll() // refuses lines of other lengths
			if err != nil || len(lines) < 2 {
				t.Fatal(err, lines)
			}
			for _, line := range lines {
				for _, cell := range line {
					if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "-1+") {
						t.Errorf("cell %q is a formula", cell)
					}
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, ledger()); err != nil {
		t.Fatal(err)
	}
	var back query.CompletenessAnswer
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back.Rows) != 3 {
		t.Fatal(err, back)
	}
}
