package cloud

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestWhole holds all that Parse gives of the small lists.
func TestWhole(t *testing.T) {
	ranges := func(provider string, prefixesAndRegions ...string) (out []Range) {
		for i := 0; i < len(prefixesAndRegions); i += 2 {
			out = append(out, Range{netip.MustParsePrefix(prefixesAndRegions[i]), provider, prefixesAndRegions[i+1]})
		}
		return out
	}
	google := strings.Replace(googleList, `"17"`, `"1785333953849"`, 1)
	for name, c := range map[string]struct {
		text string
		want List
	}{
		"AWS": {awsList, List{
			Provider: AWS, Version: "17", Date: time.Date(2026, 8, 22, 15, 17, 5, 0, time.UTC),
			Ranges: ranges(AWS, "3.4.12.4/32", "eu-west-1", "2600:1f13::/36", "us-east-2"),
		}},
		"AWS: a prefix twice, a zone, a prefix in another": {`{"syncToken":"1","createDate":"2026-08-22-15-17-05","ipv6_prefixes":[],"prefixes":[
{"ip_prefix":"13.32.0.0/15","region":"GLOBAL","network_border_group":"GLOBAL"},
{"ip_prefix":"3.5.0.0/16","region":"us-east-1","network_border_group":"us-east-1"},
{"ip_prefix":"3.5.0.0/16","region":"us-east-1","network_border_group":"us-east-1"},
{"ip_prefix":"3.5.4.0/24","region":"us-east-1","network_border_group":"us-east-1-nyc-1"},
{"ip_prefix":"3.6.0.0/16","region":"ap-south-1"}]}`, List{
			Provider: AWS, Version: "1", Date: time.Date(2026, 8, 22, 15, 17, 5, 0, time.UTC), Skipped: 1,
			Ranges: ranges(AWS, "3.5.0.0/16", "us-east-1", "3.5.4.0/24", "us-east-1-nyc-1", "3.6.0.0/16", "ap-south-1", "13.32.0.0/15", ""),
		}},
		"Google": {google, List{
			Provider: Google, Version: "1785333953849", Date: time.Date(2026, 7, 29, 14, 5, 53, 849e6, time.UTC), // creationTime is in Pacific time
			Ranges: ranges(Google, "34.80.0.0/15", "asia-east1", "2600:1900:8000::/44", ""),
		}},
		"Google: a token that is no time": {googleList, List{
			Provider: Google, Version: "17", Date: time.Date(2026, 7, 29, 7, 5, 53, 849365e3, time.UTC),
			Ranges: ranges(Google, "34.80.0.0/15", "asia-east1", "2600:1900:8000::/44", ""),
		}},
		"Azure": {azureList, List{
			Provider: Azure, Version: "363", Skipped: 1,
			Ranges: ranges(Azure, "13.70.1.0/24", "", "20.60.0.0/16", "eastus"),
		}},
		"Azure: of the API": {strings.Replace(azureList, "363", `"363"`, 1), List{
			Provider: Azure, Version: "363", Skipped: 1,
			Ranges: ranges(Azure, "13.70.1.0/24", "", "20.60.0.0/16", "eastus"),
		}},
		"Oracle": {oracleList, List{
			Provider: Oracle, Version: "2025-07-21T07:13:25.457838", Date: time.Date(2025, 7, 21, 7, 13, 25, 457838e3, time.UTC),
			Ranges: ranges(Oracle, "129.80.0.0/16", "us-ashburn-1"),
		}},
		"CSV": {csvList, List{
			Ranges:  append(ranges("example", "5.1.2.0/24", "north"), ranges(Alibaba, "47.74.0.0/18", "ap-southeast-1")...),
			Regions: []Region{{"example", "north", "NO", "NO-03", "Oslo", ""}},
		}},
	} {
		for _, begin := range []string{"", string(mark)} {
			text := begin + c.text
			got, err := Parse("list", []byte(text))
			if err != nil {
				t.Errorf("%s, after %q: %v", name, begin, err)
			} else if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("%s, after %q:\n%+v\nwant\n%+v", name, begin, *got, c.want)
			}
		}
	}
	// Bytes are counted from the beginning of the file, mark and all.
	if _, err := Parse("x", []byte(string(mark)+strings.Replace(awsList, "3.4.12.4/32", "10.0.0.0/8", 1))); err == nil || !strings.Contains(err.Error(), "byte 69: ") {
		t.Errorf("%v, want byte 69", err)
	}
}

// TestRecogniseBeginnings: 4 KiB are enough, and other files are not taken.
func TestRecogniseBeginnings(t *testing.T) {
	long := strings.Repeat(" ", 8192)
	for form, text := range lists {
		if form != FormCSV {
			text = text[:len(text)-1] + long + "}"
		} else {
			text += long
		}
		if got, ok := Recognise([]byte(text[:4096])); !ok || got != form {
			t.Errorf("the first 4 KiB of %s are recognised as %q, %v", form, got, ok)
		}
	}
	entries := strings.Repeat(`{"service":"EC2"},`, 500)
	if got, ok := Recognise([]byte(`{"syncToken":"1","prefixes":[` + entries)[:4096]); ok {
		t.Errorf("prefixes of nobody are recognised as %q", got)
	}
	for name, data := range map[string]string{
		"an MMDB":          "\x00\x00\x10\xff\x07\xa3" + strings.Repeat("\x00\x01\x02", 1000) + "\xab\xcd\xefMaxMind.com\xe9",
		"gzip":             "\x1f\x8b\x08\x00",
		"a manifest":       `{"name":"city","version":"2026-08","files":[{"sha256":"00"}]}`,
		"an empty object":  "{}",
		"a string":         `"prefixes"`,
		"overrides":        "prefix,country,subdivision\n5.1.2.0/24,NO,\n",
		"an anycast list":  "1.0.0.0/24\n1.1.1.0/24\n",
		"comments":         "# a\n# b\n",
		"a mark":           string(mark),
		"GeoJSON":          `{"type":"FeatureCollection","features":[{"properties":{}}]}`,
		"Fastly's list":    `{"addresses":["23.235.32.0/20"],"ipv6_addresses":["2a04:4e40::/32"]}`,
		"Cloudflare's API": `{"result":{"ipv4_cidrs":["173.245.48.0/20"]},"success":true}`,
	} {
		if form, ok := Recognise([]byte(data)); ok || form != "" {
			t.Errorf("%s is recognised as %q", name, form)
		}
	}
}
