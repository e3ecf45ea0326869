package geo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Version identifies a data set in use.
type Version struct {
	Name    string    // "city", "witness", "asn", "anycast", "overrides"; a cloud list's provider, or "cloud"
	Version string    // of the package; else the publisher's own; else the build date; else "sha256:" and 12 digits
	Built   time.Time // when the data was built, as the file says; zero when it does not
	SHA256  []string  // of the files, lower-case hex, in the order in which they were given
	// License, Source and Credit are those of the manifest beside the files, where
	// that vouches for their content; else "". Credit is to be shown with results.
	License, Source, Credit string
}

const manifestName = "manifest.json"

// manifest is what is read of the file that `landfall data update` leaves
// beside a set's files.
type manifest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	License string `json:"license"`
	Source  string `json:"source"`
	Credit  string `json:"credit"`
	Files   []struct {
		SHA256 string `json:"sha256"`
	} `json:"files"`
}

// manifestIn reads the manifest in a folder; nil when there is none.
func manifestIn(folder string) *manifest {
	b, err := os.ReadFile(filepath.Join(folder, manifestName))
	if err != nil {
		return nil
	}
	var m manifest
	if json.Unmarshal(b, &m) != nil {
		return nil
	}
	return &m
}

// file is the identity of a file that was read.
type file struct {
	path, sha256 string
}

func newFile(path string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{path, hex.EncodeToString(sum[:])}
}

// manifest gives the manifest beside the file, but only when that vouches for
// this very content.
func (f file) manifest() *manifest {
	m := manifestIn(filepath.Dir(f.path))
	if m == nil {
		return nil
	}
	for _, entry := range m.Files {
		if entry.SHA256 == f.sha256 {
			return m
		}
	}
	return nil
}

// addVersion joins a file to its data set's version. Files of different
// versions under one name show both. own is the publisher's word; built is zero
// for a file that carries no date.
func addVersion(all []Version, name string, f file, own string, built time.Time) []Version {
	var license, source, credit string
	version := own
	if m := f.manifest(); m != nil {
		version, license, source, credit = m.Version, m.License, m.Source, m.Credit
	}
	if version == "" && !built.IsZero() {
		version = built.Format("2006-01-02")
	}
	if version == "" {
		version = "sha256:" + f.sha256[:12]
	}
	for i := range all {
		if all[i].Name != name {
			continue
		}
		if !strings.Contains("+"+all[i].Version+"+", "+"+version+"+") {
			all[i].Version += "+" + version
		}
		if built.After(all[i].Built) {
			all[i].Built = built
		}
		all[i].SHA256 = append(all[i].SHA256, f.sha256)
		all[i].License, all[i].Source, all[i].Credit = cmp.Or(all[i].License, license), cmp.Or(all[i].Source, source), cmp.Or(all[i].Credit, credit)
		return all
	}
	return append(all, Version{name, version, built, []string{f.sha256}, license, source, credit})
}
