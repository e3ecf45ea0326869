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
		{"KZ", "Almaty", "KZ-75"},
		{"KZ", "Almaty Oblysy", "KZ-19"},
		{"KZ", "South Kazakhstan", "KZ-61"},
		{"KZ", "Nur-Sultan", "KZ-71"},
		{"UZ", "Tashkent", "UZ-TK"},
		{"UZ", "Tashkent Region", "UZ-TO"},
		{"UZ", "Tashkent District", ""}, // the city's or the province's
		{"BY", "Minsk City", "BY-HM"},
		{"BY", "Homyel’ Voblasc’", "BY-HO"},
		{"PE", "Lima Province", "PE-LMA"},
		{"PE", "Lima Region", "PE-LIM"},
		{"EE", "Harju", "EE-37"},
		{"LU", "Luxembourg", "LU-LU"},
		{"AZ", "Baki", "AZ-BA"},
		{"AZ", "Gence", "AZ-GA"},
		{"HR", "Splitsko-Dalmatinska", "HR-17"},
		{"NP", "Bagmati", "NP-P3"},
		{"MA", "Casablanca-Settat", "MA-06"},
		{"IN", "Orissa", "IN-OD"},
		{"IN", "Uttaranchal", "IN-UK"},
		{"IT", "Lombardy", "IT-25"},
		{"IT", "Bergamo", "IT-BG"}, // a level below what tables write, but nothing else has the name
		{"GB", "England", "GB-ENG"},
		{"DE", "Hessen", "DE-HE"},
		{"MT", "Tas-Sliema", "MT-56"},
		{"NO", "Viken", ""}, // three counties since 2024
		{"PR", "San Juan", ""},
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
			if sub := strings.TrimPrefix(code, country+"-"); len(country) != 2 || sub == code || len(sub) < 1 || len(sub) > 3 || strings.Trim(sub, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
				t.Errorf("%s is no code of ISO 3166-2", code)
			}
			if code != "" && codes.names[code] == "" {
				t.Errorf("%s has no name", code)
			}
		}
	}
	for country := range codes.byName {
		for code, name := range Subdivisions(country) {
			if got := codes.subdivision(country, name); got != code {
				t.Errorf("%s does not find itself by its name %q: %q", code, name, got)
			}
		}
	}
	if len(codes.byName) != 198 || len(codes.names) != 5008 {
		t.Errorf("%d subdivisions in %d countries: were some lost?", len(codes.names), len(codes.byName))
	}
	if len(codes.countries) != 249 {
		t.Errorf("%d countries, ISO 3166-1 has 249", len(codes.countries))
	}
}

func TestBadCodeTables(t *testing.T) {
	const countries = "code,alpha3,numeric,name\nCN,CHN,156,China\n"
	for _, bad := range []string{
		"XX,XX-BJ,Beijing,,", "CN,US-BJ,Beijing,,", "CN,CN-BJ,Beijing,,\nCN,CN-BJ,Peking,,", "CN,CN-BJ,Beijing,,\nCN,CN-SH,Shanghai,beijing,", "CN,CN-BJ", "CN,CN-BJ,,,",
	} {
		if _, err := parseCodes(countries, "country,code,name,variants,level\n"+bad+"\n"); err == nil || !strings.Contains(err.Error(), "subdivisions.csv") {
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

func TestValidSubdivision(t *testing.T) {
	for _, tt := range []struct {
		country, code string
		want          bool
	}{
		{"US", "US-OR", true},
		{"FR", "FR-75C", true},
		{"IT", "IT-RM", true},
		{"GB", "GB-ENG", true},
		{"GB", "GB-LND", true},
		{"US", "US-ZZ", false},
		{"US", "CN-BJ", false},
		{"", "", false},
		{"US", "", false},
		{"US", "US", false},
		{"", "US-OR", false},
		{"US", "US-PR", false},
		{"FR", "FR-A", false},
		{"NO", "NO-30", false},
		{"NO", "NO-33", true},
		{"SG", "SG-01", false},
	} {
		if got := ValidSubdivision(tt.country, tt.code); got != tt.want {
			t.Errorf("%s of %q: %v", tt.code, tt.country, got)
		}
	}
}

// TestLevels: a name of the second level counts only where it is the only one.
func TestLevels(t *testing.T) {
	b, err := parseCodes("code,alpha3,numeric,name\nCN,CHN,156,China\n", "# a comment\ncountry,code,name,variants,level\n"+
		"CN,CN-A,Alpha Province,,\nCN,CN-1,Alpha,Gamma,2\nCN,CN-2,Beta,Gamma,2\nCN,CN-B,Delta Province,,\nCN,CN-C,Delta City,,\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Alpha Province": "CN-A", "alpha": "CN-A", "Beta": "CN-2", "Gamma": "", "Delta": "", "Delta State": "", "Delta City": "CN-C",
	} {
		if got := b.subdivision("CN", name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// BenchmarkParseCodes is the time that the first look-up waits; the aim is 30 ms.
func BenchmarkParseCodes(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, err := parseCodes(countriesCSV, subdivisionsCSV); err != nil {
			b.Fatal(err)
		}
	}
}
