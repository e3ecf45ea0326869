package scenario

import (
	"context"
	"time"
)

const (
	liveTick  = 250 * time.Millisecond
	liveChunk = 1000 // records of the counted part that have one time

	// weekGuard is how near the end of a week the counted part does not send: an sFlow packet's time
	// is that of its arrival, which must not fall into another week than that of its sending.
	weekGuard = 20 * time.Second
)

// countedLive sends the bounded live part, as fast as the collector reads.
func (p *Player) countedLive(ctx context.Context, progress func(Progress)) error {
	p.choosers[mover] = newChooser(moverMix(1))
	for left := p.cfg.LiveFlows; left > 0; {
		if err := p.awaitWeek(ctx); err != nil {
			return err
		}
		n := min(left, liveChunk)
		if err := p.sendLive(ctx, n); err != nil {
			return err
		}
		left -= n
		p.report(progress, PhaseLive, p.now().UTC(), false)
	}
	return nil
}

// awaitWeek waits for the new week if the old one is about to end.
func (p *Player) awaitWeek(ctx context.Context) error {
	now := p.now()
	next := monday(now).AddDate(0, 0, 7)
	if next.Sub(now) > weekGuard {
		return nil
	}
	p.log.Info("waiting for the week to end before the live part", "until", next)
	return sleep(ctx, next.Sub(now)+time.Second)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// sendLive sends records, shared out evenly, of flows that end about now. sFlow's are of this moment.
func (p *Player) sendLive(ctx context.Context, records int) error {
	now := p.now().UnixMilli()
	whole := now / 1000 * 1000
	for i, s := range p.stations {
		n := records*(i+1)/stationCount - records*i/stationCount
		from, to, limit := whole-2000, whole-1000, whole
		if s.onePacket {
			from, to, limit = now, now+1, now+1
		}
		// Flows of the last seconds, but none from before history, which the truth has no cell for.
		first := p.start.UnixMilli()
		if err := p.send(ctx, s, n, max(from, first), max(to, first+1), max(limit, first+1)); err != nil {
			return err
		}
	}
	return nil
}

// RunLive sends live flows at the configured rate until ctx ends, which is no error. It goes on where
// Run has left off: same sockets, same sequence numbers; nothing of it is in the truth. A collector
// that has gone away is no error either: it is waited for, or told of once where it cannot be seen.
// progress may be nil.
func (p *Player) RunLive(ctx context.Context, progress func(Progress)) error {
	if err := p.open(); err != nil {
		return err
	}
	p.choosers[mover] = newChooser(moverMix(1))
	ticker := time.NewTicker(liveTick)
	defer ticker.Stop()
	failing := false
	owed := 0.0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		owed += float64(p.cfg.LiveRate) * liveTick.Seconds()
		n := int(owed)
		owed -= float64(n)
		err := p.sendLive(ctx, n)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			p.log.Warn("live flows are not received", "error", err)
		}
		failing = err != nil
		p.report(progress, PhaseLive, p.now().UTC(), false)
	}
}
