package dataset

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of what a tarball may unpack to; the largest known member is the
// engine, 566 MB.
const (
	maxFileBytes    = 2 << 30
	maxTarballBytes = 4 << 30
)

// unpack writes the wanted files of an npm tarball into folder, synced, and
// gives what it wrote. Nothing else of the tarball is written. A tarball with
// a member that leads out of it, with a wanted member of another size than
// pinned, or without one of them, is refused.
func unpack(ctx context.Context, tarball, folder string, want []File) ([]manifestFile, error) {
	f, err := os.Open(tarball)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	gz, err := gzip.NewReader(contextReader{ctx, f})
	if err != nil {
		return nil, fmt.Errorf("%s is not a gzip file: %w", tarball, err)
	}
	bounded := &io.LimitedReader{R: gz, N: maxTarballBytes}
	tr := tar.NewReader(bounded)
	written := make(map[string]manifestFile, len(want))
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if bounded.N <= 0 {
				return nil, fmt.Errorf("%s unpacks to more than %d bytes", tarball, int64(maxTarballBytes))
			}
			return nil, fmt.Errorf("unpack %s: %w", tarball, err)
		}
		if !filepath.IsLocal(filepath.FromSlash(h.Name)) {
			return nil, fmt.Errorf("%s is refused: its member %q leads out of it", tarball, h.Name)
		}
		_, name, _ := strings.Cut(strings.TrimPrefix(h.Name, "./"), "/") // npm: one folder around everything
		file, wanted := find(want, name)
		if !wanted {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%s is refused: its member %q is not a plain file", tarball, h.Name)
		}
		if h.Size > maxFileBytes || (file.Bytes > 0 && h.Size != file.Bytes) {
			return nil, fmt.Errorf("%s is refused: its member %q has %d bytes, not %d", tarball, h.Name, h.Size, file.Bytes)
		}
		if _, twice := written[name]; twice {
			return nil, fmt.Errorf("%s is refused: it holds %q twice", tarball, h.Name)
		}
		sum, err := writeSynced(filepath.Join(folder, name), tr)
		if err != nil {
			return nil, fmt.Errorf("unpack %s of %s: %w", name, tarball, err)
		}
		if file.SHA256 != "" && sum != file.SHA256 {
			return nil, fmt.Errorf("%s is refused: its member %q has sha256 %s, expected %s", tarball, h.Name, sum, file.SHA256)
		}
		written[name] = manifestFile{Name: name, Bytes: h.Size, SHA256: sum}
	}
	var files []manifestFile
	for _, w := range want {
		m, ok := written[w.Name]
		if !ok {
			return nil, fmt.Errorf("%s does not hold %s", tarball, w.Name)
		}
		files = append(files, m)
	}
	return files, nil
}

func find(files []File, name string) (File, bool) {
	for _, f := range files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

func writeSynced(path string, r io.Reader) (sum string, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
