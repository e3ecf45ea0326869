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
	"strings"
	"text/tabwriter"
	"time"
)

// State is what a set's folder is found to be.
type State string

// The states. Only OK can be used.
const (
	OK           State = "ok"
	Absent       State = "missing"       // a file is not there
	CutShort     State = "cut_short"     // a file is shorter than it should be
	WrongSize    State = "wrong_size"    // a file is longer than it should be
	WrongHash    State = "wrong_hash"    // right size, other content
	Outdated     State = "outdated"      // another version than this release pins
	Unreadable   State = "unreadable"    // a file could not be read
	Unrecorded   State = "unrecorded"    // files are there, the manifest is not
	NotAvailable State = "no_such_set"   // no such set for this platform
	NotInstalled State = "not_installed" // optional, and not there
)

// Status is the state of one set.
type Status struct {
	Name        string    `json:"name"`
	State       State     `json:"state"`
	Detail      string    `json:"detail,omitempty"` // what is wrong, with the file
	Next        string    `json:"next,omitempty"`   // what to do about it
	Package     string    `json:"package,omitempty"`
	Note        string    `json:"note,omitempty"`      // what the last update could not do
	Optional    bool      `json:"optional,omitempty"`  // Landfall works without
	Version     string    `json:"version"`             // in place; else as pinned
	Installed   string    `json:"installed,omitempty"` // version found
	InstalledAt time.Time `json:"installed_at,omitzero"`
	Date        string    `json:"date,omitempty"`         // YYYY-MM-DD of the data, where it is known
	SHA256      []string  `json:"sha256,omitempty"`       // of the files, as recorded
	InForceFrom time.Time `json:"in_force_from,omitzero"` // since when flows are judged by it; none: from the beginning
	Kept        []Kept    `json:"kept,omitempty"`         // older versions, the newest first
	Folder      string    `json:"folder"`
	Files       []string  `json:"files,omitempty"`
	Bytes       int64     `json:"bytes"`    // on disk
	Verified    bool      `json:"verified"` // contents were hashed, not only measured
	License     string    `json:"license"`
	Credit      string    `json:"credit"`
	Source      string    `json:"source"`
}

// Kept is an older version of a set.
type Kept struct {
	Version     string    `json:"version"`
	Date        string    `json:"date,omitempty"`
	SHA256      []string  `json:"sha256"`
	InForceFrom time.Time `json:"in_force_from,omitzero"`
	Folder      string    `json:"folder"`
	Detail      string    `json:"detail,omitempty"` // what is wrong with it
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
// that are not optional when none is named) are in place.
func Require(dir string, names ...string) error {
	if len(names) == 0 {
		names = Required()
	}
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

// Required gives the names of the sets without which Landfall does not work.
func Required() []string { return []string{Engine, City, ASN, OUI} }

// Path gives the place of a set's file, or of its folder when file is "". It
// does not look whether anything is there: see Require.
func Path(dir, set, file string) string { return filepath.Join(dir, set, file) }

// Err is nil when the set is OK, else a sentence that ends in what to do.
func (st Status) Err() error {
	if st.State == NotInstalled {
		return nil
	}
	if st.State == OK {
		var errs []error
		for _, k := range st.Kept {
			if k.Detail != "" {
				errs = append(errs, fmt.Errorf("data set %s: the kept version %s: %s", st.Name, k.Version, k.Detail))
			}
		}
		return errors.Join(errs...)
	}
	if st.Next == "" {
		return fmt.Errorf("data set %s: %s", st.Name, st.Detail)
	}
	return fmt.Errorf("data set %s: %s; %s", st.Name, st.Detail, st.Next)
}

// Credits gives what must be shown beside results, one line for each set that
// is not optional or is in place.
func Credits(dir string) []string {
	var lines []string
	for _, s := range Sets() {
		if s.Optional && check(context.Background(), dir, s, false).State == NotInstalled {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s, %s", s.Name, s.Credit, s.License))
	}
	return lines
}

// WriteTable writes states for a person.
func WriteTable(w io.Writer, all []Status) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SET\tSTATE\tVERSION\tDATE\tIN FORCE FROM\tSHA-256\tSIZE\tLICENCE\tCREDIT")
	for _, st := range all {
		since := "-"
		if st.State == OK && st.Name != Engine {
			since = inForce(st.InForceFrom)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", st.Name, st.State, dash(st.Version), dash(st.Date), since, digits(st.SHA256), megabytes(st.Bytes), st.License, st.Credit)
		for _, k := range st.Kept {
			fmt.Fprintf(t, "\tkept\t%s\t%s\t%s\t%s\t\t\t\n", k.Version, dash(k.Date), inForce(k.InForceFrom), digits(k.SHA256))
		}
	}
	for _, st := range all {
		if err := st.Err(); err != nil {
			fmt.Fprintf(t, "%v\n", err)
		}
		if st.Note != "" {
			fmt.Fprintf(t, "data set %s: %s\n", st.Name, st.Note)
		}
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func inForce(t time.Time) string {
	if t.IsZero() {
		return "the beginning"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// digits are the first of each hash: enough to compare by eye, the whole is in the JSON form.
func digits(sums []string) string {
	var short []string
	for _, s := range sums {
		short = append(short, s[:min(8, len(s))])
	}
	return dash(strings.Join(short, " "))
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
		License: s.License, Credit: s.Credit, Source: s.Source, Verified: deep, Optional: s.Optional, Date: s.Date,
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
	if m == nil && s.Optional {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) || len(s.Files) == 0 {
			st.State, st.Verified = NotInstalled, false
			return st
		}
	}
	want := s.Files
	if m != nil {
		st.record(m)
		st.keep(ctx, dir, s, deep)
	}
	switch {
	case m == nil:
	case s.Judges && !m.Pinned: // of the operator's choice
		want = m.pinnedFiles()
		st.Package, st.Version, st.Date = m.Package, m.Version, m.Date
	default:
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

// record takes over what the manifest says of the version in place.
func (st *Status) record(m *manifest) {
	st.Installed, st.InstalledAt, st.InForceFrom = m.Version, m.InstalledAt, m.InForceFrom
	for _, f := range m.Files {
		st.SHA256 = append(st.SHA256, f.SHA256)
	}
}

// keep looks at the older versions.
func (st *Status) keep(ctx context.Context, dir string, s Set, deep bool) {
	if !s.Judges {
		return
	}
	all, err := versions(dir, s)
	if err != nil {
		st.Kept = []Kept{{Folder: filepath.Join(dir, s.Name, keptName), Detail: err.Error()}}
		return
	}
	for _, v := range all[min(1, len(all)):] {
		k := Kept{Version: v.Version, Date: v.Date, InForceFrom: v.InForceFrom, Folder: v.folder}
		for _, f := range v.Files {
			k.SHA256 = append(k.SHA256, f.SHA256)
		}
		if err := v.fault(ctx, deep); err != nil {
			k.Detail = err.Error()
		}
		st.Kept = append(st.Kept, k)
	}
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
