package enricher

import (
	"slices"
	"strings"
	"sync"

	"github.com/gaissmai/bart"

	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/enrich"
)

// maxOlder is how many eras before the newest are in memory: each is as large as the newest.
const maxOlder = 2

// inForce is the eras as they were found at one time. A batch is judged by one of them throughout.
type inForce struct {
	service     *Service
	eras        []dataset.Era
	mark        string // of the files that the configuration names
	policy      *policy.Policy
	policyMark  string
	subscribers *bart.Lite
	newest      *enrich.Tables
	sources     *sources // of newest

	mu    sync.Mutex
	older []olderTables // the last used one last
}

type olderTables struct {
	era     int
	tables  *enrich.Tables
	sources *sources
}

// at gives the tables of the era in which startMs lies. Those of an older era are loaded when the
// first flow of it comes; flows that come meanwhile wait for that one load.
func (f *inForce) at(startMs int64) *enrich.Tables {
	if f.newest.SinceMs == 0 || startMs >= f.newest.SinceMs {
		return f.newest
	}
	era := 0
	for i, e := range f.eras {
		if !e.Since.IsZero() && startMs >= e.Since.UnixMilli() {
			era = i
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.older, func(o olderTables) bool { return o.era == era }); i >= 0 {
		o := f.older[i]
		f.older = append(slices.Delete(f.older, i, i+1), o)
		return o.tables
	}
	s := f.service
	if len(f.older) >= maxOlder {
		f.older = slices.Delete(f.older, 0, 1) // before the load, or there would be one more in memory
	}
	read, err := s.load(f.eras[era].Fingerprint(), f.mark)
	if err != nil {
		// The flow must not be lost; data_sets says by what it was judged.
		s.metrics.reloadFailures.WithLabelValues("older").Inc()
		s.log.Error("data sets of an earlier time cannot be read, the newest stand in", "since", f.eras[era].Since, "error", err)
		read = f.sources
	} else {
		s.metrics.olderLoads.Inc()
	}
	return f.keep(era, read)
}

// keep adds the tables of an older era; f.mu is held, or f is not yet in service.
func (f *inForce) keep(era int, read *sources) *enrich.Tables {
	t := f.tables(era, read)
	f.older = append(f.older, olderTables{era, t, read})
	return t
}

func (f *inForce) tables(era int, read *sources) *enrich.Tables {
	t := &enrich.Tables{
		Subscribers: f.subscribers, Places: read.places, Devices: read.devices, Policy: f.policy, Versions: slices.Clip(slices.Clone(read.versions)),
		SinceMs: milliseconds(f.eras[era].Since), UntilMs: milliseconds(f.eras[era].Until),
	}
	if f.policy != nil {
		t.Versions = append(t.Versions, &landfallv1.DataSetVersion{Name: "policy", Version: f.policy.Version, Sha256: f.policy.SHA256, Source: f.policy.Name})
	}
	return t
}

// find looks for new data sets and a new policy beside what is in service, and gives the whole of
// what will be; prev is nil at start. It reads only what has changed. changed is false when nothing
// has.
func (s *Service) find(prev *inForce) (next *inForce, changed bool, reason string, err error) {
	eras, err := s.config.eras()
	if err != nil {
		return nil, false, "data", err
	}
	next = &inForce{service: s, eras: eras, mark: s.config.mark(), policyMark: markOf(s.config.PolicyPath), subscribers: s.subscribers}
	attempt := strings.Join([]string{next.fingerprint(), next.mark, next.policyMark}, "\x00")
	if attempt == s.attempt {
		return prev, false, "", nil
	}
	s.attempt = attempt // what was refused once is not read again and again
	if s.config.PolicyPath != "" {
		if next.policy, err = policy.Load(s.config.PolicyPath); err != nil {
			return nil, false, "policy", err
		}
	}
	newest := len(eras) - 1
	if next.sources = prev.having(eras[newest].Fingerprint() + next.mark); next.sources == nil {
		if next.sources, err = s.load(eras[newest].Fingerprint(), next.mark); err != nil {
			return nil, false, "data", err
		}
	}
	next.newest = next.tables(newest, next.sources)
	// What is in memory and has become an older era stays; the latest, which is in use, is taken last.
	for era := max(0, newest-maxOlder); era < newest; era++ {
		if read := prev.having(eras[era].Fingerprint() + next.mark); read != nil {
			next.keep(era, read)
		}
	}
	return next, true, "", nil
}

func (f *inForce) fingerprint() string {
	var b strings.Builder
	for _, e := range f.eras {
		b.WriteString(e.Since.String() + e.Fingerprint())
	}
	return b.String()
}

// having gives what was read before under a key, or nil.
func (f *inForce) having(key string) *sources {
	if f == nil {
		return nil
	}
	if f.sources.key == key {
		return f.sources
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.older {
		if o.sources.key == key {
			return o.sources
		}
	}
	return nil
}

// reload puts what has changed into service in one step. What cannot be read is refused, and what
// is in service stays.
func (s *Service) reload(asked bool) {
	if asked {
		s.attempt = ""
	}
	prev := s.inForce.Load()
	next, changed, reason, err := s.find(prev)
	switch {
	case err != nil:
		s.metrics.reloadFailures.WithLabelValues(reason).Inc()
		s.log.Error("new data sets or policy refused, the old ones stay in service", "reason", reason, "error", err)
	case changed:
		s.serve(next)
		s.metrics.reloads.Inc()
		s.log.Info("new data sets or policy in service", "in_force_from", next.eras[len(next.eras)-1].Since, "sets", next.newest.Versions)
	}
}
