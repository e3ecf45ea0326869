package boards

import (
	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// Fields of tables by their display names, for hiding: the ends of intervals, codes beside their names.
const (
	interval  = ".*, (lower|upper) end"
	packets   = "Packets (up|down)"
	placeCode = "Place"
)

// traffic is the common part of what a dashboard asks of traffic.
func traffic(q panel.Query) panel.Query {
	q.Vendors, q.Sites, q.Places = filter("vendor"), filter("site"), filter("place")
	return q
}

func overview() Dashboard {
	const credit = "Places: IP geolocation by DB-IP (db-ip.com, CC BY 4.0), before it the ranges that cloud providers publish. " +
		"Which versions judged the figures of a panel stands in its inspector, under Meta data. " +
		"A figure from samples is an estimate: its 95 % interval is in the fields *lower* and *upper*."
	note := Panel{
		Type: "text", Title: "", GridPos: Grid{H: 2, W: 24, X: 0, Y: 34},
		FieldConfig: FieldConfig{Overrides: []Override{}}, Options: map[string]any{"mode": "markdown", "content": credit},
	}
	return dashboard(Overview, "residency overview",
		"Where the data of the network's handsets goes, how that changes, and how complete the figures are.", "now-90d",
		[]Variable{values("vendor", "Vendor", "vendor"), values("place", "Place", "place"), values("site", "Site", "site"), period()},
		stat("Uploaded", "Bytes from handsets to remote ends, scaled by the exporters' sampling.",
			traffic(panel.Query{Type: panel.TypeResidency, Bucket: "total", Intervals: "none"}), "lastNotNull", "").
			at(0, 0, 4, 4),
		stat("Share by verdict", "How the policy judges the uploaded bytes. None: no policy was in force.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByVerdict), Bucket: "total", Metric: "share", Intervals: "none"}), "lastNotNull", "").
			at(4, 0, 9, 4).to(Vendor),
		stat("Countries", "Countries with uploads.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByCountry), Bucket: "total", Format: "table"}), "count", "/^Flows$/").
			at(13, 0, 3, 4),
		bars("Counted of what exporters sent", "By the exporters' own sequence numbers. Below 99 % something is missing in every figure of this page; Pipeline and exporters says what.",
			panel.Query{Type: panel.TypeCompleteness, Sites: filter("site"), Bucket: "total"}).
			share().coloured("red", from("orange", 0.9), from("green", 0.99)).at(16, 0, 8, 4).to(Pipeline),
		lines("Share of uploads by place", "Each step is 100 %. A place is an ISO 3166-2 subdivision where it is known, else the country. Anycast and unknown addresses stay unknown.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByPlace), Bucket: "$period", Top: 9})).
			stacked().at(0, 4, 14, 12).to(Migration),
		worldMap().at(14, 4, 10, 12).to(Endpoints),
		rows("Top places", "All uploads and downloads of the time. What is not among the top is added up under other.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByPlace), Bucket: "total", Format: "table", Top: 20}),
			packets, "Bytes down, .*", placeCode).at(0, 16, 14, 9).to(Endpoints, Migration),
		lines("Completeness", "Share of the flows that exporters say they sent and that were counted. A gap: an exporter was silent.",
			panel.Query{Type: panel.TypeCompleteness, Sites: filter("site"), Bucket: "$period"}).
			below().share().at(14, 16, 10, 9).to(Pipeline),
		rows("Vendors", "By uploads. Randomised: the handset hid its maker's MAC address.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByVendor), Bucket: "total", Format: "table"}),
			packets, "Bytes down, .*").at(0, 25, 14, 9).to(Vendor, Exfiltration),
		lines("Uploads by verdict", "How the policy in force at each flow's own time judges it.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByVerdict), Bucket: "$period"})).
			below().at(14, 25, 10, 9),
		note,
	)
}

// worldMap colours countries by their share. The outlines are files of Grafana's own: no tile is loaded
// from anywhere. The last stop of its colours is at the largest share.
func worldMap() Panel {
	outlines := "public/maps/countries.geojson"
	p := newPanel("geomap", "Share of uploads by country", "Darker: a larger share. The map names a country; the table of places below names the part of it.",
		traffic(panel.Query{Type: panel.TypeMap, Metric: "share"}), map[string]any{
			"view": map[string]any{"id": "coords", "lat": 20, "lon": 20, "zoom": 1.2},
			"controls": map[string]any{
				"showZoom": true, "mouseWheelZoom": false, "showAttribution": false, "showScale": false, "showDebug": false,
			},
			"tooltip": map[string]any{"mode": "details"},
			"basemap": map[string]any{
				"type": "geojson", "name": "Outlines",
				"config": map[string]any{
					"src": outlines, "rules": []any{},
					"style": map[string]any{"color": map[string]any{"fixed": "text"}, "opacity": 0.1, "lineWidth": 1},
				},
			},
			"layers": []any{map[string]any{
				"type": "dynamic-geojson", "name": "Share", "tooltip": true,
				"config": map[string]any{
					"src": outlines, "idField": "country_alpha3", "rules": []any{},
					"style": map[string]any{
						"color": map[string]any{"field": "value", "fixed": "transparent"}, "opacity": 0.8, "lineWidth": 1,
					},
				},
			}},
		})
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "continuous-BlPu"}
	return p
}
