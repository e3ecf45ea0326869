package cloud

import (
	"strings"
	"time"
)

// The forms of published lists.
const (
	FormAWS    = "AWS ip-ranges"
	FormGoogle = "Google cloud.json"
	FormAzure  = "Azure service tags"
	FormOracle = "Oracle public_ip_ranges"
	FormCSV    = "CSV"
)

// header begins the CSV form; country, subdivision and city may follow.
const header = "prefix,provider,region"

var forms = map[string]func([]byte) (*List, error){
	FormAWS: parseAWS,
}

// Recognise says in which form a list is, by what it begins with: some
// kilobytes are enough. It does not say that the list is sound.
func Recognise(data []byte) (form string, ok bool) {
	w := walk(data)
	found := ""
	_ = w.object(func(key string, _ place) error {
		if found == "" {
			found = formOfKey[key]
		}
		return w.skip()
	})
	return found, found != ""
}

// formOfKey names keys that only one publisher has.
var formOfKey = map[string]string{
	"createDate": FormAWS, "ipv6_prefixes": FormAWS,
}

// parseAWS reads https://ip-ranges.amazonaws.com/ip-ranges.json, described at
// https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html. A prefix
// stands there once a service; its region is taken to be its network border
// group, which is a local or Wavelength zone's where the addresses are used
// there only.
func parseAWS(data []byte) (*List, error) {
	var g gathering
	list := &List{Provider: AWS}
	w := walk(data)
	var date string
	prefixes := func() error {
		return w.array(func(at place) error {
			var p struct {
				V4     string `json:"ip_prefix"`
				V6     string `json:"ipv6_prefix"`
				Region string `json:"region"`
				Group  string `json:"network_border_group"`
			}
			if err := w.value(&p); err != nil {
				return err
			}
			region := strings.ToLower(p.Region)
			switch group := strings.ToLower(p.Group); {
			case region == "":
				return at.fault("%s%s has no region", p.V4, p.V6)
			case region == "global":
				region = ""
			case group != "":
				region = group
			}
			return g.add(p.V4+p.V6, AWS, region, at)
		})
	}
	err := w.object(func(key string, _ place) error {
		switch key {
		case "syncToken":
			return w.value(&list.Version)
		case "createDate":
			return w.value(&date)
		case "prefixes", "ipv6_prefixes":
			return prefixes()
		}
		return w.skip()
	})
	if err != nil {
		return nil, err
	}
	if list.Date, err = time.Parse("2006-01-02-15-04-05", date); err != nil {
		return nil, place{"byte", 0}.fault("createDate %q is not a time", date)
	}
	list.Ranges, list.Skipped = g.sorted(), g.skipped
	return list, w.end()
}
