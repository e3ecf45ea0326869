package geo

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/geo/cloud"
)

// cloudRange is what one published prefix says. Its place has no country when
// the list gives no region, or one that is not known.
type cloudRange struct {
	prefix netip.Prefix
	place  Place
}

// cloudFile is one published list as read.
type cloudFile struct {
	file
	set     string // name of the data set: the provider, or "cloud" for lists of several
	version string // the publisher's own
	built   time.Time
	ranges  []cloudRange
}

func loadCloud(path string, codes *codeBook) (*cloudFile, error) {
	f, data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read cloud list: %w", err)
	}
	list, err := cloud.Parse(path, data)
	if err != nil {
		return nil, err
	}
	c := &cloudFile{file: f, set: list.Provider, version: list.Version, built: list.Date}
	if c.set == "" {
		c.set = "cloud"
	}
	own := make(map[[2]string]cloud.Region, len(list.Regions))
	for _, r := range list.Regions {
		if err := checkCodes(&Place{CountryCode: r.Country, SubdivisionCode: r.Subdivision}, codes); err != nil {
			return nil, fmt.Errorf("cloud list %s: region %s of %s: %w", path, r.Region, r.Provider, err)
		}
		own[[2]string{r.Provider, r.Region}] = r
	}
	c.ranges = make([]cloudRange, len(list.Ranges))
	for i, r := range list.Ranges {
		region, ok := own[[2]string{r.Provider, r.Region}]
		if !ok {
			region, _ = cloud.RegionPlace(r.Provider, r.Region)
		}
		c.ranges[i] = cloudRange{r.Prefix, Place{
			CountryCode: region.Country, SubdivisionCode: region.Subdivision, SubdivisionName: codes.names[region.Subdivision],
			City: region.City, CloudProvider: r.Provider, CloudRegion: r.Region,
		}}
	}
	if len(c.ranges) == 0 {
		return nil, fmt.Errorf("cloud list %s, byte %d: the list ends without a single prefix", path, len(data))
	}
	return c, nil
}
