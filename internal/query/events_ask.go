package query

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Validate reports every fault of the question as one *InvalidError.
func (q Events) Validate() error {
	var f faults
	for _, k := range q.Kinds {
		if !slices.Contains(eventKinds, k) {
			f.add("unknown kind of events %q, known are %v", k, eventKinds)
		}
	}
	f.times(q.Since, q.Until)
	f.exporters(q.Exporters)
	if len(q.Exporters) > 0 && !q.wants(EventOutage) {
		f.add("only outages are of exporters: without them there is nothing to filter by exporter")
	}
	f.filter("operators", len(q.Operators), maxFilter)
	f.filter("sites", len(q.Sites), maxFilter)
	return f.err()
}

func (q Events) wants(k EventKind) bool { return len(q.Kinds) == 0 || slices.Contains(q.Kinds, k) }

// Events answers from the ledger and from the list of what judged the flows. A question that makes no
// sense, or whose answer would have more than MaxRows rows, is an *InvalidError.
func (c *Client) Events(ctx context.Context, q Events) (EventsAnswer, error) {
	if err := q.Validate(); err != nil {
		return EventsAnswer{}, err
	}
	q.Since, q.Until = widen(q.Since, q.Until, time.Second)
	q.Exporters = mapped(q.Exporters)
	a := EventsAnswer{Question: q, Rows: []Event{}, Basis: Basis{Rollup: ledgerTable, Since: q.Since, Until: q.Until}}
	var changes, outages []Event
	var changed, silent []Statement
	g, within := errgroup.WithContext(ctx)
	if q.wants(EventDataSet) || q.wants(EventPolicy) {
		g.Go(func() (err error) { changes, changed, err = c.changes(within, q); return err })
	}
	if q.wants(EventOutage) {
		g.Go(func() (err error) { outages, silent, err = c.outages(within, q); return err })
	} else {
		a.Rollup = "data_set_day"
	}
	if err := g.Wait(); err != nil {
		return a, err
	}
	a.Statements = append(silent, changed...)
	a.SQL = a.Statements[0].SQL
	a.Rows = append(append(a.Rows, changes...), outages...)
	if len(a.Rows) > c.maxRows {
		return a, invalid("there are more than %d events: ask for a shorter time or fewer kinds", c.maxRows)
	}
	slices.SortFunc(a.Rows, func(x, y Event) int {
		return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Title, y.Title), cmp.Compare(x.Text, y.Text))
	})
	return a, nil
}

// Of the hours at the two ends of a silence, the minutes in which the exporter was heard.
const silenceEndsSQL = `SELECT toString(r.operator), toString(r.site), r.exporter, toStartOfHour(r.bucket, 'UTC') AS hour, min(r.bucket), max(r.bucket)
FROM $database.$table AS r
WHERE $where
  AND toUnixTimestamp(toStartOfHour(r.bucket, 'UTC')) IN {hours:Array(UInt32)}
GROUP BY r.operator, r.site, r.exporter, hour`

// outages are the silences of an hour of the clock and more, as completeness has them, to the minute
// where the ledger still has minutes.
func (c *Client) outages(ctx context.Context, q Events) ([]Event, []Statement, error) {
	// A silence that began in the time is over or given up by then.
	ledger := Completeness{Exporters: q.Exporters, Operators: q.Operators, Sites: q.Sites, Since: q.Since, Until: q.Until}
	if !q.Until.IsZero() && q.Until.Before(latest.Add(-expectedFor)) {
		ledger.Until = q.Until.Add(expectedFor)
	}
	ledger = ledger.normal()
	s, end := c.gapsStatement(ledger)
	ends := c.ledgerStatement(ledger, "minutes in which the silences began and ended")
	ends.table = "ledger_minute"
	ends.and("r.what = 'datagrams'")
	ends.and("r.exporter != toIPv6('::')")
	since := ledger.Since
	if !since.IsZero() {
		since = later(since.Add(-expectedFor), earliest)
	}
	ends.span(since, ledger.Until)
	ends.write(c.database, silenceEndsSQL)
	statements := []Statement{s.public(), ends.public()}

	gaps, err := c.gaps(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	gaps = slices.DeleteFunc(gaps, func(g gap) bool {
		return !g.heard.Add(expectedFor).After(q.Since)
	})
	if len(gaps) == 0 {
		return nil, statements, nil
	}
	minutes, err := c.silenceEnds(ctx, ends, gaps)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Event, 0, len(gaps))
	for _, g := range gaps {
		// To the minute a silence may lie in the time where its hours do not.
		if e := g.event(minutes, end); e.End.After(q.Since) && (q.Until.IsZero() || e.Time.Before(q.Until)) {
			out = append(out, e)
		}
	}
	return out, statements, nil
}

type exporterHour struct {
	exporterID
	hour time.Time
}

// heardIn are the first and the last minute of an hour in which an exporter was heard.
type heardIn struct{ first, last time.Time }

func (c *Client) silenceEnds(ctx context.Context, s *statement, gaps []gap) (map[exporterHour]heardIn, error) {
	var hours []uint32
	for _, g := range gaps {
		hours = append(hours, uint32(g.heard.Unix()), uint32(g.next.Unix()))
	}
	slices.Sort(hours)
	hours = slices.Compact(hours)
	out := make(map[exporterHour]heardIn)
	var at exporterHour
	var in heardIn
	var ip net.IP
	err := c.ask(ctx, s.on("hours", hours), []any{&at.operator, &at.site, &ip, &at.hour, &in.first, &in.last}, func() error {
		out[exporterHour{exporterID{at.operator, at.site, address(ip)}, at.hour.UTC()}] = heardIn{in.first.UTC(), in.last.UTC()}
		return nil
	})
	return out, err
}

// event is a silence; end is how far the ledger can tell.
func (g gap) event(minutes map[exporterHour]heardIn, end time.Time) Event {
	e := Event{Kind: EventOutage, Time: g.heard.Add(time.Hour), End: g.next, Tags: tags(EventOutage, g.operator, g.site, g.address)}
	if in, ok := minutes[exporterHour{g.exporterID, g.heard}]; ok {
		e.Time = in.last.Add(time.Minute)
	}
	after := ""
	switch last := g.heard.Add(expectedFor); {
	case g.next.After(last):
		e.End = last
		after = "; it is no longer expected"
	case !g.next.Before(end):
		e.Ongoing = true
		after = "; it is silent still"
	default:
		if in, ok := minutes[exporterHour{g.exporterID, g.next}]; ok {
			e.End = in.first
		}
	}
	e.Title = "Exporter " + g.address + " silent"
	e.Text = fmt.Sprintf("Nothing came from %s (%s) for %s, from %s to %s UTC%s.", g.address, location(g.operator, g.site),
		length(e.End.Sub(e.Time)), e.Time.Format("2006-01-02 15:04"), e.End.Format("2006-01-02 15:04"), after)
	return e
}

func later(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}

// location is a site, with its operator if it has one.
func location(operator, site string) string {
	if operator == "" {
		return site
	}
	return operator + "/" + site
}

// tags are the kind and what is not empty.
func tags(k EventKind, more ...string) []string {
	return append([]string{string(k)}, slices.DeleteFunc(more, func(s string) bool { return s == "" })...)
}

// length is a time in days, hours and minutes.
func length(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		name   string
		length time.Duration
	}{{"d", day}, {"h", time.Hour}, {"min", time.Minute}} {
		if n := int(d / u.length); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d %= u.length
		}
	}
	return strings.Join(parts, " ")
}
