package reporter

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// The parameters of each question, as schemas/openapi/landfall.yaml describes them.
var (
	figureParameters    = []string{"vendor", "place", "country", "asn", "operator", "site", "jurisdiction", "verdict", "confidence", "by", "top", "revision", "min_handsets", "figures_only", "format"}
	residencyParameters = slices.Concat(figureParameters, []string{"bucket", "since", "until"})
	compareParameters   = slices.Concat(figureParameters, []string{"before_since", "before_until", "after_since", "after_until"})
	endpointsParameters = []string{
		"vendor", "place", "country", "asn", "network", "operator", "site", "unit", "since", "until", "top", "format",
	}
	newParameters          = slices.Concat(endpointsParameters, []string{"each_vendor"})
	completenessParameters = []string{"exporter", "operator", "site", "bucket", "since", "until", "format"}

	units = names([]query.Unit{query.UnitAddress, query.UnitNetwork, query.UnitASN, query.UnitPlace, query.UnitCountry})
)

// lists reads parameters that may be repeated.
func lists(values url.Values, into map[string]*[]string) error {
	for _, name := range slices.Sorted(maps.Keys(into)) {
		var err error
		if *into[name], err = many(values, name); err != nil {
			return err
		}
	}
	return nil
}

// systems reads the numbers of autonomous systems.
func systems(values url.Values) ([]uint32, error) {
	list, err := many(values, "asn")
	var out []uint32
	for _, v := range list {
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return nil, badParameter("asn", fmt.Sprintf("%q is not the number of an autonomous system", clip(v)), "4134")
		}
		out = append(out, uint32(n))
	}
	return out, err
}

// figuresQuestion reads what a residency question and a comparison have in common.
func figuresQuestion(values url.Values) (q query.Residency, format string, err error) {
	if err = lists(values, map[string]*[]string{
		"vendor": &q.Vendors, "place": &q.Places, "country": &q.Countries, "operator": &q.Operators, "site": &q.Sites,
		"jurisdiction": &q.Jurisdictions,
	}); err != nil {
		return q, "", err
	}
	if q.Verdicts, err = manyOf(values, "verdict", query.Verdicts()); err != nil {
		return q, "", err
	}
	if q.Confidences, err = manyOf(values, "confidence", query.Confidences()); err != nil {
		return q, "", err
	}
	if q.ASNs, err = systems(values); err != nil {
		return q, "", err
	}
	by, err := single(values, "by", string(query.ByPlace))
	if err != nil {
		return q, "", err
	}
	for _, d := range strings.Split(by, ",") {
		if !slices.Contains(dimensions, d) {
			return q, "", badParameter("by", fmt.Sprintf("%q is not one of %s (several with commas between)", clip(d), strings.Join(dimensions, ", ")), dimensions...)
		}
		if slices.Contains(q.By, query.Dimension(d)) {
			return q, "", badParameter("by", d+" is named twice")
		}
		q.By = append(q.By, query.Dimension(d))
	}
	if q.Top, err = whole(values, "top", defaultTop, 1, maxTop); err != nil {
		return q, "", err
	}
	if _, asked := values["revision"]; asked {
		n, err := whole(values, "revision", 0, 0, math.MaxUint16)
		if err != nil {
			return q, "", err
		}
		r := uint16(n)
		q.Revision = &r
	}
	if q.MinHandsets, err = whole(values, "min_handsets", 0, 0, maxHandsets); err != nil {
		return q, "", err
	}
	only, err := oneOf(values, "figures_only", "false", switches)
	if err != nil {
		return q, "", err
	}
	q.FiguresOnly = only == "true"
	format, err = oneOf(values, "format", "json", formats)
	return q, format, err
}

// residencyQuestion reads the parameters of a residency question, and the format of its answer.
func residencyQuestion(values url.Values) (q query.Residency, format string, err error) {
	if q, format, err = figuresQuestion(values); err != nil {
		return q, "", err
	}
	bucket, err := oneOf(values, "bucket", string(defaultStep), buckets)
	if err != nil {
		return q, "", err
	}
	q.Bucket = query.Bucket(bucket)
	if q.Since, q.Until, err = period(values, "since", "until"); err != nil {
		return q, "", err
	}
	return q, format, boundBuckets(q.Bucket, q.Since, q.Until)
}

func compareQuestion(values url.Values) (q query.Compare, format string, err error) {
	if err = given(values, "before_since", "before_until", "after_since", "after_until"); err != nil {
		return q, "", err
	}
	if q.Question, format, err = figuresQuestion(values); err != nil {
		return q, "", err
	}
	if q.BeforeSince, q.BeforeUntil, err = period(values, "before_since", "before_until"); err != nil {
		return q, "", err
	}
	q.AfterSince, q.AfterUntil, err = period(values, "after_since", "after_until")
	return q, format, err
}

func endpointsQuestion(values url.Values) (q query.Endpoints, format string, err error) {
	if err = lists(values, map[string]*[]string{
		"vendor": &q.Vendors, "place": &q.Places, "country": &q.Countries, "operator": &q.Operators, "site": &q.Sites,
	}); err != nil {
		return q, "", err
	}
	if q.ASNs, err = systems(values); err != nil {
		return q, "", err
	}
	networks, err := many(values, "network")
	if err != nil {
		return q, "", err
	}
	for _, v := range networks {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			return q, "", badParameter("network", fmt.Sprintf("%q is not a prefix", clip(v)), "203.0.113.0/24", "2001:db8::/32")
		}
		q.Networks = append(q.Networks, p.Masked())
	}
	unit, err := oneOf(values, "unit", string(query.UnitAddress), units)
	if err != nil {
		return q, "", err
	}
	q.Unit = query.Unit(unit)
	if q.Since, q.Until, err = period(values, "since", "until"); err != nil {
		return q, "", err
	}
	if q.Top, err = whole(values, "top", defaultTop, 1, maxTop); err != nil {
		return q, "", err
	}
	format, err = oneOf(values, "format", "json", formats)
	return q, format, err
}

func newQuestion(values url.Values) (q query.NewSince, format string, err error) {
	if err = given(values, "since"); err != nil {
		return q, "", err
	}
	e, format, err := endpointsQuestion(values)
	if err != nil {
		return q, "", err
	}
	q = query.NewSince{Filter: e.Filter, Unit: e.Unit, Since: e.Since, Until: e.Until, Top: e.Top}
	each, err := oneOf(values, "each_vendor", "false", switches)
	q.EachVendor = each == "true"
	return q, format, err
}

func completenessQuestion(values url.Values) (q query.Completeness, format string, err error) {
	if err = lists(values, map[string]*[]string{"exporter": &q.Exporters, "operator": &q.Operators, "site": &q.Sites}); err != nil {
		return q, "", err
	}
	for _, e := range q.Exporters {
		if _, err := netip.ParseAddr(e); err != nil {
			return q, "", badParameter("exporter", fmt.Sprintf("%q is not an IP address", clip(e)), "192.0.2.7")
		}
	}
	bucket, err := oneOf(values, "bucket", string(defaultStep), buckets[1:])
	if err != nil {
		return q, "", err
	}
	q.Bucket = query.Bucket(bucket)
	if q.Since, q.Until, err = period(values, "since", "until"); err != nil {
		return q, "", err
	}
	if err = boundBuckets(q.Bucket, q.Since, q.Until); err != nil {
		return q, "", err
	}
	format, err = oneOf(values, "format", "json", formats)
	return q, format, err
}
