package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// State is what a set's folder is found to be.
type State string

// The states. Only OK can be used.
const (
	OK           State = "ok"
	Absent       State = "missing"     // a file is not there
	CutShort     State = "cut_short"   // a file is shorter than it should be
	WrongSize    State = "wrong_size"  // a file is longer than it should be
	WrongHash    State = "wrong_hash"  // right size, other content
	Outdated     State = "outdated"    // another version than this release pins
	Unreadable   State = "unreadable"  // a file could not be read
	Unrecorded   State = "unrecorded"  // files are there, the manifest is not
	NotAvailable State = "no_such_set" // no such set for this platform
)

// Status is the state of one set.
type Status struct {
	Name        string    `json:"name"`
	State       State     `json:"state"`
	Detail      string    `json:"detail,omitempty"` // what is wrong, with the file
	Next        string    `json:"next,omitempty"`   // what to do about it
	Package     string    `json:"package,omitempty"`
	Version     string    `json:"version"`             // as pinned
	Installed   string    `json:"installed,omitempty"` // version found
	InstalledAt time.Time `json:"installed_at,omitzero"`
	Folder      string    `json:"folder"`
	Files       []string  `json:"files,omitempty"`
	Bytes       int64     `json:"bytes"`    // on disk
	Verified    bool      `json:"verified"` // contents were hashed, not only measured
	License     string    `json:"license"`
	Credit      string    `json:"credit"`
	Source      string    `json:"source"`
}

const (
	nextUpdate = "run `landfall data update`"
	// Update itself only measures, so it must be told to fetch again.
	nextForce = "run `landfall data update --force`"
)

// List gives the state of every set by manifest and file sizes; it reads no
// file's contents, so it takes no time.
func List(dir string) []Status {
	var all []Status
	for _, s := range Sets() {
		all = append(all, check(context.Background(), dir, s, false))
	}
	return all
}

// Verify gives the state of every set and hashes every file. The error is not
// nil when any set is not OK.
func Verify(ctx context.Context, dir string) ([]Status, error) {
	var all []Status
	var errs []error
	for _, s := range Sets() {
		st := check(ctx, dir, s, true)
		all = append(all, st)
		errs = append(errs, st.Err())
	}
	return all, errors.Join(errs...)
}

// Require gives an error that says what to do unless all the named sets (all
// sets when none is named) are in place.
func Require(dir string, names ...string) error {
	sets, err := choose(Sets(), names)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range sets {
		errs = append(errs, check(context.Background(), dir, s, false).Err())
	}
	return errors.Join(errs...)
}

// Path gives the place of a set's file, or of its folder when file is "". It
// does not look whether anything is there: see Require.
func Path(dir, set, file string) string { return filepath.Join(dir, set, file) }

// Err is nil when the set is OK, else a sentence that ends in what to do.
func (st Status) Err() error {
	if st.State == OK {
		return nil
	}
	if st.Next == "" {
		return fmt.Errorf("data set %s: %s", st.Name, st.Detail)
	}
	return fmt.Errorf("data set %s: %s; %s", st.Name, st.Detail, st.Next)
}

// Credits gives what must be shown beside results, one line per set.
func Credits() []string {
	var lines []string
	for _, s := range Sets() {
		lines = append(lines, fmt.Sprintf("%s: %s, %s", s.Name, s.Credit, s.License))
	}
	return lines
}

// WriteTable writes states for a person.
func WriteTable(w io.Writer, all []Status) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SET\tSTATE\tVERSION\tSIZE\tLICENCE\tCREDIT")
	for _, st := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", st.Name, st.State, st.Version, megabytes(st.Bytes), st.License, st.Credit)
	}
	for _, st := range all {
		if err := st.Err(); err != nil {
			fmt.Fprintf(t, "%v\n", err)
		}
	}
	return t.Flush()
}

func megabytes(n int64) string {
	if n <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// check looks at one set's folder. With deep it hashes every file.
func check(ctx context.Context, dir string, s Set, deep bool) Status {
	folder := filepath.Join(dir, s.Name)
	st := Status{
		Name: s.Name, State: OK, Package: s.Package, Version: s.Version, Folder: folder,
		License: s.License, Credit: s.Credit, Source: s.Source, Verified: deep,
	}
	fail := func(state State, next, format string, args ...any) Status {
		st.State, st.Detail, st.Next, st.Verified = state, fmt.Sprintf(format, args...), next, false
		return st
	}
	if s.Missing != "" {
		return fail(NotAvailable, "", "%s", s.Missing)
	}
	m, err := readManifest(folder)
	if err != nil {
		return fail(Unrecorded, nextUpdate, "%v", err)
	}
	want := s.Files
	if m != nil {
		st.Installed, st.InstalledAt = m.Version, m.InstalledAt
		if m.Version != s.Version || m.Package != s.Package {
			return fail(Outdated, nextUpdate, "%s %s is in place, this release wants %s %s", m.Package, m.Version, s.Package, s.Version)
		}
		want = fillFrom(s.Files, m.Files)
	}
	for _, f := range want {
		path := filepath.Join(folder, f.Name)
		st.Files = append(st.Files, path)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fail(Absent, nextUpdate, "%s is missing", path)
		case err != nil:
			return fail(Unreadable, "", "%v", err)
		case !info.Mode().IsRegular():
			return fail(Absent, nextUpdate, "%s is not a file", path)
		case f.Bytes > 0 && info.Size() < f.Bytes:
			return fail(CutShort, nextUpdate, "%s is cut short: %d of %d bytes", path, info.Size(), f.Bytes)
		case f.Bytes > 0 && info.Size() > f.Bytes:
			return fail(WrongSize, nextUpdate, "%s has %d bytes, not %d", path, info.Size(), f.Bytes)
		}
		st.Bytes += info.Size()
		if !deep || f.SHA256 == "" {
			continue
		}
		sum, err := hashFile(ctx, path)
		if err != nil {
			return fail(Unreadable, "", "%s could not be read: %v", path, err)
		}
		if sum != f.SHA256 {
			return fail(WrongHash, nextForce, "%s is not what it should be: sha256 %s, expected %s", path, sum, f.SHA256)
		}
	}
	if m == nil {
		return fail(Unrecorded, nextUpdate, "%s has the files but no record of where they are from", folder)
	}
	return st
}

// fillFrom takes sizes and hashes that the release does not pin from what was
// measured when the set was installed.
func fillFrom(pinned []File, recorded []manifestFile) []File {
	filled := append([]File(nil), pinned...)
	for i, f := range filled {
		for _, r := range recorded {
			if r.Name != f.Name {
				continue
			}
			if f.Bytes == 0 {
				filled[i].Bytes = r.Bytes
			}
			if f.SHA256 == "" {
				filled[i].SHA256 = r.SHA256
			}
		}
	}
	return filled
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// contextReader ends a long read when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
