package cloud

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// One small sound list of each form; the addresses are the providers'.
const (
	awsList = `{"syncToken":"17","createDate":"2026-08-22-15-17-05","prefixes":[
{"ip_prefix":"3.4.12.4/32","region":"eu-west-1","service":"AMAZON","network_border_group":"eu-west-1"}],
"ipv6_prefixes":[{"ipv6_prefix":"2600:1f13::/36","region":"us-east-2","service":"EC2","network_border_group":"us-east-2"}]}`
	googleList = `{"syncToken":"17","creationTime":"2026-07-29T07:05:53.849365","prefixes":[{"ipv4Prefix":"34.80.0.0/15","service":"Google Cloud","scope":"asia-east1"},
{"ipv6Prefix":"2600:1900:8000::/44","service":"Google Cloud","scope":"global"}]}`
	azureList = `{"changeNumber":363,"cloud":"Public","values":[{"name":"Storage","id":"Storage","properties":{"region":"","addressPrefixes":["20.60.1.0/24","13.70.1.0/24"]}},
{"name":"AzureCloud.eastus","properties":{"region":"eastus","addressPrefixes":["20.60.0.0/16"]}}]}`
	oracleList = `{"last_updated_timestamp":"2025-07-21T07:13:25.457838","regions":[{"region":"us-ashburn-1","cidrs":[{"cidr":"129.80.0.0/16","tags":["OCI"]}]}]}`
	csvList    = "# ours\nprefix,provider,region,country,subdivision,city\n47.74.0.0/18,Alibaba,ap-southeast-1,,,\n5.1.2.0/24,example,north,NO,NO-03,Oslo\n"
)

var lists = map[string]string{FormAWS: awsList, FormGoogle: googleList, FormAzure: azureList, FormOracle: oracleList, FormCSV: csvList}

func TestForms(t *testing.T) {
	for form, text := range lists {
		if got, ok := Recognise([]byte(text)); !ok || got != form {
			t.Errorf("%s is recognised as %q", form, got)
		}
	}
	late := `{"values":[{"name":"a"},{"name":"b"}],"changeNumber":1}` // what tells it apart may come last
	if got, _ := Recognise([]byte(late)); got != FormAzure {
		t.Errorf("%s is recognised as %q", late, got)
	}
	for form, want := range map[string]string{
		FormAWS:    "3.4.12.4/32 aws eu-west-1, 2600:1f13::/36 aws us-east-2",
		FormGoogle: "34.80.0.0/15 gcp asia-east1, 2600:1900:8000::/44 gcp ",
		FormAzure:  "13.70.1.0/24 azure , 20.60.0.0/16 azure eastus",
		FormOracle: "129.80.0.0/16 oracle us-ashburn-1",
		FormCSV:    "5.1.2.0/24 example north, 47.74.0.0/18 alibaba ap-southeast-1",
	} {
		l, err := Parse("list", []byte(lists[form]))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		var got []string
		for _, r := range l.Ranges {
			got = append(got, fmt.Sprint(r.Prefix, " ", r.Provider, " ", r.Region))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: %q, want %q", form, text, want)
		}
	}
}

// TestCut cuts every list everywhere: all but the whole is refused, by name and
// place.
func TestCut(t *testing.T) {
	where := regexp.MustCompile(`^cloud list cut\.json .*(byte|line) \d+`)
	for form, text := range lists {
		for n := range len(text) {
			_, err := Parse("cut.json", []byte(text[:n]))
			if form == FormCSV && n > 0 && text[n-1] == '\n' && strings.Count(text[:n], "\n") > 2 {
				continue // a CSV file that ends with a whole line is whole
			}
			if err == nil || !where.MatchString(strings.ReplaceAll(err.Error(), "cut.json,", "cut.json ,")) {
				t.Fatalf("%s cut at %d: %v", form, n, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	swap := func(text, old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("no %s in %s", old, text)
		}
		return strings.Replace(text, old, with, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "byte 0"},
		"another JSON":         {`{"a":[1,2]}`, "byte 0"},
		"an array":             {`[1]`, "byte 0"},
		"regions of others":    {`{"regions":[{"name":"a"},{"name":"b"}],"prefixes":[1,2]}`, "byte 0"},
		"a city table":         {"1.0.0.0,1.0.0.255,13335,Cloudflare\n", "byte 0"},
		"no prefixes":          {`{"syncToken":"1","createDate":"2026-08-22-15-17-05","prefixes":[],"ipv6_prefixes":[]}`, "has no prefix"},
		"no regions":           {`{"last_updated_timestamp":"2025-07-21T07:13:25","regions":[]}`, "has no prefix"},
		"half a list":          {swap(awsList, `"ipv6_prefixes"`, `"x"`), `byte 282: the list ends without "ipv6_prefixes"`},
		"a key twice":          {swap(awsList, `"ipv6_prefixes"`, `"prefixes"`), `"prefixes" stands there twice, first at byte 53`},
		"no date":              {swap(awsList, `"createDate":"2026-08-22-15-17-05",`, ""), `without "createDate"`},
		"a date that is none":  {swap(awsList, "2026-08-22", "2026-13-22"), "byte 18: createDate"},
		"Google without date":  {swap(googleList, `"creationTime"`, `"time"`), `without "creationTime"`},
		"Oracle's date":        {swap(oracleList, "2025-07", "2025-7"), "byte 1: last_updated_timestamp"},
		"a type":               {swap(awsList, `"ip_prefix":"3.4.12.4/32"`, `"ip_prefix":7`), "byte 66"},
		"an object for a list": {swap(awsList, `"prefixes":[`, `"prefixes":{"a":[`), "byte"},
		"no region":            {swap(awsList, `"region":"eu-west-1",`, ""), "3.4.12.4/32 has no region"},
		"goog.json":            {swap(googleList, `,"scope":"asia-east1"`, ""), "has no scope"},
		"no prefix":            {swap(awsList, "3.4.12.4/32", ""), "byte 66: an entry without a prefix"},
		"an address":           {swap(awsList, "3.4.12.4/32", "3.4.12.4"), `"3.4.12.4" is not a prefix`},
		"bits set":             {swap(awsList, "3.4.12.4/32", "3.4.12.4/24"), "bits set"},
		"everything":           {swap(awsList, "3.4.12.4/32", "0.0.0.0/0"), "globally reachable"},
		"private":              {swap(awsList, "3.4.12.4/32", "10.1.0.0/16"), "globally reachable addresses: it overlaps 10.0.0.0/8"},
		"around reserved":      {swap(awsList, "3.4.12.4/32", "198.0.0.0/8"), "overlaps 198.18.0.0/15"},
		"shared":               {swap(awsList, "3.4.12.4/32", "100.64.0.0/10"), "globally reachable"},
		"multicast":            {swap(awsList, "3.4.12.4/32", "239.0.0.0/8"), "globally reachable"},
		"documentation":        {swap(awsList, "2600:1f13::/36", "2001:db8::/32"), "globally reachable"},
		"unique local":         {swap(awsList, "2600:1f13::/36", "fd00::/8"), "globally reachable"},
		"all of IPv6":          {swap(awsList, "2600:1f13::/36", "::/0"), "globally reachable"},
		"mapped":               {swap(awsList, "2600:1f13::/36", "::ffff:3.4.0.0/112"), "maps IPv4"},
		"two regions": {swap(awsList, `],
"ipv6`, `,{"ip_prefix":"3.4.12.4/32","region":"eu-west-2","network_border_group":"eu-west-2"}],"ipv6`), "byte 169: 3.4.12.4/32 is in region eu-west-2, but in eu-west-1 at byte 66"},
		"more after it":            {awsList + "{}", "follows the end"},
		"two regions in Azure":     {swap(azureList, "]}}]}", `]}},{"name":"AzureCloud.westus","properties":{"region":"westus","addressPrefixes":["20.60.0.0/16"]}}]}`), "but in eastus"},
		"a tag of nothing":         {swap(azureList, `"properties":{"region":""`, `"other":{"region":""`), "has no properties"},
		"no sync token":            {swap(awsList, `"17"`, `""`), "empty version"},
		"null for a sync token":    {swap(googleList, `"17"`, `null`), "empty version"},
		"an endless version":       {swap(azureList, "363", strings.Repeat("3", 300)), "a version of 300 bytes"},
		"a year no table holds":    {swap(awsList, "2026-08-22", "2150-08-22"), "byte 18: createDate"},
		"the year one":             {swap(oracleList, "2025-07-21", "0001-01-01"), "byte 1: last_updated_timestamp"},
		"a region's control codes": {swap(googleList, "asia-east1", `asia\u0000`), "byte 74: region \"asia\\x00\" has control characters"},
		"a region of great length": {swap(oracleList, "us-ashburn-1", strings.Repeat("u", 300)), "a region of 300 bytes"},
		"deep nesting":             {swap(awsList, `"17"`, strings.Repeat("[", 1<<20)), "byte 0"},
		"deep nesting, known":      {swap(awsList, `"service":"EC2"`, `"service":`+strings.Repeat("[", 1<<20)), "exceeded max depth"},
		"deep nesting, skipped":    {swap(awsList, `{"`, `{"x":`+strings.Repeat(`{"a":`, 1<<20)+`,"`), "byte 0"},
		"two in one entry":         {swap(awsList, `"ip_prefix":"3.4.12.4/32"`, `"ip_prefix":"3.4.12.4/32","ipv6_prefix":"2600::/32"`), "byte 66"},
		"no change number":         {swap(azureList, "363", `"new"`), "changeNumber"},
		"Oracle's region, late":    {swap(oracleList, `"region":"us-ashburn-1",`, ""), "prefixes before their region's name"},
		"Oracle's region, empty":   {swap(oracleList, `"cidrs"`, `"x"`), "a region without prefixes"},
		"CSV: header alone":        {"prefix,provider,region\n", "line 2: the list has no prefix"},
		"CSV: other header":        {"prefix,provider,region,city\n", "line 1: the header"},
		"CSV: too few fields":      {csvList + "5.1.3.0/24,example\n", "line 5"},
		"CSV: no provider":         {csvList + "5.1.3.0/24,,north,,,\n", "line 5: no provider"},
		"CSV: quotes":              {csvList + "5.1.3.0/24,\"a\"b,north,,,\n", "line 5"},
		"CSV: unknown region":      {csvList + "5.1.3.0/24,example,south,,,\n", `line 5: where region "south" of example is`},
		"CSV: country":             {csvList + "5.1.3.0/24,example,south,Norway,,\n", "line 5: country"},
		"CSV: subdivision":         {csvList + "5.1.3.0/24,example,south,NO,SE-AB,\n", "line 5: subdivision"},
		"CSV: city alone":          {csvList + "5.1.3.0/24,example,south,,,Oslo\n", "line 5: country"},
		"CSV: two places":          {csvList + "5.1.3.0/24,example,north,SE,,\n", "line 5: example north is in SE,,, but in NO,NO-03,Oslo at line 4"},
		"CSV: place of no region":  {csvList + "5.1.3.0/24,example,,NO,,\n", "line 5: a place for no region"},
		"CSV: two providers":       {csvList + "5.1.2.0/24,other,,,,\n", "line 5: 5.1.2.0/24 is other's, but example at line 4"},
		"CSV: Latin-1 city":        {csvList + "5.1.3.0/24,example,south,CH,,Z\xfcrich\n", `line 5: city "Z\xfcrich" is not in UTF-8`},
		"CSV: Latin-1 provider":    {csvList + "5.1.3.0/24,ex\xe4mple,,,,\n", "line 5: provider"},
		"CSV: space":               {csvList + "5.1.3.0/24,example ,,,,\n", `line 5: provider "example " has control characters, or space around it`},
		"CSV: a city of 300":       {csvList + "5.1.3.0/24,example,south,NO,," + strings.Repeat("o", 300) + "\n", "line 5: a city of 300 bytes"},
		"CSV: two cities":          {csvList + "5.1.3.0/24,example,north,NO,NO-03,Asker\n", "line 5: example north is in NO,NO-03,Asker, but in NO,NO-03,Oslo at line 4"},
		"CSV: two regions":         {csvList + "5.1.2.0/24,example,north-2,SE,,\n", "line 5: 5.1.2.0/24 is in region north-2, but in north at line 4"},
		"CSV: part of a name":      {csvList + "8.0.0.0/16,alibaba,cn-beijing,,,\n8.0.0.0/16,alibaba,cn-beijing-finance-1,,,\n", "line 6: 8.0.0.0/16 is in region cn-beijing-finance-1, but in cn-beijing at line 5"},
		"CSV: after a long field":  {csvList + "5.1.3.0/24,example,south,NO,,\"a\n\nb\"\n", "line 5: city"},
		"CSV: line after quotes":   {csvList + "\"5.1.3.0/24\",\"example\",\"north\",\"\",\"\",\"\"\n\n# more\n5.1.4.0/24,example\n", "line 8"},
		"CSV: private":             {csvList + "192.168.1.0/24,example,north,,,\n", "line 5: 192.168.1.0/24 is not"},
	} {
		l, err := Parse("lists/x", []byte(c.text))
		if err == nil {
			t.Errorf("%s: taken, as %+v", name, l)
		} else if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "lists/x") {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
}

// TestSaysMore holds which of two entries of one prefix wins, in either order.
func TestSaysMore(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"us-east-1", "us-east-1", "us-east-1"},
		{"us-east-1", "us-east-1-nyc-1", "us-east-1-nyc-1"},
		{"GLOBAL", "us-east-1", "us-east-1"},
		{"GLOBAL", "GLOBAL", ""},
		{"us-east-1", "us-east-11", "error"},
		{"us-east-1-nyc-1", "us-east-1-bos-1", "error"},
	} {
		for _, groups := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			text := `{"syncToken":"1","createDate":"2026-08-22-15-17-05","ipv6_prefixes":[],"prefixes":[`
			for i, g := range groups {
				region := g
				if strings.Count(g, "-") > 2 {
					region = strings.Join(strings.Split(g, "-")[:3], "-")
				}
				text += strings.Repeat(",", i) + `{"ip_prefix":"3.4.12.4/32","region":"` + region + `","network_border_group":"` + g + `"}`
			}
			l, err := Parse("x", []byte(text+"]}"))
			got := "error"
			if err == nil {
				got = l.Ranges[0].Region
				if len(l.Ranges) != 1 || l.Skipped != 1 {
					t.Errorf("%v: %+v", groups, l)
				}
			}
			if got != c.want {
				t.Errorf("%v: %q, want %q (%v)", groups, got, c.want, err)
			}
		}
	}
}

// TestCSVDefinesLater: a region's place may follow its first row.
func TestCSVDefinesLater(t *testing.T) {
	l, err := Parse("x", []byte("\ufeffprefix,provider,region,country\r\n5.1.2.0/24,example,north,\r\n5.1.3.0/24,example,north,NO\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []Region{{"example", "north", "NO", "", "", ""}}; !reflect.DeepEqual(l.Regions, want) || len(l.Ranges) != 2 || l.Provider != "example" {
		t.Errorf("%+v", l)
	}
}

// TestAzureAuthority holds the choice among service tags against one made
// prefix by prefix.
func TestAzureAuthority(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		regional, others := map[string]string{}, map[string]bool{}
		var tags []string
		for range r.IntN(6) {
			p := fmt.Sprintf("20.%d.0.0/16", r.IntN(4))
			if _, twice := regional[p]; !twice {
				regional[p] = fmt.Sprintf("r%d", r.IntN(3))
				tags = append(tags, fmt.Sprintf(`{"name":"AzureCloud.%s","properties":{"region":"%[1]s","addressPrefixes":["%s"]}}`, regional[p], p))
			}
		}
		for range 1 + r.IntN(6) {
			p := fmt.Sprintf("20.%d.%d.0/24", r.IntN(4), r.IntN(3))
			others[p] = true
			tags = append(tags, fmt.Sprintf(`{"name":"Storage","properties":{"region":"","addressPrefixes":["%s"]}}`, p))
		}
		r.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		want := map[string]string{}
		for p, region := range regional {
			want[p] = region
		}
		for p := range others {
			if around := p[:strings.LastIndex(p[:strings.LastIndex(p, ".")], ".")] + ".0.0/16"; regional[around] == "" {
				want[p] = ""
			}
		}
		l, err := Parse("x", []byte(`{"changeNumber":"9","values":[`+strings.Join(tags, ",")+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, r := range l.Ranges {
			got[r.Prefix.String()] = r.Region
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\ngives %v, want %v", tags, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range lists {
		f.Add([]byte(text))
		f.Add([]byte(text[:len(text)/2]))
	}
	f.Add([]byte(`{"cloud":"Public","values":[{"properties":null}]}`))
	f.Add([]byte(`{"prefixes":[[[[`))
	f.Add([]byte("#\n#"))
	f.Add([]byte(`{"prefixes":[{},00`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("x", data)
		if (l == nil) == (err == nil) {
			t.Fatal(l, err)
		}
		if err != nil {
			return
		}
		if len(l.Ranges) == 0 {
			t.Fatal("a list of nothing")
		}
		for i, r := range l.Ranges {
			if checkName("provider", r.Provider) != nil || checkName("region", r.Region) != nil || r.Prefix != r.Prefix.Masked() || r.Provider == "" || strings.EqualFold(r.Region, "global") || i > 0 && comparePrefixes(l.Ranges[i-1].Prefix, r.Prefix) >= 0 {
				t.Fatalf("%+v", r)
			}
			if _, err := parsePrefix(r.Prefix.String()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, file := range []string{"aws-ip-ranges.json.gz", "azure-service-tags.json.gz"} {
		data := published(b, file)
		b.Run(file, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := Parse(file, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
