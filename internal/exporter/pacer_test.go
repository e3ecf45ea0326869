package exporter

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

func listen(t *testing.T, at string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	l, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	port := uint16(l.LocalAddr().(*net.UDPAddr).Port)
	return l, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

// TestSlowReader sends far more than the receive buffer holds to a reader that stops after every
// hundredth datagram: without the pacer most of it would be lost.
func TestSlowReader(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the receive queue can be seen on Linux only")
	}
	for _, at := range []string{"127.0.0.1:0", "[::]:0"} {
		t.Run(at, func(t *testing.T) {
			l, target := listen(t, at)
			p := NewPacer(PacerConfig{}, slog.New(slog.DiscardHandler))
			defer p.Close()
			s, err := Dial(netip.MustParseAddr("127.0.1.9"), target, p)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			const total = 2000
			var wg sync.WaitGroup
			wg.Go(func() {
				datagram := make([]byte, MaxDatagram)
				for i := range total {
					be.PutUint32(datagram, uint32(i))
					if err := s.Send(t.Context(), datagram[:200+i*7%1200], 1); err != nil {
						t.Error(err)
						return
					}
				}
			})
			datagram := make([]byte, 2048)
			for i := range total {
				if i%100 == 0 {
					time.Sleep(5 * time.Millisecond) // being slow is what is tested
				}
				l.SetReadDeadline(time.Now().Add(10 * time.Second))
				_, from, err := l.ReadFromUDPAddrPort(datagram)
				if err != nil {
					t.Fatalf("datagram %d: %v", i, err)
				}
				if got := be.Uint32(datagram); int(got) != i {
					t.Fatalf("datagram %d came as number %d", got, i)
				}
				if from.Addr().Unmap() != netip.MustParseAddr("127.0.1.9") {
					t.Fatalf("from %s", from)
				}
			}
			wg.Wait()
			if p.Dropped() != 0 || p.Held() == 0 {
				t.Errorf("%d dropped, held for %s", p.Dropped(), p.Held())
			}
		})
	}
}

// TestQueueStaysBelow lets nobody read: the pacer must stop before the bound and stay stopped.
func TestQueueStaysBelow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the receive queue can be seen on Linux only")
	}
	_, target := listen(t, "127.0.0.1:0")
	const bound = 40_000
	p := NewPacer(PacerConfig{MaxQueue: bound}, slog.New(slog.DiscardHandler))
	defer p.Close()
	s, err := Dial(netip.Addr{}, target, p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	sent := 0
	for ; err == nil; sent++ {
		err = s.Send(ctx, make([]byte, 1400), 1)
	}
	q, ok := p.queues.look(target)
	if !errors.Is(err, context.DeadlineExceeded) || !ok || q.bytes > bound || q.bytes < bound/2 || q.drops != 0 {
		t.Errorf("after %d datagrams: %v, queue %+v", sent, err, q)
	}
}

// TestWaitsForCollector sends before anything listens.
func TestWaitsForCollector(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sockets can be seen on Linux only")
	}
	first, target := listen(t, "127.0.0.1:0")
	first.Close()
	p := NewPacer(PacerConfig{}, slog.New(slog.DiscardHandler))
	defer p.Close()
	s, err := Dial(netip.Addr{}, target, p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sent := make(chan error, 1)
	go func() { sent <- s.Send(t.Context(), []byte("here"), 1) }()
	select {
	case err := <-sent:
		t.Fatalf("sent to nobody: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	l, _ := listen(t, target.String())
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	l.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := l.Read(got); err != nil || string(got[:n]) != "here" {
		t.Errorf("read %q, %v", got[:n], err)
	}
}

func TestSaysWhatItWaitsFor(t *testing.T) {
	if runtime.GOOS != "linux" || testing.Short() {
		t.Skip("takes three seconds, on Linux only")
	}
	first, target := listen(t, "127.0.0.1:0")
	first.Close()
	var text bytes.Buffer
	p := NewPacer(PacerConfig{}, slog.New(slog.NewTextHandler(&text, nil)))
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), sayAfter+500*time.Millisecond)
	defer cancel()
	if err := p.Before(ctx, target, 100, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if n := bytes.Count(text.Bytes(), []byte("nothing listens there")); n != 1 {
		t.Errorf("said %d times: %s", n, text.String())
	}
}

func TestRate(t *testing.T) {
	_, target := listen(t, "127.0.0.1:0")
	p := NewPacer(PacerConfig{Rate: 1000, Blind: true}, slog.New(slog.DiscardHandler))
	defer p.Close()
	began := time.Now()
	for range 20 {
		if err := p.Before(t.Context(), target, 1000, 10); err != nil {
			t.Fatal(err)
		}
	}
	// 190 records must have had their time before the last ten may go.
	if took := time.Since(began); took < 185*time.Millisecond || took > 3*time.Second {
		t.Errorf("200 records at 1000 a second took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Before(ctx, target, 1000, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after the context's end", err)
	}
}
