package dataset

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// What a set that is not pinned is before it comes into force: read whole.
type contents struct {
	version string // as the data says; "" when it does not
	date    string // YYYY-MM-DD; "" when it says none
}

// own is a set from a place that the release has no checksum for.
type own struct {
	path   string // a package, a file, or a folder of files
	from   string // for the manifest
	source string // where it was fetched; "" for a file
}

// installOwn reads what the operator or a publisher gave and puts it in place. What cannot be read
// is refused, and what is in place stays.
func (o Options) installOwn(ctx context.Context, dir, work string, s Set, w own) error {
	aside := filepath.Join(work, s.Name)
	if err := errors.Join(os.RemoveAll(aside), os.Mkdir(aside, 0o755)); err != nil {
		return fmt.Errorf("unpack aside: %w", err)
	}
	defer os.RemoveAll(aside)
	m, err := o.readOwn(ctx, aside, s, w)
	if err != nil {
		return o.refuse(ctx, dir, s, w.path, err)
	}
	if current, _ := readManifest(filepath.Join(dir, s.Name)); current != nil && current.sameContent(m.Files) && o.InForceFrom == nil &&
		(version{filepath.Join(dir, s.Name), current}).fault(ctx, true) == nil {
		fmt.Fprintf(o.Out, "%-9s %s is in place, the data are the same\n", s.Name, current.Version)
		return nil
	}
	if err := o.place(ctx, aside, dir, s, m); err != nil {
		return err
	}
	return o.sayInstalled(dir, s)
}

// refuse says what is wrong and what goes on being used.
func (o Options) refuse(ctx context.Context, dir string, s Set, path string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if m, _ := readManifest(filepath.Join(dir, s.Name)); m != nil {
		return fmt.Errorf("%s is refused: %w; %s stays in force", path, err, m.Version)
	}
	return fmt.Errorf("%s is refused: %w; nothing was changed", path, err)
}

func (o Options) readOwn(ctx context.Context, aside string, s Set, w own) (manifest, error) {
	var files []manifestFile
	version := ""
	packaged, err := readPackage(w.path)
	switch {
	case err != nil:
		return manifest{}, err
	case packaged != nil:
		if packaged.Name != s.Package {
			return manifest{}, fmt.Errorf("it is the package %s, not %s", packaged.Name, s.Package)
		}
		version = packaged.Version
		want := make([]File, len(s.Files))
		for i, f := range s.Files {
			want[i].Name = f.Name
		}
		files, err = unpack(ctx, w.path, aside, want)
	default:
		files, err = copyFiles(ctx, w.path, aside, s)
	}
	if err != nil {
		return manifest{}, err
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = filepath.Join(aside, f.Name)
	}
	fmt.Fprintf(o.Out, "%-9s reading it\n", s.Name)
	c, err := o.read(s.Name, paths)
	if err != nil {
		return manifest{}, errors.New(strings.ReplaceAll(err.Error(), aside+string(filepath.Separator), ""))
	}
	if version == "" {
		version = c.version
	}
	if version == "" {
		day := c.date
		if day == "" {
			day = o.start.UTC().Format("2006-01-02")
		}
		version = day + "-" + files[0].SHA256[:12]
	}
	s.Version, s.Date = version, c.date
	if w.source != "" {
		s.Source = w.source
	}
	m := newManifest(s, "", w.from, files, o.start)
	m.Pinned = false
	if packaged == nil {
		m.Package = ""
	} else if m.Integrity, err = integrityOf(ctx, w.path); err != nil {
		return manifest{}, err
	}
	return m, nil
}

// copyFiles takes the file at path, or the files of the folder there.
func copyFiles(ctx context.Context, path, aside string, s Set) ([]manifestFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		name := filepath.Base(path)
		if len(s.Lists) == 1 {
			name = s.Lists[0].File
		}
		f, err := copyUnpacked(ctx, path, filepath.Join(aside, plainName(name)))
		return []manifestFile{f}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []manifestFile
	for _, e := range entries {
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") || e.Name() == manifestName || strings.HasSuffix(e.Name(), ".md") {
			continue
		}
		f, err := copyUnpacked(ctx, filepath.Join(path, e.Name()), filepath.Join(aside, plainName(e.Name())))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, errors.New("the folder holds no file")
	}
	return files, nil
}

// plainName is a file's name without .gz, and never that of the record or of the kept versions.
func plainName(name string) string {
	name = strings.TrimSuffix(name, ".gz")
	if name == manifestName || name == keptName {
		return "data-" + name
	}
	return name
}

type packageJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// readPackage gives the name and version of an npm package, or nil when the file is none.
func readPackage(file string) (*packageJSON, error) {
	if !strings.HasSuffix(file, ".tgz") && !strings.HasSuffix(file, ".tar.gz") {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("it is not a gzip file: %w", err)
	}
	tr := tar.NewReader(&boundedReader{r: gz, left: maxTarballBytes})
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it holds no package.json")
		}
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(strings.TrimPrefix(path.Clean(h.Name), "./"), "/")
		if name != "package.json" || h.Typeflag != tar.TypeReg {
			continue
		}
		p := &packageJSON{}
		if err := json.NewDecoder(io.LimitReader(tr, 1<<20)).Decode(p); err != nil {
			return nil, fmt.Errorf("its package.json is not readable: %w", err)
		}
		if p.Version == "" {
			return nil, errors.New("its package.json names no version")
		}
		return p, nil
	}
}
