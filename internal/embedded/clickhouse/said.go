package clickhouse

import (
	"bytes"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
)

const (
	tailLines = 12
	tailWidth = 500
)

// escapes are a terminal's control sequences, which the engine's prompt writes.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// tail passes what the engine says to the log, line by line at debug level,
// and keeps the last lines for the message when it fails.
type tail struct {
	log *slog.Logger

	mu    sync.Mutex
	part  []byte
	lines []string
}

func newTail(log *slog.Logger) *tail { return &tail{log: log} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			// A line without an end is kept up to its allowed width only.
			t.part = append(t.part, p[:min(len(p), max(0, tailWidth-len(t.part)))]...)
			return n, nil
		}
		t.part = append(t.part, p[:min(i, max(0, tailWidth-len(t.part)))]...)
		t.line()
		p = p[i+1:]
	}
}

func (t *tail) line() {
	s := strings.TrimSpace(escapes.ReplaceAllString(string(t.part), ""))
	t.part = t.part[:0]
	if s == "" {
		return
	}
	t.log.Debug("engine", "says", s)
	if len(t.lines) == tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
	t.lines = append(t.lines, s)
}

func (t *tail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line()
}

// forget drops what was said so far: the chatter of a start that went well
// explains no later end.
func (t *tail) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = t.lines[:0]
}

// String is what was said last, as the end of an error message.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		return ""
	}
	return "; it said: " + strings.Join(t.lines, " | ")
}

// keepEnv is this process's environment reduced to some variables.
func keepEnv(names ...string) []string {
	env := []string{}
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
