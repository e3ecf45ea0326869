package dataset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Newest gives the newest version of every set in dir that flows are judged by.
func Newest(dir string) (Era, error) {
	eras, err := InForce(dir)
	if err != nil {
		return Era{}, err
	}
	return eras[len(eras)-1], nil
}

// With gives the era with a set taken from a package, a file or a folder instead, unpacked into the
// folder tmp and read whole.
func (e Era) With(ctx context.Context, set, path, tmp string) (Era, error) {
	sets, err := choose(Sets(), []string{set})
	if err != nil {
		return Era{}, err
	}
	if !sets[0].Judges {
		return Era{}, fmt.Errorf("no flow is judged by the data set %s", set)
	}
	aside := filepath.Join(tmp, set)
	if err := os.Mkdir(aside, 0o755); err != nil {
		return Era{}, err
	}
	m, err := Options{}.filled().readOwn(ctx, aside, sets[0], own{path: path})
	if err != nil {
		return Era{}, fmt.Errorf("data set %s: %s is refused: %w", set, path, err)
	}
	return e.replace(version{aside, &m}.inUse(set)), nil
}

// WithKept gives the era with another version of a set that is in dir.
func (e Era) WithKept(dir, set, wanted string) (Era, error) {
	sets, err := choose(Sets(), []string{set})
	if err != nil {
		return Era{}, err
	}
	all, err := versions(dir, sets[0])
	if err != nil {
		return Era{}, err
	}
	var there []string
	for _, v := range all {
		if v.Version == wanted {
			return e.replace(v.inUse(set)), nil
		}
		there = append(there, v.Version)
	}
	return Era{}, fmt.Errorf("data set %s: there is no version %s; there are %v", set, wanted, there)
}

func (e Era) replace(u InUse) Era {
	e.Sets = slices.Clone(e.Sets)
	e.Sets = slices.DeleteFunc(e.Sets, func(o InUse) bool { return o.Set == u.Set })
	e.Sets = append(e.Sets, u)
	return e
}
