package show

import (
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

var week = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func names(code string) string {
	return map[string]string{"CN-BJ": "Beijing", "US-OR": "Oregon", "SG": "Singapore", "BR": "São Paulo", "JP": "日本"}[code]
}

// sampled are figures at one packet in a hundred.
func sampled(flows, up, down uint64) query.Figures {
	const n = 100
	i := func(total uint64) estimate.Interval {
		b := float64(total) * (n - 1)
		return estimate.Bytes(total, b*800, b, n, 1500)
	}
	return query.Figures{Flows: flows, BytesUp: up, BytesDown: down, BytesUpInterval: i(up), BytesDownInterval: i(down)}
}

func share(v float64) *float64 { return &v }

// answer has two weeks of a vendor; the second has places of few bytes.
func answer(by ...query.Dimension) query.ResidencyAnswer {
	a := query.ResidencyAnswer{Question: query.Residency{By: by, Bucket: query.BucketWeek}, UpperBoundOfZero: &query.UpperBound{Bytes: 550_000}}
	for i := range 2 {
		w := week.AddDate(0, 0, 7*i)
		row := func(vendor, place string, f query.Figures, share float64) {
			a.Rows = append(a.Rows, query.ResidencyRow{
				Bucket: w, Key: query.Key{Vendor: vendor, Place: place},
				Cell: query.Cell{Figures: f, ShareUp: share, ShareUpInterval: estimate.Interval{Low: share * 0.99, High: share * 1.01}},
			})
		}
		row("Xiaomi", "CN-BJ", sampled(31_234, uint64(85-30*i)*12345678, 999_499), 0.85)
		row("Xiaomi", "US-OR", sampled(2, uint64(10+20*i)*12345678, 0), 0.1)
		row("Xiaomi", "SG", sampled(1, uint64(5+10*i)*12345678, 77_000_000), 0.05)
		if i == 1 {
			for _, p := range []string{"FR", "GB", "JP", "BR"} {
				row("Xiaomi", p, sampled(1, 99_900, 0), 0)
			}
		}
		row(query.Other, query.Other, query.Figures{BytesUp: 1}, 0)
		info := query.BucketInfo{Bucket: w, LastChange: w.AddDate(0, 0, 9), Completeness: query.CompletenessSummary{
			Share: share(0.987), Counted: 987_000, Sent: 1_000_000, ExportersExpected: 5, ExportersHeard: 5,
		}}
		if i == 1 {
			info.Revision, info.Late = 2, true
			info.Completeness.ExportersSilent = 1
			info.Completeness.Silent = []query.SilentExporter{{Exporter: "192.0.2.7", Hours: 2, Since: w.Add(3 * time.Hour)}}
		}
		a.Buckets = append(a.Buckets, info)
	}
	a.DataSets = []query.DataSets{{Versions: "city 2.3.2026060513,asn 2.3.2026061719", Flows: 31_000}}
	return a
}

func endpoints() []query.EndpointRow {
	var rows []query.EndpointRow
	for i, r := range []struct {
		address, organization, place, country, provider, region string
		asn                                                     uint32
	}{
		{"198.51.100.7", "Beijing Baidu Netcom Science and Technology Co., Ltd.", "CN-BJ", "CN", "", "unknown", 55967},
		{"2001:db8:4711:23::8080", "AMAZON-02", "US-OR", "US", "aws", "us-west-2", 16509},
		{"203.0.113.99", "", "unknown", "", "", "", 0},
	} {
		a := netip.MustParseAddr(r.address)
		rows = append(rows, query.EndpointRow{
			Vendor: "Xiaomi", Address: a, Network: netip.PrefixFrom(a, 24).Masked(), ASN: r.asn, ASOrganization: r.organization,
			Place: r.place, Country: r.country, CloudProvider: r.provider, CloudRegion: r.region, Vendors: []string{"Xiaomi", "Samsung", "OPPO"},
			FirstSeen: week.Add(time.Duration(i) * 1234 * time.Minute), LastSeen: week.AddDate(0, 0, 6), Handsets: 1234, Endpoints: 17,
			Figures: sampled(712, 8_400_000_000/uint64(1+50*i), 91_000_000), Confidence: "single",
		})
	}
	return rows
}

func comparison() query.CompareAnswer {
	r := func(place string, before, after uint64, b, s float64) query.CompareRow {
		f, l := query.CompareSide{Cell: query.Cell{Figures: sampled(5, before, 0), ShareUp: b}}, query.CompareSide{Cell: query.Cell{Figures: sampled(5, after, 0), ShareUp: s}}
		row := query.CompareRow{Key: query.Key{Place: place}, Before: f, After: l, DifferenceUp: int64(after) - int64(before), Outside: after != before, DifferenceShareUp: s - b}
		if before > 0 {
			v := float64(after) / float64(before)
			row.RatioUp = &v
		}
		return row
	}
	a := query.CompareAnswer{
		Question: query.Compare{Question: query.Residency{By: []query.Dimension{query.ByPlace}}},
		Rows:     []query.CompareRow{r("CN-BJ", 35e9, 4.2e9, .853, .101), r("US-OR", 3.3e9, 21e9, .08, .521), r("SG", 0, 14e9, 0, .347), r("JP", 9e6, 9e6, .0002, .0002)},
	}
	w := answer(query.ByPlace)
	a.Rows[3].Before = query.CompareSide{Cell: query.Cell{Suppressed: true}}
	a.Before = query.ResidencyAnswer{Basis: query.Basis{Since: week, Until: week.AddDate(0, 0, 7)}, Buckets: w.Buckets[:1]}
	a.After = query.ResidencyAnswer{Basis: query.Basis{Since: week.AddDate(0, 0, 70), Until: week.AddDate(0, 0, 77)}, Buckets: w.Buckets[1:]}
	return a
}

func ledger() query.CompletenessAnswer {
	return query.CompletenessAnswer{
		Question: query.Completeness{Bucket: query.BucketDay},
		Rows: []query.ExporterCompleteness{
			{Bucket: week, Site: "berlin", Exporter: "192.0.2.1", ExportProtocol: "ipfix", Sent: 1_000_000, Counted: 987_000, Share: share(.987), Losses: []query.Loss{{What: "lost_flows", Amount: 13_400}, {What: "late_flows", Amount: 400}, {What: "template_missing", Amount: 12}}},
			{Bucket: week, Site: "berlin", Exporter: "2001:db8::77:1", ExportProtocol: "netflow_v9", Sent: 52_000, Counted: 52_000, Share: share(1), Estimated: true},
			{Bucket: week, Site: "berlin", Exporter: "192.0.2.7", SilentHours: 24, SilentSince: week},
		},
		Collectors: []query.CollectorLoss{{Bucket: week, Site: "berlin", Collector: "collector-0", Losses: []query.Loss{{What: "dropped_kernel", Amount: 77}}}},
		Buckets: []query.BucketCompleteness{{Bucket: week, CompletenessSummary: query.CompletenessSummary{
			Share: share(.98764), Counted: 1_039_000, Sent: 1_052_000, Estimated: true, ExportersExpected: 3, ExportersHeard: 2, ExportersSilent: 1,
			Silent: []query.SilentExporter{{Exporter: "192.0.2.7", Site: "berlin", Hours: 24, Since: week}},
		}}},
	}
}

func revisions() query.RevisionsAnswer {
	return query.RevisionsAnswer{Rows: []query.Revision{
		{Revision: 1, Since: week, Until: week.AddDate(0, 0, 7), State: "active", Changed: week.AddDate(0, 1, 0), DataSets: "city 2.3.2026060513,asn 2.3.2026061719", Note: "city table of June"},
		{Revision: 2, Since: week, Until: week.AddDate(0, 0, 1), State: "abandoned", Changed: week.AddDate(0, 2, 0)},
	}}
}

func flows() query.FlowsAnswer {
	f := query.FlowRow{
		Start: week.Add(90 * time.Minute), End: week.Add(90*time.Minute + 1250*time.Millisecond), Received: week.Add(2 * time.Hour), Operator: "north", Site: "oslo",
		Exporter: netip.MustParseAddr("192.0.2.7"), ExportProtocol: "ipfix", Side: "source", Handset: "0123456789abcdef", Vendor: "Xiaomi", VendorMethod: "oui",
		RemoteAddress: netip.MustParseAddr("203.0.113.9"), RemotePort: 443, IPProtocol: 6, DomainName: "api.example.net", DomainSource: "dns",
		Place: "CN-BJ", Country: "CN", CloudProvider: "aws", CloudRegion: "cn-north-1", ASN: 64500, ASOrganization: "Example Networks",
		PlaceMethod: "cloud_range", Confidence: "disputed", Alternatives: []string{"SG"}, Jurisdiction: "PRC", Verdict: "restricted", SamplingInterval: 100,
		DataSets: "city 2.3.1", Figures: sampled(1, 60_000, 600_000),
	}
	bare := query.FlowRow{
		Start: week, End: week, Exporter: netip.MustParseAddr("2001:db8::7"), Vendor: "unknown", IPProtocol: 47, Place: query.Unknown, Country: query.Unknown,
		Verdict: "none", SamplingInterval: 1, Figures: query.Figures{Flows: 1, BytesUp: 84},
	}
	a := query.FlowsAnswer{Rows: []query.FlowRow{f, bare}, More: true}
	a.Info.Completeness = answer().Buckets[0].Completeness
	return a
}

func events() query.EventsAnswer {
	return query.EventsAnswer{Rows: []query.Event{
		{Kind: query.EventDataSet, Time: week, Title: "Data set city 2.3.2", Text: "Flows are judged by version 2.3.2 of the data set city, no longer by 2.3.1, from 2026-03-02 00:00 UTC. Sites: oslo.", Tags: []string{"data_set", "city"}},
		{Kind: query.EventOutage, Time: week.Add(time.Hour), End: week.Add(5 * time.Hour), Title: "Exporter 192.0.2.7 silent", Text: "Nothing came from 192.0.2.7 (oslo) for 4 h, from 2026-03-02 01:00 to 2026-03-02 05:00 UTC.", Tags: []string{"outage", "oslo", "192.0.2.7"}},
		{Kind: query.EventOutage, Time: week.Add(7 * time.Hour), End: week.Add(9 * time.Hour), Ongoing: true, Title: "Exporter 192.0.2.8 silent", Text: "Nothing came from 192.0.2.8.", Tags: []string{"outage"}},
	}}
}

func values() query.ValuesAnswer {
	return query.ValuesAnswer{More: true, Rows: []query.Value{{Value: "CN-BJ", Text: "Beijing", BytesUp: 5e12}, {Value: "unknown", Text: "unknown", BytesUp: 7}}}
}

func overtakes() []query.Overtake {
	return []query.Overtake{
		{Ahead: query.Key{Place: "US-OR"}, Behind: query.Key{Place: "CN-BJ"}, Since: week, Certain: week.AddDate(0, 0, 7), AheadShare: .52, BehindShare: .1},
		{Ahead: query.Key{Place: "SG"}, Behind: query.Key{Place: "CN-BJ"}, Since: week, AheadShare: .35, BehindShare: .1},
	}
}
