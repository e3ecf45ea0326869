package geo

import (
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
	Name    string    // "city" or "asn"
	Version string    // of the package; else the build date; else "sha256:" and 12 digits
	Built   time.Time // when the data was built, as the file says; zero when it does not
	SHA256  []string  // of the files, lower-case hex, in the order of their names
}

// file is the identity of a file that was read.
type file struct {
	path, sha256 string
}

func newFile(path string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{path, hex.EncodeToString(sum[:])}
}

// packaged gives the version in the manifest.json beside the file, but only
// when that vouches for this very content.
func (f file) packaged() string {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(f.path), "manifest.json"))
	if err != nil {
		return ""
	}
	var m struct {
		Version string `json:"version"`
		Files   []struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if json.Unmarshal(b, &m) != nil {
		return ""
	}
	for _, entry := range m.Files {
		if entry.SHA256 == f.sha256 {
			return m.Version
		}
	}
	return ""
}

// built is unknown for a file that carries no date.
func (f file) built() time.Time { return time.Time{} }

// addVersion joins a file to its data set's version. Files of different
// versions under one name show both.
func addVersion(all []Version, name string, f file, built time.Time) []Version {
	version := f.packaged()
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
		return all
	}
	return append(all, Version{Name: name, Version: version, Built: built, SHA256: []string{f.sha256}})
}
