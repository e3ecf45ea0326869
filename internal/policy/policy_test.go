package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/geo"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

const sample = `# a comment
version: 2026-01
operator: Example Telecom
example: true
default: indeterminate
home: [IN]
jurisdictions:
  - {name: EU, places: [DE, FR], from: 2018-05-25, reference: GDPR}
  - {name: EU, places: [GB], from: 2018-05-25, until: 2021-01-01, reference: "GDPR, until the end of the transition"}
  - name: California
    places:
      - US-CA
      - aws/us-west-1
    reference: CCPA
rules:
  - {vendor: any, jurisdiction: EU, verdict: allowed, reference: a}
  - {vendor: any, jurisdiction: CN, from: 2020-01-01, verdict: restricted, reference: b}
  - {vendor: [Xiaomi, Acme Phones], jurisdiction: any, from: 2022-01-01T00:00:00+05:30, verdict: restricted, reference: c}
  - {vendor: Xiaomi, jurisdiction: [SG, California], verdict: allowed, reference: d}
  - {vendor: Acme Phones, jurisdiction: IN, verdict: restricted, reference: e}
`

func day(s string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	panic(s)
}

func TestJudge(t *testing.T) {
	p, err := Parse("sample.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, vendor  string
		place        Where
		at           string
		jurisdiction string
		verdict      landfallv1.Verdict
	}{
		{"unknown place", "Xiaomi", Where{}, "2026-01-01", "", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"home", "Other", Where{Country: "IN"}, "2026-01-01", "IN", landfallv1.Verdict_VERDICT_DOMESTIC},
		{"any jurisdiction is abroad", "Xiaomi", Where{Country: "IN", Subdivision: "IN-KA"}, "2026-01-01", "IN", landfallv1.Verdict_VERDICT_DOMESTIC},
		{"home, by name", "acme phones", Where{Country: "IN"}, "2026-01-01", "IN", landfallv1.Verdict_VERDICT_RESTRICTED},
		{"a country of its own", "Other", Where{Country: "JP"}, "2026-01-01", "JP", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"before the first day", "Other", Where{Country: "CN"}, "2019-12-31T23:59:59Z", "CN", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"on the first day", "Other", Where{Country: "CN"}, "2020-01-01", "CN", landfallv1.Verdict_VERDICT_RESTRICTED},
		{"before the jurisdiction", "Other", Where{Country: "DE"}, "2018-05-24", "DE", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"last day", "Other", Where{Country: "GB"}, "2020-12-31", "EU", landfallv1.Verdict_VERDICT_ALLOWED},
		{"until is excluded", "Other", Where{Country: "GB"}, "2021-01-01", "GB", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"vendor before any", "Xiaomi", Where{Country: "DE"}, "2026-01-01", "EU", landfallv1.Verdict_VERDICT_RESTRICTED},
		{"vendor before its rule", "Xiaomi", Where{Country: "DE"}, "2021-12-31T18:29:59Z", "EU", landfallv1.Verdict_VERDICT_ALLOWED},
		{"midnight elsewhere", "Xiaomi", Where{Country: "DE"}, "2021-12-31T18:30:00Z", "EU", landfallv1.Verdict_VERDICT_RESTRICTED},
		{"jurisdiction before any", "Xiaomi", Where{Country: "SG"}, "2026-01-01", "SG", landfallv1.Verdict_VERDICT_ALLOWED},
		{"subdivision before country", "Xiaomi", Where{Country: "US", Subdivision: "US-CA"}, "2026-01-01", "California", landfallv1.Verdict_VERDICT_ALLOWED},
		{"region before subdivision", "Xiaomi", Where{"US", "US-OR", "aws", "us-west-1"}, "2026-01-01", "California", landfallv1.Verdict_VERDICT_ALLOWED},
		{"region without country", "Xiaomi", Where{Provider: "aws", Region: "us-west-1"}, "2026-01-01", "California", landfallv1.Verdict_VERDICT_ALLOWED},
		{"other subdivision", "Xiaomi", Where{Country: "US", Subdivision: "US-OR"}, "2026-01-01", "US", landfallv1.Verdict_VERDICT_RESTRICTED},
	} {
		if j, v := p.Judge(c.vendor, c.place, day(c.at)); j != c.jurisdiction || v != c.verdict {
			t.Errorf("%s: %q %v, want %q %v", c.why, j, v, c.jurisdiction, c.verdict)
		}
	}
	if j, v := (*Policy)(nil).Judge("x", Where{Country: "DE"}, day("2026-01-01")); j != "" || v != landfallv1.Verdict_VERDICT_UNSPECIFIED {
		t.Errorf("without policy: %q %v", j, v)
	}
	if p.Version != "2026-01" || p.Operator != "Example Telecom" || !p.Example || len(p.SHA256) != 64 || p.Name != "sample.yaml" {
		t.Errorf("head %+v", p)
	}
	var changes []string
	for _, c := range p.Changes() {
		changes = append(changes, c.Format(time.RFC3339))
	}
	if got := strings.Join(changes, " "); got != "2018-05-25T00:00:00Z 2020-01-01T00:00:00Z 2021-01-01T00:00:00Z 2021-12-31T18:30:00Z" {
		t.Errorf("changes %s", got)
	}
	place := []Where{{Country: "US", Subdivision: "US-CA"}, {Country: "SG"}, {Country: "CN"}}
	if n := testing.AllocsPerRun(100, func() {
		p.Judge("ACME phones", place[0], day("2026-01-01").Add(time.Hour))
		p.JudgeDisputed("Xiaomi", place, changesOf)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

var changesOf = day("2026-01-01")

func TestJudgeDisputed(t *testing.T) {
	p, err := Parse("sample.yaml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	at := day("2026-01-01")
	for _, c := range []struct {
		why          string
		places       []Where
		jurisdiction string
		verdict      landfallv1.Verdict
	}{
		{"none", nil, "", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"one jurisdiction", []Where{{Country: "DE"}, {Country: "FR"}}, "EU", landfallv1.Verdict_VERDICT_ALLOWED},
		{"two", []Where{{Country: "DE"}, {Country: "CN"}}, "", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"two of the same verdict", []Where{{Country: "JP"}, {Country: "KR"}}, "", landfallv1.Verdict_VERDICT_INDETERMINATE},
		{"one unknown", []Where{{Country: "DE"}, {}}, "", landfallv1.Verdict_VERDICT_INDETERMINATE},
	} {
		if j, v := p.JudgeDisputed("Other", c.places, at); j != c.jurisdiction || v != c.verdict {
			t.Errorf("%s: %q %v, want %q %v", c.why, j, v, c.jurisdiction, c.verdict)
		}
	}
	if j, v := p.JudgeDisputed("Xiaomi", []Where{{Country: "SG"}, {Country: "US", Subdivision: "US-CA"}}, at); j != "" || v != landfallv1.Verdict_VERDICT_ALLOWED {
		t.Errorf("allowed in both: %q %v", j, v)
	}
}

// TestRefused: what is wrong is said with file and line, a contradiction with both lines.
func TestRefused(t *testing.T) {
	const head = "version: x\nhome: [IN]\njurisdictions:\n- {name: EU, places: [DE], from: 2018-05-25, reference: r}\nrules:\n" // rules begin in line 6
	rows := func(lines ...string) string { return head + strings.Join(lines, "\n") + "\n" }
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":                  {"", []string{"p.yaml:1: the file is empty"}},
		"only a comment":         {"# nothing\n", []string{"p.yaml:1: the file is empty"}},
		"a list":                 {"- a\n", []string{"p.yaml:1: a list where a mapping"}},
		"not YAML":               {"version: [a\nrules: {", []string{"p.yaml:"}},
		"two documents":          {"version: a\nrules: []\n---\nversion: b\n", []string{"p.yaml:4: a second document"}},
		"nothing needed":         {"operator: a\n", []string{"p.yaml:1: version is missing", "p.yaml:1: rules is missing"}},
		"unknown key":            {"version: a\nrules: []\nrule: []\n", []string{`p.yaml:3: unknown key "rule"`}},
		"key twice":              {"version: a\nrules: []\nversion: b\n", []string{"p.yaml:3"}},
		"version with a comma":   {"version: a, b\nrules: []\n", []string{"p.yaml:1: version"}},
		"domestic by default":    {"version: a\ndefault: domestic\nrules: []\n", []string{"p.yaml:2: default"}},
		"home unknown":           {"version: a\nhome: [XX]\nrules: []\n", []string{`p.yaml:2: "XX" is neither`}},
		"home twice":             {"version: a\nhome:\n- IN\n- IN\nrules: []\n", []string{"p.yaml:4: home IN is there twice, first in line 3"}},
		"alias":                  {"version: &v a\nrules: []\n", []string{"p.yaml:1: an alias"}},
		"unknown country":        {"version: a\njurisdictions:\n- {name: UK, places: [UK], reference: r}\nrules: []\n", []string{`p.yaml:3: place "UK"`}},
		"unknown subdivision":    {"version: a\njurisdictions:\n- name: A\n  places:\n  - QQ-A\n  reference: r\nrules: []\n", []string{`p.yaml:5: place "QQ-A"`}},
		"region":                 {"version: a\njurisdictions:\n- {name: A, places: [AWS/x], reference: r}\nrules: []\n", []string{`p.yaml:3: place "AWS/x"`}},
		"place twice":            {"version: a\njurisdictions:\n- {name: A, places: [DE, DE], reference: r}\nrules: []\n", []string{`p.yaml:3: place DE is there twice`}},
		"no places":              {"version: a\njurisdictions:\n- {name: A, places: [], reference: r}\nrules: []\n", []string{`p.yaml:3: places is empty`}},
		"no reference":           {rows("- {vendor: any, jurisdiction: EU, verdict: allowed}"), []string{"p.yaml:6: reference is missing"}},
		"empty reference":        {rows("- {vendor: any, jurisdiction: EU, verdict: allowed, reference: ''}"), []string{"p.yaml:6: empty text"}},
		"verdict unknown":        {rows("- {vendor: any, jurisdiction: EU, verdict: forbidden, reference: r}"), []string{`p.yaml:6: verdict "forbidden"`}},
		"jurisdiction unknown":   {rows("- {vendor: any, jurisdiction: Eu, verdict: allowed, reference: r}"), []string{`p.yaml:6: "Eu" is neither`}},
		"dates out of order":     {rows("- {vendor: any, jurisdiction: EU, verdict: allowed, from: 2020-02-01, until: 2020-01-01, reference: r}"), []string{"p.yaml:6: dates out of order: from 2020-02-01 is not before until 2020-01-01"}},
		"an empty period":        {rows("- {vendor: any, jurisdiction: EU, verdict: allowed, from: 2020-02-01, until: 2020-02-01, reference: r}"), []string{"p.yaml:6: dates out of order"}},
		"no date":                {rows("- {vendor: any, jurisdiction: EU, verdict: allowed, from: 2020-02-30, reference: r}"), []string{`p.yaml:6: "2020-02-30" is neither`}},
		"not a whole minute":     {rows("- {vendor: any, jurisdiction: EU, verdict: allowed, from: '2020-02-01T00:00:01Z', reference: r}"), []string{`not a whole minute`}},
		"any in a list":          {rows("- {vendor: [A, any], jurisdiction: EU, verdict: allowed, reference: r}"), []string{`p.yaml:6: "any" stands alone`}},
		"vendor twice":           {rows("- {vendor: [A, a], jurisdiction: EU, verdict: allowed, reference: r}"), []string{`p.yaml:6: "a" is there twice`}},
		"domestic everywhere":    {rows("- {vendor: any, jurisdiction: any, verdict: domestic, reference: r}"), []string{`p.yaml:6: domestic cannot`}},
		"home is no home":        {rows("- {vendor: any, jurisdiction: [EU, IN], verdict: restricted, reference: r}"), []string{`p.yaml:6: IN is restricted for any vendor, and home in line 2`}},
		"any against any":        {rows("- {vendor: any, jurisdiction: any, verdict: restricted, reference: r}", "- {vendor: any, jurisdiction: any, verdict: allowed, from: 2026-01-01, reference: r}"), []string{"p.yaml:7:", "by line 6"}},
		"jurisdictions in lists": {rows("- {vendor: any, jurisdiction: [JP, EU], verdict: restricted, reference: r}", "- {vendor: any, jurisdiction: SG, verdict: allowed, reference: r}", "- {vendor: any, jurisdiction: [SG, EU], verdict: allowed, reference: r}"), []string{"p.yaml:8: vendor any, jurisdiction EU is allowed always, and restricted always by line 6"}},
		"vendors, other case":    {rows("- {vendor: [A, B], jurisdiction: any, until: 2020-01-01, verdict: restricted, reference: r}", "- vendor: b", "  jurisdiction: any", "  from: 2019-12-31", "  verdict: allowed", "  reference: r"), []string{"p.yaml:7: vendor b, jurisdiction any is allowed from 2019-12-31, and restricted until 2020-01-01 by line 6"}},
		"two jurisdictions":      {"version: a\njurisdictions:\n- {name: A, places: [DE, US-CA], from: 2020-01-01, reference: r}\n- {name: B, places: [US-CA], until: 2020-01-02, reference: r}\nrules: []\n", []string{"p.yaml:4: US-CA is in B until 2020-01-02, and in A from 2020-01-01 by line 3"}},
	} {
		p, err := Parse("p.yaml", []byte(c.text))
		if err == nil {
			t.Errorf("%s: accepted: %+v", name, p)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in\n%v", name, want, err)
			}
		}
	}
	for name, text := range map[string]string{
		"one after the other":  rows("- {vendor: any, jurisdiction: EU, until: 2020-01-01, verdict: restricted, reference: r}", "- {vendor: any, jurisdiction: EU, from: 2020-01-01, verdict: allowed, reference: r}"),
		"the same twice":       rows("- {vendor: any, jurisdiction: EU, verdict: restricted, reference: r}", "- {vendor: any, jurisdiction: EU, from: 2020-01-01, verdict: restricted, reference: r}"),
		"of different weights": rows("- {vendor: A, jurisdiction: EU, verdict: restricted, reference: r}", "- {vendor: any, jurisdiction: EU, verdict: allowed, reference: r}", "- {vendor: any, jurisdiction: any, verdict: restricted, reference: r}"),
		"no rules":             "version: 1\nrules: []\n",
	} {
		if _, err := Parse("p.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCountryCodes(t *testing.T) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			if _, known := geo.CountryOf(code); known != isCountry(code) {
				t.Errorf("%s: %v here, %v in internal/geo", code, isCountry(code), known)
			}
		}
	}
	for _, code := range []string{"", "A", "de", "D ", " D", "DEU"} {
		if isCountry(code) {
			t.Errorf("%q is taken for a country", code)
		}
	}
}
