package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is a Markdown file, taken apart as far as the tests need it.
type document struct {
	path   string // relative to root
	spans  []code // code in the text
	lines  []code // lines of code blocks, with their continuations
	yaml   []code // whole blocks of YAML
	links  []code // targets
	titles map[string]bool
}

// code is a piece of a document and the line that it is in.
type code struct {
	text string
	line int
}

var (
	spanPattern  = regexp.MustCompile("`([^`]+)`")
	linkPattern  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	titlePattern = regexp.MustCompile(`^#+ +(.*)$`)
	fencePattern = regexp.MustCompile("^ *```(.*)$")
	notInAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// documents reads README.md, CONTRIBUTING.md, CHANGELOG.md and all of docs/.
func documents(t *testing.T) []*document {
	t.Helper()
	var paths []string
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			paths = append(paths, name)
		}
	}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".md") {
			path, err = filepath.Rel(root, path)
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 10 {
		t.Fatalf("found only %v", paths)
	}
	var all []*document
	for _, path := range paths {
		all = append(all, read(t, path))
	}
	return all
}

func read(t *testing.T, path string) *document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{path: path, titles: map[string]bool{}}
	block, language, begin, joined := false, "", 0, ""
	var body []string
	for i, line := range strings.Split(string(text), "\n") {
		if m := fencePattern.FindStringSubmatch(line); m != nil {
			if block && language == "yaml" {
				d.yaml = append(d.yaml, code{strings.Join(body, "\n") + "\n", begin})
			}
			block, language, begin, body, joined = !block, strings.TrimSpace(m[1]), i+1, nil, ""
			continue
		}
		if block {
			body = append(body, line)
			if before, more := strings.CutSuffix(line, "\\"); more {
				joined += before + " "
				continue
			}
			d.lines = append(d.lines, code{joined + line, i + 1})
			joined = ""
			continue
		}
		if m := titlePattern.FindStringSubmatch(line); m != nil {
			d.titles[anchor(m[1])] = true
		}
		for _, m := range spanPattern.FindAllStringSubmatch(line, -1) {
			d.spans = append(d.spans, code{m[1], i + 1})
		}
		for _, m := range linkPattern.FindAllStringSubmatch(spanPattern.ReplaceAllString(line, ""), -1) {
			d.links = append(d.links, code{m[1], i + 1})
		}
	}
	if block {
		t.Errorf("%s:%d: the code block has no end", path, begin)
	}
	return d
}

// anchor is the name under which a title can be linked to.
func anchor(title string) string {
	title = notInAnchor.ReplaceAllString(strings.ToLower(title), "")
	return strings.ReplaceAll(title, " ", "-")
}

// commandLines gives the calls of landfall in a piece of code, each without the word itself. Prose
// behind "…" or "#" is left out.
func commandLines(text string) [][]string {
	var calls [][]string
	for _, part := range regexp.MustCompile(`\|\|?|&&?|;`).Split(text, -1) {
		words := strings.Fields(part)
		for len(words) > 0 && (words[0] == "$" || words[0] == "sudo" || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
		if len(words) == 0 || !slices.Contains([]string{"landfall", "bin/landfall", "./bin/landfall", "./landfall"}, words[0]) {
			continue
		}
		words = words[1:]
		if end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "…#<>[{─") }); end >= 0 {
			words = words[:end]
		}
		for i := range words {
			words[i] = strings.TrimRight(words[i], ",.:")
		}
		calls = append(calls, words)
	}
	return calls
}
