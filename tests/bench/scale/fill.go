package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed sql/*.sql
var statements embed.FS

// Params say how large the network is. Every figure in the tables follows from them.
type Params struct {
	Flows         uint64  `json:"flows"`
	Days          int     `json:"days"`
	MinuteDays    int     `json:"minute_days"` // the last ones, in the table of minutes
	Vendors       int     `json:"vendors"`
	VendorSkew    float64 `json:"vendor_skew"` // exponents of Zipf's law
	Places        int     `json:"places"`      // at most 240: the countries' letters
	ASNs          int     `json:"asns"`
	ASNSkew       float64 `json:"asn_skew"`
	Subscribers   int     `json:"subscribers"`
	Endpoints     int     `json:"endpoints"`      // drawn from day by day
	PastEndpoints int     `json:"past_endpoints"` // seen before the first day only
	NewADay       int     `json:"new_endpoints_a_day"`
	Exporters     int     `json:"exporters"`
}

// DefaultParams are a mobile network's sampled flows of 90 days.
func DefaultParams() Params {
	return Params{
		Flows: 1_000_000_000, Days: 90, MinuteDays: 1,
		// Ten vendors have 88 % of the flows, ten networks 71 %, a hundred 90 %.
		Vendors: 60, VendorSkew: 1.6, Places: 240, ASNs: 3000, ASNSkew: 1.4,
		Subscribers: 200_000, Endpoints: 1_000_000, PastEndpoints: 3_000_000, NewADay: 4000, Exporters: 20,
	}
}

// scaled is the same network with as many subscribers and flows as the share says.
func (p Params) scaled(share float64) Params {
	part := func(n int) int { return max(10, int(float64(n)*share)) }
	p.Flows = uint64(float64(p.Flows) * share)
	p.Subscribers, p.Endpoints, p.PastEndpoints, p.NewADay = part(p.Subscribers), part(p.Endpoints), part(p.PastEndpoints), part(p.NewADay)
	return p
}

// first is a Monday, so that weeks are whole.
var first = time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)

func (p Params) begin(day int) time.Time { return first.AddDate(0, 0, day) }

// named are the parameters of the statements.
func (p Params) named(day int) []any {
	var all []any
	for name, value := range map[string]any{
		"flows": p.Flows, "flows_an_hour": float64(p.Flows) / float64(24*p.Days), "minutes": p.Days * 24 * 60,
		"vendors": p.Vendors, "vendor_skew": p.VendorSkew, "places": p.Places, "asns": p.ASNs, "asn_skew": p.ASNSkew,
		"subscribers": p.Subscribers, "endpoints": p.Endpoints, "past_endpoints": p.PastEndpoints, "new_a_day": p.NewADay,
		// One flow in six is drawn, and stands for 1 to 10.
		"draws_a_day": p.Flows / uint64(6*p.Days), "exporters": p.Exporters,
		"since": first.Unix(), "day": p.begin(day).Unix(),
	} {
		all = append(all, clickhousego.Named(name, value))
	}
	return all
}

// fill writes all tables but flows and revisions, which have no row; place_day, destination_day and ledger_hour get
// theirs from the schema's views. The database has the schema and is empty.
func fill(ctx context.Context, conn driver.Conn, p Params, log *slog.Logger) error {
	if err := run(ctx, conn, "places", p.named(0)); err != nil {
		return err
	}
	begun := time.Now()
	for day := range p.Days {
		for _, part := range []string{"hour", "day", "endpoint"} {
			if err := run(ctx, conn, part, p.named(day)); err != nil {
				return fmt.Errorf("day %d: %w", day, err)
			}
		}
		if day >= p.Days-p.MinuteDays {
			if err := run(ctx, conn, "minute", p.named(day)); err != nil {
				return fmt.Errorf("day %d: %w", day, err)
			}
		}
		if day%10 == 9 {
			log.Info("filled", "days", day+1, "of", p.Days, "took", time.Since(begun).Round(time.Second))
		}
	}
	for _, part := range []string{"seen", "ledger"} {
		if err := run(ctx, conn, part, p.named(0)); err != nil {
			return err
		}
	}
	for _, table := range []string{"bench_pair", "bench_vendor", "bench_key", "bench_slot"} {
		if err := conn.Exec(ctx, "DROP TABLE "+table+" SYNC"); err != nil {
			return fmt.Errorf("drop %s: %w", table, err)
		}
	}
	return nil
}

// run makes the statements of one file.
func run(ctx context.Context, conn driver.Conn, name string, named []any) error {
	text, err := statements.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return err
	}
	ctx = clickhousego.Context(ctx, clickhousego.WithSettings(clickhousego.Settings{
		// The rows are summed up already, and blocks are large.
		"optimize_on_insert": 0, "max_insert_threads": 2, "max_execution_time": 0,
	}))
	for statement := range strings.SplitSeq(string(text), ";\n") {
		var parameters []any
		if strings.Contains(statement, "{") {
			parameters = named
		}
		if err := conn.Exec(ctx, statement, parameters...); err != nil {
			return fmt.Errorf("%s.sql: %w", name, err)
		}
	}
	return nil
}

// mergesAtMost bounds the wait for the engine to come to rest.
const mergesAtMost = 20 * time.Minute

// settle waits until the engine has no more to merge: nothing under way for ten seconds.
func settle(ctx context.Context, conn driver.Conn, log *slog.Logger) error {
	begun, quiet := time.Now(), 0
	for quiet < 10 {
		var n uint64
		if err := conn.QueryRow(ctx, "SELECT count() FROM system.merges WHERE database = currentDatabase()").Scan(&n); err != nil {
			return fmt.Errorf("look at the merges: %w", err)
		}
		quiet++
		if n > 0 {
			quiet = 0
		}
		if time.Since(begun) > mergesAtMost {
			return errors.New("the engine does not come to rest")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	log.Info("merged", "took", time.Since(begun).Round(time.Second))
	return nil
}
