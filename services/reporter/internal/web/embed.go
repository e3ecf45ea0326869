// Package web holds the page's built files. Its TypeScript source stands beside it; `npm run build`
// fills dist. It knows nothing of the API that the page calls.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built files, rooted at dist. Without a build there is no index.html in it.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a constant and a valid path
	}
	return files
}
