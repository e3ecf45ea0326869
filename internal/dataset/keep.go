package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keptName is the folder, inside a set's, of the versions that were in force before.
const keptName = "kept"

// version is one version of a set that lies whole in a folder.
type version struct {
	folder string
	*manifest
}

// versions gives what there is of a set, the newest first. A folder without a manifest does not
// count; one whose manifest cannot be read is an error.
func versions(dir string, s Set) ([]version, error) {
	folder := filepath.Join(dir, s.Name)
	newest, err := readManifest(folder)
	if err != nil || newest == nil {
		return nil, err
	}
	all := []version{{folder, newest}}
	entries, err := os.ReadDir(filepath.Join(folder, keptName))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return all, err
	}
	for _, e := range entries {
		kept := filepath.Join(folder, keptName, e.Name())
		m, err := readManifest(kept)
		if err != nil {
			return nil, err
		}
		if m != nil && m.InForceFrom.Before(newest.InForceFrom) {
			all = append(all, version{kept, m})
		}
	}
	slices.SortFunc(all, func(a, b version) int { return b.InForceFrom.Compare(a.InForceFrom) })
	return all, nil
}

// stamp names the folder of a kept version.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "beginning"
	}
	return t.UTC().Format("20060102T150405Z")
}

// fault says what is wrong with the files of a version, by size and, with deep, by content.
func (v version) fault(ctx context.Context, deep bool) error {
	for _, f := range v.Files {
		path := filepath.Join(v.folder, f.Name)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() != f.Bytes {
			return fmt.Errorf("%s has %d bytes, not %d", path, info.Size(), f.Bytes)
		}
		if !deep {
			continue
		}
		sum, err := hashFile(ctx, path)
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return fmt.Errorf("%s is not what it should be: sha256 %s, expected %s", path, sum, f.SHA256)
		}
	}
	return nil
}

// place puts what lies unpacked in aside into service as dir/<set>, with the versions to keep beside
// it, in one step: whoever looks sees the old set whole or the new one.
func (o Options) place(ctx context.Context, aside, dir string, s Set, m manifest) error {
	folder := filepath.Join(dir, s.Name)
	if s.Judges {
		if err := o.carryOver(ctx, aside, dir, s, &m); err != nil {
			return fmt.Errorf("place %s: %w", s.Name, err)
		}
	}
	if err := o.reached("kept"); err != nil {
		return err
	}
	if err := writeManifest(aside, m); err != nil {
		return err
	}
	if err := o.reached("written"); err != nil {
		return err
	}
	if err := o.swap(aside, folder, m); err != nil {
		return fmt.Errorf("place %s: %w", s.Name, err)
	}
	if err := o.reached("swapped"); err != nil {
		return err
	}
	return syncFolder(dir)
}

// carryOver decides from when m is in force and puts the versions before it below aside.
func (o Options) carryOver(ctx context.Context, aside, dir string, s Set, m *manifest) error {
	old, err := versions(dir, s)
	if err != nil {
		fmt.Fprintf(o.Out, "%-9s its older versions are lost: %v\n", s.Name, err)
	}
	m.InForceFrom = o.inForceFrom(m, old)
	m.FirstInForce = m.InForceFrom
	if len(old) > 0 && old[0].FirstInForce.Before(m.FirstInForce) {
		m.FirstInForce = old[0].FirstInForce
	}
	kept := 0
	for _, v := range old {
		if !v.InForceFrom.Before(m.InForceFrom) || v.InForceFrom.After(o.start) || kept == o.Keep { // never in force, or enough
			continue
		}
		if err := v.fault(ctx, true); err != nil {
			if ctx.Err() != nil {
				return err
			}
			fmt.Fprintf(o.Out, "%-9s %s is damaged and not kept: %v\n", s.Name, v.Version, err)
			continue
		}
		if err := v.linkInto(filepath.Join(aside, keptName, stamp(v.InForceFrom))); err != nil {
			return err
		}
		kept++
	}
	return nil
}

// inForceFrom is the instant from which a version judges. A version that replaces another has it a
// little ahead, so that every enricher has loaded it by then; the first one has always been in force,
// unless flows were judged without it before.
func (o Options) inForceFrom(m *manifest, old []version) time.Time {
	switch {
	case len(old) > 0 && old[0].sameContent(m.Files):
		return old[0].InForceFrom // mended
	case o.InForceFrom != nil:
		return o.InForceFrom.UTC().Truncate(time.Second)
	case len(old) > 0 || o.inUse:
		return o.start.Add(o.Lead).UTC().Truncate(time.Second)
	}
	return time.Time{}
}

// linkInto makes the version's files appear in another folder, too.
func (v version) linkInto(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range v.Files {
		from, to := filepath.Join(v.folder, f.Name), filepath.Join(folder, f.Name)
		if os.Link(from, to) == nil {
			continue
		}
		in, err := os.Open(from) // a file system without links
		if err != nil {
			return err
		}
		_, err = writeSynced(to, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return writeManifest(folder, *v.manifest)
}

// swap gives aside the name of folder. Where the file system cannot exchange two folders, the old
// manifest goes first and the new one comes last, so that a crash in between leaves a set that is
// plainly not installed, never a mixed one that looks whole.
func (o Options) swap(aside, folder string, m manifest) error {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return os.Rename(aside, folder)
	}
	if done, err := o.exchange(aside, folder); done || err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, manifestName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(filepath.Join(folder, keptName)); err != nil {
		return err
	}
	for _, name := range moved(aside, m) {
		if err := os.Rename(filepath.Join(aside, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if err := syncFolder(folder); err != nil {
		return err
	}
	return writeManifest(folder, m)
}

func moved(aside string, m manifest) []string {
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	if _, err := os.Stat(filepath.Join(aside, keptName)); err == nil {
		names = append(names, keptName)
	}
	return names
}
