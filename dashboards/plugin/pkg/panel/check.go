package panel

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// variable is what a template variable looks like that nobody has put a value for.
var variable = regexp.MustCompile(`^\$(\w+|\{[^}]*\})$|\[\[\w+(:\w+)?\]\]`)

// check fills in what an empty choice means, drops the filters that stand for all, and finds what no
// question could find.
func (q *Query) check(f *faults) {
	for _, c := range choices {
		if i := slices.IndexFunc(fields, func(known field) bool { return known.name == c.name }); fields[i].types != nil && !slices.Contains(fields[i].types, q.Type) {
			continue
		}
		values, value := c.values(q.Type), c.value(q)
		if *value == "" {
			*value = values[0]
		}
		if !slices.Contains(values, *value) {
			f.add("%s: %q is none of %s", c.name, *value, strings.Join(values, ", "))
		}
	}
	if q.Top < 0 {
		f.add("top: %d is negative", q.Top)
	}
	for _, l := range q.lists() {
		if slices.ContainsFunc(*l.values, func(v string) bool { return v == "" || v == "*" }) {
			*l.values = nil
		}
		for _, v := range *l.values {
			if variable.MatchString(v) {
				f.add("%s: nothing has put a value for the variable %s", l.name, v)
			}
		}
	}
	if _, err := numbers(q.ASNs); err != nil {
		f.add("asns: %w", err)
	}
	if _, err := prefixes(q.Networks); err != nil {
		f.add("networks: %w", err)
	}
	for _, d := range q.ShareOf {
		if !slices.Contains(q.By, d) {
			f.add("shareOf: %q is not among what the answer is by", d)
		}
	}
	if h := q.Hours; h != nil && (h.From < 0 || h.From > 24 || h.To < 0 || h.To > 24 || h.From == h.To) {
		f.add("hours: from %d to %d: want two that differ, from 0 to 24", h.From, h.To)
	}
	for _, e := range q.Events {
		if !slices.Contains([]string{"data_set", "policy", "outage"}, e) {
			f.add("events: %q is none of data_set, policy, outage", e)
		}
	}
	if q.Type == TypeOvertakes && len(q.By) != 1 {
		f.add("by: overtakes are along one dimension, and not %d", len(q.By))
	}
	for i := range q.Filters {
		q.Filters[i].check(f, fmt.Sprintf("filters[%d]", i))
	}
}

// list is a filter of a query.
type list struct {
	name      string
	dimension query.Dimension // empty: none
	values    *[]string
}

func (q *Query) lists() []list {
	return []list{
		{"vendors", query.ByVendor, &q.Vendors},
		{"places", query.ByPlace, &q.Places},
		{"countries", query.ByCountry, &q.Countries},
		{"cloudRegions", query.ByCloudRegion, &q.CloudRegions},
		{"verdicts", query.ByVerdict, &q.Verdicts},
		{"jurisdictions", query.ByJurisdiction, &q.Jurisdictions},
		{"confidences", query.ByConfidence, &q.Confidences},
		{"sides", query.BySide, &q.Sides},
		{"exporters", "", &q.Exporters},
		{"operators", query.ByOperator, &q.Operators},
		{"sites", query.BySite, &q.Sites},
		{"asns", query.ByASN, &q.ASNs},
		{"networks", "", &q.Networks},
	}
}

var operators = []string{"=", "!=", "=~", "!~", "=|", "!=|"}

func (a *AdHoc) check(f *faults, at string) {
	if a.Key == "" {
		f.add("%s: the key is missing", at)
	}
	if !slices.Contains(operators, a.Operator) {
		f.add("%s: operator %q is none of %s", at, a.Operator, strings.Join(operators, " "))
	}
	many := strings.HasSuffix(a.Operator, "|")
	if many && len(a.Values) == 0 && a.Value == "" || !many && a.Value == "" {
		f.add("%s: the value is missing", at)
	}
	for _, v := range append([]string{a.Value}, a.Values...) {
		if variable.MatchString(v) && !strings.HasSuffix(a.Operator, "~") {
			f.add("%s: nothing has put a value for the variable %s", at, v)
		}
	}
}

// numbers reads numbers of autonomous systems, with or without "AS" before them; "unknown" is 0.
func numbers(asns []string) ([]uint32, error) {
	var out []uint32
	for _, a := range asns {
		if a == query.Unknown {
			out = append(out, 0)
			continue
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(a, "AS"), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not the number of a network", a)
		}
		out = append(out, uint32(n))
	}
	return out, nil
}

// prefixes reads networks and addresses.
func prefixes(networks []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if a, failed := netip.ParseAddr(n); failed == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither a prefix nor an address", n)
		}
		out = append(out, p)
	}
	return out, nil
}
