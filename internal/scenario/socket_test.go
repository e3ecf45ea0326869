package scenario

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/exporter"
	"github.com/landfall-telemetry/landfall/internal/exporter/exportertest"
)

func contextUntil(t *testing.T, end <-chan time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// TestThroughSockets plays the scenario to real sockets with the system's own buffers and reads as
// slowly as decoding for tests is: nothing may be lost.
func TestThroughSockets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the receive queue can be seen on Linux only")
	}
	cfg := testConfig()
	cfg.Rate = 0
	count := newRecount(t, cfg)
	records := make(chan exportertest.Record, 1000)
	stop := make(chan struct{})
	done := make(chan struct{}, 3)
	listen := func() string {
		l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer func() { l.Close(); done <- struct{}{} }()
			readers := map[netip.Addr]*exportertest.Reader{}
			datagram := make([]byte, 2048)
			for {
				l.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				n, from, err := l.ReadFromUDPAddrPort(datagram)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					select {
					case <-stop:
						return
					default:
						continue
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				if readers[from.Addr()] == nil {
					readers[from.Addr()] = exportertest.NewReader()
				}
				got, err := readers[from.Addr()].Read(datagram[:n])
				if err != nil {
					t.Errorf("from %s: %v", from, err)
				}
				for _, r := range got {
					records <- r
				}
			}
		}()
		return l.LocalAddr().String()
	}
	cfg.NetFlowAddress, cfg.IPFIXAddress, cfg.SFlowAddress = listen(), listen(), listen()
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for r := range records {
			count.take(r)
		}
	}()
	p, err := newPlayer(cfg, testOUIs, slog.New(slog.DiscardHandler), testRemotes())
	if err != nil {
		t.Fatal(err)
	}
	p.now = func() time.Time { return testNow }
	p.pacer = exporter.NewPacer(exporter.PacerConfig{}, p.log)
	truth, err := p.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	close(stop)
	for range 3 {
		<-done
	}
	close(records)
	<-counted
	if r := Check(truth, count.rows()); !r.OK() || p.pacer.Dropped() != 0 {
		t.Errorf("%+v, %d dropped", r, p.pacer.Dropped())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for i, e := range truth.Exporters {
		if e.Address != layouts()[i].source {
			t.Errorf("%s sends from %s", e.Name, e.Address)
		}
	}
}
