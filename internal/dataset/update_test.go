package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestUpdateInstallsThenDoesNothing(t *testing.T) {
	r := newRig(t)
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(Path(r.dir, "table", "table.bin"))
	if err != nil || !bytes.Equal(got, bigFile) {
		t.Fatalf("the file in place is not the one packed: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(r.dir, "table"))
	if err != nil || len(entries) != 2 {
		t.Errorf("only the wanted file and the manifest belong there: %v %v", entries, err)
	}
	if st := r.state(true); st.State != OK || !st.Verified || st.Installed != "1.2.3" || st.Bytes != int64(len(bigFile)) {
		t.Errorf("state after install: %+v", st)
	}
	m, err := readManifest(filepath.Join(r.dir, "table"))
	if err != nil || m.From != "registry" || !m.Pinned || m.Integrity != r.set.Integrity || m.License != "CC0-1.0" || m.Files[0].SHA256 != r.set.Files[0].SHA256 || m.InstalledAt.IsZero() {
		t.Errorf("manifest %+v, %v", m, err)
	}
	if !strings.Contains(r.out.String(), "table     100 % of 0.3 MB") || !strings.Contains(r.out.String(), "made by the test") {
		t.Errorf("output without progress or credit:\n%s", r.out.String())
	}
	left, _ := filepath.Glob(filepath.Join(r.dir, workName, "*"))
	if !slices.Equal(left, []string{filepath.Join(r.dir, workName, "lock")}) {
		t.Errorf("left behind: %v", left)
	}

	n := r.requests.Load()
	r.opts.Resolve = func(context.Context, string, string) (Dist, error) {
		t.Error("the second run asks the registry")
		return Dist{}, nil
	}
	if err := r.update(); err != nil || r.requests.Load() != n {
		t.Errorf("second run: %v, %d requests", err, r.requests.Load()-n)
	}
}

func TestUpdateContinuesACutTransfer(t *testing.T) {
	r := newRig(t)
	var ranges []string
	r.serve(func(w http.ResponseWriter, req *http.Request) {
		ranges = append(ranges, req.Header.Get("Range"))
		if len(ranges) == 1 { // promise all, send half
			w.Header().Set("Content-Length", "300900")
			_, _ = w.Write(r.tgz[:150_000])
			return
		}
		http.ServeContent(w, req, "x.tgz", time.Time{}, bytes.NewReader(r.tgz))
	})
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"", "bytes=150000-"}; !slices.Equal(ranges, want) {
		t.Errorf("ranges asked for: %q, want %q", ranges, want)
	}
	if st := r.state(true); st.State != OK {
		t.Errorf("state %+v", st)
	}
}

func TestUpdateRefuses(t *testing.T) {
	good := member{name: "package/table.bin", body: bigFile}
	tests := []struct {
		name    string
		members []member
		change  func(r *rig)
		want    []string
	}{
		{
			"other content than pinned", nil, func(r *rig) { r.tgz = tarball(t, member{name: "package/table.bin", body: noise(100)}) },
			[]string{"is not the pinned package", "sha512-", "nothing was changed"},
		},
		{"a tarball always cut short", nil, func(r *rig) {
			r.serve(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "300900")
				_, _ = w.Write(r.tgz[:1000])
			})
		}, []string{"unexpected EOF"}},
		{"the registry says another checksum", nil, func(r *rig) {
			inner := r.opts.Resolve
			r.opts.Resolve = func(ctx context.Context, p, v string) (Dist, error) {
				d, err := inner(ctx, p, v)
				d.Integrity = "sha512-AAAA"
				return d, err
			}
		}, []string{"sha512-AAAA", "nothing was fetched", "npm config get registry"}},
		{"no npm", nil, func(r *rig) {
			r.opts.Resolve = func(context.Context, string, string) (Dist, error) { return Dist{}, ErrNoNPM }
		}, []string{"npm is not on the PATH", "install Node.js", "--from table=FILE"}},
		{"not found", nil, func(r *rig) { r.serve(http.NotFound) }, []string{"404"}},
		{"login wanted", nil, func(r *rig) {
			r.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		}, []string{"401", "--from"}},
		{"a server that stops sending", nil, func(r *rig) {
			r.opts.stall = 20 * time.Millisecond
			r.serve(func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Content-Length", "300900")
				_ = http.NewResponseController(w).Flush()
				<-req.Context().Done()
			})
		}, []string{"no data for 20ms"}},
		{"a member that leads out", []member{{name: "package/../../evil", body: []byte("x")}, good}, nil, []string{"leads out of it", "evil"}},
		{"an absolute member", []member{{name: "/tmp/evil", body: []byte("x")}, good}, nil, []string{"leads out of it"}},
		{"a link in place of the file", []member{{name: "package/table.bin", kind: tar.TypeSymlink}}, nil, []string{"not a plain file"}},
		{"a larger file than pinned", []member{{name: "package/table.bin", body: noise(300_001)}}, nil, []string{"has 300001 bytes, not 300000"}},
		{"same size, other content", []member{{name: "package/table.bin", body: make([]byte, len(bigFile))}}, nil, []string{"sha256", "expected"}},
		{"the file is not in it", []member{{name: "package/x", body: bigFile}}, nil, []string{"does not hold table.bin"}},
		{"the file is in it twice", []member{good, good}, nil, []string{"twice"}},
		{"no checksum pinned", nil, func(r *rig) { r.set.Integrity = "" }, []string{"pins no checksum", "npm pack @made/table@1.2.3", "--from table=FILE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.members...)
			if tt.change != nil {
				tt.change(r)
			}
			r.mustFail(r.update(), append(tt.want, "data set table")...)
		})
	}
}

func TestUpdateInterruptedThenContinued(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.serve(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "300900")
		_, _ = w.Write(r.tgz[:200_000])
		_ = http.NewResponseController(w).Flush()
		// The cancel must find bytes on disk, or there is nothing to continue.
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if info, err := os.Stat(filepath.Join(r.dir, workName, "table-1.2.3.tgz")); err == nil && info.Size() == 200_000 {
				break
			}
		}
		cancel()
		<-req.Context().Done()
	})
	_, err := Update(ctx, r.dir, nil, r.opts)
	r.mustFail(err, "context canceled")
	if st := r.state(false); st.State != Absent || !strings.Contains(st.Err().Error(), "run `landfall data update`") {
		t.Errorf("state after the interruption: %+v", st)
	}

	var asked string
	r.serve(func(w http.ResponseWriter, req *http.Request) {
		asked = req.Header.Get("Range")
		http.ServeContent(w, req, "x.tgz", time.Time{}, bytes.NewReader(r.tgz))
	})
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	if asked != "bytes=200000-" {
		t.Errorf("the second run asked for %q, not for the rest", asked)
	}
}

func TestUpdateStartsAgainOnABadRemainder(t *testing.T) {
	for name, left := range map[string][]byte{
		"wrong bytes":       noise(1000)[500:],
		"longer than whole": make([]byte, 400_000),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if err := os.MkdirAll(filepath.Join(r.dir, workName), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(r.dir, workName, "table-1.2.3.tgz"), left, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := r.update(); err != nil {
				t.Fatal(err)
			}
			if st := r.state(true); st.State != OK {
				t.Errorf("state %+v", st)
			}
		})
	}
}

func TestUpdateFromFileAndAdopt(t *testing.T) {
	r := newRig(t)
	r.opts.Resolve = func(context.Context, string, string) (Dist, error) {
		t.Error("asks the registry although it need not")
		return Dist{}, io.EOF
	}
	file := filepath.Join(t.TempDir(), "own.tgz")
	if err := os.WriteFile(file, r.tgz[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	r.opts.From = map[string]string{"table": file}
	r.mustFail(r.update(), "is not the pinned package", file)
	if err := os.WriteFile(file, r.tgz, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	// The record lost, the files kept: found, verified, recorded again.
	if err := os.Remove(Path(r.dir, "table", manifestName)); err != nil {
		t.Fatal(err)
	}
	if st := r.state(false); st.State != Unrecorded {
		t.Errorf("state without manifest: %+v", st)
	}
	r.opts.From = nil
	if err := r.update(); err != nil || r.state(true).State != OK {
		t.Errorf("not adopted: %v %+v", err, r.state(true))
	}
	r.opts.From = map[string]string{"tabel": file}
	if err := r.update(); err == nil || !strings.Contains(err.Error(), `no data set "tabel"; there are table`) {
		t.Errorf("unknown set: %v", err)
	}
}

func TestUpdateIsAloneInItsFolder(t *testing.T) {
	r := newRig(t)
	inside := false
	resolve := r.opts.Resolve
	r.opts.Resolve = func(ctx context.Context, p, v string) (Dist, error) {
		inside = true
		_, err := Update(ctx, r.dir, nil, r.opts)
		if err == nil || !strings.Contains(err.Error(), "another `landfall data update`") {
			t.Errorf("a second update in the same folder: %v", err)
		}
		return resolve(ctx, p, v)
	}
	if err := r.update(); err != nil || !inside {
		t.Fatal(err, inside)
	}
}

func TestStates(t *testing.T) {
	r := newRig(t)
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	file, record := Path(r.dir, "table", "table.bin"), Path(r.dir, "table", manifestName)
	whole, _ := os.ReadFile(file)
	manifest, _ := os.ReadFile(record)
	tests := []struct {
		name  string
		spoil func()
		deep  bool
		want  State
		next  string
	}{
		{"whole", func() {}, false, OK, ""},
		{"cut short", func() { _ = os.WriteFile(file, whole[:99], 0o600) }, false, CutShort, nextUpdate},
		{"too long", func() { _ = os.WriteFile(file, append(slices.Clone(whole), 1), 0o600) }, false, WrongSize, nextUpdate},
		{"one bit, not looked for", func() { _ = os.WriteFile(file, flipped(whole), 0o600) }, false, OK, ""},
		{"one bit", func() { _ = os.WriteFile(file, flipped(whole), 0o600) }, true, WrongHash, nextForce},
		{"gone", func() { _ = os.Remove(file) }, false, Absent, nextUpdate},
		{"a folder in its place", func() { _ = os.Remove(file); _ = os.Mkdir(file, 0o755) }, false, Absent, nextUpdate},
		{"another version", func() {
			_ = os.WriteFile(record, bytes.Replace(manifest, []byte("1.2.3"), []byte("1.2.2"), 1), 0o600)
		}, false, Outdated, nextUpdate},
		{"record not readable", func() { _ = os.WriteFile(record, manifest[:20], 0o600) }, false, Unrecorded, nextUpdate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spoil()
			st := r.state(tt.deep)
			if st.State != tt.want || st.Next != tt.next || (st.State != OK) != (st.Err() != nil) {
				t.Errorf("got %+v, want %s", st, tt.want)
			}
			_ = os.RemoveAll(file)
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(record, manifest, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func flipped(b []byte) []byte {
	c := slices.Clone(b)
	c[len(c)/2] ^= 1
	return c
}

func TestForceReplacesAWrongFile(t *testing.T) {
	r := newRig(t)
	if err := r.update(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Path(r.dir, "table", "table.bin"), flipped(bigFile), 0o600); err != nil {
		t.Fatal(err)
	}
	r.opts.Force = true
	if err := r.update(); err != nil || r.state(true).State != OK {
		t.Errorf("%v %+v", err, r.state(true))
	}
}

func TestOneFailureDoesNotStopTheOthers(t *testing.T) {
	r := newRig(t)
	bad := r.set
	bad.Name, bad.Missing = "bad", "there is none for plan9"
	r.opts.sets = []Set{bad, r.set}
	all, err := Update(t.Context(), r.dir, nil, r.opts)
	if err == nil || !strings.Contains(err.Error(), "data set bad: there is none for plan9") {
		t.Errorf("error %v", err)
	}
	if len(all) != 2 || all[0].State != NotAvailable || all[1].State != OK {
		t.Errorf("states %+v", all)
	}
	b, err := json.Marshal(all)
	if err != nil || !bytes.Contains(b, []byte(`"state":"ok"`)) || !bytes.Contains(b, []byte(`"state":"no_such_set"`)) {
		t.Errorf("%s %v", b, err)
	}
	var table bytes.Buffer
	if err := WriteTable(&table, all); err != nil || !strings.Contains(table.String(), "made by the test") || !strings.Contains(table.String(), "data set bad: there is none") {
		t.Errorf("%s %v", table.String(), err)
	}
}

// slowly gives one byte after each pause.
type slowly struct{ pause time.Duration }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return copy(p, "x"), nil
}

func TestASlowTransferIsNotAStalledOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stall = time.Minute
		var fired atomic.Bool
		watch := time.AfterFunc(stall, func() { fired.Store(true) })
		body := aliveReader{slowly{stall * 3 / 4}, watch, stall}
		for range 5 {
			if _, err := body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if fired.Load() {
			t.Error("the alarm went off although bytes came")
		}
		time.Sleep(2 * stall)
		if !fired.Load() {
			t.Error("the alarm did not go off")
		}
	})
}
