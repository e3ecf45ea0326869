package geo

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	tests := map[string]string{
		"CN-BJ": "Beijing", "US-OR": "Oregon", "SG": "Singapore", "DE": "Germany", "DE-HE": "Hesse",
		"IN-MH": "Maharashtra", "HK": "Hong Kong", "DE-BW": "Baden-Württemberg", "XX": "XX", "US-XX": "US-XX", "": "",
	}
	for code, want := range tests {
		if got := Name(code); got != want {
			t.Errorf("Name(%q) = %q, want %q", code, got, want)
		}
	}
	if c, ok := CountryOf("KR"); !ok || c != (Country{"KR", "KOR", "410", "South Korea"}) {
		t.Errorf("KR: %+v", c)
	}
	if got := Subdivisions("NL"); len(got) != 12 || got["NL-UT"] != "Utrecht" {
		t.Errorf("NL: %v", got)
	}
	for _, city := range []string{"SG", "HK", "MO", "MC", "VA", "GI"} {
		if len(Subdivisions(city)) != 0 {
			t.Errorf("%s has subdivisions", city)
		}
	}
}

func TestSubdivisionByName(t *testing.T) {
	codes, err := loadCodes()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ country, name, want string }{
		{"CN", "Beijing", "CN-BJ"},
		{"CN", "Beijing Shi", "CN-BJ"},
		{"CN", "BEIJING", "CN-BJ"},
		{"DE", "Hesse", "DE-HE"},
		{"DE", "State of Berlin", "DE-BE"},
		{"DE", "Baden-Wurttemberg", "DE-BW"},
		{"RU", "Moscow", "RU-MOW"},
		{"RU", "Moscow Oblast", "RU-MOS"},
		{"RU", "Saratovskaya Oblast", "RU-SAR"},
		{"RU", "Altai", "RU-AL"},
		{"RU", "Altay Kray", "RU-ALT"},
		{"RU", "Smolenskaya Oblast’", "RU-SMO"},
		{"RU", "North Ossetia–Alania", "RU-SE"},
		{"UA", "Kyiv City", "UA-30"},
		{"AR", "Buenos Aires F.D.", "AR-C"},
		{"AR", "Buenos Aires", "AR-B"},
		{"TR", "Izmir Province", "TR-35"},
		{"TR", "Igdir", "TR-76"},
		{"JP", "Ōsaka", "JP-27"},
		{"US", "Washington", "US-WA"},
		{"US", "District of Columbia", "US-DC"},
		{"AU", "ACT", "AU-ACT"},
		{"FR", "Rhone-Alpes", "FR-ARA"},
		{"VN", "Ho Chi Minh City (HCMC)", "VN-SG"},
		{"TW", "Taiwan", ""},
		{"RU", "Crimea", ""},
		{"SG", "Singapore", ""},
		{"US", "", ""},
		{"US", "Province", ""},
		{"XX", "Beijing", ""},
		{"PK", "Punjab", "PK-PB"},
		{"IN", "Punjab", "IN-PB"},
	}
	for _, tt := range tests {
		if got := codes.subdivision(tt.country, tt.name); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.country, tt.name, got, tt.want)
		}
	}
	for country, names := range codes.byName {
		for _, code := range names {
			if got := codes.subdivision(country, codes.names[code]); got != code {
				t.Errorf("%s does not find itself by its name %q: %q", code, codes.names[code], got)
			}
		}
	}
	if len(codes.countries) != 249 {
		t.Errorf("%d countries, ISO 3166-1 has 249", len(codes.countries))
	}
}

func TestBadCodeTables(t *testing.T) {
	const countries = "code,alpha3,numeric,name\nCN,CHN,156,China\n"
	for _, bad := range []string{
		"XX,XX-BJ,Beijing,", "CN,US-BJ,Beijing,", "CN,CN-BJ,Beijing,\nCN,CN-BJ,Peking,", "CN,CN-BJ,Beijing,\nCN,CN-SH,Shanghai,beijing", "CN,CN-BJ",
	} {
		if _, err := parseCodes(countries, "country,code,name,variants\n"+bad+"\n"); err == nil || !strings.Contains(err.Error(), "subdivisions.csv") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestVocabulary(t *testing.T) {
	for m, want := range map[Method]string{MethodNone: "none", MethodCityDB: "city_db", MethodCloudRange: "cloud_range", MethodOverride: "override", MethodAnycast: "anycast", 99: "none"} {
		if m.String() != want {
			t.Errorf("method %d is %q, want %q", m, m, want)
		}
	}
	for c, want := range map[Confidence]string{Indeterminate: "indeterminate", Single: "single", Disputed: "disputed", Agreed: "agreed", Published: "published", 99: "indeterminate"} {
		if c.String() != want {
			t.Errorf("confidence %d is %q, want %q", c, c, want)
		}
	}
	seen := map[string]bool{}
	for r := ReasonUnspecified; r < reasons; r++ {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d is %q", r, r)
		}
		seen[r.String()] = true
	}
}
