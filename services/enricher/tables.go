package enricher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/geo"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// sources is what was read from the files of one era.
type sources struct {
	key      string // of what was read
	places   *geo.Table
	devices  *device.Resolver
	versions []*landfallv1.DataSetVersion
}

// eras gives the eras of data_dir; without one, a single era.
func (c Config) eras() ([]dataset.Era, error) {
	if c.DataDir == "" {
		return []dataset.Era{{}}, nil
	}
	return dataset.InForce(c.DataDir)
}

// given gives the configured path of a set, or "" where it is that of data_dir.
func (c Config) given(path, set, file string) string {
	if c.DataDir != "" && path == dataset.Path(c.DataDir, set, file) {
		return ""
	}
	return path
}

// files gives the files of an era. What the configuration names goes before what is in data_dir.
func (c Config) files(e dataset.Era) (places geo.Files, oui string, err error) {
	if places, err = e.Files(); err != nil {
		return places, "", err
	}
	for _, named := range []struct {
		path string
		into *[]string
	}{
		{c.given(c.CityPath, dataset.City, ""), &places.City},
		{c.given(c.ASNPath, dataset.ASN, ""), &places.ASN},
		{c.WitnessPath, &places.Witness},
	} {
		if named.path != "" {
			*named.into = []string{named.path}
		}
	}
	if len(c.CloudPaths) > 0 {
		places.Cloud = c.CloudPaths
	}
	if len(c.AnycastPaths) > 0 {
		places.Anycast = c.AnycastPaths
	}
	if c.OverridesPath != "" {
		places.Overrides = c.OverridesPath
	}
	if oui = c.given(c.OUIFile, dataset.OUI, dataset.OUIList); oui == "" {
		if of := e.Of(dataset.OUI); len(of) == 1 {
			oui = of[0]
		}
	}
	return places, oui, nil
}

// PlaceFiles gives the files that places are judged by at a time.
func (c Config) PlaceFiles(at time.Time) (geo.Files, error) {
	eras, err := c.eras()
	if err != nil {
		return geo.Files{}, err
	}
	in := eras[0]
	for _, e := range eras[1:] {
		if !e.Since.After(at) {
			in = e
		}
	}
	places, _, err := c.files(in)
	return places, err
}

// mark changes when a file that the configuration names does.
func (c Config) mark() string {
	paths := slices.Concat([]string{c.given(c.CityPath, dataset.City, ""), c.given(c.ASNPath, dataset.ASN, ""), c.WitnessPath, c.OverridesPath, c.given(c.OUIFile, dataset.OUI, dataset.OUIList), c.StaticVendorsFile},
		c.CloudPaths, c.AnycastPaths)
	var b strings.Builder
	for _, path := range paths {
		b.WriteString(markOf(path))
	}
	return b.String()
}

// markOf changes when the file at path, or one in the folder at path, does.
func markOf(path string) string {
	if path == "" {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return err.Error() + "\n"
	}
	mark := fmt.Sprintln(path, info.Size(), info.ModTime().UnixNano())
	if info.IsDir() {
		entries, _ := os.ReadDir(path)
		for _, e := range entries {
			if inside, err := e.Info(); err == nil && !e.IsDir() {
				mark += fmt.Sprintln(e.Name(), inside.Size(), inside.ModTime().UnixNano())
			}
		}
	}
	return mark
}

// errMoved says that a data set was replaced while it was read.
var errMoved = errors.New("the data sets changed while they were read")

// load reads the era with a fingerprint. A file that is missing, cut short or not what it claims is
// an error that names it.
func (s *Service) load(fingerprint, mark string) (*sources, error) {
	begin := time.Now()
	for range 3 {
		e, err := s.era(fingerprint)
		if err != nil {
			return nil, err
		}
		read, err := s.read(e)
		// An update may have moved the files meanwhile: then what was read may be of another version.
		again, e2 := s.era(fingerprint)
		if e2 != nil {
			return nil, errors.Join(err, e2)
		}
		if !slices.EqualFunc(e.Sets, again.Sets, func(a, b dataset.InUse) bool { return slices.Equal(a.Files, b.Files) }) {
			continue
		}
		if err != nil {
			return nil, err
		}
		read.key = fingerprint + mark
		s.log.Info("data sets loaded", "sets", read.versions, "after", time.Since(begin).Round(time.Millisecond))
		return read, nil
	}
	return nil, errMoved
}

// era finds the era with a fingerprint: where its files are may have changed.
func (s *Service) era(fingerprint string) (dataset.Era, error) {
	eras, err := s.config.eras()
	if err != nil {
		return dataset.Era{}, err
	}
	for _, e := range eras {
		if e.Fingerprint() == fingerprint {
			return e, nil
		}
	}
	return dataset.Era{}, errMoved
}

func (s *Service) read(e dataset.Era) (*sources, error) {
	files, oui, err := s.config.files(e)
	if err != nil {
		return nil, err
	}
	r := &sources{}
	if r.places, err = geo.Open(files); err != nil {
		return nil, err
	}
	if r.devices, err = device.Open(oui, s.config.StaticVendorsFile); err != nil {
		return nil, err
	}
	for _, v := range r.places.Versions() {
		d := &landfallv1.DataSetVersion{Name: v.Name, Version: v.Version, Sha256: strings.Join(v.SHA256, ","), License: v.License, Source: v.Source, Credit: v.Credit}
		if !v.Built.IsZero() {
			d.BuiltMs = v.Built.UnixMilli()
		}
		r.versions = append(r.versions, complete(d, e))
	}
	for _, v := range r.devices.Versions() {
		r.versions = append(r.versions, complete(&landfallv1.DataSetVersion{Name: v.Name, Version: v.Version, Sha256: v.SHA256}, e))
	}
	return r, nil
}

// complete adds what the record in data_dir says of a set, when it is the one in use.
func complete(d *landfallv1.DataSetVersion, e dataset.Era) *landfallv1.DataSetVersion {
	for _, u := range e.Sets {
		if u.Set != d.Name || !sameFiles(u.SHA256, strings.Split(d.Sha256, ",")) {
			continue
		}
		d.Version, d.License, d.Source, d.Credit = u.Version, u.License, u.Source, u.Credit
		if day, err := time.Parse(time.DateOnly, u.Date); err == nil && d.BuiltMs == 0 {
			d.BuiltMs = day.UnixMilli()
		}
		if !u.InForceFrom.IsZero() {
			d.InForceMs = u.InForceFrom.UnixMilli()
		}
	}
	return d
}

func sameFiles(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// milliseconds is 0 for no time at all: an open end.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// watch looks for changes until ctx ends.
func (s *Service) watch(ctx context.Context, now <-chan os.Signal) {
	tick := time.NewTicker(s.config.DataCheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.reload(false)
		case <-now:
			s.reload(true)
		}
	}
}
