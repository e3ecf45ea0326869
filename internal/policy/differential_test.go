package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// naiveRow is a row of a random file, as it was drawn.
type naiveRow struct {
	names, targets []string // places; or vendors (nil: any) and jurisdictions (nil: any)
	name           string
	from, until    int // days; 0 is open
	verdict        string
}

func (r naiveRow) holds(day int) bool {
	return (r.from == 0 || day >= r.from) && (r.until == 0 || day < r.until)
}

var start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

const days = 12

func (r naiveRow) dates() string {
	var text string
	if r.from > 0 {
		text += ", from: " + start.AddDate(0, 0, r.from).Format(time.DateOnly)
	}
	if r.until > 0 {
		text += ", until: " + start.AddDate(0, 0, r.until).Format(time.DateOnly)
	}
	return text
}

func drawRow(t *rapid.T) naiveRow {
	r := naiveRow{from: rapid.IntRange(0, days-2).Draw(t, "from")}
	if rapid.Bool().Draw(t, "ends") {
		r.until = rapid.IntRange(r.from+1, days).Draw(t, "until")
	}
	return r
}

func drawNames(t *rapid.T, from []string, most int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, most, strings.ToLower).Draw(t, "names")
}

// naive answers by looking at all rows each time, most specific first.
func naive(home []string, places, rules []naiveRow, vendor string, w Where, day int) (string, string) {
	jurisdiction := w.Country
	for _, code := range []string{w.Country, w.Subdivision, w.Provider + "/" + w.Region} {
		for _, r := range places {
			if r.holds(day) && slices.Contains(r.names, code) {
				jurisdiction = r.name
			}
		}
	}
	if jurisdiction == "" {
		return "", "indeterminate"
	}
	domestic := slices.Contains(home, jurisdiction)
	verdict, best := "allowed", 0 // the default of the file
	if domestic {
		verdict = "domestic"
	}
	for _, r := range rules {
		weight := 1
		if r.names != nil {
			weight += 2
		}
		if r.targets != nil {
			weight++
		}
		matches := r.holds(day) && (r.names == nil || slices.ContainsFunc(r.names, func(n string) bool { return strings.EqualFold(n, vendor) })) &&
			(r.targets == nil || slices.Contains(r.targets, jurisdiction))
		if matches && weight > best && (!domestic || weight == 4) {
			verdict, best = r.verdict, weight
		}
	}
	return jurisdiction, verdict
}

// contradictory finds two rows that say two things at one time, day by day.
func contradictory(home []string, places, rules []naiveRow) bool {
	for day := 0; day <= days; day++ {
		placed := map[string]string{}
		for _, r := range places {
			for _, code := range r.names {
				if other, taken := placed[code]; r.holds(day) && taken && other != r.name {
					return true
				}
				if r.holds(day) {
					placed[code] = r.name
				}
			}
		}
		said := map[[2]string]string{}
		for _, r := range rules {
			for _, vendor := range orAny(r.names) {
				for _, target := range orAny(r.targets) {
					key := [2]string{strings.ToLower(vendor), target}
					if other, taken := said[key]; r.holds(day) && taken && other != r.verdict {
						return true
					}
					if r.holds(day) {
						said[key] = r.verdict
					}
				}
			}
		}
	}
	for _, r := range rules {
		if r.names == nil && r.verdict != "domestic" && slices.ContainsFunc(r.targets, func(j string) bool { return slices.Contains(home, j) }) {
			return true
		}
	}
	return false
}

// TestJudgeAgainstNaive: random files are refused exactly when they contradict themselves, and else
// answer as a search through all rows does, on every day; between two changes no answer changes.
func TestJudgeAgainstNaive(t *testing.T) {
	codes := []string{"CN", "US", "DE", "US-OR", "US-CA", "CN-BJ", "aws/us-west-2", "gcp/us-west1"}
	names := []string{"EU", "Law", "US"}
	vendors := []string{"Xiaomi", "xiaomi", "Apple", "Acme"}
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		home := rapid.SampledFrom([][]string{{"IN"}, {"DE"}, {"Law"}, {"US", "CN"}}).Draw(t, "home")
		fmt.Fprintf(&b, "version: x\ndefault: allowed\nhome: [%s]\njurisdictions:\n- {name: EU, places: [FR], reference: r}\n- {name: Law, places: [SG], reference: r}\n", strings.Join(home, ", "))
		places, rules := []naiveRow{{name: "EU", names: []string{"FR"}}, {name: "Law", names: []string{"SG"}}}, []naiveRow(nil)
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			r := drawRow(t)
			r.name, r.names = rapid.SampledFrom(names).Draw(t, "name"), drawNames(t, codes, 3)
			places = append(places, r)
			fmt.Fprintf(&b, "- {name: %s, places: [%s]%s, reference: r}\n", r.name, strings.Join(r.names, ", "), r.dates())
		}
		b.WriteString("rules:\n- {vendor: Nobody, jurisdiction: EU, verdict: allowed, reference: r}\n")
		for range rapid.IntRange(0, 5).Draw(t, "rules") {
			r := drawRow(t)
			vendor, target := Any, Any
			if rapid.Bool().Draw(t, "named vendor") {
				r.names = drawNames(t, vendors, 2)
				vendor = "[" + strings.Join(r.names, ", ") + "]"
			}
			if rapid.Bool().Draw(t, "named jurisdiction") {
				r.targets = drawNames(t, []string{"EU", "Law", "US", "CN", "IN"}, 2)
				target = "[" + strings.Join(r.targets, ", ") + "]"
			}
			r.verdict = rapid.SampledFrom([]string{"allowed", "restricted", "indeterminate"}).Draw(t, "verdict")
			rules = append(rules, r)
			fmt.Fprintf(&b, "- {vendor: %s, jurisdiction: %s%s, verdict: %s, reference: r}\n", vendor, target, r.dates(), r.verdict)
		}
		p, err := Parse("random.yaml", []byte(b.String()))
		if wrong := contradictory(home, places, rules); wrong != (err != nil) {
			t.Fatalf("contradictory: %v; %v:\n%s", wrong, err, b.String())
		}
		if err != nil {
			refused++
			return
		}
		accepted++
		for _, w := range []Where{{}, {Country: "CN"}, {Country: "CN", Subdivision: "CN-BJ"}, {Country: "US", Subdivision: "US-OR"}, {"US", "US-OR", "aws", "us-west-2"}, {Provider: "gcp", Region: "us-west1"}, {Country: "DE"}, {Country: "IN"}} {
			for _, vendor := range []string{"XIAOMI", "Apple", "Other"} {
				var before landfallv1.Verdict
				for day := 0; day <= days; day++ {
					at := start.AddDate(0, 0, day)
					j, v := p.Judge(vendor, w, at)
					wantJ, wantV := naive(home, places, rules, vendor, w, day)
					if j != wantJ || VerdictName(v) != wantV {
						t.Fatalf("%s to %+v on day %d: %q %s, want %q %s:\n%s", vendor, w, day, j, VerdictName(v), wantJ, wantV, b.String())
					}
					around := p.Around(at)
					if !around.Holds(at) || day > 0 && v != before && !around.From.Equal(at) {
						t.Fatalf("day %d: %v to %v, and no change at %v: %v", day, before, v, at, around)
					}
					before = v
				}
			}
		}
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}
