package browser

import (
	"fmt"
	"net/http"
	"strings"
)

// icons are plain stand-ins for those that Grafana brings along, by name: paths in a square of 24.
var icons = map[string]string{
	"angle-down":           "M6 9l6 6 6-6",
	"angle-right":          "M9 6l6 6-6 6",
	"angle-up":             "M6 15l6-6 6 6",
	"arrow-down":           "M12 5v14M6 13l6 6 6-6",
	"arrow-up":             "M12 19V5M6 11l6-6 6 6",
	"check":                "M5 13l4 4L19 7",
	"check-circle":         "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M8 12l3 3 5-6",
	"copy":                 "M8 8h12v12H8zM4 16V4h12",
	"exclamation-circle":   "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v6M12 16v1",
	"exclamation-triangle": "M12 4L2 20h20zM12 10v5M12 17v1",
	"info-circle":          "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 11v6M12 7v1",
	"minus":                "M5 12h14",
	"plus":                 "M12 5v14M5 12h14",
	"times":                "M6 6l12 12M18 6L6 18",
	"trash-alt":            "M4 7h16M6 7l1 13h10l1-13M9 7V4h6v3",
}

func icon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="none" stroke="currentColor" stroke-width="2" d="%s"/></svg>`,
		icons[strings.TrimSuffix(r.PathValue("name"), ".svg")])
}
