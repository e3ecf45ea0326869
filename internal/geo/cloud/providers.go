package cloud

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// aws reads https://ip-ranges.amazonaws.com/ip-ranges.json, described at
// https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html. A prefix
// stands there once a service; its region is taken to be its network border
// group, which is a Local or Wavelength Zone's where the addresses are used
// there only.
func (r *reader) aws() (*List, error) {
	r.list.Provider = AWS
	var date string
	prefixes := func() error {
		return r.array(func(at place) error {
			var p struct {
				V4     string `json:"ip_prefix"`
				V6     string `json:"ipv6_prefix"`
				Region string `json:"region"`
				Group  string `json:"network_border_group"`
			}
			if err := r.value(&p); err != nil {
				return err
			}
			if p.Region == "" {
				return at.fault("%s%s has no region", p.V4, p.V6)
			}
			region := regionOf(p.Region)
			if region != "" && p.Group != "" {
				region = regionOf(p.Group)
			}
			return r.add(p.V4+p.V6, AWS, region, at)
		})
	}
	if err := r.top(map[string]func() error{
		"syncToken": r.into(&r.list.Version), "createDate": r.into(&date),
		"prefixes": prefixes, "ipv6_prefixes": prefixes,
	}); err != nil {
		return nil, err
	}
	if err := r.dated("createDate", "2006-01-02-15-04-05", date); err != nil {
		return nil, err
	}
	return r.done()
}

// google reads https://www.gstatic.com/ipranges/cloud.json. Its sister
// goog.json, which has no regions and holds what is not Google Cloud, is
// refused.
func (r *reader) google() (*List, error) {
	r.list.Provider = Google
	var date string
	if err := r.top(map[string]func() error{
		"syncToken": r.into(&r.list.Version), "creationTime": r.into(&date),
		"prefixes": func() error {
			return r.array(func(at place) error {
				var p struct {
					V4    string `json:"ipv4Prefix"`
					V6    string `json:"ipv6Prefix"`
					Scope string `json:"scope"`
				}
				if err := r.value(&p); err != nil {
					return err
				}
				if p.Scope == "" {
					return at.fault("%s%s has no scope; cloud.json has one everywhere, goog.json nowhere", p.V4, p.V6)
				}
				return r.add(p.V4+p.V6, Google, regionOf(p.Scope), at)
			})
		},
	}); err != nil {
		return nil, err
	}
	if err := r.dated("creationTime", "2006-01-02T15:04:05", date); err != nil { // takes a fraction, too
		return nil, err
	}
	// creationTime is in Pacific time and does not say so. The sync token is the
	// same time in milliseconds since 1970, UTC; should it ever be another
	// number, the day still holds.
	if ms, err := strconv.ParseInt(r.list.Version, 10, 64); err == nil {
		if at := time.UnixMilli(ms).UTC(); at.Sub(r.list.Date).Abs() <= 9*time.Hour {
			r.list.Date = at
		}
	}
	return r.done()
}

// oracle reads https://docs.oracle.com/iaas/tools/public_ip_ranges.json.
func (r *reader) oracle() (*List, error) {
	r.list.Provider = Oracle
	if err := r.top(map[string]func() error{
		"last_updated_timestamp": r.into(&r.list.Version),
		"regions": func() error {
			return r.array(func(at place) error {
				var name string
				var cidrs bool
				err := r.object(func(key string, at place) error {
					switch key {
					case "region":
						return r.value(&name)
					case "cidrs":
						if cidrs = true; name == "" {
							return at.fault("prefixes before their region's name")
						}
						return r.array(func(at place) error {
							var c struct {
								CIDR string `json:"cidr"`
							}
							if err := r.value(&c); err != nil {
								return err
							}
							return r.add(c.CIDR, Oracle, strings.ToLower(name), at)
						})
					}
					return r.skip()
				})
				if err == nil && !cidrs {
					return at.fault("a region without prefixes")
				}
				return err
			})
		},
	}); err != nil {
		return nil, err
	}
	if err := r.dated("last_updated_timestamp", "2006-01-02T15:04:05", r.list.Version); err != nil {
		return nil, err
	}
	return r.done()
}

// azureTag is one service tag.
type azureTag struct {
	Name       string `json:"name"`
	Properties *struct {
		Region   string   `json:"region"`
		Prefixes []string `json:"addressPrefixes"`
	} `json:"properties"`
}

// azureRegional begins the tags that hold all prefixes of one region.
const azureRegional = "AzureCloud."

// azure reads the weekly "Azure IP Ranges and Service Tags" files of all
// clouds, and the answer of the Service Tag Discovery API; both are described
// at https://learn.microsoft.com/azure/virtual-network/service-tags-overview.
// AzureCloud.<region> says where a prefix is. The other tags name the same
// prefixes or parts of them again, mostly without a region; what no AzureCloud
// tag of a region covers is taken from them. The form has no date.
func (r *reader) azure() (*List, error) {
	r.list.Provider = Azure
	others := make(map[netip.Prefix][]entry)
	var number json.RawMessage
	if err := r.top(map[string]func() error{
		"changeNumber": r.into(&number), // a number in the file, a string from the API
		"values": func() error {
			return r.array(func(at place) error {
				var tag azureTag
				if err := r.value(&tag); err != nil {
					return err
				}
				if tag.Properties == nil {
					return at.fault("the service tag %q has no properties", tag.Name)
				}
				return r.azureTag(&tag, at, others)
			})
		},
	}); err != nil {
		return nil, err
	}
	if r.list.Version = strings.Trim(string(number), `"`); r.list.Version == "" || strings.Trim(r.list.Version, "0123456789") != "" {
		return nil, r.seen["changeNumber"].fault("changeNumber %s is not a number", number)
	}
	var uncovered []netip.Prefix
	for p, entries := range others {
		if r.covered(p) {
			r.skipped += len(entries)
		} else {
			uncovered = append(uncovered, p)
		}
	}
	slices.SortFunc(uncovered, comparePrefixes) // so that of several faults it is always the same that is named
	for _, p := range uncovered {
		for _, e := range others[p] {
			if err := r.addPrefix(p, e); err != nil {
				return nil, err
			}
		}
	}
	return r.done()
}

// azureTag takes the tag of a region, and puts others aside.
func (r *reader) azureTag(tag *azureTag, at place, others map[netip.Prefix][]entry) error {
	name, regional := strings.CutPrefix(tag.Name, azureRegional)
	region := regionOf(tag.Properties.Region)
	if regional && region == "" {
		region = strings.ToLower(name)
	}
	for _, text := range tag.Properties.Prefixes {
		p, err := parsePrefix(text)
		if err != nil {
			return at.fault("service tag %q: %w", tag.Name, err)
		}
		e := entry{Azure, region, at}
		if !regional {
			others[p] = append(others[p], e)
		} else if err := r.addPrefix(p, e); err != nil {
			return err
		}
	}
	return nil
}

// covered reports whether a prefix lies in one already taken.
func (r *reader) covered(p netip.Prefix) bool {
	for bits := p.Bits(); bits > 0; bits-- {
		around, err := p.Addr().Prefix(bits)
		if err != nil {
			return false // not with bits of a valid prefix
		}
		if _, ok := r.ranges[around]; ok {
			return true
		}
	}
	return false
}
