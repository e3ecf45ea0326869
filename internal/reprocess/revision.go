package reprocess

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/audit"
)

// The states of a revision.
const (
	stateBuilding  = "building"
	stateActive    = "active"
	stateAbandoned = "abandoned"
)

// inForce is the revision whose figures are read for a day; 0: none.
func inForce(all []audit.Revision, day time.Time) (highest uint16) {
	for i := range all {
		if v := &all[i]; v.State == stateActive && v.Covers(day) {
			highest = max(highest, v.Revision)
		}
	}
	return highest
}

// announce takes a number for the revision and makes it known. Of two runs that took the same number
// at once at least one sees it, takes its row back and tries another.
func (r *run) announce(ctx context.Context) error {
	number, newest := 0, time.Time{}
	for _, v := range r.revisions {
		number = max(number, int(v.Revision))
		if v.Cutoff.After(newest) {
			newest = v.Cutoff
		}
	}
	for {
		number++
		if number > math.MaxUint16 {
			return errors.New("there are no numbers left for revisions")
		}
		now := time.Now().UTC().Truncate(time.Millisecond)
		cutoff := now.Add(r.Lead)
		if !cutoff.After(newest) { // a higher number has a later cutoff, or flows would count in both
			cutoff = newest.Add(time.Millisecond)
		}
		r.self = audit.Revision{
			Revision: uint16(number), Since: r.Since, Until: r.Until, Cutoff: cutoff,
			Created: now, DataSets: r.versionsOf(), Note: r.Note,
		}
		if err := r.setState(ctx, stateBuilding); err != nil {
			return err
		}
		var rows uint64
		if err := r.conn.QueryRow(ctx, "SELECT count() FROM revisions WHERE revision = {revision:UInt16}", clickhousego.Named("revision", r.self.Revision)).Scan(&rows); err != nil {
			return fmt.Errorf("read revision %d: %w", number, err)
		}
		if rows == 1 {
			return nil
		}
		if err := r.conn.Exec(ctx, "ALTER TABLE revisions DELETE WHERE revision = {revision:UInt16} AND toUnixTimestamp64Milli(created) = {created:Int64} SETTINGS mutations_sync = 1",
			clickhousego.Named("revision", r.self.Revision), clickhousego.Named("created", now.UnixMilli())); err != nil {
			return fmt.Errorf("take back revision %d: %w", number, err)
		}
		number += int(now.UnixMilli() % 3) // so that two that both saw each other part
	}
}

const insertRevision = `INSERT INTO revisions (revision, since, until, cutoff, state, created, changed, data_sets, note)
VALUES ({revision:UInt16}, {since:DateTime('UTC')}, {until:DateTime('UTC')}, fromUnixTimestamp64Milli({cutoff:Int64}, 'UTC'), {state:String},
        fromUnixTimestamp64Milli({created:Int64}, 'UTC'), fromUnixTimestamp64Milli({changed:Int64}, 'UTC'), {data_sets:String}, {note:String})`

// setState writes the revision's row anew; the newest counts.
func (r *run) setState(ctx context.Context, state string) error {
	return setState(ctx, r.conn, &r.self, state)
}

func setState(ctx context.Context, conn driver.Conn, v *audit.Revision, state string) error {
	// Never before the row that it takes the place of, whatever the clock does.
	changed := max(time.Now().UnixMilli(), v.Created.UnixMilli())
	if state != stateBuilding {
		changed = max(changed, v.Created.UnixMilli()+1)
	}
	parameters := append(periodOf(v.Since, v.Until),
		clickhousego.Named("revision", v.Revision), clickhousego.Named("state", state),
		clickhousego.Named("cutoff", v.Cutoff.UnixMilli()), clickhousego.Named("created", v.Created.UnixMilli()), clickhousego.Named("changed", changed),
		clickhousego.Named("data_sets", v.DataSets), clickhousego.Named("note", v.Note))
	if err := conn.Exec(ctx, insertRevision, parameters...); err != nil {
		return fmt.Errorf("make revision %d %s: %w", v.Revision, state, err)
	}
	v.State = state
	return nil
}

// giveUp sets the revision aside after a fault, also when ctx has ended.
func (r *run) giveUp(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := abandon(last, r.conn, &r.self); err != nil {
		return fmt.Errorf("%w; nothing that is read has changed, `landfall reprocess --abandon %d` removes what was computed", err, r.self.Revision)
	}
	return nil
}

// Tables are those that have rows of revisions.
var Tables = []string{"residency_minute", "residency_hour", "residency_day", "place_day", "destination_day", "data_set_day"}

// Abandon sets aside a revision that was never put in force, and removes its rows. Rows of flows that
// came in meanwhile go on counting.
func Abandon(ctx context.Context, conn driver.Conn, number uint16) error {
	all, err := audit.Revisions(ctx, conn)
	if err != nil {
		return err
	}
	for i := range all {
		if v := &all[i]; v.Revision == number {
			if v.State == stateActive {
				return fmt.Errorf("revision %d is in force; compute its days anew to correct it", number)
			}
			return abandon(ctx, conn, v)
		}
	}
	return fmt.Errorf("there is no revision %d", number)
}

func abandon(ctx context.Context, conn driver.Conn, v *audit.Revision) error {
	if err := setState(ctx, conn, v, stateAbandoned); err != nil {
		return err
	}
	for _, table := range Tables {
		// Its rows are in the partitions of its months; the others are not touched.
		if err := conn.Exec(ctx, "ALTER TABLE "+table+" DELETE WHERE revision = {revision:UInt16} SETTINGS mutations_sync = 1",
			clickhousego.Named("revision", v.Revision)); err != nil {
			return fmt.Errorf("remove revision %d from %s: %w", v.Revision, table, err)
		}
	}
	return nil
}

// period are the parameters since and until.
func (r *run) period() []any { return periodOf(r.Since, r.Until) }

func periodOf(since, until time.Time) []any {
	return []any{
		clickhousego.Named("since", since.UTC().Format(time.DateTime)),
		clickhousego.Named("until", until.UTC().Format(time.DateTime)),
	}
}
