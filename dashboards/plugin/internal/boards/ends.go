package boards

import (
	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

func endpoints() Dashboard {
	of := func(q panel.Query) panel.Query {
		q = traffic(q)
		q.Networks = filter("network")
		return q
	}
	return dashboard(Endpoints, "endpoint explorer",
		"The remote ends that handsets are in contact with, down to single flows.", "now-7d",
		[]Variable{
			values("vendor", "Vendor", "vendor"), values("place", "Place", "place"), values("site", "Site", "site"),
			text("network", "Network", "An address or a prefix, 192.0.2.0/24. Empty: all", ""),
			choice("order", "Order", "bytes_up", "bytes_down", "one_way", "handsets", "first_seen"),
		},
		rows("Endpoints", "A click on a figure leads to its flows. Handsets: pseudonyms change every week, over several weeks a handset counts once in each.",
			of(panel.Query{Type: panel.TypeEndpoints, Order: "$order", Top: 100}),
			interval, packets, "Other places", "Place", "Country", "Network").at(0, 0, 24, 12),
		rows("By network", "The autonomous systems that announce them.",
			of(panel.Query{Type: panel.TypeEndpoints, Unit: query.UnitASN, Order: "$order", Top: 50}), interval, packets).
			at(0, 12, 12, 9),
		rows("By country", "Where they are, as far as the place is known.",
			of(panel.Query{Type: panel.TypeEndpoints, Unit: query.UnitCountry, Order: "$order", Top: 50}), interval, packets, "Country").
			at(12, 12, 12, 9),
		rows("Flows", "The newest, as long as single flows are kept (14 days, if the configuration does not say otherwise).",
			of(panel.Query{Type: panel.TypeFlows, Top: 100}), packets, "Data sets", "City", "Place by", "Name by", "Vendor by", "Operator", "Place", "Country").
			at(0, 21, 24, 12),
	)
}

func newEndpoints() Dashboard {
	of := func(q panel.Query) panel.Query {
		q.Type, q.Vendors, q.Sites = panel.TypeNewEndpoints, filter("vendor"), filter("site")
		q.Filters = []panel.AdHoc{{Key: "country", Operator: "!=", Value: "$home"}}
		return q
	}
	return dashboard(NewEndpoints, "new foreign endpoints",
		"What handsets were in contact with for the first time, abroad.", "now-24h",
		[]Variable{
			values("vendor", "Vendor", "vendor"), values("site", "Site", "site"),
			text("home", "Home country", "ISO 3166-1 code of what is not foreign. Empty: everything is shown", ""),
		},
		stat("New addresses", "Remote addresses that nobody's handsets had contacted before; 10,000 at most are counted.",
			of(panel.Query{Top: 10_000}), "count", "/^Flows$/").at(0, 0, 6, 4),
		stat("New networks", "Autonomous systems, likewise.",
			of(panel.Query{Unit: query.UnitASN, Top: 10_000}), "count", "/^Flows$/").at(6, 0, 6, 4),
		stat("New places", "Countries and subdivisions, likewise.",
			of(panel.Query{Unit: query.UnitPlace, Top: 1000}), "count", "/^Flows$/").at(12, 0, 6, 4),
		stat("New countries for a vendor", "Pairs of a vendor and a country that its handsets had not contacted before.",
			of(panel.Query{Unit: query.UnitCountry, EachVendor: true, Top: 1000}), "count", "/^Flows$/").at(18, 0, 6, 4),
		rows("New countries for a vendor", "With the first contact ever. The alert rule of this name watches the same.",
			of(panel.Query{Unit: query.UnitCountry, EachVendor: true, Order: "first_seen", Top: 100}), interval, packets, "Country", "Vendors").
			at(0, 4, 12, 9).to(Vendor),
		rows("New networks", "Autonomous systems that nobody's handsets had contacted before.",
			of(panel.Query{Unit: query.UnitASN, Order: "first_seen", Top: 100}), interval, packets).
			at(12, 4, 12, 9).to(Endpoints),
		rows("New addresses, live", "The newest first; while the panel is open, new ones come in by themselves.",
			of(panel.Query{Order: "first_seen", Top: 100, Live: true}), interval, packets, "Other places", "Place", "Country", "Network").
			at(0, 13, 24, 12).to(Endpoints),
	)
}

func pipeline() Dashboard {
	of := func(q panel.Query) panel.Query {
		q.Type, q.Sites, q.Exporters = panel.TypeCompleteness, filter("site"), filter("exporter")
		return q
	}
	return dashboard(Pipeline, "pipeline and exporters",
		"Whether the figures are whole: what each exporter says it sent, what was counted, who is silent, and what the rest was.", "now-24h",
		[]Variable{values("site", "Site", "site"), values("exporter", "Exporter", "exporter"), choice("period", "Step", "hour", "day", "week")},
		bars("Counted", "Of the flows that the exporter says it sent, by its own sequence numbers.",
			of(panel.Query{Bucket: "total"})).share().coloured("red", from("orange", 0.9), from("green", 0.99)).at(0, 0, 12, 7),
		bars("Silent hours", "Whole hours without a datagram, of exporters that had sent something in the seven days before.",
			of(panel.Query{Bucket: "total", Metric: "silent_hours"})).coloured("green", from("orange", 1), from("red", 6)).at(12, 0, 12, 7),
		lines("Counted over time", "A gap: nothing came in, and nothing is known.",
			of(panel.Query{Bucket: "$period"})).share().at(0, 7, 24, 9),
		rows("Ledger", "By exporter and protocol: what was sent and counted, and each kind of what was not. docs/operating.md says what each kind means and what to do.",
			of(panel.Query{Bucket: "total", Format: "table"})).at(0, 16, 24, 9),
		rows("Flows by exporter's site", "Everything that was counted, also without a handset on either side.",
			panel.Query{Type: panel.TypeResidency, By: by(query.BySite, query.ByOperator), Sites: filter("site"), Bucket: "total", Format: "table", Sides: []string{"source", "destination", "both", "none"}},
			interval, "Share .*").at(0, 25, 12, 9),
		rows("Events", "Changes of data sets and policies, and silences of exporters.",
			panel.Query{Type: panel.TypeAnnotations, Sites: filter("site"), Format: "table"}, "Id", "Tags").at(12, 25, 12, 9),
		stat("Newest flow's data sets", "The versions of the data sets that judged the newest flow. Empty: no flow came in within the time shown.",
			panel.Query{Type: panel.TypeFlows, Sites: filter("site"), Top: 1}, "lastNotNull", "/^Data sets$/").
			at(0, 34, 24, 4),
	)
}
