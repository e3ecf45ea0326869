package enricher

import (
	"time"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/geo"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/enrich"
)

// loadTables reads all that flows are judged by. A file that is missing, cut short or not what it
// claims is an error that names it.
func (s *Service) loadTables() (*enrich.Tables, error) {
	begin := time.Now()
	prefixes, err := s.config.prefixes()
	if err != nil {
		return nil, err
	}
	t := &enrich.Tables{Subscribers: &bart.Lite{}}
	for _, p := range prefixes {
		t.Subscribers.Insert(p)
	}
	if t.Places, err = geo.Open(geo.Files{City: []string{s.config.CityPath}, ASN: []string{s.config.ASNPath}}); err != nil {
		return nil, err
	}
	if t.Devices, err = device.Open(s.config.OUIFile, s.config.StaticVendorsFile); err != nil {
		return nil, err
	}
	for _, v := range t.Places.Versions() {
		t.Versions = append(t.Versions, &landfallv1.DataSetVersion{Name: v.Name, Version: v.Version})
	}
	for _, v := range t.Devices.Versions() {
		t.Versions = append(t.Versions, &landfallv1.DataSetVersion{Name: v.Name, Version: v.Version})
	}
	s.log.Info("data sets loaded", "sets", t.Versions, "after", time.Since(begin).Round(time.Millisecond))
	return t, nil
}
