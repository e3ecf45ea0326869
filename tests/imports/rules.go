// Package imports keeps the shape of the house: who may import whom, how long a file may be, and
// which names say nothing. It reads the source files only, and knows nothing of what they do.
package imports

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const module = "github.com/landfall-telemetry/landfall"

// A pkg is one folder with Go files.
type pkg struct {
	dir         string   // relative to the top, with slashes: "internal/geo"
	names       []string // package names found in it, "geo" and "geo_test" alike
	imports     []string // import paths of files that are not tests
	testImports []string // import paths of files that are
}

// Packages that decode, look up or decide without any I/O.
var leaves = []string{"internal/netflow", "internal/sflow", "internal/geo", "internal/device", "internal/policy"}

// Libraries that those may use: they do no I/O and bring nothing else along.
var leafLibraries = []string{
	"github.com/cespare/xxhash/v2",
	"github.com/gaissmai/bart",
	"github.com/goccy/go-yaml",
	"github.com/netsampler/goflow2/v2",
	"github.com/oschwald/maxminddb-golang/v2",
	"google.golang.org/protobuf",
	"github.com/planetscale/vtprotobuf",
	"golang.org/x",
}

// Packages that serve every service and must not know any.
var plumbing = []string{
	"internal/bus", "internal/clickhouse", "internal/config", "internal/lifecycle", "internal/telemetry",
	"internal/embedded", "internal/query", "internal/dataset",
}

// Libraries that only some folders may import, outside tests.
var confined = map[string][]string{
	"github.com/netsampler/goflow2/v2":                        {"services/collector", "internal/netflow", "internal/sflow", "internal/exporter/exportertest"},
	"github.com/segmentio/kafka-go":                           {"internal/bus", "internal/embedded"},
	"github.com/twmb/franz-go":                                {"internal/embedded"},
	"github.com/ebitengine/purego":                            {"internal/embedded"},
	"github.com/spf13/cobra":                                  {"cmd"},
	"github.com/grafana/grafana-plugin-sdk-go":                {"dashboards/plugin"},
	"github.com/prometheus/client_golang/prometheus/promauto": nil, // registers with a global
}

// Names that say nothing of what is in a package.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "core", "base", "manager", "managers", "misc", "shared"}

// check returns a line for each rule that the packages break.
func check(packages []pkg) []string {
	var faults []string
	fault := func(p pkg, format string, args ...any) {
		faults = append(faults, p.dir+": "+fmt.Sprintf(format, args...))
	}
	for _, p := range packages {
		for _, name := range append(slices.Clone(p.names), strings.Split(p.dir, "/")...) {
			if slices.Contains(emptyNames, strings.TrimSuffix(name, "_test")) {
				fault(p, "the name %q says nothing of what is in it", name)
			}
		}
		for _, imported := range slices.Concat(p.imports, p.testImports) {
			if other := service(ours(imported)); other != "" && service(p.dir) != "" && other != service(p.dir) {
				fault(p, "a service must not import another: %s", imported)
			}
		}
		for _, imported := range p.imports {
			checkImport(p, imported, fault)
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

func checkImport(p pkg, imported string, fault func(p pkg, format string, args ...any)) {
	for library, allowed := range confined {
		if below(imported, library) && !belowAny(p.dir, allowed) && !forTests(p.dir) {
			fault(p, "imports %s, which is for %v only", imported, allowed)
		}
	}
	target := ours(imported)
	if forTests(target) && !forTests(p.dir) {
		fault(p, "imports %s outside a test", imported)
	}
	if below(target, "cmd") && !below(p.dir, "cmd") {
		fault(p, "imports %s; only cmd may", imported)
	}
	switch {
	case below(p.dir, "services"):
		if below(target, "internal/embedded") {
			fault(p, "imports %s: a service must not know that its peers are embedded", imported)
		}
	case belowAny(p.dir, leaves):
		if below(p.dir, "internal/sflow") && below(target, "internal/netflow") {
			break // two wire formats, one form of result
		}
		if target != "" && !belowAny(target, []string{"internal/flow", "schemas/proto"}) && !sameTree(target, p.dir, leaves) {
			fault(p, "imports %s; it may import internal/flow, the protobuf contracts and leaf libraries", imported)
		}
		if foreign(imported) && !belowAny(imported, leafLibraries) {
			fault(p, "imports %s, which is not a leaf library", imported)
		}
	case below(p.dir, "internal/flow"):
		if target != "" && !below(target, "schemas") && !below(target, "internal/flow") {
			fault(p, "imports %s; it may import schemas and leaf libraries", imported)
		}
		if foreign(imported) && !belowAny(imported, leafLibraries) {
			fault(p, "imports %s, which is not a leaf library", imported)
		}
	case belowAny(p.dir, plumbing):
		if below(target, "services") {
			fault(p, "imports %s: plumbing must not know a service", imported)
		}
	case below(p.dir, "schemas"):
		if target != "" && !below(target, "schemas") {
			fault(p, "imports %s: schemas are below everything", imported)
		}
	case below(p.dir, "internal"):
		if below(target, "services") && !below(p.dir, "internal/testkit") {
			fault(p, "imports %s: internal must not know a service", imported)
		}
	}
}

// forTests reports whether a package serves tests only: the test kit, what lies in tests/, and any
// folder named after what it helps to test, as net/http/httptest is.
func forTests(dir string) bool {
	return belowAny(dir, []string{"internal/testkit", "tests"}) || strings.HasSuffix(dir, "test")
}

// below reports whether a path is dir or lies in it.
func below(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func belowAny(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return below(path, dir) })
}

// sameTree reports whether both lie in the same one of trees.
func sameTree(a, b string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return below(a, tree) && below(b, tree) })
}

// ours returns the folder of a package of this repository, "" for others.
func ours(imported string) string {
	if !below(imported, module) {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
}

// foreign reports whether an import is neither ours nor the standard library's.
func foreign(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".") && !below(imported, module)
}

// service returns the service that a folder belongs to, "" for none.
func service(dir string) string {
	if !below(dir, "services") || dir == "services" {
		return ""
	}
	return path.Join(strings.Split(dir, "/")[:2]...)
}
