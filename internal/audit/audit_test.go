package audit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/audit"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func TestMain(m *testing.M) { chtest.Main(m) }

var (
	monday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	days   = 3
)

// options read thrice without a pause: nothing moves in these tests, unless they move it.
func options() audit.Options {
	o := audit.DefaultOptions()
	o.Since, o.Until = monday.AddDate(0, 0, -1), monday.AddDate(0, 0, days+2)
	o.Readings, o.Pause = 3, func(context.Context) error { return nil }
	return o
}

// filled is a database with flows of three days, some of them without a remote or a handset, that
// came on the day of their start and the day after.
func filled(t *testing.T) (clickhouse.Config, driver.Conn) {
	t.Helper()
	db, c := flowstest.Start(t)
	r := rand.New(rand.NewPCG(1, 2))
	for d := range days {
		begin := monday.AddDate(0, 0, d)
		fs := flowstest.Random(r, 300, begin, begin.AddDate(0, 0, 1))
		for i := range fs {
			switch i % 7 {
			case 0:
				fs[i].Remote = "::"
			case 1:
				fs[i].Side = landfallv1.HandsetSide_HANDSET_SIDE_UNSPECIFIED
			}
		}
		flowstest.InsertPlanned(t, c, fmt.Sprint("on time ", d), begin.Add(23*time.Hour), nil, fs[:200]...)
		flowstest.InsertPlanned(t, c, fmt.Sprint("late ", d), begin.Add(30*time.Hour), nil, fs[200:]...)
	}
	return c, db.Conn(t)
}

func run(t *testing.T, conn driver.Conn, o audit.Options) *audit.Report {
	t.Helper()
	report, err := audit.Run(t.Context(), conn, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// told gives what differs, a word for each: day, comparison, table, flows more than the first.
func told(report *audit.Report, state audit.State) string {
	var out []string
	for _, c := range report.Comparisons {
		for _, l := range c.Levels {
			if c.State == state && l.Difference != (audit.Difference{}) {
				out = append(out, fmt.Sprintf("%d %s: %s %+d", c.Day.Day(), c.What, l.Table, l.Difference.Flows))
			}
		}
	}
	return strings.Join(out, "; ")
}

func exec(t *testing.T, conn driver.Conn, statement string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestEqual(t *testing.T) {
	_, conn := filled(t)
	report := run(t, conn, options())
	if report.Differs != 0 || report.Moving != 0 {
		t.Errorf("sound tables differ: %s; %s", told(report, audit.Differs), told(report, audit.Moving))
	}
	// Three days each as inserted, of endpoints and of the ledger, four days of arrival.
	if report.Equal != 13 {
		t.Errorf("%d comparisons, want 13: %+v", report.Equal, report.Comparisons)
	}
	var flows uint64
	for _, c := range report.Comparisons {
		if c.What == "as inserted" {
			if len(c.Levels) != 7 {
				t.Errorf("%s: levels %+v", c.Day, c.Levels)
			}
			flows += c.Levels[0].Sums.Flows
		}
	}
	if flows != 900 {
		t.Errorf("%d flows compared, want 900", flows)
	}
}

// What is missing or doubled in one table is named, with its day.
func TestDifferencesAreNamed(t *testing.T) {
	const synchronous = " SETTINGS mutations_sync = 1"
	for name, c := range map[string]struct{ statement, want string }{
		"minutes lost": {
			"ALTER TABLE residency_minute DELETE WHERE toStartOfDay(bucket) = '2026-09-08'" + synchronous,
			"8 as inserted: residency_minute -300",
		},
		"a day doubled": {
			"INSERT INTO residency_day SELECT * FROM residency_day WHERE bucket = '2026-09-09'",
			"9 as inserted: residency_day +300",
		},
		"an exporter's day lost": {
			"ALTER TABLE exporter_day DELETE WHERE bucket = '2026-09-08'" + synchronous,
			"8 by arrival: exporter_day -300",
		},
		"endpoints lost": {
			"ALTER TABLE endpoint_day DELETE WHERE bucket = '2026-09-07'" + synchronous,
			"7 endpoints: endpoint_day -",
		},
		"data sets doubled": {
			"INSERT INTO data_set_day SELECT * FROM data_set_day WHERE bucket = '2026-09-07'",
			"7 as inserted: data_set_day +300",
		},
		"flows lost": {
			"ALTER TABLE flows DELETE WHERE start >= '2026-09-09 00:00:00'" + synchronous,
			"9 as inserted: residency_minute +300; 9 as inserted: residency_hour +300; 9 as inserted: residency_day +300; 9 as inserted: place_day +300; 9 as inserted: destination_day +300; 9 as inserted: data_set_day +300; 9 by arrival: exporter_day +200; 9 endpoints: endpoint_day +",
		},
		"places lost": {
			"ALTER TABLE place_day DELETE WHERE bucket = '2026-09-08'" + synchronous,
			"8 as inserted: place_day -300",
		},
		"destinations doubled": {
			"INSERT INTO destination_day SELECT * FROM destination_day WHERE bucket = '2026-09-08'",
			"8 as inserted: destination_day +300",
		},
		"the ledger": {
			"INSERT INTO ledger_hour (bucket, what, amount) VALUES ('2026-09-09 05:00:00', 'flows', 7)",
			"9 ledger: ledger_hour +7",
		},
		// Flows agree, bytes do not.
		"bytes": {
			"ALTER TABLE residency_hour UPDATE bytes_up = bytes_up + 1 WHERE toStartOfDay(bucket) = '2026-09-08'" + synchronous,
			"8 as inserted: residency_hour +0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, conn := filled(t)
			if strings.HasSuffix(name, " doubled") {
				// Without this the block's own hash is known already.
				exec(t, conn, "SET insert_deduplicate = 0")
			}
			exec(t, conn, c.statement)
			report := run(t, conn, options())
			if got := told(report, audit.Differs); !strings.Contains(got, c.want) || report.Moving != 0 {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// A table that does not keep a day any more is left out of its comparison.
func TestRetention(t *testing.T) {
	_, conn := filled(t)
	for _, q := range []string{"SYSTEM STOP MERGES flows", "SYSTEM STOP TTL MERGES flows"} {
		exec(t, conn, q) // what is to be forgotten may still be there, in part
	}
	exec(t, conn, "ALTER TABLE flows DELETE WHERE start < '2026-09-08 12:00:00' SETTINGS mutations_sync = 0")
	keep := int64(time.Since(monday.AddDate(0, 0, 2).Add(-12 * time.Hour)).Seconds())
	exec(t, conn, fmt.Sprintf("ALTER TABLE flows MODIFY TTL toDateTime(received) + toIntervalSecond(%d) SETTINGS materialize_ttl_after_modify = 0", keep))
	o := options()
	o.Ahead = 0
	report := run(t, conn, o)
	if report.Differs != 0 || report.Moving != 0 {
		t.Errorf("differs: %s; %s", told(report, audit.Differs), told(report, audit.Moving))
	}
	for _, c := range report.Comparisons {
		if with := c.Levels[0].Table == "flows"; c.What == "as inserted" && with != (c.Day.Day() >= 9) {
			t.Errorf("%s is compared with flows: %v", c.Day, with)
		}
		if (c.What == "endpoints" || c.What == "by arrival") && c.Day.Day() < 9 {
			t.Errorf("%s %s has nothing to be compared with: %+v", c.Day, c.What, c.Levels)
		}
	}
}

// An insert that is seen in one table and not yet in the next is no difference.
func TestInsertUnderWay(t *testing.T) {
	c, conn := filled(t)
	begin := monday.AddDate(0, 0, 1)
	more := flowstest.Random(rand.New(rand.NewPCG(3, 4)), 50, begin, begin.Add(time.Hour))
	flowstest.InsertPlanned(t, c, "more", time.Now(), nil, more...)
	// The state between two tables, by hand.
	exec(t, conn, "CREATE TABLE aside AS place_day")
	exec(t, conn, "INSERT INTO aside SELECT * FROM place_day")
	exec(t, conn, "TRUNCATE TABLE place_day")
	o := options()
	o.Since, o.Until = begin, begin.AddDate(0, 0, 1)
	// The newest insert is of this moment: what differs may be under way, however often it is read.
	o.Readings = 5
	if report := run(t, conn, o); report.Differs != 0 || report.Moving != 1 {
		t.Errorf("differs: %s; moves: %s", told(report, audit.Differs), told(report, audit.Moving))
	}
	// Later it is none.
	o.Settle = 0
	if report := run(t, conn, o); report.Differs != 1 || report.Moving != 0 {
		t.Errorf("differs: %s; moves: %s", told(report, audit.Differs), told(report, audit.Moving))
	}
	readings := 1
	o.Pause = func(context.Context) error {
		if readings++; readings == 3 {
			exec(t, conn, "INSERT INTO place_day SELECT * FROM aside")
		}
		return nil
	}
	if report := run(t, conn, o); report.Differs != 0 || report.Moving != 0 || readings != 3 {
		t.Errorf("differs: %s; moves: %s; %d readings", told(report, audit.Differs), told(report, audit.Moving), readings)
	}
}

func TestRefusesHalfDays(t *testing.T) {
	o := options()
	o.Since = o.Since.Add(time.Hour)
	if _, err := audit.Run(t.Context(), nil, o); err == nil {
		t.Error("half a day was accepted")
	}
}
