package geo

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What no enriched batch could hold, and codes that there are not, are refused with the place.
func TestNamesAndCodesAreRefused(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	city := func(name string) string {
		return string(writeMMDB(4, map[netip.Prefix]map[string]string{netip.MustParsePrefix("1.2.0.0/16"): rec("CN", "Beijing", name)}))
	}
	for _, test := range []struct{ name, data, want string }{
		{"city", city("Beijing"), ""},
		{"city", city("Z\xfcrich"), "not in UTF-8"},
		{"asn", "1.0.0.0,1.0.0.255,13335,Cloudflare\n", ""},
		{"asn", "1.0.0.0,1.0.0.255,13335," + long + "\n", "line 1"},
		{"asn", "1.0.0.0,1.0.0.255,13335,Z\xfcrich\n", "line 1"},
		{"overrides", "prefix,country,city\n9.0.0.0/8,CH,Zürich\n", ""},
		{"overrides", "prefix,country,city\n9.0.0.0/8,CH,Z\xfcrich\n", "line 2"},
		{"overrides", "prefix,country,cloud_provider\n9.0.0.0/8,CH," + long + "\n", "line 2"},
		{"cloud", "prefix,provider,region,country,subdivision\n9.0.0.0/8,other,here,CH,CH-ZH\n", ""},
		{"cloud", "prefix,provider,region,country\n9.0.0.0/8,other,here,XX\n", `country "XX"`},
		{"cloud", "prefix,provider,region,country,subdivision\n9.0.0.0/8,other,here,US,US-ZZ\n", `subdivision "US-ZZ"`},
	} {
		path := filepath.Join(t.TempDir(), test.name+".csv")
		if err := os.WriteFile(path, []byte(test.data), 0o600); err != nil {
			t.Fatal(err)
		}
		files := map[string]Files{
			"city": {City: []string{path}}, "asn": {ASN: []string{path}}, "overrides": {Overrides: path}, "cloud": {Cloud: []string{path}},
		}[test.name]
		_, err := Open(files)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path)):
			t.Errorf("%s: the error is %.200v, want one with %q and the file", test.name, err, test.want)
		}
	}
}
