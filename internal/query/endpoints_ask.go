package query

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// defaultTop is how many remote ends are told where nobody says.
const defaultTop = 100

// Endpoints answers from the endpoint history. A question that makes no sense, or whose answer would
// have more than MaxRows rows, is an *InvalidError.
func (c *Client) Endpoints(ctx context.Context, q Endpoints) (EndpointsAnswer, error) {
	if err := q.Validate(); err != nil {
		return EndpointsAnswer{}, err
	}
	q = q.normal()
	a := EndpointsAnswer{Question: q, Rows: []EndpointRow{}, Basis: Basis{Rollup: "endpoint_day", Since: q.Since, Until: q.Until}}
	if q.Top > c.maxRows {
		return a, c.tooMany()
	}
	warn := func(k kept) []string { return k.warnings("endpoint_day", q.Since) }
	err := c.remoteEnds(ctx, c.endpointsStatement(q, false, ""), q, &a.Basis, &a.Rows, &a.About, warn)
	return a, err
}

// NewSince answers from the endpoint history. A question that makes no sense, or whose answer would
// have more than MaxRows rows, is an *InvalidError.
func (c *Client) NewSince(ctx context.Context, q NewSince) (NewSinceAnswer, error) {
	if err := q.Validate(); err != nil {
		return NewSinceAnswer{}, err
	}
	q = q.normal()
	a := NewSinceAnswer{Question: q, Rows: []EndpointRow{}, Basis: Basis{Rollup: "endpoint_day", Since: q.Since, Until: q.Until}}
	if q.Top > c.maxRows {
		return a, c.tooMany()
	}
	days := Endpoints{Filter: q.Filter, Unit: q.Unit, Top: q.Top}
	days.Since, days.Until = widen(q.Since, q.Until, day)
	warn := func(k kept) []string {
		out := k.warnings("endpoint_day", days.Since)
		if began := k.begin(); !began.IsZero() && q.Since.Before(began.Add(7*day)) {
			out = append(out, fmt.Sprintf("the history begins %s: what was in contact before that looks new", began.Format(time.DateOnly)))
		}
		return out
	}
	err := c.remoteEnds(ctx, c.newStatement(q, q.Since, q.Until), days, &a.Basis, &a.Rows, &a.About, warn)
	return a, err
}

// remoteEnds sends a statement of endpointsStatement, and what goes with its answer.
func (c *Client) remoteEnds(ctx context.Context, s *statement, q Endpoints, basis *Basis, rows *[]EndpointRow, about *About, warn func(kept) []string) error {
	scope := Residency{Operators: q.Operators, Sites: q.Sites, Since: q.Since, Until: q.Until}.normal()
	kept := c.keptStatement("endpoint_day")
	sampling := c.samplingStatement(scope)
	sets, names := c.dataSetsStatement(scope, []segment{{}}), c.dataSetNamesStatement()
	ledger := c.summaryStatements(scope.completeness())
	basis.SQL = s.sql
	basis.Statements = append([]Statement{s.public(), kept.public(), sampling.public(), sets.public(), names.public()}, ledger.public()...)

	var all []sums
	var byDay map[time.Time]uint32
	var complete map[time.Time]CompletenessSummary
	g, within := errgroup.WithContext(ctx)
	g.Go(func() (err error) { all, err = c.endpointRows(within, s, q.Unit, rows); return err })
	g.Go(func() error {
		k, err := c.kept(within, kept)
		basis.Warnings = warn(k)
		return err
	})
	g.Go(func() (err error) { byDay, err = c.samplingByDay(within, sampling); return err })
	g.Go(func() (err error) {
		about.DataSets, about.DataSetsMore, err = c.dataSets(within, sets, names)
		return err
	})
	g.Go(func() (err error) { complete, err = c.summaries(within, ledger); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	n := samplingWithin(byDay, time.Time{}, time.Time{})
	for i := range *rows {
		(*rows)[i].Figures = all[i].figures(c.largestPacket, n)
		if all[i].lastChange.After(about.Info.LastChange) {
			about.Info.LastChange = all[i].lastChange.UTC()
		}
	}
	about.Info.late(q.Until)
	about.Info.Completeness = complete[time.Time{}]
	return nil
}

func (c *Client) endpointRows(ctx context.Context, s *statement, unit Unit, rows *[]EndpointRow) ([]sums, error) {
	var all []sums
	var r EndpointRow
	var figures sums
	var ip net.IP
	var latest []any
	into := append([]any{
		&r.Vendor, &ip, &latest, &r.ASN, &r.ASOrganization, &r.Place, &r.Country, &r.CloudProvider, &r.CloudRegion,
		&r.PlaceMethod, &r.Confidence, &r.Alternatives, &r.Jurisdiction, &r.Verdict, &r.Vendors, &r.FirstSeen, &r.LastSeen, &r.Handsets, &r.Endpoints,
	}, figures.destinations()...)
	err := c.ask(ctx, s, into, func() error {
		row := r
		row.Vendors = append([]string{}, r.Vendors...)
		// An empty string is split into one that is empty.
		row.Alternatives = slices.DeleteFunc(slices.Clone(r.Alternatives), func(code string) bool { return code == "" })
		row.FirstSeen, row.LastSeen = r.FirstSeen.UTC(), r.LastSeen.UTC()
		row.only(unit, ip)
		*rows = append(*rows, row)
		all = append(all, figures)
		return nil
	})
	return all, err
}

// only leaves in a row what is the same for all of its unit.
func (r *EndpointRow) only(unit Unit, ip net.IP) {
	a, _ := netip.AddrFromSlice(ip)
	a = a.Unmap()
	switch unit {
	case UnitAddress, UnitNetwork:
		bits := 48
		if a.Is4() {
			bits = 24
		}
		r.Network = netip.PrefixFrom(a, bits).Masked()
		if unit == UnitAddress {
			r.Address = a
		}
	case UnitASN:
		r.Place, r.Country = "", ""
		r.noEvidence()
	case UnitPlace, UnitCountry:
		r.ASN, r.ASOrganization = 0, ""
		r.noEvidence()
		if unit == UnitCountry {
			r.Place = ""
		}
	}
}

// noEvidence leaves out what differs from address to address.
func (r *EndpointRow) noEvidence() {
	r.CloudProvider, r.CloudRegion = "", ""
	r.PlaceMethod, r.Confidence, r.Jurisdiction, r.Verdict, r.Alternatives = "", "", "", "", nil
}

// Name sets the display names of the rows' places and countries.
func (a *EndpointsAnswer) Name(name func(code string) string) { nameEnds(a.Rows, name) }

// Name sets the display names of the rows' places and countries.
func (a *NewSinceAnswer) Name(name func(code string) string) { nameEnds(a.Rows, name) }

func nameEnds(rows []EndpointRow, name func(code string) string) {
	for i := range rows {
		k := Key{Place: rows[i].Place, Country: rows[i].Country}
		k.Name(name)
		rows[i].PlaceName, rows[i].CountryName = k.PlaceName, k.CountryName
	}
}
