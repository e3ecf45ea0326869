package policy

import (
	"path/filepath"
	"testing"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// TestExamples: the ready policies are accepted, are marked as examples, and say what the decisions
// that they name say.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../deploy/policies/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	all := map[string]*Policy{}
	for _, file := range files {
		p, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Example {
			t.Errorf("%s is not marked as an example", file)
		}
		all[p.Name] = p
	}
	const (
		domestic, allowed         = landfallv1.Verdict_VERDICT_DOMESTIC, landfallv1.Verdict_VERDICT_ALLOWED
		restricted, indeterminate = landfallv1.Verdict_VERDICT_RESTRICTED, landfallv1.Verdict_VERDICT_INDETERMINATE
	)
	for _, c := range []struct {
		policy, vendor, place, at string
		verdict                   landfallv1.Verdict
	}{
		{"eu", "Xiaomi", "DE-HE", "2026-03-01", domestic},
		{"eu", "Xiaomi", "NO", "2026-03-01", domestic},
		{"eu", "Xiaomi", "CN-BJ", "2026-03-01", restricted},
		{"eu", "Xiaomi", "BR", "2026-01-26", restricted},
		{"eu", "Xiaomi", "BR", "2026-01-27", allowed},
		{"eu", "Xiaomi", "JP", "2019-01-22", restricted},
		{"eu", "Xiaomi", "JP", "2019-01-23", allowed},
		{"eu", "Xiaomi", "HR", "2013-06-30", restricted},
		{"eu", "Xiaomi", "HR", "2013-07-01", domestic},
		{"eu", "Xiaomi", "GB", "2020-12-31", domestic},
		{"eu", "Xiaomi", "GB", "2021-01-01", allowed},
		{"eu", "Xiaomi", "GB", "2031-12-27", restricted},
		{"eu", "Xiaomi", "US-OR", "2015-10-05", indeterminate},
		{"eu", "Xiaomi", "US-OR", "2015-10-06", restricted},
		{"eu", "Certified Example", "US-OR", "2015-10-05", allowed},
		{"eu", "Certified Example", "US-OR", "2015-10-06", restricted},
		{"eu", "Certified Example", "US-OR", "2020-07-15", allowed},
		{"eu", "Certified Example", "US-OR", "2020-07-16", restricted},
		{"eu", "Certified Example", "US-OR", "2023-07-10", allowed},
		{"india", "Xiaomi", "IN-KA", "2014-12-01", domestic},
		{"india", "Xiaomi", "CN-BJ", "2014-10-31", indeterminate},
		{"india", "Xiaomi", "CN-BJ", "2014-11-01", restricted},
		{"india", "Samsung", "CN-BJ", "2014-11-01", indeterminate},
		{"india", "Samsung", "SG", "2027-05-13T18:29:00Z", indeterminate},
		{"india", "Samsung", "SG", "2027-05-13T18:30:00Z", allowed},
		{"india", "Example Telecom", "SG", "2026-01-01", restricted},
		{"india", "Example Telecom", "IN", "2026-01-01", domestic},
		{"brazil", "Samsung", "BR-SP", "2026-01-01", domestic},
		{"brazil", "Samsung", "US", "2020-01-01", indeterminate},
		{"brazil", "Samsung", "US", "2024-08-23", restricted},
		{"brazil", "Samsung", "NO", "2026-01-26", restricted},
		{"brazil", "Samsung", "NO", "2026-01-27", allowed},
		{"brazil", "Samsung", "GB", "2026-01-27", restricted},
	} {
		where, ok := ParseWhere(c.place)
		if !ok {
			t.Fatalf("place %s", c.place)
		}
		p := all["example-"+c.policy+".yaml"]
		if _, v := p.Judge(c.vendor, where, day(c.at)); v != c.verdict {
			t.Errorf("%s: %s to %s on %s is %s, want %s: %+v", c.policy, c.vendor, c.place, c.at, VerdictName(v), VerdictName(c.verdict), p.Explain(c.vendor, where, day(c.at)).Rule)
		}
	}
}
