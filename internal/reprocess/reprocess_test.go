package reprocess_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/landfall-telemetry/landfall/internal/audit"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/reprocess"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

var monday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

// atlas is a data set: the country of the addresses 198.51.100.0 to .255, by the address's last byte
// modulo the number of countries.
type atlas struct {
	version   string
	countries []string
	network   uint32
}

func (a atlas) country(address netip.Addr) string {
	b := address.As16()
	return a.countries[int(b[15])%len(a.countries)]
}

func (a atlas) Lookup(address netip.Addr) geo.Answer {
	return geo.Answer{
		Place: &geo.Place{CountryCode: a.country(address)}, Method: geo.MethodCityDB, Confidence: geo.Single,
		AS: &geo.AS{Number: a.network, Organization: "Network of " + a.version},
	}
}

func (a atlas) Versions() []geo.Version {
	return []geo.Version{{Name: "asn", Version: a.version}, {Name: "city", Version: a.version}}
}

var (
	first  = atlas{"1", []string{"CN", "US", "SG"}, 64501}
	second = atlas{"2", []string{"US", "SG", "DE", "CN"}, 64502}
	third  = atlas{"3", []string{"SG"}, 64503}
)

// place judges flows as an enricher with that atlas does. Every seventh has no remote address,
// every eleventh no handset.
func place(a atlas, fs []flowstest.Flow) []flowstest.Flow {
	for i := range fs {
		f := &fs[i]
		f.Remote = fmt.Sprint("198.51.100.", i%200)
		f.Country, f.Subdivision, f.Confidence = a.country(netip.MustParseAddr(f.Remote)), "", "single"
		f.ASN, f.Organization = a.network, "Network of "+a.version
		f.Subscriber = uint64(1 + i%50)
		switch {
		case i%7 == 0:
			f.Remote = "::" // a subscriber's; the enricher knew where it is
			f.Side = landfallv1.HandsetSide_HANDSET_SIDE_BOTH
		case i%11 == 0:
			f.Side = landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED
		}
	}
	return fs
}

// truth is the bytes up by country of flows with a handset, judged by an atlas as far as a
// recomputation can.
func truth(into map[string]uint64, a *atlas, fs []flowstest.Flow) {
	for i := range fs {
		f := &fs[i]
		if f.Side == landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED {
			continue
		}
		country := f.Country
		if a != nil && f.Remote != "::" {
			country = a.country(netip.MustParseAddr(f.Remote))
		}
		into[country] += f.OctetsUp * uint64(f.SamplingInterval)
	}
}

type rig struct {
	t      *testing.T
	db     *chtest.Server
	config clickhouse.Config
	conn   driver.Conn
	random *rand.Rand
	tokens int
	all    []flowstest.Flow
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db, c := flowstest.Start(t)
	return &rig{t: t, db: db, config: c, conn: db.Conn(t), random: rand.New(rand.NewPCG(1, 2))}
}

// generation is what an aggregator gives a flow that it plans now: the contract between the two.
func (r *rig) generation() func(start, planned time.Time) uint16 {
	all, err := audit.Revisions(r.t.Context(), r.conn)
	if err != nil {
		r.t.Fatal(err)
	}
	return func(start, planned time.Time) (highest uint16) {
		for _, v := range all {
			if v.Covers(start) && !v.Cutoff.After(planned) {
				highest = max(highest, v.Revision)
			}
		}
		return highest
	}
}

// insert makes n flows that began on these days, judged by an atlas, as the aggregator does at that
// time.
func (r *rig) insert(n int, since time.Time, days int, a atlas, planned time.Time) []flowstest.Flow {
	r.t.Helper()
	fs := place(a, flowstest.Random(r.random, n, since, since.AddDate(0, 0, days)))
	r.tokens++
	flowstest.InsertPlanned(r.t, r.config, fmt.Sprint("insert ", r.tokens), planned, r.generation(), fs...)
	r.all = append(r.all, fs...)
	return fs
}

func (r *rig) options(a atlas, days int) reprocess.Options {
	return reprocess.Options{
		Since: monday, Until: monday.AddDate(0, 0, days), Places: a, Ahead: 24 * time.Hour, Note: "a test",
		Outstanding: func(context.Context, time.Time) (int, error) { return 0, nil },
		Log:         slog.New(slog.NewTextHandler(r.t.Output(), nil)),
		Wait:        func(context.Context) error { return nil },
	}
}

func (r *rig) run(o reprocess.Options) *reprocess.Result {
	r.t.Helper()
	result, err := reprocess.Run(r.t.Context(), r.conn, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return result
}

// read is the bytes up by country as they are answered, and by a rollup's own rows.
func (r *rig) read(bucket query.Bucket, days int, revision *uint16) map[string]uint64 {
	r.t.Helper()
	q := query.Residency{By: []query.Dimension{query.ByCountry}, Bucket: bucket, Since: monday, Until: monday.AddDate(0, 0, days), Revision: revision}
	answer, err := query.New(r.conn, r.config.Database, query.Options{}).Residency(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, row := range answer.Rows {
		out[row.Country] += row.BytesUp
	}
	return out
}

func (r *rig) want(what string, want, got map[string]uint64) {
	r.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		r.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (r *rig) levels(what string, want map[string]uint64, days int, revision *uint16) {
	r.t.Helper()
	for _, bucket := range []query.Bucket{query.BucketMinute, query.BucketHour, query.BucketDay} {
		r.want(what+" by "+string(bucket), want, r.read(bucket, days, revision))
	}
}

// audit checks that no table has lost or doubled anything.
func (r *rig) audit() {
	r.t.Helper()
	o := audit.DefaultOptions()
	o.Since, o.Until, o.Settle = monday.AddDate(0, 0, -2), monday.AddDate(0, 0, 10), 0
	o.Pause = func(context.Context) error { return nil }
	report, err := audit.Run(r.t.Context(), r.conn, o)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, c := range report.Comparisons {
		if c.State != audit.Equal {
			r.t.Errorf("%s %s: %+v", c.Day, c.What, c.Levels)
		}
	}
}

// Old figures stay until the switch; flows that come in before, while and after the new ones are
// computed count exactly once in both; a second recomputation works on top of the first.
func TestReprocess(t *testing.T) {
	r := newRig(t)
	const days = 3
	old, anew, later := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	past := time.Now().Add(-time.Hour)
	count := func(fs []flowstest.Flow, judged *atlas) {
		truth(old, nil, fs)
		truth(anew, judged, fs)
		truth(later, &third, fs)
	}
	count(r.insert(500, monday, days, first, past), &second)
	r.insert(100, monday.AddDate(0, 0, days), 1, first, past) // the next day is nobody's business
	r.insert(100, monday.AddDate(0, 0, -1), 1, first, past)
	r.levels("before", old, days, nil)

	o := r.options(second, days)
	looks := 0
	o.Outstanding = func(_ context.Context, before time.Time) (int, error) {
		if looks++; looks == 1 {
			return 1, nil
		}
		// The insert that was under way, and one that was planned after the cutoff.
		count(r.insert(50, monday, days, first, before.Add(-time.Millisecond)), &second)
		count(r.insert(60, monday, days, second, before), nil)
		return 0, nil
	}
	o.Progress = func(p reprocess.Progress) {
		if p.Stage == "computing" && p.Done == 24*time.Hour {
			count(r.insert(70, monday, days, second, time.Now()), nil)
		}
		if p.Stage == "checking" {
			r.levels("before the switch", old, days, nil)
		}
	}
	result := r.run(o)
	if looks != 2 || result.Revision != 1 || result.Totals.Flows != 550 {
		t.Errorf("%d looks, revision %d, %+v", looks, result.Revision, result.Totals)
	}
	count(r.insert(80, monday, days, second, time.Now()), nil)
	r.levels("after the switch", anew, days, nil)
	zero, one := uint16(0), uint16(1)
	r.levels("as it was", old, days, &zero)
	r.audit()
	if want := []string{"asn 2, city 2"}; !cmp.Equal(result.NewDataSets, want) || len(result.DataSets) != 2 {
		t.Errorf("data sets %q, were %q", result.NewDataSets, result.DataSets)
	}
	var up, upBefore uint64
	for _, p := range result.Places {
		up, upBefore = up+p.BytesUpAfter, upBefore+p.BytesUpBefore
	}
	if up != upBefore || up == 0 {
		t.Errorf("the difference adds up to %d before and %d after", upBefore, up)
	}

	// Once more, with yet another atlas: what came in after the first counts in the second's own rows.
	result = r.run(r.options(third, days))
	if result.Revision != 2 || result.Totals.Flows != 760 {
		t.Errorf("revision %d, %+v", result.Revision, result.Totals)
	}
	r.levels("after the second", later, days, nil)
	r.levels("the first", anew, days, &one)
	r.levels("the beginning", old, days, &zero)
	r.audit()
	if left := r.read(query.BucketDay, days+1, nil); left["CN"] == 0 {
		t.Errorf("the day after was computed anew: %v", left)
	}
}

// The states of distinct handsets and endpoints are those of the flows.
func TestDistinct(t *testing.T) {
	r := newRig(t)
	r.insert(300, monday, 1, first, time.Now().Add(-time.Hour))
	result := r.run(r.options(second, 1))
	var handsets, endpoints, wantHandsets, wantEndpoints uint64
	if err := r.conn.QueryRow(t.Context(), "SELECT uniqCombinedMerge(12)(handsets), uniqCombinedMerge(12)(endpoints) FROM residency_day WHERE revision = $1", result.Revision).Scan(&handsets, &endpoints); err != nil {
		t.Fatal(err)
	}
	if err := r.conn.QueryRow(t.Context(), "SELECT uniqCombinedMerge(12)(handsets), uniqCombinedMerge(12)(endpoints) FROM residency_day WHERE revision = 0").Scan(&wantHandsets, &wantEndpoints); err != nil {
		t.Fatal(err)
	}
	if handsets != wantHandsets || endpoints != wantEndpoints || handsets == 0 || endpoints == 0 {
		t.Errorf("%d handsets, %d endpoints; before %d, %d", handsets, endpoints, wantHandsets, wantEndpoints)
	}
}

// Every measure of the new rows is that of the old ones: only places move.
func TestMeasures(t *testing.T) {
	r := newRig(t)
	r.insert(400, monday, 1, first, time.Now().Add(-time.Hour))
	result := r.run(r.options(second, 1))
	const measures = "sum(flows), sum(bytes_up), sum(bytes_down), sum(packets_up), sum(packets_down), sum(variance_low_up), sum(variance_low_down), " +
		"sum(variance_high_up), sum(variance_high_down), sum(variance_packets_up), sum(variance_packets_down), max(sampling_interval_max), max(last_change)"
	for _, table := range []string{"residency_minute", "residency_hour", "residency_day"} {
		read := func(revision uint16) string {
			var text string
			// Floats are added in another order.
			if err := r.conn.QueryRow(t.Context(), "SELECT arrayStringConcat(arrayMap(x -> toString(round(x, 3)), arrayMap(x -> toFloat64(x), ["+
				strings.ReplaceAll(strings.ReplaceAll(measures, "sum(", "sum("), "max(last_change)", "toUnixTimestamp(max(last_change))")+"])), ' ') FROM "+table+" WHERE revision = $1", revision).Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if was, is := read(0), read(result.Revision); was != is || strings.Contains(" "+is, " 0 ") {
			t.Errorf("%s:\n%s, was\n%s", table, is, was)
		}
	}
}

// The server is killed while it computes; the run goes on when it is back, and nothing is doubled.
func TestServerKilled(t *testing.T) {
	r := newRig(t)
	r.insert(500, monday, 3, first, time.Now().Add(-time.Hour))
	o := r.options(second, 3)
	var kills atomic.Int32
	o.Progress = func(p reprocess.Progress) {
		if p.Stage == "computing" {
			r.db.Kill(t)
			kills.Add(1)
		}
	}
	want := map[string]uint64{}
	truth(want, &second, r.all)
	result := r.run(o)
	if kills.Load() != 3 || result.Totals.Flows != 500 {
		t.Errorf("%d kills, %+v", kills.Load(), result.Totals)
	}
	r.levels("after kills", want, 3, nil)
	r.audit()
}

var errStop = errors.New("the test stops it")

// A run that dies anywhere changes nothing that is read, and a new one works.
func TestDies(t *testing.T) {
	r := newRig(t)
	r.insert(300, monday, 2, first, time.Now().Add(-time.Hour))
	want := map[string]uint64{}
	truth(want, nil, r.all)
	for stage, at := range map[string]time.Duration{"waiting": 0, "computing": 24 * time.Hour, "checking": 48 * time.Hour} {
		// Its context ends, as by a signal: it removes what it wrote.
		ctx, cancel := context.WithCancelCause(t.Context())
		o := r.options(second, 2)
		o.Outstanding = func(context.Context, time.Time) (int, error) {
			if stage == "waiting" {
				return 1, ctx.Err()
			}
			return 0, nil
		}
		o.Progress = func(p reprocess.Progress) {
			if p.Stage == stage && p.Done == at {
				cancel(errStop)
			}
		}
		if _, err := reprocess.Run(ctx, r.conn, o); err == nil {
			t.Fatalf("%s: it did not stop", stage)
		}
		cancel(nil)
		r.levels("after it died "+stage, want, 2, nil)
		for _, table := range reprocess.Tables {
			var rows uint64
			if err := r.conn.QueryRow(t.Context(), "SELECT count() FROM "+table+" WHERE revision != 0").Scan(&rows); err != nil || rows > 0 {
				t.Errorf("%s: %s has %d rows of it (%v)", stage, table, rows, err)
			}
		}
	}
	// Killed hard: it stays building, with rows.
	o := r.options(second, 2)
	o.Progress = func(p reprocess.Progress) {
		if p.Stage == "checking" {
			panic(errStop)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = reprocess.Run(t.Context(), r.conn, o)
	}()
	r.levels("after it was killed", want, 2, nil)
	during := r.insert(40, monday, 2, first, time.Now()) // with the generation of the dead one
	truth(want, nil, during)
	r.levels("later", want, 2, nil)
	period, err := reprocess.Look(t.Context(), r.conn, r.options(second, 2))
	if err != nil || len(period.Building) != 1 || period.Building[0].Revision != 4 {
		t.Fatalf("unfinished: %+v, %v", period, err)
	}
	result := r.run(r.options(second, 2))
	anew := map[string]uint64{}
	truth(anew, &second, r.all)
	if result.Revision != 5 || result.Totals.Flows != 340 {
		t.Errorf("%+v", result)
	}
	r.levels("after a new run", anew, 2, nil)
	if err := reprocess.Abandon(t.Context(), r.conn, 4); err != nil {
		t.Fatal(err)
	}
	if err := reprocess.Abandon(t.Context(), r.conn, 5); err == nil {
		t.Error("the revision in force was abandoned")
	}
	if err := reprocess.Abandon(t.Context(), r.conn, 77); err == nil {
		t.Error("a revision that is not there was abandoned")
	}
	r.levels("after the dead one was removed", anew, 2, nil)
	r.audit()
}

func TestRefuses(t *testing.T) {
	r := newRig(t)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	r.insert(100, monday, 1, first, time.Now().Add(-time.Hour))
	refused := func(what string, o reprocess.Options, want string) {
		t.Helper()
		_, err := reprocess.Run(t.Context(), r.conn, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		var rows uint64
		if err := r.conn.QueryRow(t.Context(), "SELECT count() FROM revisions").Scan(&rows); err != nil || rows > 0 {
			t.Errorf("%s: %d revisions (%v)", what, rows, err)
		}
	}
	o := r.options(second, 1)
	o.Until = o.Until.Add(time.Hour)
	refused("half a day", o, "not whole days")
	o = r.options(second, 1)
	o.Since, o.Until = today, today.AddDate(0, 0, 2)
	refused("tomorrow", o, "the last day can be today, "+today.Format(time.DateOnly))
	o.Since, o.Until = monday.AddDate(0, 0, 3), monday.AddDate(0, 0, 4)
	refused("nothing", o, "no flows of these days")
	if err := r.conn.Exec(t.Context(), "ALTER TABLE flows MODIFY TTL toDateTime(received) + toIntervalSecond(864000)"); err != nil {
		t.Fatal(err)
	}
	oldest := time.Now().UTC().Add(30*time.Hour-240*time.Hour).Truncate(24*time.Hour).AddDate(0, 0, 1)
	refused("forgotten", r.options(second, 1), "the oldest day that can be computed anew is "+oldest.Format(time.DateOnly))
}

// New figures that do not add up to what counted are not put in force unless told to.
func TestTotalsMustNotChange(t *testing.T) {
	r := newRig(t)
	r.insert(200, monday, 2, first, time.Now().Add(-time.Hour))
	if err := r.conn.Exec(t.Context(), "ALTER TABLE residency_hour DELETE WHERE bucket < '2026-09-07 12:00:00' SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := reprocess.Run(t.Context(), r.conn, r.options(second, 2))
	if !errors.Is(err, reprocess.ErrTotals) || !strings.Contains(err.Error(), "residency_hour") || !strings.Contains(err.Error(), "--repair") {
		t.Fatal(err)
	}
	o := r.options(second, 2)
	o.Repair = true
	r.run(o)
	want := map[string]uint64{}
	truth(want, &second, r.all)
	r.levels("repaired", want, 2, nil)
}

// An aggregator that does not know the revision in time is found out.
func TestClocksThatDiffer(t *testing.T) {
	r := newRig(t)
	r.insert(100, monday, 1, first, time.Now().Add(-time.Hour))
	o := r.options(second, 1)
	o.Outstanding = func(_ context.Context, before time.Time) (int, error) {
		flowstest.InsertPlanned(t, r.config, "ahead", before.Add(time.Second), nil, place(first, flowstest.Random(r.random, 10, monday, monday.Add(time.Hour)))...)
		return 0, nil
	}
	if _, err := reprocess.Run(t.Context(), r.conn, o); !errors.Is(err, reprocess.ErrClocks) {
		t.Error(err)
	}
}

// Runs that begin at once get numbers of their own.
func TestTwoAtOnce(t *testing.T) {
	r := newRig(t)
	r.insert(200, monday, 1, first, time.Now().Add(-time.Hour))
	results := make(chan *reprocess.Result, 3)
	for range 3 {
		go func() {
			result, err := reprocess.Run(t.Context(), r.conn, r.options(second, 1))
			if err != nil {
				t.Error(err)
			}
			results <- result
		}()
	}
	numbers := map[uint16]bool{}
	for range 3 {
		if result := <-results; result != nil {
			numbers[result.Revision] = true
		}
	}
	if len(numbers) != 3 {
		t.Errorf("three runs got the numbers %v", numbers)
	}
	want := map[string]uint64{}
	truth(want, &second, r.all)
	r.levels("after three", want, 1, nil)
}
