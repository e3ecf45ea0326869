package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type member struct {
	name string
	body []byte
	kind byte
}

func tarball(t *testing.T, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	tw := tar.NewWriter(gz)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.body)), Typeflag: tar.TypeReg}
		if m.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = m.kind, "/etc/passwd", 0
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := tw.Write(m.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(tw.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// noise does not compress, so that a tarball of it can be cut at a known
// place.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// rig is a registry with one set in it and a data folder.
type rig struct {
	t        *testing.T
	dir      string
	set      Set
	tgz      []byte
	requests atomic.Int32
	handler  atomic.Pointer[http.HandlerFunc]
	out      bytes.Buffer
	opts     Options
}

var bigFile = noise(300_000)

func newRig(t *testing.T, members ...member) *rig {
	t.Helper()
	if members == nil {
		members = []member{
			{name: "package/package.json", body: []byte(`{}`)},
			{name: "package/table.bin", body: bigFile},
			{name: "package/lib/other.bin", body: noise(1000)},
		}
	}
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "data"), tgz: tarball(t, members...)}
	sum := sha256.Sum256(bigFile)
	tmp := filepath.Join(t.TempDir(), "x.tgz")
	if err := os.WriteFile(tmp, r.tgz, 0o600); err != nil {
		t.Fatal(err)
	}
	integrity, err := integrityOf(t.Context(), tmp)
	if err != nil {
		t.Fatal(err)
	}
	r.set = Set{
		Name: "table", Package: "@made/table", Version: "1.2.3", Integrity: integrity, Bytes: int64(len(r.tgz)),
		Files:   []File{{"table.bin", int64(len(bigFile)), hex.EncodeToString(sum[:])}},
		License: "CC0-1.0", Credit: "made by the test", Source: "the test",
	}
	r.serve(func(w http.ResponseWriter, req *http.Request) {
		http.ServeContent(w, req, "x.tgz", time.Time{}, bytes.NewReader(r.tgz))
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		(*r.handler.Load())(w, req)
	}))
	t.Cleanup(srv.Close)
	r.opts = Options{
		Out:  &r.out,
		sets: []Set{r.set},
		wait: time.Millisecond,
		Resolve: func(_ context.Context, pkg, version string) (Dist, error) {
			if pkg != r.set.Package || version != r.set.Version {
				t.Errorf("asked for %s@%s", pkg, version)
			}
			return Dist{Tarball: srv.URL + "/x.tgz", Integrity: r.set.Integrity}, nil
		},
	}
	return r
}

func (r *rig) serve(h http.HandlerFunc) { r.handler.Store(&h) }

func (r *rig) update() error {
	r.t.Helper()
	r.opts.sets = []Set{r.set}
	_, err := Update(r.t.Context(), r.dir, nil, r.opts)
	return err
}

func (r *rig) state(deep bool) Status {
	return check(r.t.Context(), r.dir, r.set, deep)
}

func (r *rig) mustFail(err error, parts ...string) {
	r.t.Helper()
	if err == nil {
		r.t.Fatalf("no error; output:\n%s", r.out.String())
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			r.t.Errorf("error does not say %q: %v", p, err)
		}
	}
	// Nothing half in place, and nothing outside the working folder.
	if _, err := os.Stat(filepath.Join(r.dir, "table")); !errors.Is(err, os.ErrNotExist) {
		r.t.Errorf("something is in place after a failure: %v", err)
	}
}
