package dataset

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf is a data folder with a required set and a published list, both of which flows are judged by.
type shelf struct {
	t       *testing.T
	dir     string
	now     time.Time
	out     bytes.Buffer
	opts    Options
	list    string // what the publisher gives; "": he cannot be reached
	sets    []Set
	address string
}

var errBroken = errors.New("line 1: not a table")

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, dir: filepath.Join(t.TempDir(), "data"), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.list == "":
			http.Error(w, "down", http.StatusServiceUnavailable)
		case r.URL.Path == "/page":
			_, _ = w.Write([]byte(`<a href="` + s.address + `/ServiceTags_Public_20260101.json">`))
		default:
			_, _ = w.Write([]byte(s.list))
		}
	}))
	t.Cleanup(srv.Close)
	s.address = srv.URL
	s.sets = []Set{
		{Name: City, Package: "@made/city", Files: []File{{Name: "a.mmdb"}}, Judges: true, License: "L", Credit: "C", Source: "S"},
		{Name: AWS, Optional: true, Judges: true, License: "L", Credit: "C", Source: "S", Lists: []Published{{
			File: "list.json", Address: []string{srv.URL + "/page"}, Link: `http://[^"]*ServiceTags_Public_[0-9]+\.json`,
		}}},
	}
	s.opts = Options{
		Out: &s.out, sets: s.sets, wait: time.Millisecond, Now: func() time.Time { return s.now },
		read: func(_ string, files []string) (contents, error) {
			b, err := os.ReadFile(files[0])
			if bytes.Contains(b, []byte("broken")) {
				return contents{}, errBroken
			}
			return contents{version: string(b)}, err
		},
	}
	return s
}

// update brings a city table whose content is its version, or the published list.
func (s *shelf) update(city string) ([]Status, error) {
	s.t.Helper()
	o := s.opts
	names := []string{AWS}
	if city != "" {
		file := filepath.Join(s.t.TempDir(), "a.mmdb")
		if err := os.WriteFile(file, []byte(city), 0o600); err != nil {
			s.t.Fatal(err)
		}
		o.From, names = map[string]string{City: file}, []string{City}
	}
	return Update(s.t.Context(), s.dir, names, o)
}

func (s *shelf) mustUpdate(city string) {
	s.t.Helper()
	if _, err := s.update(city); err != nil {
		s.t.Fatal(err)
	}
}

// eras gives "since: versions" of each era.
func (s *shelf) eras() []string {
	s.t.Helper()
	eras, err := inForceOf(s.dir, s.sets)
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for i, e := range eras {
		if i > 0 && !eras[i-1].Until.Equal(e.Since) {
			s.t.Errorf("a gap before %v", e.Since)
		}
		line := stamp(e.Since) + ":"
		for _, u := range e.Sets {
			b, err := os.ReadFile(u.Files[0])
			if err != nil || string(b) != u.Version {
				s.t.Errorf("%s says it is %s, and holds %q, %v", u.Files[0], u.Version, b, err)
			}
			line += " " + u.Set + "=" + u.Version
		}
		all = append(all, line)
	}
	if last := eras[len(eras)-1]; !last.Until.IsZero() {
		s.t.Error("the last era ends")
	}
	return all
}

func (s *shelf) want(want ...string) {
	s.t.Helper()
	if got := s.eras(); !slices.Equal(got, want) {
		s.t.Errorf("eras\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestErasOfSetsOverTime(t *testing.T) {
	s := newShelf(t)
	s.mustUpdate("one")
	s.want("beginning: city=one")
	s.mustUpdate("one") // the same once more
	s.now = s.now.Add(24 * time.Hour)
	s.mustUpdate("two")
	s.want("beginning: city=one", "20260102T000200Z: city=two")
	s.now = s.now.Add(time.Minute)
	s.mustUpdate("three") // two never came into force
	s.want("beginning: city=one", "20260102T000300Z: city=three")
	// A list that flows were judged without until now is not in force before.
	s.now, s.list = s.now.Add(24*time.Hour), "listed"
	s.mustUpdate("")
	s.want("beginning: city=one", "20260102T000300Z: city=three", "20260103T000300Z: city=three aws=listed")
	s.opts.Keep = 1
	s.now = s.now.Add(24 * time.Hour)
	s.mustUpdate("four")
	// "one" is gone: the oldest that is kept stands in.
	s.want("beginning: city=three", "20260103T000300Z: city=three aws=listed", "20260104T000300Z: city=four aws=listed")
	if st := check(t.Context(), s.dir, s.sets[0], true); st.State != OK || len(st.Kept) != 1 || st.Kept[0].Version != "three" || st.Version != "four" || st.Err() != nil {
		t.Errorf("%+v", st)
	}
	// A kept version that is damaged is found, and not carried on.
	kept := Path(s.dir, City, filepath.Join(keptName, stamp(time.Date(2026, 1, 2, 0, 3, 0, 0, time.UTC)), "a.mmdb"))
	if err := os.WriteFile(kept, []byte("thr33"), 0o600); err != nil {
		t.Fatal(err)
	}
	if st := check(t.Context(), s.dir, s.sets[0], true); st.Err() == nil || !strings.Contains(st.Err().Error(), "kept version three") {
		t.Errorf("%+v", st)
	}
	beginning := time.Time{}
	s.opts.InForceFrom = &beginning
	s.mustUpdate("five")
	s.want("beginning: city=five", "20260103T000300Z: city=five aws=listed")
}

func TestBrokenFileIsRefusedAndTheOldStays(t *testing.T) {
	s := newShelf(t)
	s.mustUpdate("one")
	_, err := s.update("broken")
	if err == nil || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "one stays in force") {
		t.Errorf("%v", err)
	}
	s.list = "broken"
	if _, err = s.update(""); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("%v", err)
	}
	s.want("beginning: city=one")
}

func TestPublisherOutOfReachIsSaidAndNoError(t *testing.T) {
	s := newShelf(t)
	all, err := s.update("")
	if err != nil || all[0].State != NotInstalled || !strings.Contains(all[0].Note, "could not be reached") || !strings.Contains(s.out.String(), "503") {
		t.Errorf("%+v, %v\n%s", all, err, s.out.String())
	}
	s.list = "listed"
	s.mustUpdate("")
	s.list = ""
	if all, err = s.update(""); err != nil || all[0].State != OK || all[0].Note == "" {
		t.Errorf("%+v, %v", all, err)
	}
	s.want("beginning: aws=listed")
}

// TestSilentPublisherIsGivenUp: a host that accepts and never answers costs the connect timeout.
func TestSilentPublisherIsGivenUp(t *testing.T) {
	s := newShelf(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	s.opts.sets[1].Lists[0].Address = []string{"http://" + silent.Addr().String()}
	s.opts.listClient = listClient(20 * time.Millisecond)
	if all, err := s.update(""); err != nil || !strings.Contains(all[0].Note, "timeout") {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestUpdateBrokenOffLeavesOldOrNew breaks off after every step, with and without an exchange of
// folders by the file system.
func TestUpdateBrokenOffLeavesOldOrNew(t *testing.T) {
	killed := errors.New("killed")
	for _, step := range []string{"kept", "written", "swapped"} {
		for name, can := range map[string]func(a, b string) (bool, error){"exchange": exchange, "no exchange": func(string, string) (bool, error) { return false, nil }} {
			t.Run(step+", "+name, func(t *testing.T) {
				s := newShelf(t)
				s.opts.exchange = can
				s.mustUpdate("one")
				s.now = s.now.Add(24 * time.Hour)
				s.opts.reached = func(at string) error {
					if at == step {
						return killed
					}
					return nil
				}
				if _, err := s.update("two"); !errors.Is(err, killed) {
					t.Fatal(err)
				}
				want := []string{"beginning: city=one"}
				if step == "swapped" {
					want = append(want, "20260102T000200Z: city=two")
				}
				s.want(want...)
				if st := check(t.Context(), s.dir, s.sets[0], true); st.State != OK || st.Err() != nil {
					t.Errorf("%+v", st)
				}
				s.opts.reached = nil
				s.mustUpdate("two")
				s.want("beginning: city=one", "20260102T000200Z: city=two")
			})
		}
	}
}

func TestPackageFromFile(t *testing.T) {
	s := newShelf(t)
	file := filepath.Join(t.TempDir(), "city.tgz")
	for _, tt := range []struct{ name, wrong string }{{"@made/town", "it is the package @made/town"}, {"@made/city", ""}} {
		body := tarball(t, member{name: "package/package.json", body: []byte(`{"name":"` + tt.name + `","version":"9.9"}`)}, member{name: "package/a.mmdb", body: []byte("9.9")})
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		o := s.opts
		o.From = map[string]string{City: file}
		_, err := Update(t.Context(), s.dir, []string{City}, o)
		if (err != nil) != (tt.wrong != "") || (err != nil && !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	s.want("beginning: city=9.9")
}
