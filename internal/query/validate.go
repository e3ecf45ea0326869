package query

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

var (
	buckets      = []Bucket{BucketMinute, BucketHour, BucketDay, BucketWeek, BucketTotal}
	units        = []Unit{UnitAddress, UnitNetwork, UnitASN, UnitPlace, UnitCountry}
	handsetSides = []string{"source", "destination", "both", "none"}
	verdicts     = []string{"domestic", "allowed", "restricted", "indeterminate", "none"}
	confidences  = []string{"published", "agreed", "single", "disputed", "indeterminate"}
)

// Verdicts are those that a question may filter by; none: no policy was in force.
func Verdicts() []string { return slices.Clone(verdicts) }

// Confidences are those that a question may filter by.
func Confidences() []string { return slices.Clone(confidences) }

// The times that a rollup's bucket can have.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Bounds of the values of one filter; the server bounds a statement's size.
const (
	maxFilter   = 1000
	maxNetworks = 100
)

// faults gathers what is wrong with a question.
type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return &InvalidError{errors.Join(f...)}
}

func (f *faults) times(since, until time.Time) {
	f.namedTimes("since", since, "until", until)
}

func (f *faults) namedTimes(from string, since time.Time, to string, until time.Time) {
	for _, t := range []struct {
		name string
		time time.Time
	}{{from, since}, {to, until}} {
		if !t.time.IsZero() && (t.time.Before(earliest) || t.time.After(latest)) {
			f.add("%s %s is not in the years 1970 to 2105", t.name, t.time.Format(time.RFC3339))
		}
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		f.add("%s %s is not before %s %s", from, since.Format(time.RFC3339), to, until.Format(time.RFC3339))
	}
}

func (f *faults) filter(name string, n, most int) {
	if n > most {
		f.add("%d %s to filter by, at most %d are taken", n, name, most)
	}
}

func (f *faults) sides(sides []string) {
	for _, s := range sides {
		if !slices.Contains(handsetSides, s) {
			f.add("unknown handset side %q, known are %v", s, handsetSides)
		}
	}
}

func (f *faults) exporters(exporters []string) {
	f.filter("exporters", len(exporters), maxFilter)
	for _, e := range exporters {
		if _, err := netip.ParseAddr(e); err != nil {
			f.add("exporter %q is not an IP address", e)
		}
	}
}

func (f *faults) top(top int) {
	if top < 0 {
		f.add("top %d is negative", top)
	}
}

// Validate reports every fault of the question as one *InvalidError.
func (q Residency) Validate() error {
	var f faults
	for i, d := range q.By {
		if _, ok := d.find(); !ok {
			f.add("unknown dimension %q, known are %v", d, Dimensions())
		} else if slices.Contains(q.By[:i], d) {
			f.add("dimension %q is asked for twice", d)
		}
	}
	if q.Bucket != "" && !slices.Contains(buckets, q.Bucket) {
		f.add("unknown bucket %q, known are %v", q.Bucket, buckets)
	}
	f.sides(q.Sides)
	for _, v := range q.Verdicts {
		if !slices.Contains(verdicts, v) {
			f.add("unknown verdict %q, known are %v", v, verdicts)
		}
	}
	for _, v := range q.Confidences {
		if !slices.Contains(confidences, v) {
			f.add("unknown confidence %q, known are %v", v, confidences)
		}
	}
	f.filter("jurisdictions", len(q.Jurisdictions), maxFilter)
	f.filter("verdicts", len(q.Verdicts), maxFilter)
	f.filter("confidences", len(q.Confidences), maxFilter)
	f.times(q.Since, q.Until)
	f.top(q.Top)
	if q.MinHandsets < 0 {
		f.add("a minimum of %d handsets is negative", q.MinHandsets)
	}
	f.filter("vendors", len(q.Vendors), maxFilter)
	f.filter("places", len(q.Places), maxFilter)
	f.filter("countries", len(q.Countries), maxFilter)
	f.filter("networks", len(q.ASNs), maxFilter)
	f.filter("operators", len(q.Operators), maxFilter)
	f.filter("sites", len(q.Sites), maxFilter)
	f.conditions(q.Where, Dimensions())
	q.Hours.faults(&f)
	if q.Hours != nil && q.MinHandsets > 0 {
		f.add("handsets are counted by the day: a minimum of handsets and hours of the day do not go together")
	}
	for i, d := range q.ShareOf {
		if !slices.Contains(q.By, d) {
			f.add("shares of %q need the answer to be by it", d)
		} else if slices.Contains(q.ShareOf[:i], d) {
			f.add("shares of %q are asked for twice", d)
		}
	}
	return f.err()
}

// normal fills in the defaults and widens the times to whole minutes.
func (q Residency) normal() Residency {
	if q.Bucket == "" {
		q.Bucket = BucketTotal
	}
	if len(q.Sides) == 0 {
		q.Sides = handsetSides[:3]
	}
	if q.Hours != nil && q.Hours.From == 0 && q.Hours.To == 24 {
		q.Hours = nil
	}
	q.Since, q.Until = widen(q.Since, q.Until, time.Minute)
	return q
}

// completeness is the question about the completeness of a normal question's buckets.
func (q Residency) completeness() Completeness {
	c := Completeness{Operators: q.Operators, Sites: q.Sites, Bucket: q.Bucket, Since: q.Since, Until: q.Until}
	if c.Bucket == BucketMinute {
		c.Bucket = BucketHour
	}
	return c.normal()
}

// Validate reports every fault of the question as one *InvalidError.
func (q Completeness) Validate() error {
	var f faults
	if q.Bucket != "" && !slices.Contains(buckets[1:], q.Bucket) {
		f.add("unknown bucket %q, known are %v", q.Bucket, buckets[1:])
	}
	f.times(q.Since, q.Until)
	f.exporters(q.Exporters)
	f.filter("operators", len(q.Operators), maxFilter)
	f.filter("sites", len(q.Sites), maxFilter)
	return f.err()
}

// normal fills in the defaults, widens the times to whole hours, and writes addresses as the ledger
// has them.
func (q Completeness) normal() Completeness {
	if q.Bucket == "" {
		q.Bucket = BucketTotal
	}
	q.Since, q.Until = widen(q.Since, q.Until, time.Hour)
	q.Exporters = mapped(q.Exporters)
	return q
}

// mapped are valid addresses as the tables have them: IPv4 mapped into IPv6.
func mapped(exporters []string) []string {
	out := make([]string, 0, len(exporters))
	for _, e := range exporters {
		if a, err := netip.ParseAddr(e); err == nil {
			out = append(out, netip.AddrFrom16(a.As16()).WithZone("").String())
		}
	}
	return out
}

func (f Filter) faults(out *faults) {
	out.filter("vendors", len(f.Vendors), maxFilter)
	out.filter("places", len(f.Places), maxFilter)
	out.filter("countries", len(f.Countries), maxFilter)
	out.filter("ASNs", len(f.ASNs), maxFilter)
	out.filter("networks", len(f.Networks), maxNetworks)
	out.filter("operators", len(f.Operators), maxFilter)
	out.filter("sites", len(f.Sites), maxFilter)
	for _, p := range f.Networks {
		if !p.IsValid() {
			out.add("a network to filter by is not a prefix")
		}
	}
}

func (u Unit) faults(out *faults) {
	if u != "" && !slices.Contains(units, u) {
		out.add("unknown unit %q, known are %v", u, units)
	}
}

func (o EndpointOrder) faults(out *faults) {
	if _, ok := endpointOrders[o]; !ok {
		out.add("unknown order %q of remote ends, known are bytes_down, one_way, handsets, first_seen and the bytes up", o)
	}
}

// Validate reports every fault of the question as one *InvalidError.
func (q Endpoints) Validate() error {
	var f faults
	q.Filter.faults(&f)
	f.conditions(q.Where, endpointDimensions)
	q.Unit.faults(&f)
	q.Order.faults(&f)
	f.times(q.Since, q.Until)
	f.top(q.Top)
	return f.err()
}

// normal fills in the defaults and widens the times to whole days.
func (q Endpoints) normal() Endpoints {
	q.Unit = cmp.Or(q.Unit, UnitAddress)
	q.Top = cmp.Or(q.Top, defaultTop)
	q.Since, q.Until = widen(q.Since, q.Until, day)
	return q
}

// Validate reports every fault of the question as one *InvalidError.
func (q NewSince) Validate() error {
	var f faults
	q.Filter.faults(&f)
	f.conditions(q.Where, endpointDimensions)
	q.Unit.faults(&f)
	q.Order.faults(&f)
	if unit := cmp.Or(q.Unit, UnitAddress); unit != UnitAddress && unit != UnitNetwork {
		for _, c := range q.Where {
			if slices.Contains(endpointDimensions, c.Dimension) && !slices.Contains(seenDimensions, c.Dimension) {
				f.add("what is new by %s is not known by %s: ask by address or network, or filter by %v", unit, c.Dimension, seenDimensions)
			}
		}
	}
	if q.Since.IsZero() {
		f.add("since is missing: new since when?")
	}
	f.times(q.Since, q.Until)
	f.top(q.Top)
	return f.err()
}

// normal fills in the defaults; a DateTime has no parts of a second.
func (q NewSince) normal() NewSince {
	q.Unit = cmp.Or(q.Unit, UnitAddress)
	q.Top = cmp.Or(q.Top, defaultTop)
	q.Since, q.Until = widen(q.Since, q.Until, time.Second)
	return q
}

// Validate reports every fault of the question as one *InvalidError.
func (q Compare) Validate() error {
	var f faults
	for _, t := range []struct {
		name string
		time time.Time
	}{{"before since", q.BeforeSince}, {"before until", q.BeforeUntil}, {"after since", q.AfterSince}, {"after until", q.AfterUntil}} {
		if t.time.IsZero() {
			f.add("%s is missing", t.name)
		}
	}
	f.namedTimes("before since", q.BeforeSince, "before until", q.BeforeUntil)
	f.namedTimes("after since", q.AfterSince, "after until", q.AfterUntil)
	if q.Order != OrderBytes && q.Order != OrderShift {
		f.add("unknown order %q, known are %q and %q", q.Order, OrderBytes, OrderShift)
	}
	if q.Question.MinHandsets > 0 && q.BeforeSince.Before(q.AfterUntil) && q.AfterSince.Before(q.BeforeUntil) {
		f.add("two times that overlap give small figures away: a minimum of handsets needs times apart")
	}
	question := q.Question
	question.Since, question.Until = time.Time{}, time.Time{}
	var invalid *InvalidError
	if err := question.Validate(); errors.As(err, &invalid) {
		f = append(f, invalid.err)
	}
	return f.err()
}
