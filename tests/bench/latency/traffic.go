package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/landfall-telemetry/landfall/internal/exporter"
)

// traffic is what the probes are among: an IPFIX, a NetFlow v9 and a NetFlow v5 exporter, in turn, at
// a fixed rate. It does not wait for the collector: what that cannot take is lost, as on a network.
type traffic struct {
	random    *rand.Rand
	pacer     *exporter.Pacer
	sockets   []*exporter.Socket
	exporters []exporter.Exporter
	sent      atomic.Uint64
	remotes   []netip.Addr
}

func newTraffic(target netip.AddrPort, rate int) (*traffic, error) {
	t := &traffic{
		random: rand.New(rand.NewPCG(1, 2)), // the same flows every time
		pacer:  exporter.NewPacer(exporter.PacerConfig{Rate: rate, Blind: true}, slog.New(slog.DiscardHandler)),
	}
	boot := time.Now().Add(-24 * time.Hour)
	for i := range 3 {
		socket, err := exporter.Dial(netip.AddrFrom4([4]byte{127, 0, 8, byte(i + 1)}), target, t.pacer)
		if err != nil {
			t.close()
			return nil, err
		}
		t.sockets = append(t.sockets, socket)
		var e exporter.Exporter
		switch i {
		case 0:
			e = exporter.NewIPFIX(exporter.IPFIXConfig{ObservationDomain: 1, Interval: 1000, Biflow: true, Refresh: exporter.DefaultTemplateRefresh()}, socket)
		case 1:
			e = exporter.NewNetFlow9(exporter.NetFlow9Config{SourceID: 1, Samplers: []exporter.Sampler{{ID: 1, Interval: 1000}}, Boot: boot, Refresh: exporter.DefaultTemplateRefresh()}, socket)
		default:
			if e, err = exporter.NewNetFlow5(exporter.NetFlow5Config{Interval: 1000, Boot: boot}, socket); err != nil {
				t.close()
				return nil, err
			}
		}
		t.exporters = append(t.exporters, e)
	}
	// Public addresses all over the tables, so that places and networks are of many kinds.
	for range 50_000 {
		t.remotes = append(t.remotes, netip.AddrFrom4([4]byte{byte(1 + t.random.IntN(99)), byte(t.random.IntN(256)), byte(t.random.IntN(256)), byte(1 + t.random.IntN(254))}))
	}
	return t, nil
}

func (t *traffic) close() {
	for _, s := range t.sockets {
		s.Close()
	}
	_ = t.pacer.Close() // nothing is written through it
}

// records is the number of flow records sent so far.
func (t *traffic) records() uint64 { return t.sent.Load() }

// send goes on until ctx ends, and then sends what still waits.
func (t *traffic) send(ctx context.Context) error {
	for {
		for _, e := range t.exporters {
			// About a datagram's worth, then the next exporter.
			for range 20 {
				f := t.flow(time.Now())
				if _, err := e.Add(ctx, time.Now(), &f); err != nil {
					return t.flush(err)
				}
			}
		}
		var n uint64
		for _, e := range t.exporters {
			n += e.Counters().Records
		}
		t.sent.Store(n)
	}
}

func (t *traffic) flush(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	var n uint64
	for _, e := range t.exporters {
		if err := e.Flush(context.Background(), time.Now()); err != nil {
			return err
		}
		n += e.Counters().Records
	}
	t.sent.Store(n)
	return nil
}

// flow draws one of the last ten seconds: few vendors and remote ends have most of them.
func (t *traffic) flow(now time.Time) exporter.Flow {
	skewed := func(n int) int { return int(math.Pow(float64(n), t.random.Float64())) - 1 }
	end := now.Add(-time.Duration(t.random.IntN(500)) * time.Millisecond)
	f := exporter.Flow{
		Start: end.Add(-time.Duration(t.random.IntN(9500)) * time.Millisecond), End: end,
		Src: netip.AddrFrom4([4]byte{100, byte(64 + skewed(vendors)), byte(t.random.IntN(40)), byte(t.random.IntN(256))}),
		Dst: t.remotes[skewed(len(t.remotes))], SrcPort: uint16(32768 + t.random.IntN(28000)), DstPort: 443,
		Proto: 6, TCPFlags: 0x1b, SrcMAC: 0x020000000001, DstMAC: 0x020000000002, Input: 1, Output: 2, Upstream: true,
		Packets: uint64(1 + skewed(20)),
	}
	f.Octets = f.Packets * uint64(60+t.random.IntN(600))
	// Half of the records of NetFlow v5 would be the way back: one direction keeps the rate simple.
	return f
}
