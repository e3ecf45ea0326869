package query_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/query"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// told is what a test compares of a flow.
type told struct {
	Start                 time.Time
	Vendor, Remote, Place string
	Up, Down              uint64
}

func tell(rows []query.FlowRow) (all []told) {
	for _, r := range rows {
		all = append(all, told{r.Start, r.Vendor, r.RemoteAddress.String(), r.Place, r.BytesUp, r.BytesDown})
	}
	return all
}

// Flows are those of the time and the filters, in the order asked for, whatever day they came in on.
func TestFlowsAreThoseThatWereInserted(t *testing.T) {
	db, config := flowstest.Start(t)
	c := query.New(db.Conn(t), db.Database, query.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	var all []flowstest.Flow
	for i, late := range []time.Duration{0, 26 * time.Hour, 9 * 24 * time.Hour} {
		fs := flowstest.Random(r, 600, monday, monday.Add(20*time.Hour))
		flowstest.InsertPlanned(t, config, []string{"a", "b", "c"}[i], monday.Add(20*time.Hour+late), nil, fs...)
		all = append(all, fs...)
	}
	since, until := monday.Add(3*time.Hour), monday.Add(11*time.Hour)
	place := func(f *flowstest.Flow) string { return cmp.Or(f.Subdivision, f.Country, query.Unknown) }
	network := netip.MustParsePrefix("198.51.2.0/24")
	for name, test := range map[string]struct {
		q    query.Flows
		keep func(f *flowstest.Flow) bool
		by   func(f *flowstest.Flow) uint64
	}{
		"newest": {query.Flows{}, func(*flowstest.Flow) bool { return true }, func(*flowstest.Flow) uint64 { return 0 }},
		"most up of a vendor": {
			query.Flows{Filter: query.Filter{Vendors: []string{"Xiaomi"}}, Order: query.FlowsBytesUp},
			func(f *flowstest.Flow) bool { return f.Vendor == "Xiaomi" },
			func(f *flowstest.Flow) uint64 { return f.OctetsUp * uint64(f.SamplingInterval) },
		},
		"most down in a network": {
			query.Flows{Filter: query.Filter{Networks: []netip.Prefix{network}, Countries: []string{"CN", query.Unknown}}, Order: query.FlowsBytesDown, Top: 7},
			func(f *flowstest.Flow) bool {
				return network.Contains(netip.MustParseAddr(f.Remote)) && (f.Country == "CN" || f.Country == "")
			},
			func(f *flowstest.Flow) uint64 { return f.OctetsDown * uint64(f.SamplingInterval) },
		},
		"by conditions": {
			query.Flows{Filter: query.Filter{Where: []query.Condition{
				{Dimension: query.ByVerdict, Values: []string{"restricted"}}, {Dimension: query.ByPlace, Match: "US-.*", Not: true},
			}}, Sides: []string{"source"}, Top: 40},
			func(f *flowstest.Flow) bool {
				return f.Verdict == landfallv1.Verdict_VERDICT_RESTRICTED && !strings.HasPrefix(place(f), "US-") && f.Side == landfallv1.HandsetSide_HANDSET_SIDE_SOURCE
			},
			func(*flowstest.Flow) uint64 { return 0 },
		},
		"of no exporter": {query.Flows{Exporters: []string{"192.0.2.77"}}, func(*flowstest.Flow) bool { return false }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := test.q
			q.Since, q.Until = since, until
			a, err := c.Flows(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			var want []flowstest.Flow
			for i := range all {
				if f := &all[i]; !f.Start.Before(since) && f.Start.Before(until) && test.keep(f) {
					want = append(want, *f)
				}
			}
			slices.SortFunc(want, func(x, y flowstest.Flow) int {
				return cmp.Or(cmp.Compare(test.by(&y), test.by(&x)), y.Start.Compare(x.Start))
			})
			top := cmp.Or(q.Top, 100)
			if got, more := a.More, len(want) > top; got != more {
				t.Errorf("more is %v, want %v of %d flows", got, more, len(want))
			}
			var listed []told
			for _, f := range want[:min(top, len(want))] {
				n := uint64(f.SamplingInterval)
				listed = append(listed, told{f.Start, f.Vendor, f.Remote, place(&f), f.OctetsUp * n, f.OctetsDown * n})
			}
			if name != "of no exporter" && len(listed) < 5 {
				t.Errorf("%d flows: the test says nothing", len(listed))
			}
			if diff := gocmp.Diff(listed, tell(a.Rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(a.Warnings) > 0 {
				t.Errorf("warns: %q", a.Warnings)
			}
		})
	}
}

// A flow stands with all that is known of it, and with the interval of its own sampling.
func TestFlowRow(t *testing.T) {
	f := flow(monday.Add(time.Hour+250*time.Millisecond), "Xiaomi", "CN", "CN-BJ", 600)
	f.Subscriber, f.Alternatives, f.Confidence, f.Jurisdiction = 0xabc, "CN-SH|SG", "disputed", "PRC"
	f.Verdict, f.HostName, f.HostSource = landfallv1.Verdict_VERDICT_RESTRICTED, "api.example.net", landfallv1.DomainSource_DOMAIN_SOURCE_DNS
	f.CloudProvider, f.CloudName, f.ApplicationName, f.SamplingInterval = "aws", "cn-north-1", "tls", 100
	bare := flow(monday.Add(2*time.Hour), "Apple", "", "", 1)
	bare.Remote = "::"
	c := start(t, f, bare)
	a, err := c.Flows(t.Context(), query.Flows{Since: monday, Until: monday.AddDate(0, 0, 1)})
	if err != nil || len(a.Rows) != 2 {
		t.Fatal(err, a.Rows)
	}
	a.Name(func(code string) string { return "the " + code })
	got := a.Rows[1]
	if low, high := got.BytesUpInterval.Low, got.BytesUpInterval.High; low >= 60_000 || high <= 60_000 {
		t.Errorf("the interval of 60 kB from one packet in 100 is %g to %g", low, high)
	}
	figures := got.Figures
	got.Figures, got.Received = query.Figures{}, time.Time{}
	want := query.FlowRow{
		Start: f.Start, End: f.Start.Add(250 * time.Millisecond), Operator: "test", Site: "test", Exporter: netip.MustParseAddr("192.0.2.1"),
		ExportProtocol: "ipfix", Side: "source", Handset: "0000000000000abc", Vendor: "Xiaomi", VendorMethod: "oui",
		RemoteAddress: netip.MustParseAddr("198.51.100.0"), RemotePort: 443, IPProtocol: 6, DomainName: "api.example.net", DomainSource: "dns",
		Application: "tls", Place: "CN-BJ", PlaceName: "the CN-BJ", Country: "CN", CountryName: "the CN", CloudProvider: "aws", CloudRegion: "cn-north-1",
		ASN: 64500, ASOrganization: "Example", PlaceMethod: "city_db", Confidence: "disputed", Alternatives: []string{"CN-SH", "SG"},
		Jurisdiction: "PRC", Verdict: "restricted", SamplingInterval: 100, DataSets: flowstest.DataSets,
	}
	if diff := gocmp.Diff(want, got, gocmp.Comparer(func(x, y netip.Addr) bool { return x == y })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if figures.Flows != 1 || figures.BytesUp != 60_000 || figures.BytesDown != 600_000 || figures.PacketsUp != 100 || figures.PacketsDown != 200 {
		t.Errorf("got %+v", figures)
	}
	if r := a.Rows[0]; r.RemoteAddress.IsValid() || r.Handset != "" || r.Place != query.Unknown || r.Jurisdiction != query.Unknown || len(r.Alternatives) > 0 || !r.BytesUpInterval.Exact() {
		t.Errorf("of a flow of which little is known: %+v", r)
	}
	if len(a.DataSets) != 1 || a.DataSets[0].Versions != flowstest.DataSets {
		t.Errorf("data sets are %+v", a.DataSets)
	}
}

// The interval of one flow is that of a figure that is made of it alone.
func TestFlowIntervalIsThatOfItsFigure(t *testing.T) {
	f := flow(monday, "Xiaomi", "CN", "CN-BJ", 4321)
	f.PacketsUp, f.PacketsDown, f.SamplingInterval = 7, 41, 1000
	c := start(t, f)
	a, err := c.Flows(t.Context(), query.Flows{Since: monday, Until: monday.Add(time.Minute)})
	if err != nil || len(a.Rows) != 1 {
		t.Fatal(err, a.Rows)
	}
	if diff := gocmp.Diff(ask(t, c, query.Residency{}).Rows[0].Figures, a.Rows[0].Figures); diff != "" {
		t.Errorf("(-figure +flow):\n%s", diff)
	}
}

// What the table of flows has forgotten is said.
func TestFlowsForgotten(t *testing.T) {
	db, config := flowstest.Start(t)
	conn := db.Conn(t)
	c := query.New(conn, db.Database, query.Options{})
	for i := range 5 {
		at := monday.AddDate(0, 0, i)
		flowstest.InsertPlanned(t, config, at.Format(time.DateOnly), at.Add(time.Hour), nil, flow(at, "Xiaomi", "CN", "CN-BJ", uint64(1+i)))
	}
	asked := query.Flows{Since: monday, Until: monday.AddDate(0, 0, 5)}
	for dropped, want := range []string{"", "on 2026-03-03", "on 2026-03-04", "on 2026-03-05", "on 2026-03-06", "no longer kept"} {
		if dropped > 0 {
			exec(t, conn, "ALTER TABLE flows DROP PARTITION '"+monday.AddDate(0, 0, dropped-1).Format(time.DateOnly)+"'")
		}
		a, err := c.Flows(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Rows) != 5-dropped {
			t.Errorf("%d dropped: %d flows", dropped, len(a.Rows))
		}
		if text := strings.Join(a.Warnings, "\n"); (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("%d dropped: warns %q, want %q", dropped, text, want)
		}
	}
}

// Days of arrival that have none of the flows are not read.
func TestFlowsReadOnlyDaysThatHaveThem(t *testing.T) {
	db, config := flowstest.Start(t)
	c := query.New(db.Conn(t), db.Database, query.Options{Caps: query.Caps{RowsToRead: 700}})
	for i := range 10 {
		at := monday.AddDate(0, 0, i)
		flowstest.InsertPlanned(t, config, at.Format(time.DateOnly), at.Add(time.Hour), nil, flowstest.Random(rand.New(rand.NewPCG(1, uint64(i))), 500, at, at.Add(time.Hour))...)
	}
	if _, err := c.Flows(t.Context(), query.Flows{Since: monday.AddDate(0, 0, 4), Until: monday.AddDate(0, 0, 5)}); err != nil {
		t.Errorf("one day in ten: %v", err)
	}
	if _, err := c.Flows(t.Context(), query.Flows{Since: monday, Until: monday.AddDate(0, 0, 10)}); err == nil {
		t.Error("all days: the cap of 700 rows did not hold, so that the test says nothing")
	}
}

func TestFlowFaults(t *testing.T) {
	c := query.New(nil, "x", query.Options{})
	_, err := c.Flows(context.Background(), query.Flows{
		Filter:    query.Filter{Networks: make([]netip.Prefix, 1), Where: []query.Condition{{Dimension: "moon", Values: []string{"x"}}}},
		Exporters: []string{"router"}, Sides: []string{"left"}, Order: "size", Top: query.MaxFlows + 1,
	})
	var invalid *query.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"not a prefix", `"moon"`, `"router"`, `"left"`, `"size"`, "10001", "since is missing", "until is missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in: %v", want, err)
		}
	}
}
