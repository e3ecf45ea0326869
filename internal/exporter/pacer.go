package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// PacerConfig bounds how fast datagrams go out.
type PacerConfig struct {
	Rate int // flow records a second at most; 0: no bound of its own
	// MaxQueue is the number of bytes that may wait in the receive queue of a target on this machine,
	// as the kernel accounts them; 0: a quarter of the system's default buffer.
	MaxQueue int
	// Blind holds the fixed rate only, also towards this machine: for a collector behind an address
	// translation, whose socket cannot be seen.
	Blind bool
}

// Pacer keeps simulated exporters from sending faster than a collector on this machine reads. It
// serves all sockets of one goroutine.
//
// UDP on the loopback device loses nothing but what does not fit the receiver's socket buffer. On
// Linux the pacer sees how much waits there (/proc/net/udp) and lets only so many bytes follow that
// the queue stays below its bound even if the collector reads none of them; so nothing is lost, at
// whatever speed the collector reads. It waits, too, for a collector that is not there yet. On other
// systems, and towards other machines, only the fixed rate holds.
type Pacer struct {
	cfg     PacerConfig
	log     *slog.Logger
	queues  queues
	limit   int
	credits []credit
	timer   *time.Timer
	started time.Time
	spent   int
	held    time.Duration
}

// credit is how many bytes may still follow to one target before its queue must be looked at again.
type credit struct {
	target netip.AddrPort
	bytes  int
	seen   bool // the target has had a socket
	drops  uint64
}

const (
	// skbOverhead is what the kernel accounts for a datagram beyond its payload, at most: measured
	// 2304 bytes for 1400, 768 for 200.
	skbOverhead = 1280
	pollEvery   = 250 * time.Microsecond
	sayAfter    = 3 * time.Second
)

// NewPacer makes a pacer.
func NewPacer(cfg PacerConfig, log *slog.Logger) *Pacer {
	p := &Pacer{cfg: cfg, log: log, limit: cfg.MaxQueue, timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	if p.limit <= 0 {
		p.limit = defaultReceiveBuffer() / 4
	}
	// One datagram must always fit, or it would wait for ever.
	p.limit = max(p.limit, 2*(MaxDatagram+skbOverhead))
	return p
}

// Close frees the pacer's files.
func (p *Pacer) Close() error { return p.queues.close() }

// Held is the time spent waiting for a collector.
func (p *Pacer) Held() time.Duration { return p.held }

// Dropped is the number of datagrams that the kernel has dropped at the targets' sockets since the
// pacer first saw them. Always 0 where it cannot be known.
func (p *Pacer) Dropped() uint64 {
	var n uint64
	for i := range p.credits {
		c := &p.credits[i]
		if q, ok := p.queues.look(c.target); ok && c.seen && q.drops > c.drops {
			n += q.drops - c.drops
		}
	}
	return n
}

// Before waits until a datagram of n bytes with that many records may go to target. Its only error
// is that ctx has ended.
func (p *Pacer) Before(ctx context.Context, target netip.AddrPort, n, records int) error {
	if err := p.keepRate(ctx, records); err != nil {
		return err
	}
	if p.cfg.Blind || !target.Addr().IsLoopback() || !p.queues.supported() {
		return nil
	}
	c := p.credit(target)
	need := n + skbOverhead
	if c.bytes >= need {
		c.bytes -= need
		return nil
	}
	return p.refill(ctx, c, need)
}

// refill waits until the target's queue has room for need bytes, and takes them.
func (p *Pacer) refill(ctx context.Context, c *credit, need int) error {
	began := time.Now()
	said := false
	for {
		q, ok := p.queues.look(c.target)
		if !p.queues.supported() {
			return nil
		}
		if ok {
			if !c.seen {
				c.seen, c.drops = true, q.drops
			}
			if c.bytes = p.limit - q.bytes; c.bytes >= need {
				c.bytes -= need
				if waited := time.Since(began); waited > pollEvery {
					p.held += waited
				}
				return nil
			}
		}
		if !said && time.Since(began) > sayAfter {
			said = true
			why := "nothing listens there"
			if ok {
				why = "its receive queue is full"
			}
			p.log.Warn("waiting for the collector", "target", c.target.String(), "why", why)
		}
		if err := p.sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the collector at %s: %w", c.target, err)
		}
	}
}

func (p *Pacer) credit(target netip.AddrPort) *credit {
	for i := range p.credits {
		if p.credits[i].target == target {
			return &p.credits[i]
		}
	}
	p.credits = append(p.credits, credit{target: target})
	return &p.credits[len(p.credits)-1]
}

// keepRate sleeps when more records have gone than the rate allows.
func (p *Pacer) keepRate(ctx context.Context, records int) error {
	if p.cfg.Rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.started.IsZero() {
		p.started = now
	}
	due := p.started.Add(time.Duration(float64(p.spent) / float64(p.cfg.Rate) * float64(time.Second)))
	p.spent += records
	early := due.Sub(now)
	if early < -time.Second {
		// Time lost to a slow collector is not made up for by a burst.
		p.started, p.spent = now, records
	}
	if early < time.Millisecond {
		return ctx.Err()
	}
	return p.sleep(ctx, early)
}

func (p *Pacer) sleep(ctx context.Context, d time.Duration) error {
	p.timer.Reset(d)
	select {
	case <-ctx.Done():
		p.timer.Stop()
		return ctx.Err()
	case <-p.timer.C:
		return nil
	}
}
