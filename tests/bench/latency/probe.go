package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/exporter"
)

// probes are flows that can be told apart: each alone in a datagram, with a remote address of its
// own, of a vendor of their own.
type probes struct {
	pacer    *exporter.Pacer
	socket   *exporter.Socket
	exporter exporter.Exporter
	sentAt   []time.Time
	seen     map[int]time.Time

	latency, toPlan, toShown, poll []float64 // ms
}

const (
	probeEvery = 50 * time.Millisecond
	pollEvery  = 25 * time.Millisecond
	// lastProbe bounds the wait for those that have not been seen at the end.
	lastProbe = 60 * time.Second
)

func newProbes(target netip.AddrPort) (*probes, error) {
	p := &probes{pacer: exporter.NewPacer(exporter.PacerConfig{Blind: true}, slog.New(slog.DiscardHandler)), seen: make(map[int]time.Time)}
	var err error
	if p.socket, err = exporter.Dial(netip.AddrFrom4([4]byte{127, 0, 8, 9}), target, p.pacer); err != nil {
		return nil, err
	}
	p.exporter, err = exporter.NewNetFlow5(exporter.NetFlow5Config{Boot: time.Now().Add(-time.Hour)}, p.socket)
	return p, err
}

func (p *probes) close() {
	p.socket.Close()
	_ = p.pacer.Close() // nothing is written through it
}

// address of the nth probe's remote end, and back.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)}) }

func number(ip net.IP) int {
	v4 := ip.To4()
	return int(v4[2])<<8 | int(v4[3])
}

func (p *probes) send(ctx context.Context) error {
	now := time.Now()
	f := exporter.Flow{
		Start: now.Add(-time.Second), End: now, Src: probeHandset, Dst: address(len(p.sentAt)), SrcPort: 40000, DstPort: 443,
		Proto: 6, Input: 1, Output: 2, Upstream: true, Octets: 100, Packets: 1,
	}
	if _, err := p.exporter.Add(ctx, now, &f); err != nil {
		return err
	}
	// The time of sending is taken before, so that a latency is never too short.
	p.sentAt = append(p.sentAt, time.Now())
	return p.exporter.Flush(ctx, now)
}

// measure sends probes and asks for them, side by side, until the time is over.
func (p *probes) measure(ctx context.Context, conn driver.Conn, duration time.Duration) error {
	end := time.Now().Add(duration)
	asking, stopAsking := context.WithDeadline(ctx, end)
	defer stopAsking()
	type answer struct {
		at   time.Time
		seen []int
		err  error
	}
	answers := make(chan answer)
	go func() {
		defer close(answers)
		for {
			seen, err := ask(ctx, conn)
			select {
			case answers <- answer{time.Now(), seen, err}:
			case <-asking.Done():
				return
			}
			if err != nil || sleep(asking, pollEvery) != nil {
				return
			}
		}
	}()
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ticker.C:
			if len(p.sentAt) >= 1<<16 {
				return errors.New("no more addresses for probes")
			}
			if err := p.send(ctx); err != nil {
				return err
			}
		case a, ok := <-answers:
			if !ok {
				return ctx.Err()
			}
			if a.err != nil {
				return a.err
			}
			p.poll = append(p.poll, ms(a.at.Sub(last)))
			last = a.at
			p.note(a.seen, a.at)
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (p *probes) note(seen []int, at time.Time) {
	for _, n := range seen {
		if _, before := p.seen[n]; !before && n < len(p.sentAt) {
			p.seen[n] = at
			p.latency = append(p.latency, ms(at.Sub(p.sentAt[n])))
		}
	}
}

// ask reads the rollup at the end of the way: the endpoints of the probes' vendor.
func ask(ctx context.Context, conn driver.Conn) ([]int, error) {
	rows, err := conn.Query(ctx, "SELECT DISTINCT remote_address FROM endpoint_day WHERE bucket >= today() - 1 AND vendor = ?", probeVendor)
	if err != nil {
		return nil, fmt.Errorf("ask for the probes: %w", err)
	}
	defer rows.Close()
	var seen []int
	for rows.Next() {
		var ip net.IP
		if err := rows.Scan(&ip); err != nil {
			return nil, err
		}
		seen = append(seen, number(ip))
	}
	return seen, rows.Err()
}

// finish waits for the last probes, and reads when each was planned.
func (p *probes) finish(ctx context.Context, conn driver.Conn) error {
	for deadline := time.Now().Add(lastProbe); len(p.seen) < len(p.sentAt) && time.Now().Before(deadline); {
		seen, err := ask(ctx, conn)
		if err != nil {
			return err
		}
		p.note(seen, time.Now())
		if err := sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
	rows, err := conn.Query(ctx, "SELECT remote_address, min(inserted) FROM flows WHERE vendor = ? GROUP BY remote_address", probeVendor)
	if err != nil {
		return fmt.Errorf("ask when the probes were planned: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var ip net.IP
		var planned time.Time
		if err := rows.Scan(&ip, &planned); err != nil {
			return err
		}
		n := number(ip)
		if at, ok := p.seen[n]; ok {
			p.toPlan = append(p.toPlan, ms(planned.Sub(p.sentAt[n])))
			p.toShown = append(p.toShown, ms(at.Sub(planned)))
		}
	}
	return rows.Err()
}

// settled is the number of all flows counted, once it has stood still for five seconds.
func settled(ctx context.Context, conn driver.Conn) (uint64, error) {
	var before uint64
	for still := 0; ; {
		var n uint64
		if err := conn.QueryRow(ctx, "SELECT sum(flows) FROM residency_day").Scan(&n); err != nil {
			return 0, fmt.Errorf("count the flows: %w", err)
		}
		if still++; n != before {
			still = 0
		}
		if before = n; still >= 5 && n > 0 {
			return n, nil
		}
		if err := sleep(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}
