package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
)

func overridesTable(t *testing.T, rows string) *geo.Table {
	t.Helper()
	path := filepath.Join(t.TempDir(), "overrides.csv")
	text := "prefix,country,subdivision,city,cloud_provider,cloud_region,confidence,note,reference\n" + rows
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := geo.Open(geo.Files{Overrides: path})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestDataDiff(t *testing.T) {
	d := differ{
		old:    overridesTable(t, "8.8.8.0/24,US,US-CA,,,,,,\n8.8.4.0/24,US,US-CA,,,,,,\n"),
		other:  overridesTable(t, "8.8.8.0/24,DE,DE-HE,,,,,,\n8.8.4.0/24,US,US-CA,Los Angeles,,,,,\n"),
		places: map[[2]string]uint64{}, confidence: map[[2]string]uint64{},
	}
	for address, n := range map[string]uint64{"8.8.8.8": 25, "8.8.4.4": 70, "1.1.1.1": 5} {
		if err := d.add(query.Remote{Address: netip.MustParseAddr(address), Bytes: n}); err != nil {
			t.Fatal(err)
		}
	}
	since, until, err := days("", "2026-11-23", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	a := d.answer(since, until)
	if a.Bytes != 100 || a.Moved != 25 || a.MovedShare != 0.25 || len(a.Places) != 1 || a.Places[0] != (move{"US-CA", "DE-HE", 25}) || a.FromDay != "2026-11-16" {
		t.Errorf("%+v", a)
	}
	var out bytes.Buffer
	if err := a.write(&out, "table"); err != nil || !strings.Contains(out.String(), "25.000 % of the bytes") || !strings.Contains(out.String(), "DE-HE") {
		t.Errorf("%s %v", out.String(), err)
	}
	if _, _, err := days("2026-11-23", "2026-11-23", time.Time{}); err == nil {
		t.Error("a time without a day is taken")
	}
}
