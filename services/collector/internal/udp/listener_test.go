package udp

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type losses struct{ queue, kernel atomic.Int64 }

func (l *losses) QueueFull(n int) { l.queue.Add(int64(n)) }
func (l *losses) Kernel(n uint32) { l.kernel.Add(int64(n)) }

func listen(t *testing.T, address string, buffer, queue int) (*Listener, *losses, *net.UDPConn) {
	t.Helper()
	lost := new(losses)
	l, err := Listen(t.Context(), address, buffer, queue, lost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	to, err := net.Dial("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	return l, lost, to.(*net.UDPConn)
}

func run(t *testing.T, l *Listener) (ended chan error) {
	ended = make(chan error, 1)
	go func() { ended <- l.Run() }()
	t.Cleanup(func() { _ = l.Close() })
	return ended
}

func next(t *testing.T, l *Listener) *Datagram {
	t.Helper()
	select {
	case d := <-l.Datagrams():
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was received")
	}
	return nil
}

func TestSizes(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, _, to := listen(t, address, 1<<20, 64)
		ended := run(t, l)
		for _, size := range []int{0, 1, 1472, slotSize - 1, slotSize, slotSize + 1, 9000, 65507 - 28} {
			sent := bytes.Repeat([]byte{byte(size)}, size)
			for i := range sent {
				sent[i] = byte(i * 7)
			}
			if _, err := to.Write(sent); err != nil {
				t.Fatal(err)
			}
			d := next(t, l)
			if !bytes.Equal(d.Data, sent) || d.From.String() != to.LocalAddr().String() || time.Since(d.Received) > time.Minute {
				t.Errorf("%s: %d bytes from %s, want %d from %s", address, len(d.Data), d.From, size, to.LocalAddr())
			}
			l.Release(d)
		}
		if err := l.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, open := <-l.Datagrams(); open {
			t.Error("the queue is not closed")
		}
	}
}

func TestQueueFull(t *testing.T) {
	l, lost, to := listen(t, "127.0.0.1:0", 8<<20, 64)
	run(t, l)
	const sent = 500
	for range sent {
		if _, err := to.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); lost.queue.Load() < sent-64 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	kept := 0
	for len(l.Datagrams()) > 0 {
		l.Release(next(t, l))
		kept++
	}
	if n := lost.queue.Load(); kept != 64 || n != sent-64 {
		t.Errorf("%d kept, %d counted as lost, %d sent", kept, n, sent)
	}
	// What was dropped left its buffer behind: the queue works on.
	for range 3 * 64 {
		if _, err := to.Write([]byte("again")); err != nil {
			t.Fatal(err)
		}
		d := next(t, l)
		if string(d.Data) != "again" {
			t.Fatalf("got %q", d.Data)
		}
		l.Release(d)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	l, lost, to := listen(t, "127.0.0.1:0", 4096, 10_000)
	const sent = 1000
	for range sent { // nobody reads yet
		if _, err := to.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, l)
	// The kernel tells its count with the next datagram that it could keep.
	received := 0
	timeout := time.After(10 * time.Second)
	for last := false; !last; {
		select {
		case d := <-l.Datagrams():
			received++
			last = len(d.Data) == 1
			l.Release(d)
		case <-time.After(50 * time.Millisecond):
			if _, err := to.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
		case <-timeout:
			t.Fatal("the last datagram does not come")
		}
	}
	if n := int(lost.kernel.Load()); n == 0 || received-1+n != sent {
		t.Errorf("%d received, %d counted as dropped, %d sent", received-1, n, sent)
	}
}

// TestStopReadsWhatTheKernelHolds sends before anybody reads, and stops at once.
func TestStopReadsWhatTheKernelHolds(t *testing.T) {
	l, _, to := listen(t, "127.0.0.1:0", 8<<20, 1000)
	for range 500 {
		if _, err := to.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-run(t, l); err != nil {
		t.Fatal(err)
	}
	if n := len(l.Datagrams()); n != 500 {
		t.Errorf("%d received, 500 sent", n)
	}
}

func TestPortInUse(t *testing.T) {
	l, _, _ := listen(t, "127.0.0.1:0", 0, 64)
	_, err := Listen(t.Context(), l.Addr().String(), 0, 64, new(losses))
	if err == nil || !strings.Contains(err.Error(), "the port is in use by another process") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
