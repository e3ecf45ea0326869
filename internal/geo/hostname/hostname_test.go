package hostname

import (
	"strings"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]string{ // country, subdivision, provider, region
		"cdn.cnbj1.fds.api.mi-img.com":               "CN CN-BJ  ",
		"awsusor0.fds.api.xiaomi.com":                "US US-OR aws us-west-2",
		"CDN.AWSDE0.fds.api.mi-img.com.":             "DE DE-HE aws eu-central-1",
		"awssgp0.fds.api.xiaomi.com":                 "SG  aws ap-southeast-1",
		"cdn.awsind0-fusion.fds.api.mi-img.com":      "IN IN-MH  ",
		"ksyru0-eco.fds.api.xiaomi.com":              "RU   ",
		"proxy-http-alisgp0-dp.api.xiaomi.net":       "SG  alibaba ap-southeast-1",
		"bucket.s3.us-west-2.amazonaws.com":          "US US-OR aws us-west-2",
		"s3-us-west-2.amazonaws.com":                 "US US-OR aws us-west-2",
		"ec2-192-0-2-1.compute-1.amazonaws.com":      "US US-VA aws us-east-1",
		"a.iot.cn-north-1.amazonaws.com.cn":          "CN CN-BJ aws cn-north-1",
		"api.ap-southeast-1.example.com":             "SG   ",
		"obs.ap-southeast-1.myhuaweicloud.com":       "HK  huawei ap-southeast-1",
		"ecs.ap-southeast-3.aliyuncs.com":            "MY MY-14 alibaba ap-southeast-3",
		"lambda.ap-southeast-3.amazonaws.com":        "ID ID-JK aws ap-southeast-3",
		"b.oss-cn-hangzhou.aliyuncs.com":             "CN CN-ZJ alibaba cn-hangzhou",
		"b-1250000000.cos.ap-guangzhou.myqcloud.com": "CN CN-GD tencent ap-guangzhou",
		"europe-west3-project.cloudfunctions.net":    "DE DE-HE gcp europe-west3",
		"vm.westeurope.cloudapp.azure.com":           "NL  azure westeurope",
		"vm.southindia.cloudapp.azure.com":           "IN IN-TN azure southindia",
		"api-euc1.example.com":                       "DE DE-HE aws eu-central-1",
		"lb.us-east-1-bue-1.example.com":             "AR AR-C aws us-east-1-bue-1",
		"us-west-2.s3.us-west-2.example.com":         "US US-OR aws us-west-2",
		"us-west-2":                                  "US US-OR aws us-west-2",
		"euw1.example.com":                           "IE IE-L aws eu-west-1",
	} {
		got, ok := Parse(name)
		if text := got.Country + " " + got.Subdivision + " " + got.Provider + " " + got.Region; !ok || text != want {
			t.Errorf("%s: %q %v, want %q", name, text, ok, want)
		}
	}
}

func TestParseNothing(t *testing.T) {
	for _, name := range []string{
		"", ".", "-", "..", "--", "sand.example", "bombay.example", "frankfurt-airport.example",
		"alice.example", "sing.example", "or.example", "de.example", "us.example.de", "or", "de", "cn",
		"virus-west-2.example", "us-west-2x.example", "us-west-20.example", "us-west.example", "us.west-2.example",
		"uswest2.example", "cnbj.example", "cnbj12.example", "fra.example", "sin1.example", "nrt12s02.1e100.net",
		"southindia.example", "westindia.example", "aps1.example", "eus2.example",
		"eu-west-1.example",     // Ireland with Amazon, London with Alibaba
		"obs.cn-east-2.example", // Huawei's numbers only under Huawei's domains
		"compute-1.example", "compute-1.notamazonaws.com",
		"euw1.api.riotgames.com",              // a game region
		"us-west-2-to-eu-central-1.example",   // disagree on the country
		"us-west-2.us-east-1.example",         // disagree on the subdivision
		"ap-southeast-1.us-west-2.example",    // disagree on the country alone: Singapore has no subdivision here
		strings.Repeat("a.", 125) + "cnbj1.x", // longer than a host name may be
	} {
		if got, ok := Parse(name); ok || got != (Hint{}) {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func TestTable(t *testing.T) {
	for token, rules := range tokens.rules {
		for i, r := range rules {
			h := r.hint
			if len(r.domains) == 0 && i != len(rules)-1 {
				t.Errorf("%s: the row for any domain hides others", token)
			}
			if h.Country != "" && len(h.Country) != 2 || h.Subdivision != "" && !strings.HasPrefix(h.Subdivision, h.Country+"-") || (h.Provider == "") != (h.Region == "") {
				t.Errorf("%s: %+v", token, h)
			}
		}
	}
	for token, rules := range tokens.rules { // one place a region, in host names as in addresses
		for _, r := range rules {
			if h := r.hint; h.Region != "" {
				if place, ok := cloud.RegionPlace(h.Provider, h.Region); !ok || place.Country != h.Country || place.Subdivision != h.Subdivision {
					t.Errorf("%s: %+v, but regions.csv has %+v", token, h, place)
				}
			}
		}
	}
	const header = "token,form,provider,region,country,subdivision,source\n"
	for _, bad := range []string{
		"",
		header,
		header + "x",
		header + "A,part,,,SG,,why",
		header + "a.b,part,,,SG,,why",
		header + "a1,whole,,,SG,,why",
		header + "a1,under:,,,SG,,why",
		header + "a1,part,,,SG,,",
		header + "a1,part,,,SG,,why\na1,part,,,SG,,why",
		header + strings.Repeat("a", maxToken+1) + ",part,,,SG,,why",
	} {
		if _, err := readTokens(bad); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
}

func TestParseAllocates(t *testing.T) {
	for _, name := range []string{"cdn.awsusor0.fds.api.mi-img.com", "WWW.Example.COM."} {
		if n := testing.AllocsPerRun(100, func() { Parse(name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "cnbj1", "awsusor0.fds.api.xiaomi.com.", "s3-us-west-2.amazonaws.com", "-.-", "us-west-2.us-east-1", "\xff-\x00", "A.US-east-1-bue-1a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, ok := Parse(name)
		if ok != (got.Country != "") || ok && !strings.Contains(strings.ToLower(name), got.Rule) {
			t.Fatalf("%q: %+v %v", name, got, ok)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"cdn.awsusor0-fusion.fds.api.mi-img.com.x", "device-metrics-us-2.api.amazon.example", "a1b2c3.iot.ap-southeast-1.amazonaws.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(name)
			}
		})
	}
}
