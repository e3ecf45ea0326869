// Command pack writes the zip that brings Landfall into a Grafana: the plugin's folder, provisioning and
// dashboards, and what to do with them. The same files make the same bytes.
package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	_ "embed"
)

//go:embed README.md
var readme string

// folder is the one that the zip unpacks into.
const folder = "landfall-grafana"

// made is the time of every file in the zip: the earliest that the format can say.
var made = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func main() {
	plugin := flag.String("plugin", "", "folder of the built plugin; its name is the plugin's id")
	grafana := flag.String("grafana", "", "folder with provisioning and json (the dashboards)")
	out := flag.String("o", "", "the zip")
	flag.Parse()
	if err := pack(*plugin, *grafana, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(plugin, grafana, out string) (err error) {
	for _, file := range []string{"module.js", "plugin.json", "README.md", "LICENSE", "img/logo.svg"} {
		if _, err := os.Stat(filepath.Join(plugin, file)); err != nil {
			return fmt.Errorf("the plugin is not whole: %w", err)
		}
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	if err := add(z, folder+"/README.md", 0o644, strings.NewReader(readme)); err != nil {
		return err
	}
	for _, part := range []struct{ from, to string }{
		{grafana + "/json", "dashboards"},
		{plugin, "plugins/" + filepath.Base(plugin)},
		{grafana + "/provisioning", "provisioning"},
	} {
		if err := addFolder(z, part.from, folder+"/"+part.to); err != nil {
			return err
		}
	}
	return z.Close()
}

// addFolder adds what lies in a folder, in the order of names.
func addFolder(z *zip.Writer, from, to string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(d.Name(), "gpx_") {
			mode = 0o755
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return add(z, path.Join(to, name), mode, f)
	})
}

func add(z *zip.Writer, name string, mode fs.FileMode, from io.Reader) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made}
	header.SetMode(mode)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}
