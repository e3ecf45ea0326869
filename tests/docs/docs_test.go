package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommands: every call of landfall, and every flag that stands alone, exists.
func TestCommands(t *testing.T) {
	var calls int
	for _, d := range documents(t) {
		for _, c := range slices.Concat(d.spans, d.lines) {
			for _, words := range commandLines(c.text) {
				calls++
				if f := fault(t, words); f != "" {
					t.Errorf("%s:%d: %s", d.path, c.line, f)
				}
			}
		}
		for _, c := range d.spans {
			name, _, _ := strings.Cut(strings.Fields(c.text + " -")[0], "=")
			if strings.HasPrefix(name, "--") && !anyFlag(t, nil, name) {
				t.Errorf("%s:%d: no command of landfall has the flag %s", d.path, c.line, name)
			}
		}
	}
	if calls < 20 {
		t.Errorf("found only %d calls of landfall in the documents", calls)
	}
}

// anyFlag reports whether a command at or below path has the flag.
func anyFlag(t *testing.T, path []string, name string) bool {
	t.Helper()
	c := help(t, path)
	if _, ok := c.flags[name]; ok {
		return true
	}
	for child := range c.children {
		if child != "help" && child != "completion" && anyFlag(t, append(slices.Clone(path), child), name) {
			return true
		}
	}
	return false
}

// TestCommandsFindsFaults: the judge of TestCommands is no rubber stamp.
func TestCommandsFindsFaults(t *testing.T) {
	for line, good := range map[string]bool{
		"landfall up":              true,
		"landfall -c x.yaml up":    true,
		"landfall --config=x up":   true,
		"landfall down":            false,
		"landfall up --no-such":    false,
		"landfall data fetch":      false,
		"landfall --no-such up":    false,
		"$ sudo bin/landfall up":   true,
		"A=b landfall nothing":     false,
		"cat x | landfall nothing": false,
	} {
		calls := commandLines(line)
		if len(calls) != 1 || (fault(t, calls[0]) == "") != good {
			t.Errorf("%q: %v is judged wrong", line, calls)
		}
	}
}

var settingLine = regexp.MustCompile("(?m)^\\| `([a-z0-9_.]+)`")

// settings gives the path of every setting.
func settings(t *testing.T) []string {
	t.Helper()
	text, err := say(t, "print-config", "--markdown")
	if err != nil {
		t.Fatalf("landfall print-config: %v\n%s", err, text)
	}
	var all []string
	for _, m := range settingLine.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	if len(all) < 30 {
		t.Fatalf("found only %d settings in:\n%s", len(all), text)
	}
	return all
}

var settingPattern = regexp.MustCompile(`^[a-z_]+(\.[a-z0-9_]+)+$`)

// TestSettings: every setting that is named as `section.key` exists.
func TestSettings(t *testing.T) {
	all := settings(t)
	section := func(path string) bool {
		return slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, path+".") })
	}
	var found int
	for _, d := range documents(t) {
		for _, c := range d.spans {
			first, _, _ := strings.Cut(c.text, ".")
			if !settingPattern.MatchString(c.text) || !section(first) {
				continue
			}
			found++
			if !slices.Contains(all, c.text) && !section(c.text) {
				t.Errorf("%s:%d: there is no setting %s", d.path, c.line, c.text)
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d settings in the documents", found)
	}
}

// TestExamplesOfConfiguration: every YAML block is a configuration that is accepted.
func TestExamplesOfConfiguration(t *testing.T) {
	for _, d := range documents(t) {
		for _, c := range d.yaml {
			path := filepath.Join(t.TempDir(), "landfall.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if text, err := say(t, "check-config", "--config", path); err != nil {
				t.Errorf("%s:%d: %s", d.path, c.line, text)
			}
		}
	}
}

// TestLinks: every link to a file of the repository leads to a file, and to a title in it.
func TestLinks(t *testing.T) {
	all := documents(t)
	for _, d := range all {
		for _, l := range d.links {
			u, err := url.Parse(l.text)
			if err != nil || u.Scheme != "" {
				if err != nil {
					t.Errorf("%s:%d: %v", d.path, l.line, err)
				}
				continue
			}
			target := d.path
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(d.path), u.Path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s:%d: the link to %s leads nowhere", d.path, l.line, l.text)
				continue
			}
			i := slices.IndexFunc(all, func(o *document) bool { return o.path == target })
			if u.Fragment != "" && i >= 0 && !all[i].titles[u.Fragment] {
				t.Errorf("%s:%d: %s has no title %s", d.path, l.line, target, u.Fragment)
			}
		}
	}
}

var (
	literalPattern = regexp.MustCompile(`"([a-z_]+)"`)
	metricPattern  = regexp.MustCompile(`\blandfall_[a-z]+_[a-z_]+[a-z]\b`)
	metricEnd      = regexp.MustCompile(`_(total|seconds|bytes|rows|flows|datagrams|batches)$`)
)

// metrics gives the metric names that the sources register: whole names, and a package's prefix
// ("landfall_aggregator_") with what it is put before.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, top := range []string{"services", "internal"} {
		perPackage := map[string][]string{}
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if entry.Name() == "config.go" { // names of settings, some of which end as metrics do
				return nil
			}
			text, err := os.ReadFile(path)
			for _, m := range literalPattern.FindAllStringSubmatch(string(text), -1) {
				perPackage[filepath.Dir(path)] = append(perPackage[filepath.Dir(path)], m[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, literals := range perPackage {
			for _, l := range literals {
				if !strings.HasPrefix(l, "landfall_") || strings.Count(l, "_") < 2 {
					continue
				}
				if !strings.HasSuffix(l, "_") {
					if metricPattern.MatchString(l) && metricEnd.MatchString(l) {
						all[l] = true
					}
					continue
				}
				for _, end := range literals {
					if !strings.HasPrefix(end, "landfall_") && metricEnd.MatchString(end) {
						all[l+end] = true
					}
				}
			}
		}
	}
	return all
}

// TestMetrics: every metric that is named exists, and docs/operating.md names every metric.
func TestMetrics(t *testing.T) {
	all := metrics(t)
	if len(all) < 20 {
		t.Fatalf("found only %d metrics in the sources", len(all))
	}
	named := map[string]bool{}
	for _, d := range documents(t) {
		for _, c := range slices.Concat(d.spans, d.lines) {
			for _, m := range metricPattern.FindAllString(c.text, -1) {
				if !metricEnd.MatchString(m) {
					continue // a user, a database
				}
				if !all[m] {
					t.Errorf("%s:%d: there is no metric %s", d.path, c.line, m)
				}
				if filepath.Base(d.path) == "operating.md" {
					named[m] = true
				}
			}
		}
	}
	for m := range all {
		if !named[m] {
			t.Errorf("docs/operating.md does not name the metric %s", m)
		}
	}
}

var (
	targetLine  = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	makePattern = regexp.MustCompile(`^ *make((?: [a-z][a-z0-9-]*)+)`)
)

// TestMakeTargets: every `make target` exists.
func TestMakeTargets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range targetLine.FindAllStringSubmatch(string(text), -1) {
		targets[m[1]] = true
	}
	for _, d := range documents(t) {
		for _, c := range slices.Concat(d.spans, d.lines) {
			m := makePattern.FindStringSubmatch(c.text)
			if m == nil {
				continue
			}
			for _, target := range strings.Fields(m[1]) {
				if !targets[target] {
					t.Errorf("%s:%d: there is no target %s", d.path, c.line, target)
				}
			}
		}
	}
}
