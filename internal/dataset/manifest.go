package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const manifestName = "manifest.json"

// manifest is written last into a set's folder: a set without one is not
// installed, whatever files lie there.
type manifest struct {
	Name        string         `json:"name"`
	Package     string         `json:"package"`
	Version     string         `json:"version"`
	Integrity   string         `json:"integrity"` // of the tarball, as measured
	Pinned      bool           `json:"pinned"`    // the release knew the checksum
	Files       []manifestFile `json:"files"`
	License     string         `json:"license"`
	Credit      string         `json:"credit"`
	Source      string         `json:"source"`
	From        string         `json:"from"` // "registry", "file" or "found in place"
	InstalledAt time.Time      `json:"installed_at"`
	Date        string         `json:"date,omitempty"` // YYYY-MM-DD of the data, where it says one
	// InForceFrom is since when flows are judged by it; zero: from the beginning.
	InForceFrom time.Time `json:"in_force_from,omitzero"`
	// FirstInForce is since when there has been the set at all. Its first versions may be gone.
	FirstInForce time.Time `json:"first_in_force_from,omitzero"`
}

func (m *manifest) sameContent(other []manifestFile) bool {
	return slices.EqualFunc(m.Files, other, func(a, b manifestFile) bool { return a.Name == b.Name && a.SHA256 == b.SHA256 })
}

func (m *manifest) pinnedFiles() []File {
	files := make([]File, len(m.Files))
	for i, f := range m.Files {
		files[i] = File(f)
	}
	return files
}

type manifestFile struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func newManifest(s Set, integrity, from string, files []manifestFile, now time.Time) manifest {
	return manifest{
		Name: s.Name, Package: s.Package, Version: s.Version,
		Integrity: integrity, Pinned: s.Pinned(), Files: files,
		License: s.License, Credit: s.Credit, Source: s.Source,
		From: from, InstalledAt: now.UTC().Truncate(time.Second), Date: s.Date,
	}
}

// readManifest gives nil without an error when there is none.
func readManifest(folder string) (*manifest, error) {
	path := filepath.Join(folder, manifestName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("manifest %s is not readable: %w", path, err)
	}
	return &m, nil
}

func writeManifest(folder string, m manifest) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write manifest of %s: %w", m.Name, err)
	}
	tmp := filepath.Join(folder, "."+manifestName)
	f, err := os.Create(tmp)
	if err != nil {
		return fmt.Errorf("write manifest of %s: %w", m.Name, err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, filepath.Join(folder, manifestName))
	}
	if err == nil {
		err = syncFolder(folder)
	}
	if err != nil {
		return fmt.Errorf("write manifest of %s: %w", m.Name, err)
	}
	return nil
}

// syncFolder makes renames in a folder survive a power cut.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
