package query

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Validate reports every fault of the question as one *InvalidError.
func (q Flows) Validate() error {
	var f faults
	q.Filter.faults(&f)
	f.conditions(q.Where, Dimensions())
	f.exporters(q.Exporters)
	f.sides(q.Sides)
	if q.Since.IsZero() {
		f.add("since is missing: flows are told of a time that is bounded")
	}
	if q.Until.IsZero() {
		f.add("until is missing: flows are told of a time that is bounded")
	}
	f.times(q.Since, q.Until)
	if _, ok := flowOrders[q.Order]; !ok {
		f.add("unknown order %q of flows, known are %q, %q and the newest first", q.Order, FlowsBytesUp, FlowsBytesDown)
	}
	f.top(q.Top)
	if q.Top > MaxFlows {
		f.add("top %d: at most %d flows are told", q.Top, MaxFlows)
	}
	return f.err()
}

// normal fills in the defaults; the table's times have whole milliseconds.
func (q Flows) normal() Flows {
	if len(q.Sides) == 0 {
		q.Sides = handsetSides[:3]
	}
	q.Top = cmp.Or(q.Top, defaultTop)
	q.Exporters = mapped(q.Exporters)
	q.Since, q.Until = widen(q.Since, q.Until, time.Millisecond)
	return q
}

// Flows answers with single flows. A question that makes no sense is an *InvalidError.
func (c *Client) Flows(ctx context.Context, q Flows) (FlowsAnswer, error) {
	if err := q.Validate(); err != nil {
		return FlowsAnswer{}, err
	}
	q = q.normal()
	a := FlowsAnswer{Question: q, Rows: []FlowRow{}, Basis: Basis{Rollup: "flows", Since: q.Since, Until: q.Until}}
	if q.Top > c.maxRows {
		return a, c.tooMany()
	}
	scope := Residency{Operators: q.Operators, Sites: q.Sites, Since: q.Since, Until: q.Until}.normal()
	of := scope.completeness()
	of.Exporters = q.Exporters
	s, arrival, kept := c.flowsStatement(q), c.arrivalStatement(q), c.keptFlowsStatement(q)
	sets, names := c.dataSetsStatement(scope, []segment{{}}), c.dataSetNamesStatement()
	ledger := c.summaryStatements(of)
	a.SQL = s.sql
	a.Statements = append([]Statement{s.public(), arrival.public(), kept.public(), sets.public(), names.public()}, ledger.public()...)

	var complete map[time.Time]CompletenessSummary
	g, within := errgroup.WithContext(ctx)
	g.Go(func() error {
		days, err := c.arrivals(within, arrival)
		if err != nil || len(days) == 0 {
			return err
		}
		if a.Warnings, err = c.flowsKept(within, kept, days); err != nil {
			return err
		}
		return c.flowRows(within, s.on("arrival", dates(days)), &a)
	})
	g.Go(func() (err error) { a.DataSets, a.DataSetsMore, err = c.dataSets(within, sets, names); return err })
	g.Go(func() (err error) { complete, err = c.summaries(within, ledger); return err })
	var corrected string
	g.Go(func() (err error) { corrected, err = c.corrected(within, q.Since, q.Until); return err })
	if err := g.Wait(); err != nil {
		return a, err
	}
	if corrected != "" {
		a.Warnings = append(a.Warnings, corrected)
	}
	a.Info.Completeness = complete[time.Time{}]
	return a, nil
}

// arrivals are the days on which flows of the question's time came in, the oldest first.
func (c *Client) arrivals(ctx context.Context, s *statement) (days []time.Time, err error) {
	var d time.Time
	err = c.ask(ctx, s, []any{&d}, func() error {
		days = append(days, d.UTC())
		return nil
	})
	return days, err
}

// flowsKept says so if the table of flows has forgotten the first of the days. It forgets whole days,
// the oldest first, so that the first one that it has is found by halves.
func (c *Client) flowsKept(ctx context.Context, s *statement, days []time.Time) ([]string, error) {
	has := func(d time.Time) (found bool, err error) {
		var received time.Time
		err = c.ask(ctx, s.on("arrival", d.Format(time.DateOnly)), []any{&received}, func() error {
			found = true
			return nil
		})
		return found, err
	}
	low, high := 0, len(days) // the first that it has is in [low, high]
	for at := 0; low < high; at = (low + high) / 2 {
		found, err := has(days[at])
		if err != nil {
			return nil, err
		}
		if found {
			high = at
		} else {
			low = at + 1
		}
	}
	if low == 0 {
		return nil, nil
	}
	if low == len(days) {
		return []string{"single flows of this time are no longer kept: the answer is empty, although they were counted in the figures"}, nil
	}
	return []string{fmt.Sprintf("single flows are kept from those on that came in on %s: older ones are missing in the answer, although they were counted in the figures",
		days[low].Format(time.DateOnly))}, nil
}

// corrected says so if figures of the time were computed anew: the flows were not.
func (c *Client) corrected(ctx context.Context, since, until time.Time) (string, error) {
	all, _, err := c.revisions(ctx)
	if err != nil {
		return "", err
	}
	segments, err := inForce(all, nil, since, until)
	if err != nil {
		return "", err
	}
	if revision, _ := revisionOf(segments, since, until); revision > 0 {
		return fmt.Sprintf("figures of this time were corrected by revision %d: the flows stand here as they were judged when they came in", revision), nil
	}
	return "", nil
}

func (c *Client) flowRows(ctx context.Context, s *statement, a *FlowsAnswer) error {
	var r FlowRow
	var exporter, remote net.IP
	var octetsUp, octetsDown, packetsUp, packetsDown uint64
	return c.ask(ctx, s, []any{
		&r.Start, &r.End, &r.Received, &r.Operator, &r.Site, &exporter, &r.ExportProtocol,
		&r.Side, &r.Handset, &r.Vendor, &r.VendorMethod, &remote, &r.RemotePort, &r.IPProtocol, &r.TCPFlags,
		&r.DomainName, &r.DomainSource, &r.Application, &r.Place, &r.Country, &r.City, &r.CloudProvider, &r.CloudRegion,
		&r.ASN, &r.ASOrganization, &r.PlaceMethod, &r.Confidence, &r.Alternatives, &r.Jurisdiction, &r.Verdict,
		&r.SamplingInterval, &r.DataSets, &octetsUp, &octetsDown, &packetsUp, &packetsDown,
	}, func() error {
		if len(a.Rows) == a.Question.Top {
			a.More = true
			return nil
		}
		row := r
		row.Start, row.End, row.Received = r.Start.UTC(), r.End.UTC(), r.Received.UTC()
		row.Exporter = unmapped(exporter)
		if row.RemoteAddress = unmapped(remote); row.RemoteAddress == netip.IPv6Unspecified() {
			row.RemoteAddress = netip.Addr{}
		}
		// An empty string is split into one that is empty.
		row.Alternatives = slices.DeleteFunc(slices.Clone(r.Alternatives), func(code string) bool { return code == "" })
		f := sampled(octetsUp, octetsDown, packetsUp, packetsDown, r.SamplingInterval)
		row.Figures = f.figures(c.largestPacket, 0)
		a.Rows = append(a.Rows, row)
		return nil
	})
}

func unmapped(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// sampled are the sums of one flow of which so many octets and packets were observed, with the terms
// of its error as the rollups have them.
func sampled(octetsUp, octetsDown, packetsUp, packetsDown uint64, interval uint32) sums {
	n := uint64(max(interval, 1))
	s := sums{
		flows: 1, bytesUp: octetsUp * n, bytesDown: octetsDown * n, packetsUp: packetsUp * n, packetsDown: packetsDown * n,
		samplingMax: uint32(n),
	}
	k := float64(n) * float64(n-1)
	s.varianceHighUp, s.varianceHighDown = k*float64(octetsUp), k*float64(octetsDown)
	s.variancePacketsUp, s.variancePacketsDown = k*float64(packetsUp), k*float64(packetsDown)
	if packetsUp > 0 {
		s.varianceLowUp = s.varianceHighUp * float64(octetsUp) / float64(packetsUp)
	}
	if packetsDown > 0 {
		s.varianceLowDown = s.varianceHighDown * float64(octetsDown) / float64(packetsDown)
	}
	return s
}
