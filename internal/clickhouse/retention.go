package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"
)

// Retention says how long each table keeps its rows; 0: for ever.
type Retention struct {
	Flows           time.Duration `yaml:"flows" doc:"How long single flows are kept after they arrived; 0: for ever."`
	ResidencyMinute time.Duration `yaml:"residency_minute" doc:"How long figures by the minute are kept after the minute they are of; 0: for ever."`
	ResidencyHour   time.Duration `yaml:"residency_hour" doc:"How long figures by the hour are kept; 0: for ever."`
	ResidencyDay    time.Duration `yaml:"residency_day" doc:"How long figures by the day are kept, those of older revisions too; 0: for ever."`
	EndpointDay     time.Duration `yaml:"endpoint_day" doc:"How long the endpoints of each day are kept; 0: for ever."`
	EndpointSeen    time.Duration `yaml:"endpoint_seen" doc:"How long an endpoint is remembered after it was last seen; when it comes back later it is new; 0: for ever."`
	ExporterDay     time.Duration `yaml:"exporter_day" doc:"How long the figures of each exporter and day are kept; 0: for ever."`
	DataSetDay      time.Duration `yaml:"data_set_day" doc:"How long it is kept which data sets judged the flows of a day; 0: for ever."`
	Ledger          time.Duration `yaml:"ledger" doc:"How long the completeness ledger is kept; 0: for ever."`
}

const day = 24 * time.Hour

// DefaultRetention keeps flows for two weeks, and what a report needs for ever.
func DefaultRetention() Retention {
	return Retention{Flows: 14 * day, ResidencyMinute: 30 * day, ResidencyHour: 400 * day, EndpointDay: 400 * day, Ledger: 400 * day}
}

// A DateTime ends in 2106; a longer retention would wrap.
const maxRetention = 50 * 365 * day

type retained struct {
	table, setting, since string
	keep                  time.Duration
}

func (r Retention) tables() []retained {
	return []retained{
		{"flows", "flows", "toDateTime(received)", r.Flows},
		{"residency_minute", "residency_minute", "bucket", r.ResidencyMinute},
		{"residency_hour", "residency_hour", "bucket", r.ResidencyHour},
		{"residency_day", "residency_day", "bucket", r.ResidencyDay},
		{"place_day", "residency_day", "bucket", r.ResidencyDay},
		{"destination_day", "residency_day", "bucket", r.ResidencyDay},
		{"endpoint_day", "endpoint_day", "bucket", r.EndpointDay},
		{"endpoint_seen", "endpoint_seen", "last_seen", r.EndpointSeen},
		{"exporter_day", "exporter_day", "bucket", r.ExporterDay},
		{"data_set_day", "data_set_day", "bucket", r.DataSetDay},
		{"ledger_minute", "ledger", "bucket", r.Ledger},
		{"ledger_hour", "ledger", "bucket", r.Ledger},
	}
}

// Validate reports every fault.
func (r Retention) Validate() error {
	var errs []error
	for _, t := range r.tables() {
		if t.keep != 0 && (t.keep < time.Hour || t.keep > maxRetention) {
			errs = append(errs, fmt.Errorf("%s: %s is neither 0 nor in 1h to 50 years", t.setting, t.keep))
		}
	}
	return errors.Join(errs...)
}

var ttlPattern = regexp.MustCompile(`\bTTL .*\+ toIntervalSecond\((\d+)\)`)

// apply changes the tables whose retention differs. A change makes the server look at all the
// table's parts again, so it is not made where there is nothing to change.
func (r Retention) apply(ctx context.Context, db *sql.DB, on string, log *slog.Logger) error {
	for _, t := range r.tables() {
		var engine string
		if err := db.QueryRowContext(ctx, "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?", t.table).Scan(&engine); err != nil {
			return fmt.Errorf("read the definition of %s: %w", t.table, err)
		}
		was := "0"
		if m := ttlPattern.FindStringSubmatch(engine); m != nil {
			was = m[1]
		}
		want := strconv.FormatInt(int64(t.keep/time.Second), 10)
		if was == want {
			continue
		}
		statement := "ALTER TABLE " + t.table + on + " REMOVE TTL"
		if t.keep != 0 {
			statement = "ALTER TABLE " + t.table + on + " MODIFY TTL " + t.since + " + toIntervalSecond(" + want + ")"
		}
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("change %s: %w", t.table, err)
		}
		log.Info("set retention", "table", t.table, "keep", t.keep)
	}
	return nil
}
