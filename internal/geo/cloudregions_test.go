package geo

import (
	"net/netip"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

// TestCloudRegions holds the places of cloud regions against the code tables:
// a place that a table of ours does not know could be neither shown nor named
// in a policy.
func TestCloudRegions(t *testing.T) {
	for _, r := range cloud.Regions() {
		if _, ok := CountryOf(r.Country); !ok {
			t.Errorf("%s %s is in country %q, which is not there", r.Provider, r.Region, r.Country)
		}
		if r.Subdivision != "" && !ValidSubdivision(r.Country, r.Subdivision) {
			t.Errorf("%s %s is in %q, which is no subdivision of %s", r.Provider, r.Region, r.Subdivision, r.Country)
		}
	}
}

// TestCloudListsRefuseSpecial: no list can speak of a block that the table says is nowhere.
func TestCloudListsRefuseSpecial(t *testing.T) {
	for _, s := range special {
		p := netip.MustParsePrefix(s.prefix)
		if list, err := cloud.Parse("x", []byte("prefix,provider,region\n"+p.String()+",example,\n")); err == nil {
			t.Errorf("%s (%v) is taken: %+v", p, s.reason, list.Ranges)
		}
	}
}
