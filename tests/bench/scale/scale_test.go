package main

import (
	"log/slog"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// The generator still fits the schema, and every question is answered, of a small network.
func TestSmall(t *testing.T) {
	s := chtest.Start(t)
	client := clickhouse.DefaultConfig()
	client.Addresses, client.Database, client.User, client.Password = []string{s.Native}, s.Database, s.User, config.Secret(s.Password)
	p := DefaultParams().scaled(0.0001)
	p.Days = 14
	p.ASNs, p.Vendors = 100, 10
	r, err := benchmark(t.Context(), client, p, 1, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]uint64)
	for _, table := range r.Tables {
		have[table.Name] = table.Rows
	}
	for _, table := range []string{"residency_minute", "residency_hour", "residency_day", "place_day", "destination_day", "endpoint_day", "endpoint_seen", "exporter_day", "data_set_day", "ledger_minute", "ledger_hour"} {
		if have[table] == 0 {
			t.Errorf("%s is empty", table)
		}
	}
	if r.HourYearGB <= 0 {
		t.Error("no size of a year")
	}
	for _, q := range r.Questions {
		if q.Rows == 0 {
			t.Errorf("%s: the answer is empty", q.Question)
		}
	}
	conn := s.Conn(t)
	var byHour, byDay, byPlace, days uint64
	if err := conn.QueryRow(t.Context(), "SELECT (SELECT sum(flows) FROM residency_hour), (SELECT sum(flows) FROM residency_day), (SELECT sum(flows) FROM place_day), (SELECT uniqExact(bucket) FROM residency_day)").Scan(&byHour, &byDay, &byPlace, &days); err != nil {
		t.Fatal(err)
	}
	if byHour != byDay || byHour != byPlace || days != 14 {
		t.Errorf("%d flows by hour, %d by day, %d by place, in %d days", byHour, byDay, byPlace, days)
	}
	if ratio := float64(byHour) / float64(p.Flows); ratio < 0.98 || ratio > 1.02 {
		t.Errorf("%d flows, want %d", byHour, p.Flows)
	}
}
