package docs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// landfall is the built binary, root the folder of go.work.
var landfall, root string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == engine.ChildCommand { // the engine of TestRights
		return engine.ChildMain(os.Args[2:])
	}
	dir, err := os.MkdirTemp("", "landfall-docs-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(dir string) (err error) {
	if root, err = os.Getwd(); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.work")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return fmt.Errorf("no go.work above this folder")
		}
		root = filepath.Dir(root)
	}
	if landfall = os.Getenv("LANDFALL_BINARY"); landfall != "" {
		return nil
	}
	landfall = filepath.Join(dir, "landfall")
	cmd := exec.Command("go", "build", "-o", landfall, "./cmd/landfall")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build landfall: %w\n%s", err, out)
	}
	return nil
}

// say runs the binary in an empty folder, without any of this machine's settings.
func say(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(landfall, args...)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// command is what --help tells of one command.
type command struct {
	children map[string]bool
	flags    map[string]bool // "--name" and "-n" → whether a value follows
}

var (
	childLine = regexp.MustCompile(`^  ([a-z][a-z-]*) +\S`)
	flagLine  = regexp.MustCompile(`^ +(?:(-\w), )?(--[a-z][a-z-]*)( \S+)?(?:  |$)`)
	tree      = map[string]*command{}
)

// help gives the command of a path such as "query residency".
func help(t *testing.T, path []string) *command {
	t.Helper()
	key := strings.Join(path, " ")
	if c := tree[key]; c != nil {
		return c
	}
	text, err := say(t, append(append([]string{}, path...), "--help")...)
	if err != nil {
		t.Fatalf("landfall %s --help: %v\n%s", key, err, text)
	}
	c := &command{children: map[string]bool{}, flags: map[string]bool{}}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line != "" && line[0] != ' ' && strings.HasSuffix(line, ":") {
			section = line
			continue
		}
		if strings.HasSuffix(section, "Flags:") {
			if m := flagLine.FindStringSubmatch(line); m != nil {
				c.flags[m[2]] = m[3] != ""
				if m[1] != "" {
					c.flags[m[1]] = m[3] != ""
				}
			}
		} else if section != "" && section != "Usage:" && section != "Examples:" && section != "Aliases:" {
			if m := childLine.FindStringSubmatch(line); m != nil {
				c.children[m[1]] = true
			}
		}
	}
	tree[key] = c
	return c
}

// fault says what in a command line, without its first word, the binary does not have; "" if nothing.
func fault(t *testing.T, words []string) string {
	t.Helper()
	var path []string
	c := help(t, nil)
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case strings.HasPrefix(word, "-"):
			name, _, assigned := strings.Cut(word, "=")
			value, known := c.flags[name]
			if !known {
				return fmt.Sprintf("landfall %s has no flag %s", strings.Join(path, " "), name)
			}
			if value && !assigned {
				i++
			}
		case len(c.children) > 0:
			if !c.children[word] {
				return fmt.Sprintf("landfall %s has no command %q", strings.Join(path, " "), word)
			}
			path = append(path, word)
			c = help(t, path)
		}
	}
	return ""
}
