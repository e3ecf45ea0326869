package imports

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const maxLines = 600

// Folders that are not source: made by builds, or fetched.
var skipped = []string{".git", "node_modules", "dist", "bin", "build", "data", "testdata"}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// TestHouse reads every source file of both modules.
func TestHouse(t *testing.T) {
	packages, long := read(t, top(t))
	if len(packages) < 10 {
		t.Fatalf("found only %d packages", len(packages))
	}
	for _, fault := range slices.Concat(check(packages), long) {
		t.Error(fault)
	}
}

// top is the folder of go.work.
func top(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.work above this folder")
		}
		dir = filepath.Dir(dir)
	}
}

// read parses the imports of all Go files below root, whatever they are built for, and lists the
// source files that are too long.
func read(t *testing.T, root string) (packages []pkg, long []string) {
	t.Helper()
	byDir := make(map[string]*pkg)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != root && slices.Contains(skipped, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".ts", ".tsx", ".mjs", ".css", ".html", ".sh"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines && !generated.Match(text) {
			long = append(long, relative+": "+strconv.Itoa(lines)+" lines; split it by what is in it (at most "+strconv.Itoa(maxLines)+")")
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(relative))
		p := byDir[dir]
		if p == nil {
			p = &pkg{dir: dir}
			byDir[dir] = p
		}
		p.names = append(p.names, file.Name.Name)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if strings.HasSuffix(path, "_test.go") {
				p.testImports = append(p.testImports, imported)
			} else {
				p.imports = append(p.imports, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range byDir {
		packages = append(packages, *p)
	}
	return packages, long
}

// TestRulesCanFail breaks each rule once, beside a neighbour that keeps it.
func TestRulesCanFail(t *testing.T) {
	imports := func(dir string, paths ...string) pkg { return pkg{dir: dir, imports: paths} }
	inTests := func(dir string, paths ...string) pkg { return pkg{dir: dir, testImports: paths} }
	tests := []struct {
		name string
		pkg  pkg
		bad  bool
	}{
		{"service imports another", imports("services/reporter", module+"/services/aggregator"), true},
		{"service imports another's insides", imports("services/reporter/internal/web", module+"/services/aggregator/internal/x"), true},
		{"service test imports another", inTests("services/reporter", module+"/services/aggregator"), true},
		{"service imports itself", imports("services/reporter", module+"/services/reporter/internal/web"), false},
		{"service imports internal", imports("services/reporter", module+"/internal/query"), false},
		{"service knows what is embedded", imports("services/reporter", module+"/internal/embedded/clickhouse"), true},
		{"leaf imports plumbing", imports("internal/geo", module+"/internal/config"), true},
		{"leaf imports another leaf", imports("internal/geo", module+"/internal/device"), true},
		{"leaf imports itself", imports("internal/netflow", module+"/internal/netflow/template"), false},
		{"sFlow imports NetFlow", imports("internal/sflow", module+"/internal/netflow"), false},
		{"NetFlow imports sFlow", imports("internal/netflow", module+"/internal/sflow"), true},
		{"leaf imports flow", imports("internal/netflow", module+"/internal/flow", "fmt"), false},
		{"leaf imports a leaf library", imports("internal/geo", "github.com/gaissmai/bart"), false},
		{"leaf imports metrics", imports("internal/geo", "github.com/prometheus/client_golang/prometheus"), true},
		{"leaf test imports the test kit", inTests("internal/geo", module+"/internal/testkit/chtest"), false},
		{"flow imports schemas", imports("internal/flow", module+"/schemas/proto/landfall/v1"), false},
		{"flow imports the bus", imports("internal/flow", module+"/internal/bus"), true},
		{"flow imports a client", imports("internal/flow", "github.com/ClickHouse/clickhouse-go/v2"), true},
		{"plumbing imports a service", imports("internal/embedded/clickhouse", module+"/services/aggregator"), true},
		{"plumbing imports plumbing", imports("internal/query", module+"/internal/clickhouse"), false},
		{"other internal imports a service", imports("internal/scenario", module+"/services/collector"), true},
		{"schemas import internal", imports("schemas/clickhouse", module+"/internal/config"), true},
		{"test kit outside a test", imports("services/reporter", module+"/internal/testkit/chtest"), true},
		{"test kit in cmd", imports("cmd/landfall", module+"/internal/testkit/chtest"), true},
		{"test kit in tests", imports("tests/endtoend", module+"/internal/testkit/chtest"), false},
		{"test kit in a package for tests", imports("internal/clickhouse/flows/flowstest", module+"/internal/testkit/chtest"), false},
		{"package for tests outside a test", imports("services/aggregator", module+"/internal/clickhouse/flows/flowstest"), true},
		{"goflow2 in the collector", imports("services/collector/internal/decode", "github.com/netsampler/goflow2/v2/decoders/netflow"), false},
		{"goflow2 in the enricher", imports("services/enricher", "github.com/netsampler/goflow2/v2/decoders/netflow"), true},
		{"kafka-go in the bus", imports("internal/bus", "github.com/segmentio/kafka-go/sasl"), false},
		{"kafka-go in a service", imports("services/enricher", "github.com/segmentio/kafka-go"), true},
		{"kfake in a service", imports("services/enricher", "github.com/twmb/franz-go/pkg/kfake"), true},
		{"cobra in cmd", imports("cmd/landfall", "github.com/spf13/cobra"), false},
		{"cobra in a service", imports("services/enricher", "github.com/spf13/cobra"), true},
		{"cmd imported", imports("services/enricher", module+"/cmd/landfall/x"), true},
		{"global registry", imports("services/enricher", "github.com/prometheus/client_golang/prometheus/promauto"), true},
		{"folder of no meaning", imports("internal/util"), true},
		{"package of no meaning", pkg{dir: "internal/geo", names: []string{"common"}}, true},
		{"name that begins alike", imports("internal/database"), false},
		{"prefix of a name", imports("services/enricher", module+"/internal/embeddedness"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := check([]pkg{test.pkg}); (len(got) > 0) != test.bad {
				t.Errorf("faults %q", got)
			}
		})
	}
}
