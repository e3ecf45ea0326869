package device

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
)

// Version identifies a data set in use.
type Version struct {
	Name    string // "oui" or "static"
	Version string // of the package; else "sha256:" and 12 digits
	SHA256  string // of the file, lower-case hex
}

// versionOf takes the version from the manifest.json beside the file when that
// vouches for this very content.
func versionOf(name, path string, data []byte) Version {
	sum := sha256.Sum256(data)
	v := Version{Name: name, SHA256: hex.EncodeToString(sum[:])}
	v.Version = "sha256:" + v.SHA256[:12]
	b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "manifest.json"))
	if err != nil {
		return v
	}
	var m struct {
		Version string `json:"version"`
		Files   []struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if json.Unmarshal(b, &m) != nil {
		return v
	}
	for _, f := range m.Files {
		if f.SHA256 == v.SHA256 && m.Version != "" {
			v.Version = m.Version
		}
	}
	return v
}
