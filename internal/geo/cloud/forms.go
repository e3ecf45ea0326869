package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The forms of published lists, as Recognise names them.
const (
	FormAWS    = "AWS ip-ranges"
	FormGoogle = "Google cloud.json"
	FormAzure  = "Azure service tags"
	FormOracle = "Oracle public_ip_ranges"
	FormCSV    = "CSV"
)

// mark is the byte order mark of UTF-8. A list may begin with it.
var mark = []byte("\ufeff")

// header begins the CSV form; more columns may follow, see parseCSV.
const header = "prefix,provider,region"

// Recognise says in which form a list is, by what it begins with: a few
// kilobytes are enough. It does not say that the list is sound.
func Recognise(data []byte) (form string, ok bool) {
	if csvBegins(data) {
		return FormCSV, true
	}
	w := walk(data)
	found := ""
	// What is cut or broken ends the walk; what was found before counts.
	_ = w.object(func(key string, at place) error {
		if found = formOfKey[key]; found != "" {
			return at.fault("known")
		}
		if key == "prefixes" || key == "values" || key == "regions" {
			return w.first(func(_ place) error {
				return w.object(func(key string, at place) error {
					if found = formOfMember[key]; found != "" {
						return at.fault("known")
					}
					return w.skip()
				})
			})
		}
		return w.skip()
	})
	return found, found != ""
}

// formOfKey names the forms by keys that only one publisher has, formOfMember
// by those of its entries.
var (
	formOfKey = map[string]string{
		"createDate": FormAWS, "ipv6_prefixes": FormAWS,
		"creationTime": FormGoogle,
		"changeNumber": FormAzure, "cloud": FormAzure,
		"last_updated_timestamp": FormOracle,
	}
	formOfMember = map[string]string{
		"ip_prefix": FormAWS, "network_border_group": FormAWS,
		"ipv4Prefix": FormGoogle, "ipv6Prefix": FormGoogle,
		"properties": FormAzure,
		"cidrs":      FormOracle,
	}
)

// Parse reads a list in any form that Recognise knows; name stands in errors.
// A list is taken whole or refused whole: one that is cut, has a wrong type, no
// prefix at all, a prefix that is not globally reachable, or one prefix in two
// regions is an error that says at which byte or line.
func Parse(name string, data []byte) (*List, error) {
	form, ok := Recognise(data)
	if !ok {
		return nil, fmt.Errorf("cloud list %s, byte 0: neither a list of AWS, Google, Azure or Oracle nor a CSV file with the header %q", name, header)
	}
	list, err := parse(form, data)
	if err != nil {
		return nil, fmt.Errorf("cloud list %s (%s), %w", name, form, err)
	}
	return list, nil
}

func parse(form string, data []byte) (*List, error) {
	if form == FormCSV {
		return parseCSV(data)
	}
	r := &reader{walker: walk(data)}
	r.seen = make(map[string]place)
	switch form {
	case FormAWS:
		return r.aws()
	case FormGoogle:
		return r.google()
	case FormAzure:
		return r.azure()
	default:
		return r.oracle()
	}
}

// reader reads one JSON list.
type reader struct {
	*walker
	gathering
	list List
	seen map[string]place // top keys
}

// top reads the whole file, an object: the members that read names, each
// needed and once, and skips others.
func (r *reader) top(read map[string]func() error) error {
	if err := r.object(func(key string, at place) error {
		member, wanted := read[key]
		if !wanted {
			return r.skip()
		}
		if first, twice := r.seen[key]; twice {
			return at.fault("%q stands there twice, first at %s", key, first)
		}
		r.seen[key] = at
		return member()
	}); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	end := place{"byte", int64(len(r.data))}
	for _, key := range slices.Sorted(maps.Keys(read)) {
		if _, ok := r.seen[key]; !ok {
			return end.fault("the list ends without %q", key)
		}
	}
	return nil
}

// dated reads when the list was made, in UTC. The years are those that a data
// set's date may have in an enriched batch, less what no list can be.
func (r *reader) dated(key, layout, text string) (err error) {
	if r.list.Date, err = time.Parse(layout, text); err != nil || r.list.Date.Year() < 2000 || r.list.Date.Year() > 2099 {
		return r.seen[key].fault("%s %.40q is not a time in the years 2000 to 2099", key, text)
	}
	return nil
}

// into reads one value.
func (r *reader) into(v any) func() error { return func() error { return r.value(v) } }

// done gives the list, once all is read.
func (r *reader) done() (*List, error) {
	if len(r.ranges) == 0 {
		return nil, place{"byte", int64(len(r.data))}.fault("the list has no prefix")
	}
	if r.list.Version == "" {
		return nil, place{"byte", int64(len(r.data))}.fault("the list has an empty version")
	}
	if err := checkName("version", r.list.Version); err != nil {
		return nil, place{"byte", int64(len(r.data))}.fault("%w", err)
	}
	r.list.Ranges, r.list.Skipped = r.sorted(), r.skipped
	return &r.list, nil
}

// regionOf gives a list's region in small letters, and "" for the names that
// AWS and Google have for none.
func regionOf(text string) string {
	if region := strings.ToLower(text); region != "global" {
		return region
	}
	return ""
}
