package reporter

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// pages are the built files by URL path. They are few and small, so they are kept in memory.
type pages map[string]page

type page struct {
	body        []byte
	contentType string
	etag        string
	cache       string
}

const notBuilt = "the page was not built: run make build"

// contentTypes are named here because those of the package mime depend on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

func readPages(files fs.FS) (pages, error) {
	all := pages{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		p := page{body: body, contentType: contentTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`, cache: "no-cache"}
		if p.contentType == "" {
			p.contentType = mime.TypeByExtension(path.Ext(name))
		}
		// The build puts a hash of the content into the names under assets/.
		if strings.HasPrefix(name, "assets/") {
			p.cache = "public, max-age=31536000, immutable"
		}
		all["/"+name] = p
		if name == "index.html" {
			all["/"] = p
		}
		return nil
	})
	return all, err
}

func (s *Service) page(p pages) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		file, ok := p[r.URL.Path]
		if !ok && r.URL.Path == "/" {
			http.Error(w, notBuilt, http.StatusServiceUnavailable)
			return
		}
		if !ok {
			s.refusePath(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", file.contentType)
		h.Set("Cache-Control", file.cache)
		h.Set("ETag", file.etag)
		for _, tag := range strings.Split(r.Header.Get("If-None-Match"), ",") {
			if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == file.etag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		_, _ = w.Write(file.body) // the client may have gone
	}
}
