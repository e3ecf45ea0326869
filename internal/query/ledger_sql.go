package query

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

// ledgerTable answers about completeness: nothing here needs minutes.
const ledgerTable = "ledger_hour"

// expectedFor is how long an exporter is expected to go on after it was heard.
const expectedFor = 7 * day

// The ledger by the hour and exporter. What an exporter says it sent is what arrived and what its
// sequence numbers miss: flows for NetFlow v5 and IPFIX; for v9 and sFlow datagrams, each taken to
// have had as many flows as those that arrived in that hour. What arrived late had been counted as
// lost before and is taken off; the hours are added up before anything is bounded, because the two
// may lie in different ones. Flows that the collector lost itself are in spool_lost_flows: instead
// of flows where the exporter is known, and in both where it is not.
const ledgerHoursSQL = `SELECT toStartOfHour(r.bucket, 'UTC') AS hour, r.operator AS operator_name, r.site AS site_name, r.exporter AS exporter_address,
         r.export_protocol AS protocol, $collector
         sumIf(r.amount, r.what = 'datagrams') AS datagrams,
         sumIf(r.amount, r.what = 'flows') AS flows,
         sumIf(r.amount, r.what = 'spool_lost_flows') AS spool_lost,
         toInt64(sumIf(r.amount, r.what = 'lost_flows')) - toInt64(sumIf(r.amount, r.what = 'late_flows')) AS lost_flows,
         toInt64(sumIf(r.amount, r.what = 'lost_datagrams')) - toInt64(sumIf(r.amount, r.what = 'late_datagrams')) AS lost_datagrams,
         exporter_address = toIPv6('::') AS nobody,
         toInt64(flows) - if(nobody, toInt64(spool_lost), 0) AS counted,
         toInt64(flows) + lost_flows + if(nobody, 0, toInt64(spool_lost))
           + if(datagrams = 0, 0, toInt64(round(flows * lost_datagrams / datagrams))) AS sent$losses
  FROM $database.$table AS r
  WHERE $where
    AND r.what != 'datagram_bytes'
  GROUP BY hour, operator_name, site_name, exporter_address, protocol$by`

// What each exporter lost. Maps cost more than all else in the statement, so summaries add up their
// losses by themselves.
const lossesOfExporter = ",\n         sumMapIf(map(toString(r.what), r.amount), r.what NOT IN ('datagrams', 'flows')) AS losses"

const lossesSQL = `SELECT $begin AS answer_bucket, toString(r.what) AS answer_what, sum(r.amount)
FROM $database.$table AS r
WHERE $where
  AND r.what NOT IN ('datagrams', 'flows', 'datagram_bytes')
GROUP BY answer_bucket, answer_what`

const summarySQL = `SELECT $begin AS answer_bucket,
       sum(r.counted), sum(r.sent), max(r.lost_datagrams != 0),
       uniqExactIf((r.operator_name, r.site_name, r.exporter_address), r.datagrams > 0 AND NOT r.nobody)
FROM (
  $hours
) AS r
GROUP BY answer_bucket
ORDER BY answer_bucket`

const exportersSQL = `SELECT $begin AS answer_bucket, toString(r.operator_name), toString(r.site_name), r.exporter_address, toString(r.protocol), r.collector_name,
       sum(r.counted), sum(r.sent), max(r.lost_datagrams != 0), sum(r.datagrams), sumMap(r.losses)
FROM (
  $hours
) AS r
GROUP BY answer_bucket, r.operator_name, r.site_name, r.exporter_address, r.protocol, r.collector_name
ORDER BY answer_bucket, r.operator_name, r.site_name, r.exporter_address, r.protocol, r.collector_name
LIMIT {limit:UInt64}`

// Where an exporter was heard in one hour and not in the next. The hours of the seven days before
// count too, and the last hour of each exporter has the end of the time for its next.
const gapsSQL = `SELECT toString(operator_name), toString(site_name), exporter_address, gap.1 AS heard, gap.2 AS next
FROM (
  SELECT r.operator AS operator_name, r.site AS site_name, r.exporter AS exporter_address,
         arraySort(groupUniqArray(toStartOfHour(r.bucket, 'UTC'))) AS hours,
         arrayPushBack(arrayPopFront(hours), toDateTime({until:UInt32}, 'UTC')) AS nexts,
         arrayFilter(g -> g.2 > g.1 + 3600, arrayZip(hours, nexts)) AS gaps
  FROM $database.$table AS r
  WHERE $where
  GROUP BY operator_name, site_name, exporter_address
)
ARRAY JOIN gaps AS gap
ORDER BY operator_name, site_name, exporter_address, heard
LIMIT {limit:UInt64}`

// ledgerStatements are what a question about completeness sends. Nothing is expected of an hour that
// is not over.
type ledgerStatements struct {
	question Completeness
	sums     *statement // a summary of each bucket, or its exporters
	losses   *statement // of each bucket; nil where sums has them
	gaps     *statement
	end      time.Time // of the hours in which an exporter can be silent
}

func (l ledgerStatements) public() []Statement {
	out := []Statement{l.sums.public()}
	if l.losses != nil {
		out = append(out, l.losses.public())
	}
	return append(out, l.gaps.public())
}

func (c *Client) ledgerStatement(q Completeness, purpose string) *statement {
	s := c.statement(purpose, ledgerTable)
	s.in("r.operator", "operators", q.Operators)
	s.in("r.site", "sites", q.Sites)
	if len(q.Exporters) > 0 {
		s.and("r.exporter IN {exporters:Array(IPv6)}")
		s.set("exporters", q.Exporters)
	}
	return s
}

func (c *Client) gapsStatement(q Completeness) (s *statement, end time.Time) {
	end = c.now().UTC().Truncate(time.Hour)
	if !q.Until.IsZero() && q.Until.Before(end) {
		end = q.Until
	}
	s = c.ledgerStatement(q, "silent exporters")
	s.and("r.what = 'datagrams'")
	s.and("r.exporter != toIPv6('::')")
	s.set("limit", uint64(10*c.maxRows))
	since := q.Since
	if !since.IsZero() {
		if since = since.Add(-expectedFor); since.Before(earliest) {
			since = earliest
		}
	}
	s.span(since, end)
	s.write(c.database, gapsSQL)
	return s, end
}

// summaryStatements ask for the summary of each bucket of a normal question.
func (c *Client) summaryStatements(q Completeness) ledgerStatements {
	s := c.ledgerStatement(q, "completeness")
	s.span(q.Since, q.Until)
	s.write(c.database, ledgerHoursSQL, "$collector", "", "$by", "", "$losses", "")
	hours := s.sql
	s.write(c.database, summarySQL, "$begin", beginOfHour(q.Bucket), "$hours", hours)
	losses := c.ledgerStatement(q, "losses")
	losses.span(q.Since, q.Until)
	losses.write(c.database, lossesSQL, "$begin", begins[q.Bucket])
	l := ledgerStatements{question: q, sums: s, losses: losses}
	l.gaps, l.end = c.gapsStatement(q)
	return l
}

// beginOfHour is the begin of the bucket of a row of ledgerHoursSQL.
func beginOfHour(b Bucket) string {
	return map[Bucket]string{
		BucketHour:  "r.hour",
		BucketDay:   "toStartOfDay(r.hour, 'UTC')",
		BucketWeek:  "toDateTime(toMonday(r.hour, 'UTC'), 'UTC')",
		BucketTotal: "toDateTime(0, 'UTC')",
	}[b]
}

func (c *Client) exporterStatements(q Completeness) ledgerStatements {
	s := c.ledgerStatement(q, "completeness by exporter")
	s.span(q.Since, q.Until)
	s.set("limit", uint64(c.maxRows+1))
	// What a collector lost by itself is laid to the collector; an exporter is one, whoever hears it.
	s.write(c.database, ledgerHoursSQL, "$collector",
		"if(exporter_address = toIPv6('::'), toString(r.collector), '') AS collector_name,", "$by", ", collector_name", "$losses", lossesOfExporter)
	hours := s.sql
	s.write(c.database, exportersSQL, "$begin", beginOfHour(q.Bucket), "$hours", hours)
	l := ledgerStatements{question: q, sums: s}
	l.gaps, l.end = c.gapsStatement(q)
	return l
}

// summaries returns the summary of every bucket of which the ledger knows something.
func (c *Client) summaries(ctx context.Context, l ledgerStatements) (map[time.Time]CompletenessSummary, error) {
	key := fmt.Sprint(l.end, l.sums.sql, l.sums.parameters, l.gaps.sql, l.gaps.parameters)
	return c.ledger.ask(ctx, key, func(ctx context.Context) (map[time.Time]CompletenessSummary, error) {
		return c.readSummaries(ctx, l)
	})
}

func (c *Client) readSummaries(ctx context.Context, l ledgerStatements) (map[time.Time]CompletenessSummary, error) {
	out := make(map[time.Time]*summary)
	type loss struct {
		bucket time.Time
		Loss
	}
	var lost []loss
	var silent []gap
	g, within := errgroup.WithContext(ctx)
	g.Go(func() error {
		var bucket time.Time
		var r ledgerSums
		var heard uint64
		return c.ask(within, l.sums, []any{&bucket, &r.counted, &r.sent, &r.estimated, &heard}, func() error {
			s := summaryOf(out, l.question.Bucket.scanned(bucket))
			s.add(&r)
			s.heard = int(heard)
			return nil
		})
	})
	g.Go(func() error {
		var r loss
		return c.ask(within, l.losses, []any{&r.bucket, &r.What, &r.Amount}, func() error {
			lost = append(lost, r)
			return nil
		})
	})
	g.Go(func() (err error) { silent, err = c.gaps(within, l.gaps); return err })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, r := range lost {
		summaryOf(out, l.question.Bucket.scanned(r.bucket)).losses[r.What] += r.Amount
	}
	silences(out, silent, l)
	done := make(map[time.Time]CompletenessSummary, len(out))
	for bucket, s := range out {
		done[bucket] = s.done()
	}
	return done, nil
}

// A gap is an exporter that was heard in one hour and next in one that does not follow it.
type gap struct {
	exporterID
	heard, next time.Time
}

type exporterID struct{ operator, site, address string }

func (c *Client) gaps(ctx context.Context, s *statement) ([]gap, error) {
	var out []gap
	var g gap
	var ip net.IP
	err := c.ask(ctx, s, []any{&g.operator, &g.site, &ip, &g.heard, &g.next}, func() error {
		if len(out) == 10*c.maxRows {
			return invalid("exporters fell silent more than %d times: ask for a shorter time", 10*c.maxRows)
		}
		g.address, g.heard, g.next = address(ip), g.heard.UTC(), g.next.UTC()
		out = append(out, g)
		return nil
	})
	return out, err
}
