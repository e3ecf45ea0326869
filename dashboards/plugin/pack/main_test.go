package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
)

// plugin is a folder as `make plugin` leaves it, with the real binary.
func plugin(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), pluginhost.PluginID)
	files := map[string]string{"module.js": "define([],()=>({}))", "README.md": "a", "LICENSE": "b"}
	for name, from := range map[string]string{"plugin.json": "../src/plugin.json", "img/logo.svg": "../src/img/logo.svg", "gpx_landfall_residency_" + runtime.GOOS + "_" + runtime.GOARCH: pluginhost.Binary(t)} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// grafana is a folder with provisioning and dashboards.
func grafana(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "provisioning"), os.DirFS("../../provisioning")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "json", "a.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPack(t *testing.T) {
	from, with := plugin(t), grafana(t)
	one, two := filepath.Join(t.TempDir(), "1.zip"), filepath.Join(t.TempDir(), "2.zip")
	for _, out := range []string{one, two} {
		if err := pack(from, with, out); err != nil {
			t.Fatal(err)
		}
	}
	a, errA := os.ReadFile(one)
	b, errB := os.ReadFile(two)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("the same files make other bytes (%v, %v)", errA, errB)
	}
	check(t, one)
}

// TestPackage looks into the zip that was built, if there is one.
func TestPackage(t *testing.T) {
	file := os.Getenv("LANDFALL_GRAFANA_PACKAGE")
	if file == "" {
		t.Skip("LANDFALL_GRAFANA_PACKAGE names no zip (make grafana-package does)")
	}
	check(t, file)
	names := contents(t, file)
	for _, arch := range []string{"amd64", "arm64"} {
		if name := folder + "/plugins/" + pluginhost.PluginID + "/gpx_landfall_residency_linux_" + arch; names[name] == nil {
			t.Errorf("no %s", name)
		}
	}
}

func contents(t *testing.T, file string) map[string]*zip.File {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[f.Name] = f
		if !strings.HasPrefix(f.Name, folder+"/") || strings.Contains(f.Name, "..") || strings.Contains(f.Name, "node_modules") {
			t.Errorf("%s has no place in it", f.Name)
		}
		if !f.Modified.UTC().Equal(made) {
			t.Errorf("%s is of %v", f.Name, f.Modified)
		}
	}
	return files
}

// check finds what must be in the zip, and lets the binary in it answer.
func check(t *testing.T, file string) {
	t.Helper()
	files := contents(t, file)
	inside := folder + "/plugins/" + pluginhost.PluginID + "/"
	binary := inside + "gpx_landfall_residency_" + runtime.GOOS + "_" + runtime.GOARCH
	for _, name := range []string{
		inside + "module.js", inside + "plugin.json", inside + "img/logo.svg", inside + "README.md", inside + "LICENSE", binary,
		folder + "/README.md", folder + "/provisioning/datasources/landfall.yaml",
	} {
		if files[name] == nil {
			t.Fatalf("no %s", name)
		}
	}
	if mode := files[binary].Mode(); mode.Perm() != 0o755 {
		t.Errorf("%s has mode %v", binary, mode)
	}
	r, err := files[binary].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	program := filepath.Join(t.TempDir(), "gpx_landfall_residency")
	w, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p := pluginhost.Run(t, program, pluginhost.Options{})
	source, err := pluginhost.Source{UID: "a", Name: "A", JSONData: map[string]any{"address": "127.0.0.1:1"}}.Context(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.CheckHealth(t.Context(), &backend.CheckHealthRequest{PluginContext: source}); err != nil {
		t.Error(err)
	}
}

func TestPackRefusesAHalfPlugin(t *testing.T) {
	if err := pack(t.TempDir(), grafana(t), filepath.Join(t.TempDir(), "a.zip")); err == nil {
		t.Error("no error")
	}
}
