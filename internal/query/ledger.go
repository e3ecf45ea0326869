package query

import (
	"cmp"
	"context"
	"net"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxSilent bounds the list of silent exporters of a summary.
const maxSilent = 20

// ledgerSums is what the ledger says of an exporter or of all of them.
type ledgerSums struct {
	counted, sent int64
	estimated     uint8
	losses        map[string]uint64
}

// flows bounds the sums: late packets may be counted in another bucket than their loss.
func (s *ledgerSums) flows() (counted, sent uint64) {
	c := max(s.counted, 0)
	return uint64(c), uint64(max(s.sent, c))
}

func lossList(losses map[string]uint64) []Loss {
	out := make([]Loss, 0, len(losses))
	for what, amount := range losses {
		if amount > 0 {
			out = append(out, Loss{what, amount})
		}
	}
	slices.SortFunc(out, func(x, y Loss) int { return cmp.Compare(x.What, y.What) })
	return out
}

// summary is a CompletenessSummary under way.
type summary struct {
	ledgerSums
	known          bool // there is something in the ledger
	heard, unheard int
	silent         map[exporterID]*SilentExporter
}

func summaryOf(all map[time.Time]*summary, bucket time.Time) *summary {
	if all[bucket] == nil {
		all[bucket] = &summary{ledgerSums: ledgerSums{losses: make(map[string]uint64)}, silent: make(map[exporterID]*SilentExporter)}
	}
	return all[bucket]
}

func (s *summary) add(r *ledgerSums) {
	s.known = true
	s.counted += r.counted
	s.sent += r.sent
	s.estimated |= r.estimated
	for what, amount := range r.losses {
		s.losses[what] += amount
	}
}

// silences lays the silent hours of exporters to their buckets. An exporter is expected for seven
// days from the begin of an hour in which it was heard.
func silences(out map[time.Time]*summary, gaps []gap, l ledgerStatements) {
	q := l.question
	for _, g := range gaps {
		from, to := g.heard.Add(time.Hour), g.next
		if last := g.heard.Add(expectedFor); to.After(last) {
			to = last
		}
		if from.Before(q.Since) {
			from = q.Since
		}
		for from.Before(to) {
			bucket := q.Bucket.begin(from)
			begin, end := q.Bucket.within(bucket, q.Since, l.end)
			if end.After(to) || end.IsZero() {
				end = to
			}
			s := summaryOf(out, bucket)
			e := s.silent[g.exporterID]
			if e == nil {
				e = &SilentExporter{Operator: g.operator, Site: g.site, Exporter: g.address, Since: from}
				s.silent[g.exporterID] = e
			}
			e.Hours += int(end.Sub(from) / time.Hour)
			if _, whole := q.Bucket.within(bucket, q.Since, l.end); g.heard.Before(begin) && !g.next.Before(whole) {
				s.unheard++
			}
			from = end
		}
	}
}

func (s *summary) done() CompletenessSummary {
	counted, sent := s.flows()
	out := CompletenessSummary{
		Counted: counted, Sent: sent, Estimated: s.estimated != 0,
		ExportersHeard: s.heard, ExportersExpected: s.heard + s.unheard, ExportersSilent: len(s.silent),
		Losses: lossList(s.losses),
	}
	if s.known && sent > 0 {
		share := float64(counted) / float64(sent)
		out.Share = &share
	}
	for _, e := range s.silent {
		out.Silent = append(out.Silent, *e)
	}
	slices.SortFunc(out.Silent, func(x, y SilentExporter) int {
		return cmp.Or(cmp.Compare(y.Hours, x.Hours), cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Exporter, y.Exporter))
	})
	out.Silent = out.Silent[:min(len(out.Silent), maxSilent)]
	return out
}

// Completeness answers from the ledger. A question that makes no sense, or whose answer would have
// more than MaxRows rows, is an *InvalidError.
func (c *Client) Completeness(ctx context.Context, q Completeness) (CompletenessAnswer, error) {
	if err := q.Validate(); err != nil {
		return CompletenessAnswer{}, err
	}
	q = q.normal()
	l := c.exporterStatements(q)
	kept := c.keptStatement(ledgerTable)
	a := CompletenessAnswer{
		Question: q, Rows: []ExporterCompleteness{}, Collectors: []CollectorLoss{}, Buckets: []BucketCompleteness{},
		Basis: Basis{Rollup: ledgerTable, SQL: l.sums.sql, Since: q.Since, Until: q.Until, Statements: append(l.public(), kept.public())},
	}
	buckets := make(map[time.Time]*summary)
	var silent []gap
	g, within := errgroup.WithContext(ctx)
	g.Go(func() error { return c.exporters(within, l, &a, buckets) })
	g.Go(func() (err error) { silent, err = c.gaps(within, l.gaps); return err })
	g.Go(func() error {
		k, err := c.kept(within, kept)
		a.Warnings = k.warnings(ledgerTable, q.Since)
		return err
	})
	if err := g.Wait(); err != nil {
		return a, err
	}
	silences(buckets, silent, l)
	a.addSilences(buckets)
	for bucket, s := range buckets {
		a.Buckets = append(a.Buckets, BucketCompleteness{bucket, s.done()})
	}
	slices.SortFunc(a.Buckets, func(x, y BucketCompleteness) int { return x.Bucket.Compare(y.Bucket) })
	return a, nil
}

// exporters reads the rows of the answer, and adds up their buckets.
func (c *Client) exporters(ctx context.Context, l ledgerStatements, a *CompletenessAnswer, buckets map[time.Time]*summary) error {
	type heardIn struct {
		bucket time.Time
		exporterID
	}
	heard := make(map[heardIn]bool)
	var r ExporterCompleteness
	var sums ledgerSums
	var ip net.IP
	var collector string
	var datagrams uint64
	return c.ask(ctx, l.sums, []any{
		&r.Bucket, &r.Operator, &r.Site, &ip, &r.ExportProtocol, &collector,
		&sums.counted, &sums.sent, &sums.estimated, &datagrams, &sums.losses,
	}, func() error {
		if len(a.Rows)+len(a.Collectors) >= c.maxRows {
			return c.tooMany()
		}
		bucket := l.question.Bucket.scanned(r.Bucket)
		s := summaryOf(buckets, bucket)
		s.add(&sums)
		if ip.IsUnspecified() {
			if losses := lossList(sums.losses); len(losses) > 0 {
				a.Collectors = append(a.Collectors, CollectorLoss{Bucket: bucket, Operator: r.Operator, Site: r.Site, Collector: collector, Losses: losses})
			}
			if sums.sent == 0 && datagrams == 0 {
				return nil
			}
		}
		row := r
		row.Bucket, row.Exporter = bucket, address(ip)
		row.Counted, row.Sent = sums.flows()
		row.Estimated = sums.estimated != 0
		row.Losses = lossList(sums.losses)
		if row.Sent > 0 {
			share := float64(row.Counted) / float64(row.Sent)
			row.Share = &share
		}
		a.Rows = append(a.Rows, row)
		if id := (heardIn{bucket, exporterID{r.Operator, r.Site, row.Exporter}}); datagrams > 0 && !ip.IsUnspecified() && !heard[id] {
			heard[id] = true
			s.heard++
		}
		return nil
	})
}

// addSilences notes the silent hours in the rows, and adds rows for exporters that have none.
func (a *CompletenessAnswer) addSilences(buckets map[time.Time]*summary) {
	type at struct {
		bucket time.Time
		exporterID
	}
	seen := make(map[at]bool)
	for i := range a.Rows {
		r := &a.Rows[i]
		id := exporterID{r.Operator, r.Site, r.Exporter}
		seen[at{r.Bucket, id}] = true
		if e := buckets[r.Bucket].silent[id]; e != nil {
			r.SilentHours, r.SilentSince = e.Hours, e.Since
		}
	}
	for bucket, s := range buckets {
		for id, e := range s.silent {
			if !seen[at{bucket, id}] {
				a.Rows = append(a.Rows, ExporterCompleteness{
					Bucket: bucket, Operator: id.operator, Site: id.site, Exporter: id.address,
					Losses: []Loss{}, SilentHours: e.Hours, SilentSince: e.Since,
				})
			}
		}
	}
	slices.SortStableFunc(a.Rows, func(x, y ExporterCompleteness) int {
		return cmp.Or(x.Bucket.Compare(y.Bucket), cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Site, y.Site),
			cmp.Compare(x.Exporter, y.Exporter), cmp.Compare(x.ExportProtocol, y.ExportProtocol))
	})
}
