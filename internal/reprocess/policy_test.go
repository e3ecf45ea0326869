package reprocess_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// dated changes on Tuesday at 10:30, in the middle of an hour.
const dated = `version: "7"
home: [SG]
jurisdictions:
  - {name: EU, places: [DE], reference: GDPR}
rules:
  - {vendor: any, jurisdiction: [EU, US], until: "2026-09-08T10:30:00Z", verdict: allowed, reference: a}
  - {vendor: any, jurisdiction: US, from: "2026-09-08T10:30:00Z", verdict: restricted, reference: b}
  - {vendor: Xiaomi, jurisdiction: CN, verdict: restricted, reference: c}
`

// TestPolicy: every flow has the jurisdiction and the verdict of its own start, at every level.
func TestPolicy(t *testing.T) {
	r := newRig(t)
	const days = 2
	fs := r.insert(900, monday, days, first, time.Now().Add(-time.Hour))
	p, err := policy.Parse("dated.yaml", []byte(dated))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{}
	changed := map[string]bool{}
	for i := range fs {
		f := &fs[i]
		country, jurisdiction, verdict := f.Country, f.Jurisdiction, f.Verdict // without an address it stays
		if f.Remote != "::" {
			country = second.country(netip.MustParseAddr(f.Remote))
			jurisdiction, verdict = p.Judge(f.Vendor, policy.Where{Country: country}, f.Start)
			changed[fmt.Sprint(jurisdiction, verdict)] = true
		}
		name := policy.VerdictName(verdict)
		if verdict == landfallv1.Verdict_VERDICT_UNSPECIFIED {
			name = "none"
		}
		want[fmt.Sprint(country, "/", jurisdiction, "/", name)] += f.OctetsUp * uint64(f.SamplingInterval)
	}
	if len(changed) < 6 {
		t.Fatalf("the flows meet only %v", changed)
	}
	o := r.options(second, days)
	o.Policy = p
	result := r.run(o)
	for _, table := range []string{"residency_minute", "residency_hour", "residency_day", "place_day", "destination_day"} {
		rows, err := r.conn.Query(t.Context(), "SELECT concat(country_code, '/', jurisdiction, '/', verdict) AS k, sum(bytes_up) FROM "+table+" WHERE revision = $1 GROUP BY k", result.Revision)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]uint64{}
		for rows.Next() {
			var key string
			var bytes uint64
			if err := rows.Scan(&key, &bytes); err != nil {
				t.Fatal(err)
			}
			got[key] = bytes
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", table, d)
		}
	}
	if d := cmp.Diff([]string{"asn 2, city 2, policy 7"}, result.NewDataSets); d != "" {
		t.Error(d)
	}
	r.audit()
}
