package dataset

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSetsArePinned(t *testing.T) {
	for _, s := range SetsFor("linux", "amd64") {
		if s.Package == "" {
			if !s.Optional || !s.Judges || s.License == "" || s.Credit == "" || s.Source == "" {
				t.Errorf("%s lacks something: %+v", s.Name, s)
			}
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Integrity, "sha512-"))
		if err != nil || len(sum) != 64 {
			t.Errorf("%s: integrity %q is no sha512: %v", s.Name, s.Integrity, err)
		}
		if s.License == "" || s.Credit == "" || s.Source == "" || s.Bytes == 0 || len(s.Files) == 0 {
			t.Errorf("%s lacks something: %+v", s.Name, s)
		}
		for _, f := range s.Files {
			if h, err := hex.DecodeString(f.SHA256); err != nil || len(h) != 32 || f.Bytes == 0 {
				t.Errorf("%s/%s is not pinned: %+v", s.Name, f.Name, f)
			}
		}
	}
	if s := engineFor("linux", "arm64"); s.Package != "@chdb/lib-linux-arm64-gnu" || s.Pinned() {
		t.Errorf("linux/arm64: %+v", s)
	}
	if s := engineFor("windows", "amd64"); !strings.Contains(s.Missing, "windows/amd64") {
		t.Errorf("windows: %+v", s)
	}
}

func TestListOnAnEmptyFolder(t *testing.T) {
	dir := t.TempDir()
	for _, st := range List(dir) {
		if st.Optional {
			if st.State != NotInstalled || st.Err() != nil {
				t.Errorf("%+v", st)
			}
			continue
		}
		if st.Name != Engine && (st.State != Absent || !strings.Contains(st.Err().Error(), "run `landfall data update`")) {
			t.Errorf("%+v", st)
		}
	}
	if _, err := Verify(t.Context(), dir); err == nil {
		t.Error("an empty folder passes")
	}
	if err := Require(dir, City); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, City, CityIPv4)) {
		t.Errorf("Require: %v", err)
	}
	if err := Require(dir, "town"); err == nil {
		t.Error("an unknown set passes")
	}
}

// TestNPM runs a stand-in for the npm client: the real one needs a network.
func TestNPM(t *testing.T) {
	tests := []struct{ name, script, want, wrong string }{
		{"flat", `echo '{"tarball":"http://mirror/x.tgz","integrity":"sha512-x"}'`, "http://mirror/x.tgz", ""},
		{"nested", `echo '{"dist":{"tarball":"http://mirror/x.tgz"}}'`, "http://mirror/x.tgz", ""},
		{"unknown package", `echo '{"error":{"code":"E404","summary":"Not Found"}}'; exit 1`, "", "p@1: E404: Not Found"},
		{"no answer", `echo broken >&2; exit 3`, "", "exit status 3: broken"},
		{"no JSON", `echo hello`, "", "not JSON"},
		{"no tarball", `echo '{}'`, "", "names no tarball"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin+":/usr/bin:/bin")
			d, err := NPM(t.Context(), "p", "1")
			if d.Tarball != tt.want || (err != nil) != (tt.wrong != "") || (err != nil && !strings.Contains(err.Error(), tt.wrong)) {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := NPM(t.Context(), "p", "1"); !errors.Is(err, ErrNoNPM) {
		t.Errorf("without npm: %v", err)
	}
}
