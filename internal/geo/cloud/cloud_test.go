package cloud

import (
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// published reads one of the providers' real lists, which lie beside the
// checkout.
func published(t testing.TB, file string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "testdata", "cloud", file))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no published lists at ../shared/testdata: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unplaced are regions in the published lists whose place their provider has
// never said.
var unplaced = []string{
	"europe-west15", // Google's, not announced by name; the city table has its five prefixes in Germany
	"northeurope2",  // Azure's; its addresses are spread over several countries
}

func TestPublished(t *testing.T) {
	for _, want := range []struct {
		file, form, provider, version string
		date                          string
		ranges, skipped               int // counted outside this package, too
	}{
		{"aws-ip-ranges.json.gz", FormAWS, AWS, "1787411825", "2026-08-22T15:17:05Z", 11013, 5815},
		{"gcp-cloud.json.gz", FormGoogle, Google, "1785333953849", "2026-07-29T14:05:53Z", 1047, 0},
		{"azure-service-tags.json.gz", FormAzure, Azure, "363", "0001-01-01T00:00:00Z", 14461, 76032},
		{"oracle-ip-ranges.json.gz", FormOracle, Oracle, "2025-07-21T07:13:25.457838", "2025-07-21T07:13:25Z", 896, 0},
	} {
		t.Run(want.provider, func(t *testing.T) {
			data := published(t, want.file)
			if form, ok := Recognise(data[:4096]); !ok || form != want.form {
				t.Errorf("recognised as %q by its beginning", form)
			}
			l, err := Parse(want.file, data)
			if err != nil {
				t.Fatal(err)
			}
			if date := l.Date.Truncate(time.Second).Format(time.RFC3339); l.Provider != want.provider || l.Version != want.version || date != want.date {
				t.Errorf("provider %s, version %s, date %s", l.Provider, l.Version, date)
			}
			if len(l.Ranges) != want.ranges || l.Skipped != want.skipped {
				t.Errorf("%d ranges and %d skipped, want %d and %d", len(l.Ranges), l.Skipped, want.ranges, want.skipped)
			}
			unknown := map[string]bool{}
			for i, r := range l.Ranges {
				if r.Provider != want.provider || i > 0 && comparePrefixes(l.Ranges[i-1].Prefix, r.Prefix) >= 0 {
					t.Fatalf("range %d is %v after %v", i, r, l.Ranges[max(i-1, 0)])
				}
				if _, ok := RegionPlace(r.Provider, r.Region); r.Region != "" && !ok && !slices.Contains(unplaced, r.Region) {
					unknown[r.Region] = true
				}
			}
			if len(unknown) > 0 {
				t.Errorf("regions without a place: %v", unknown)
			}
		})
	}
}

// TestPublishedPrefixes holds single entries, read by eye in the lists.
func TestPublishedPrefixes(t *testing.T) {
	for _, f := range []struct {
		file   string
		ranges map[string]string // "absent" where the list's other entries say it better
	}{
		{"aws-ip-ranges.json.gz", map[string]string{
			"3.4.12.4/32": "eu-west-1", "3.5.140.0/22": "ap-northeast-2", "161.188.48.0/20": "us-east-1-foe-wlz-1",
			"2600:1f13:c000::/36": "us-east-2-jan-1", "51.168.0.0/15": "me-west-1",
		}},
		{"gcp-cloud.json.gz", map[string]string{"34.1.208.0/20": "africa-south1", "2600:1900:8000::/44": "africa-south1", "34.80.0.0/15": "asia-east1"}},
		{"azure-service-tags.json.gz", map[string]string{
			"40.78.212.0/24": "northeurope2", "4.145.74.52/30": "absent", // in ActionGroup, inside AzureCloud.southeastasia
		}},
		{"oracle-ip-ranges.json.gz", map[string]string{"129.80.0.0/16": "us-ashburn-1"}},
	} {
		l, err := Parse(f.file, published(t, f.file))
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[netip.Prefix]string, len(l.Ranges))
		for _, r := range l.Ranges {
			got[r.Prefix] = r.Region
		}
		for text, want := range f.ranges {
			region, ok := got[netip.MustParsePrefix(text)]
			if !ok {
				region = "absent"
			}
			if region != want {
				t.Errorf("%s is in %q, want %q", text, region, want)
			}
		}
	}
}

func TestRegions(t *testing.T) {
	per := map[string]int{}
	for _, r := range Regions() {
		per[r.Provider]++
		if !countryCode.MatchString(r.Country) || r.Subdivision != "" && (!subdivisionCode.MatchString(r.Subdivision) || r.Subdivision[:2] != r.Country) {
			t.Errorf("%+v: not ISO 3166 codes", r)
		}
		if r.Region == "" || regionOf(r.Region) != r.Region || len(r.Source) < len("https://x.y") || r.Source[:8] != "https://" {
			t.Errorf("%+v", r)
		}
	}
	for _, provider := range []string{AWS, Google, Azure, Oracle, Alibaba, Tencent, Huawei} {
		if per[provider] < 30 {
			t.Errorf("%s has %d regions", provider, per[provider])
		}
	}
	for _, want := range []Region{ // as the providers name them
		{AWS, "us-east-1", "US", "US-VA", "", ""},
		{AWS, "us-west-2", "US", "US-OR", "", ""},
		{AWS, "us-gov-west-1", "US", "US-OR", "", ""},
		{AWS, "eu-central-1", "DE", "DE-HE", "Frankfurt", ""},
		{AWS, "ap-south-1", "IN", "IN-MH", "Mumbai", ""},
		{AWS, "cn-north-1", "CN", "CN-BJ", "Beijing", ""},
		{AWS, "cn-northwest-1", "CN", "CN-NX", "", ""},
		{AWS, "me-south-1", "BH", "", "", ""},
		{AWS, "ap-southeast-1", "SG", "", "", ""},
		{AWS, "us-west-2-lax-1", "US", "US-CA", "Los Angeles", ""},
		{Google, "us-west1", "US", "US-OR", "The Dalles", ""},
		{Azure, "germanywc", "DE", "DE-HE", "Frankfurt", ""},
		{Azure, "germanywestcentral", "DE", "DE-HE", "Frankfurt", ""},
		{Oracle, "uk-cardiff-1", "GB", "GB-WLS", "Newport", ""},
		{Alibaba, "ap-southeast-1", "SG", "", "Singapore", ""},
		{Alibaba, "cn-hangzhou", "CN", "CN-ZJ", "Hangzhou", ""},
		{Tencent, "ap-guangzhou", "CN", "CN-GD", "Guangzhou", ""},
		{Huawei, "ap-southeast-1", "HK", "", "Hong Kong", ""},
		{Huawei, "cn-north-4", "CN", "CN-BJ", "Beijing", ""},
	} {
		got, ok := RegionPlace(want.Provider, want.Region)
		if got.Source = ""; !ok || got != want {
			t.Errorf("%+v %v, want %+v", got, ok, want)
		}
	}
	for _, none := range [][2]string{{AWS, "global"}, {AWS, "GLOBAL"}, {Google, "global"}, {AWS, ""}, {"", "us-east-1"}, {Google, "us-west-2"}} {
		if got, ok := RegionPlace(none[0], none[1]); ok {
			t.Errorf("%v is %+v", none, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { RegionPlace(AWS, "us-west-2") }); n != 0 {
		t.Errorf("RegionPlace: %v allocations", n)
	}
}

func TestParseRegionsRefuses(t *testing.T) {
	const head = "provider,region,country,subdivision,city,source\n"
	for _, bad := range []string{"", head, head + "aws,x\n", head + "aws,x,US,,,u\naws,x,US,,,u\n", head + "\"\n"} {
		if _, err := parseRegions(bad); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
}
