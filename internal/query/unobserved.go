package query

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// maxUnobserved bounds the rows that say that nothing was observed.
const maxUnobserved = 5000

// The sampling intervals in force are read by the day, whatever the question's bucket, and without
// its filters by vendor or place: where nothing was observed, no row could say them.
const samplingSQL = `SELECT r.bucket, max(r.sampling_interval_max)
FROM $database.$table AS r
WHERE $where
GROUP BY r.bucket`

func (c *Client) samplingStatement(q Residency) *statement {
	s := c.statement("sampling intervals", "destination_day")
	s.in("r.operator", "operators", q.Operators)
	s.in("r.site", "sites", q.Sites)
	since, until := widen(q.Since, q.Until, day)
	s.span(since, until)
	s.write(c.database, samplingSQL)
	return s
}

func (c *Client) samplingByDay(ctx context.Context, s *statement) (map[time.Time]uint32, error) {
	out := make(map[time.Time]uint32)
	var bucket time.Time
	var n uint32
	err := c.ask(ctx, s, []any{&bucket, &n}, func() error {
		out[bucket.UTC()] = n
		return nil
	})
	return out, err
}

// samplingWithin is the largest interval in force on a day that [from, to) touches; 0: none known. A
// zero time is open.
func samplingWithin(byDay map[time.Time]uint32, from, to time.Time) uint32 {
	from, to = widen(from, to, day)
	var most uint32
	if d := 31 * day; !from.IsZero() && !to.IsZero() && to.Sub(from) <= d {
		for t := from; t.Before(to); t = t.Add(day) {
			most = max(most, byDay[t])
		}
		return most
	}
	for t, n := range byDay {
		if !t.Before(from) && (to.IsZero() || t.Before(to)) {
			most = max(most, n)
		}
	}
	return most
}

// pinned are the keys that the question's filters and conditions name, if they name every one that it asks
// for. ok is false if some dimension is open, or if a key could be among the others.
func (q *Residency) pinned() (keys []Key, ok bool) {
	keys = []Key{{}}
	filtered := len(q.Vendors)+len(q.Places)+len(q.Countries)+len(q.ASNs)+len(q.Operators)+len(q.Sites)+len(q.Jurisdictions)+len(q.Verdicts)+len(q.Confidences)+len(q.Where) > 0
	for _, d := range q.By {
		values := q.named(d)
		var next []Key
		for _, k := range keys {
			for _, v := range values {
				column := columns([]Dimension{d})[0]
				if column.text != nil {
					*column.text(&k) = v
				} else if n, err := strconv.ParseUint(v, 10, 32); err == nil {
					k.ASN = uint32(n)
				}
				next = append(next, k)
			}
		}
		if keys = next; len(keys) == 0 || len(keys) > maxUnobserved {
			return nil, false
		}
	}
	if q.Top > 0 && (len(keys) > q.Top || slices.Contains(q.By, ByASN)) {
		return nil, false
	}
	return keys, filtered
}

// named are the values of a dimension that the question's filter names, or a condition, and that no other
// condition shuts out. None: the dimension is open.
func (q *Residency) named(d Dimension) []string {
	var values []string
	switch d {
	case ByVendor:
		values = q.Vendors
	case ByPlace:
		values = q.Places
	case ByCountry:
		values = q.Countries
	case ByASN:
		for _, n := range q.ASNs {
			values = append(values, strconv.FormatUint(uint64(n), 10))
		}
	case ByJurisdiction:
		values = q.Jurisdictions
	case ByVerdict:
		values = q.Verdicts
	case ByConfidence:
		values = q.Confidences
	case ByOperator:
		values = q.Operators
	case BySite:
		values = q.Sites
	case BySide, ByCloudRegion: // the sides have a filter that is always there; a region has two columns
		return nil
	}
	for _, c := range q.Where {
		if len(values) == 0 && c.Dimension == d && !c.Not {
			values = c.Values
			if d == ByASN {
				values = nil
				for _, n := range c.numbers() {
					values = append(values, strconv.FormatUint(uint64(n), 10))
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool {
		return v == "" || slices.ContainsFunc(q.Where, func(c Condition) bool { return c.Dimension == d && !c.keeps(v) })
	})
}

// unobserved are rows for the keys that the question names and that have no row in a bucket in which
// something else was counted: they say how much may have been sent unseen. A bucket in which nothing
// was counted has none, for nothing is known of it.
func (q *Residency) unobserved(rows []ResidencyRow, g gathered, largestPacket float64) []ResidencyRow {
	keys, ok := q.pinned()
	if !ok || len(g.byDay) == 0 {
		return nil
	}
	var buckets []time.Time
	switch q.Bucket {
	case BucketHour, BucketMinute:
		// A day that has flows may have hours without; the ledger knows.
		for hour, s := range g.complete {
			if s.Share == nil {
				continue
			}
			for t := hour; t.Before(hour.Add(time.Hour)); t = t.Add(q.Bucket.length()) {
				if !t.Before(q.Since) && (q.Until.IsZero() || t.Before(q.Until)) {
					buckets = append(buckets, t)
				}
			}
		}
	default:
		for t := range g.byDay {
			buckets = append(buckets, q.Bucket.begin(t))
		}
	}
	slices.SortFunc(buckets, time.Time.Compare)
	buckets = slices.CompactFunc(buckets, time.Time.Equal)
	if len(buckets)*len(keys) > maxUnobserved {
		return nil
	}
	type at struct {
		bucket time.Time
		key    Key
	}
	seen := make(map[at]bool)
	for i := range rows {
		k := rows[i].Key
		k.ASOrganization = "" // a filter names the number
		seen[at{rows[i].Bucket, k}] = true
	}
	var out []ResidencyRow
	for _, b := range buckets {
		from, to := q.Bucket.within(b, q.Since, q.Until)
		if q.Hours != nil && !q.Hours.touch(from, to) {
			continue
		}
		n := samplingWithin(g.byDay, from, to)
		for _, k := range keys {
			if seen[at{b, k}] {
				continue
			}
			seen[at{b, k}] = true // a filter may name a value twice
			var none sums
			out = append(out, ResidencyRow{Bucket: b, Key: k, Cell: Cell{Figures: none.figures(largestPacket, n), Unobserved: true}})
		}
	}
	return out
}
