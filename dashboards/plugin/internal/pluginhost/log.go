package pluginhost

import (
	"sync"
	"testing"
)

// logged is how much of the plugin's log a failing test shows, from its end.
const logged = 64 << 10

// tail keeps the end of what the plugin writes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > 2*logged {
		l.text = append(l.text[:0], l.text[len(l.text)-logged:]...)
	}
	return len(p), nil
}

func (l *tail) show(t testing.TB) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("the plugin's log:\n%s", l.text)
}
