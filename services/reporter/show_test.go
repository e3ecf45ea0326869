package reporter

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestShowPage serves the page with the fixture's figures until it is interrupted, to work on it:
//
//	LANDFALL_SHOW_PAGE=127.0.0.1:8099 go test -run TestShowPage -timeout 0 ./services/reporter
//
// LANDFALL_SHOW_WEEKS is the number of weeks that are there, 0 to 13.
func TestShowPage(t *testing.T) {
	listen := os.Getenv("LANDFALL_SHOW_PAGE")
	if listen == "" {
		return
	}
	weeks, err := strconv.Atoi(os.Getenv("LANDFALL_SHOW_WEEKS"))
	if err != nil {
		weeks = 13
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	start := today.AddDate(0, 0, -(int(today.Weekday())+6)%7-7*12) // twelve weeks before this one
	c := DefaultConfig()
	c.Listen = listen
	about := About{
		Version: "0.0.0-fixture", PlaceName: fixtureNames,
		Credits: []string{"City table: IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0", "OUI list: IEEE Registration Authority"},
	}
	s, err := New(c, newFixture(start, weeks), about, slog.Default(), prometheus.NewRegistry(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(end); err != nil {
		t.Fatal(err)
	}
}
