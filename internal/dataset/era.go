package dataset

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Era is a time in which flows are judged by the same versions of all sets.
type Era struct {
	Since, Until time.Time // Since ≤ a flow's start < Until; zero: open
	Sets         []InUse   // in the order of Sets()
}

// InUse is one version of a set in an era.
type InUse struct {
	Set         string
	Version     string
	Files       []string // their paths
	SHA256      []string // of the files
	InForceFrom time.Time

	Date                    string // YYYY-MM-DD of the data, where it is known
	License, Source, Credit string
}

// Of gives the paths of a set's files; none where the era has no such set.
func (e Era) Of(set string) []string {
	for _, u := range e.Sets {
		if u.Set == set {
			return u.Files
		}
	}
	return nil
}

// Fingerprint is the same for two eras that judge alike by the sets, and different otherwise.
func (e Era) Fingerprint() string {
	var b strings.Builder
	for _, u := range e.Sets {
		fmt.Fprintf(&b, "%s %s %d %s\n", u.Set, u.Version, u.InForceFrom.Unix(), strings.Join(u.SHA256, ","))
	}
	return b.String()
}

// InForce gives the eras of what is in dir, from the beginning to the open end. Where the version of
// a time is not kept any more, the oldest that is stands in; a set that there was not in a time is
// not in its era. There is one era at least, which has no sets when dir has none.
func InForce(dir string) ([]Era, error) { return inForceOf(dir, Sets()) }

func inForceOf(dir string, sets []Set) ([]Era, error) {
	type history struct {
		set      Set
		versions []version // the newest first
	}
	var histories []history
	borders := []time.Time{{}}
	for _, s := range sets {
		if !s.Judges {
			continue
		}
		all, err := versions(dir, s)
		if err != nil {
			return nil, fmt.Errorf("data set %s: %w", s.Name, err)
		}
		if len(all) == 0 {
			continue
		}
		histories = append(histories, history{s, all})
		for i, v := range all {
			since := v.InForceFrom
			if i == len(all)-1 {
				since = v.FirstInForce
			}
			borders = append(borders, since)
		}
	}
	slices.SortFunc(borders, time.Time.Compare)
	borders = slices.CompactFunc(borders, time.Time.Equal)
	eras := make([]Era, len(borders))
	for i, since := range borders {
		eras[i].Since = since
		if i+1 < len(borders) {
			eras[i].Until = borders[i+1]
		}
		for _, h := range histories {
			oldest := h.versions[len(h.versions)-1]
			if since.Before(oldest.FirstInForce) {
				continue
			}
			at := slices.IndexFunc(h.versions, func(v version) bool { return !since.Before(v.InForceFrom) })
			v := oldest
			if at >= 0 {
				v = h.versions[at]
			}
			eras[i].Sets = append(eras[i].Sets, v.inUse(h.set.Name))
		}
	}
	return eras, nil
}

func (v version) inUse(set string) InUse {
	u := InUse{Set: set, Version: v.Version, InForceFrom: v.InForceFrom, Date: v.Date, License: v.License, Source: v.Source, Credit: v.Credit}
	files := slices.Clone(v.Files)
	slices.SortFunc(files, func(a, b manifestFile) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range files {
		u.Files = append(u.Files, filepath.Join(v.folder, f.Name))
		u.SHA256 = append(u.SHA256, f.SHA256)
	}
	return u
}
