package boards

import (
	"time"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
	"github.com/landfall-telemetry/landfall/internal/query"
)

func migration() Dashboard {
	return dashboard(Migration, "migration",
		"Whether a vendor's data moved from one place to another, and since when: two or three places against each other.", "now-180d",
		[]Variable{
			values("vendor", "Vendor", "vendor"), values("place", "Places", "place").chosen("CN-BJ", "US-OR", "SG"),
			values("site", "Site", "site"), choice("period", "Step", "week", "day"),
		},
		rows("Overtakes", "Since the date in Since, the one ahead has received more uploads than the one behind in every step; since Certain since also by more than sampling explains. Empty: none of the chosen places got ahead of another for good.",
			traffic(panel.Query{Type: panel.TypeOvertakes, By: by(query.ByPlace), Bucket: "$period"})).
			at(0, 0, 24, 6),
		lines("Uploads of the chosen places", "With the 95 % interval of what was sampled as a band.",
			traffic(panel.Query{Type: panel.TypeResidency, By: by(query.ByPlace), Bucket: "$period", Intervals: "band"})).
			at(0, 6, 24, 11).to(Endpoints),
		lines("Share of all uploads, by place", "Of everything that the chosen vendors upload, also to places that are not chosen. Each step is 100 %.",
			panel.Query{Type: panel.TypeResidency, Vendors: filter("vendor"), Sites: filter("site"), By: by(query.ByPlace), Bucket: "$period", Top: 7}).
			stacked().at(0, 17, 14, 11),
		rows("Shifts of share against the time before", "The time shown against as much time before it. Share outside: sampling does not explain the shift.",
			panel.Query{Type: panel.TypeShifts, Vendors: filter("vendor"), Sites: filter("site"), By: by(query.ByPlace), Top: 15},
			interval, placeCode, "Bytes up (before|after)", "Difference", "Ratio", "Outside").
			at(14, 17, 10, 11),
	)
}

func vendor() Dashboard {
	of := func(q panel.Query) panel.Query {
		q.Vendors, q.Sites = filter("vendor"), filter("site")
		return q
	}
	return dashboard(Vendor, "vendor",
		"All that there is to say of one vendor's handsets, or of some vendors': where to, through whose networks, under which law.", "now-30d",
		[]Variable{values("vendor", "Vendor", "vendor"), values("site", "Site", "site"), period()},
		stat("Uploaded", "Bytes from handsets to remote ends.", of(panel.Query{Type: panel.TypeResidency, Bucket: "total", Intervals: "none"}), "lastNotNull", "").
			at(0, 0, 5, 4),
		stat("Downloaded", "Bytes from remote ends to handsets.", of(panel.Query{Type: panel.TypeResidency, Bucket: "total", Direction: "down", Intervals: "none"}), "lastNotNull", "").
			at(5, 0, 5, 4),
		stat("Upload ratio", "Bytes up of all bytes.", of(panel.Query{Type: panel.TypeResidency, Bucket: "total", Metric: "upload_ratio", Intervals: "none"}), "lastNotNull", "").
			at(10, 0, 4, 4).to(Exfiltration),
		stat("Handsets", "Distinct handsets in the week with the most of them: their pseudonyms change every week.",
			of(panel.Query{Type: panel.TypeResidency, Bucket: "total", Metric: "handsets", Intervals: "none"}), "lastNotNull", "").
			at(14, 0, 4, 4),
		stat("Countries for the first time", "Countries that these handsets had never been in contact with before this time.",
			of(panel.Query{Type: panel.TypeNewEndpoints, Unit: query.UnitCountry}), "count", "/^Flows$/").
			at(18, 0, 6, 4).to(NewEndpoints),
		lines("Uploads by country", "With other for all but the largest.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByCountry), Bucket: "$period", Top: 8})).
			at(0, 4, 14, 10).to(Overview, Migration),
		bars("Verdicts", "How the policy judges the uploads. None: no policy was in force.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByVerdict), Bucket: "total", Metric: "share", Intervals: "none"})).
			share().at(14, 4, 5, 10),
		bars("How sure the places are", "Published: the provider says so. Agreed: two tables do. Single: one does. Disputed: they differ. Indeterminate: anycast, satellite or nothing known.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByConfidence), Bucket: "total", Metric: "share", Intervals: "none"})).
			share().at(19, 4, 5, 10),
		rows("Networks", "The autonomous systems that announce the remote addresses.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByASN), Bucket: "total", Format: "table", Top: 20}), interval, packets).
			at(0, 14, 12, 9).to(Endpoints),
		rows("Cloud regions", "From the address ranges that providers publish.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByCloudRegion), Bucket: "total", Format: "table", Top: 20}), interval, packets).
			at(12, 14, 12, 9).to(Endpoints),
		rows("What moved", "Places whose share of the vendor's own uploads changed most against as much time before. Share outside: sampling does not explain it.",
			of(panel.Query{Type: panel.TypeShifts, By: by(query.ByVendor, query.ByPlace), ShareOf: by(query.ByVendor), Top: 20}),
			interval, placeCode, "Bytes up (before|after)", "Difference", "Ratio", "Outside").
			at(0, 23, 24, 9).to(Migration),
	)
}

func exfiltration() Dashboard {
	of := func(q panel.Query) panel.Query {
		q.Vendors, q.Sites = filter("vendor"), filter("site")
		return q
	}
	return dashboard(Exfiltration, "exfiltration signs",
		"Uploads that do not look like use: against a vendor's own history, at night, to one end that answers little. Signs and not proof.", "now-7d",
		[]Variable{
			values("vendor", "Vendor", "vendor"), values("site", "Site", "site"), period(),
			text("zone", "Time zone", "IANA name of the handsets' time zone, for the night", "Asia/Kolkata"),
		},
		rows("Upload ratio against four weeks before", "Bytes up of all bytes, by vendor. Outside: sampling does not explain the difference.",
			of(panel.Query{Type: panel.TypeCompare, By: by(query.ByVendor), Metric: "upload_ratio", Before: &panel.Before{Back: 28 * 24 * time.Hour}, Top: 25}),
			interval, "Share .*").at(0, 0, 12, 10).to(Vendor),
		lines("Upload ratio", "Bytes up of all bytes, by vendor.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByVendor), Metric: "upload_ratio", Bucket: "$period", Top: 8})).
			below().at(12, 0, 12, 10),
		rows("Largest one-way uploads", "Remote ends by how much more they were sent than they sent back.",
			of(panel.Query{Type: panel.TypeEndpoints, Order: "one_way", Top: 50}),
			interval, packets, "Other places", "Place", "Place by", "Country", "Network").at(0, 10, 24, 11).to(Endpoints),
		rows("Uploads at night, 22 to 6", "By vendor, in the time zone above. Share: of all that is uploaded at night.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByVendor), Bucket: "total", Format: "table", Top: 20, Hours: &panel.Hours{From: 22, To: 6, Location: "$zone"}}),
			interval, packets).at(0, 21, 12, 10).to(Vendor),
		lines("Uploads at night, 22 to 6", "By country, in the time zone above.",
			of(panel.Query{Type: panel.TypeResidency, By: by(query.ByCountry), Bucket: "day", Top: 8, Hours: &panel.Hours{From: 22, To: 6, Location: "$zone"}})).
			below().at(12, 21, 12, 10),
	)
}
