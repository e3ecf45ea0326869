package dataset

import (
	"errors"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/device"
	"github.com/landfall-telemetry/landfall/internal/geo"
)

// read reads a set as the enricher will, and says what its data say of themselves.
func read(set string, files []string) (contents, error) {
	if len(files) == 0 {
		return contents{}, errors.New("there is no file")
	}
	if set == OUI {
		_, err := device.Open(files[0], "")
		return contents{}, err
	}
	one, err := filesOf(set, files)
	if err != nil {
		return contents{}, err
	}
	table, err := geo.Open(one)
	if err != nil {
		return contents{}, err
	}
	var c contents
	for _, v := range table.Versions() {
		c.date = dateOf(v.Built)
		if !strings.HasPrefix(v.Version, "sha256:") {
			c.version = v.Version
		}
	}
	return c, nil
}

func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// filesOf gives the files of one set alone in the form of geo.
func filesOf(set string, files []string) (geo.Files, error) {
	return Era{Sets: []InUse{{Set: set, Files: files}}}.Files()
}

// Files gives the era's files that places are made of.
func (e Era) Files() (geo.Files, error) {
	var f geo.Files
	for _, u := range e.Sets {
		switch u.Set {
		case City:
			f.City = u.Files
		case Witness:
			f.Witness = u.Files
		case ASN:
			f.ASN = u.Files
		case AWS, GCP, Azure, Oracle, Cloud:
			f.Cloud = append(f.Cloud, u.Files...)
		case Anycast:
			f.Anycast = u.Files
		case Overrides:
			if len(u.Files) != 1 {
				return f, errors.New("the overrides are one file")
			}
			f.Overrides = u.Files[0]
		}
	}
	return f, nil
}
