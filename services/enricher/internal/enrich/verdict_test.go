package enrich

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

// ruled is tables with places and a policy.
func ruled(t testing.TB, version, text, overrides string) *Tables {
	t.Helper()
	tt := tables(t)
	file := filepath.Join(t.TempDir(), "overrides.csv")
	head := "prefix,country,subdivision,city,cloud_provider,cloud_region,confidence,note,reference\n"
	if err := os.WriteFile(file, []byte(head+overrides), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if tt.Places, err = geo.Open(geo.Files{Overrides: file}); err != nil {
		t.Fatal(err)
	}
	if tt.Policy, err = policy.Parse("test.yaml", []byte("version: \""+version+"\"\n"+text)); err != nil {
		t.Fatal(err)
	}
	tt.Versions = []*landfallv1.DataSetVersion{{Name: "policy", Version: version}}
	return tt
}

const (
	rules = `home: [IN]
jurisdictions:
  - {name: EU, places: [DE], reference: r}
rules:
  - {vendor: any, jurisdiction: EU, verdict: allowed, reference: r}
  - {vendor: any, jurisdiction: CN, from: 2020-01-01, verdict: restricted, reference: r}
  - {vendor: Xiaomi, jurisdiction: SG, verdict: restricted, reference: r}
  - {vendor: any, jurisdiction: SG, verdict: allowed, reference: r}
`
	overrides = `1.0.1.0/24,CN,CN-BJ,,,,,,
1.0.2.0/24,DE,,,,,,,
1.0.3.0/24,IN,IN-KA,,,,,,
1.0.4.0/24,SG,,,,,,,
1.0.5.0/24,CN,CN-BJ,,,,published,,
`
)

func ms(date string) int64 {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return at.UnixMilli()
}

// flowTo is a flow of a handset, Xiaomi's if its number is 1, that began on a day.
func flowTo(handset int, remote, day, domain string, source landfallv1.DomainSource) flow.Record {
	r := record(fmt.Sprint("100.64.", 8+handset, ".1"), remote)
	r.StartMs, r.DomainName, r.DomainSource = ms(day), domain, source
	return r
}

// said is what is written of each flow: place, alternatives, confidence, jurisdiction, verdict, set.
func said(b *landfallv1.EnrichedBatch) []string {
	var out []string
	for i := range int(b.Count) {
		p := b.Places[b.Place[i]]
		code := p.SubdivisionCode
		if code == "" {
			code = p.CountryCode
		}
		verdict, set := landfallv1.Verdict_VERDICT_UNSPECIFIED, uint32(0)
		if len(b.Verdict) > 0 {
			verdict = landfallv1.Verdict(b.Verdict[i])
		}
		if len(b.DataSet) > 0 {
			set = b.DataSet[i]
		}
		out = append(out, fmt.Sprintf("%s [%s] %s %q %s %d", code, strings.Join(p.Alternatives, "|"), p.Confidence, p.Jurisdiction, policy.VerdictName(verdict), set))
	}
	return out
}

// TestVerdicts: each verdict, each way that a name can matter.
func TestVerdicts(t *testing.T) {
	const exporter, dns, ambiguous = landfallv1.DomainSource_DOMAIN_SOURCE_EXPORTER, landfallv1.DomainSource_DOMAIN_SOURCE_DNS, landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS
	var records []flow.Record
	var want []string
	add := func(w string, r flow.Record) { records, want = append(records, r), append(want, w) }
	add(`CN-BJ [] single "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", "", 0))
	add(`CN-BJ [] single "CN" indeterminate 0`, flowTo(0, "1.0.1.1", "2019-12-31", "", 0))
	add(`DE [] single "EU" allowed 0`, flowTo(0, "1.0.2.1", "2026-01-01", "", 0))
	add(`IN-KA [] single "IN" domestic 0`, flowTo(0, "1.0.3.1", "2026-01-01", "", 0))
	add(`SG [] single "SG" allowed 0`, flowTo(0, "1.0.4.1", "2026-01-01", "", 0))
	add(`SG [] single "SG" restricted 0`, flowTo(1, "1.0.4.1", "2026-01-01", "", 0))
	add(` [] indeterminate "" indeterminate 0`, flowTo(0, "9.9.9.9", "2026-01-01", "", 0))
	add(` [] indeterminate "" indeterminate 0`, flowTo(0, "192.168.1.1", "2026-01-01", beijingName, dns))
	add(`CN-BJ [] agreed "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", beijingName, dns))
	add(`CN-BJ [] agreed "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", "other."+beijingName, exporter))
	add(`CN-BJ [] single "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", beijingName, ambiguous))
	add(`CN-BJ [] single "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", "www.example.net", dns))
	add(`CN-BJ [US-OR] disputed "" indeterminate 0`, flowTo(0, "1.0.1.1", "2026-01-01", oregonName, dns))
	add(`DE [CN-BJ] disputed "" indeterminate 0`, flowTo(0, "1.0.2.1", "2026-01-01", beijingName, exporter))
	add(`DE [CN-BJ] disputed "" indeterminate 0`, flowTo(1, "1.0.2.1", "2019-12-31", beijingName, exporter))
	add(`CN-BJ [] published "CN" restricted 0`, flowTo(0, "1.0.5.1", "2026-01-01", oregonName, dns))
	add(`CN-BJ [] single "CN" restricted 0`, flowTo(0, "1.0.1.1", "2026-01-01", "", 0))
	e, in := hinting(), batch(records...)
	for range 2 { // the second time into the same memory
		out, _ := e.Enrich(in, &landfallv1.Source{}, always(ruled(t, "1", rules, overrides)))
		if d := cmp.Diff(want, said(out)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		if len(out.DataSet) != 0 || len(out.OlderDataSets) != 0 {
			t.Errorf("one era, and %v %v", out.DataSet, out.OlderDataSets)
		}
		if len(out.DomainSource) != len(records) || out.DomainSource[8] != uint32(dns) {
			t.Errorf("the source of the names: %v", out.DomainSource)
		}
	}
	without, _ := New(pseudonym.Key{}).Enrich(in, &landfallv1.Source{}, always(tables(t)))
	if len(without.Verdict) != 0 {
		t.Errorf("verdicts without a policy: %v", without.Verdict)
	}
}

// hinting is an enricher that knows two names, whatever the rules for names are.
func hinting() *Enricher {
	e := New(pseudonym.Key{})
	e.nameHint = func(name string) policy.Where {
		switch {
		case strings.HasSuffix(name, beijingName):
			return policy.Where{Country: "CN", Subdivision: "CN-BJ"}
		case name == oregonName:
			return policy.Where{Country: "US", Subdivision: "US-OR", Provider: "aws", Region: "us-west-2"}
		}
		return policy.Where{}
	}
	return e
}

const (
	beijingName = "api.cnbj1.example.net"
	oregonName  = "s3.us-west-2.amazonaws.com"
)

// TestDataSetsOfTheirDay: a flow is judged by the tables of its own start, and says so.
func TestDataSetsOfTheirDay(t *testing.T) {
	old := ruled(t, "old", "default: restricted\nrules: []\n", "1.0.1.0/24,CN,CN-BJ,,,,,,\n")
	old.UntilMs = ms("2026-01-01")
	middle := ruled(t, "middle", "default: allowed\nrules: []\n", "1.0.1.0/24,SG,,,,,,,\n")
	middle.SinceMs, middle.UntilMs = ms("2026-01-01"), ms("2026-02-01")
	now := ruled(t, "now", rules, "1.0.1.0/24,DE,,,,,,,\n")
	now.SinceMs = ms("2026-02-01")
	asked := 0
	at := func(startMs int64) *Tables {
		asked++
		for _, era := range []*Tables{old, middle} {
			if startMs < era.UntilMs {
				return era
			}
		}
		return now
	}
	var records []flow.Record
	for _, day := range []string{"2026-03-01", "2025-12-31", "2026-02-01", "2026-01-31", "2026-01-01", "1999-01-01", "2026-03-02"} {
		records = append(records, flowTo(0, "1.0.1.1", day, "", 0))
	}
	e := New(pseudonym.Key{})
	for round := range 3 {
		asked = 0
		out, _ := e.Enrich(batch(records...), &landfallv1.Source{}, at)
		const isNow, isOld, isMiddle = `DE [] single "EU" allowed 0`, `CN-BJ [] single "CN" restricted 1`, `SG [] single "SG" allowed 2`
		if d := cmp.Diff([]string{isNow, isOld, isNow, isMiddle, isMiddle, isOld, isNow}, said(out)); d != "" {
			t.Errorf("round %d (-want +got):\n%s", round, d)
		}
		if asked != 3 {
			t.Errorf("the tables were asked for %d times", asked)
		}
		if len(out.DataSets) != 1 || out.DataSets[0].Version != "now" || len(out.OlderDataSets) != 2 ||
			out.OlderDataSets[0].Sets[0].Version != "old" || out.OlderDataSets[1].Sets[0].Version != "middle" {
			t.Errorf("data sets %v, older %v", out.DataSets, out.OlderDataSets)
		}
		if now.Versions[0].Version != "now" || old.Versions[0].Version != "old" {
			t.Fatal("the tables' own versions were emptied")
		}
		// A batch without flows names what is in force now.
		empty := batch()
		empty.Stamp(&landfallv1.Origin{Collector: "c"}, "", "", ms("2026-01-15"))
		if out, _ = e.Enrich(empty, &landfallv1.Source{}, at); out.DataSets[0].Version != "middle" {
			t.Errorf("without flows: %v", out.DataSets)
		}
	}
}

// many is a batch of n flows to three places in two epochs, with names.
func many(n int) *flow.Batch {
	var records []flow.Record
	for i := range n {
		name := ""
		if i%2 == 0 {
			name = []string{beijingName, oregonName, "www.example.net"}[i%3]
		}
		r := flowTo(i%2, fmt.Sprint("1.0.", 1+i%3, ".1"), []string{"2026-01-01", "2019-01-01"}[i/8%2], name, landfallv1.DomainSource_DOMAIN_SOURCE_DNS)
		r.SourceAddress = netip.AddrFrom4([4]byte{100, 64, byte(8 + i%2), byte(i)})
		records = append(records, r)
	}
	return batch(records...)
}

// TestAllocations: what is allocated is for the dictionaries of a batch, however many flows it has.
func TestAllocations(t *testing.T) {
	e, at := hinting(), always(ruled(t, "1", rules, overrides))
	source := &landfallv1.Source{}
	of := func(n int) float64 {
		in := many(n)
		return testing.AllocsPerRun(20, func() { e.Enrich(in, source, at) })
	}
	few, lots := of(200), of(4000)
	if lots > few {
		t.Errorf("%v allocations for 200 flows, %v for 4000", few, lots)
	}
}

func BenchmarkEnrichWithPolicy(b *testing.B) {
	const flows = 4096
	in, e, at, source := many(flows), hinting(), always(ruled(b, "1", rules, overrides)), &landfallv1.Source{}
	b.ReportAllocs()
	for b.Loop() {
		e.Enrich(in, source, at)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
}
