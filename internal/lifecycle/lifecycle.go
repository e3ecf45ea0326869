// Package lifecycle starts the parts of a process in the order of the data and stops them in
// reverse. It knows nothing of what the parts do.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Component is a part of a process. Start returns when the part is ready; its context bounds the
// start only. Shutdown stops the intake, drains and flushes within its context's deadline; it may
// be called twice, or without Start.
type Component interface {
	Start(ctx context.Context) error
	Shutdown(ctx context.Context) error
}

// Group is the components of one process.
type Group struct {
	log     *slog.Logger
	parts   []part
	started int
	failed  chan error
}

type part struct {
	name string
	Component
}

// NewGroup returns an empty group.
func NewGroup(log *slog.Logger) *Group {
	return &Group{log: log, failed: make(chan error, 1)}
}

// Add appends a component; components start in the order in which they were added.
func (g *Group) Add(name string, c Component) { g.parts = append(g.parts, part{name, c}) }

// Fail ends the process's run with err. Components call it for a failure in the background that
// they cannot mend. Only the first counts.
func (g *Group) Fail(err error) {
	select {
	case g.failed <- err:
	default:
	}
}

// Failed yields the first background failure.
func (g *Group) Failed() <-chan error { return g.failed }

// Start starts the components one by one. If one fails, those already started are left for
// Shutdown.
func (g *Group) Start(ctx context.Context) error {
	for ; g.started < len(g.parts); g.started++ {
		p := g.parts[g.started]
		if err := p.Start(ctx); err != nil {
			// Its Shutdown is called too: what it had begun must not stay behind.
			g.started++
			return fmt.Errorf("start %s: %w", p.name, err)
		}
		g.log.Debug("started", "component", p.name)
	}
	return nil
}

// Shutdown stops the started components in reverse order and reports every failure.
func (g *Group) Shutdown(ctx context.Context) error {
	var errs []error
	for ; g.started > 0; g.started-- {
		p := g.parts[g.started-1]
		begin := time.Now()
		if err := p.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
		}
		g.log.Debug("stopped", "component", p.name, "after", time.Since(begin).Round(time.Millisecond))
	}
	return errors.Join(errs...)
}

// Run starts the group, waits until ctx ends or a component fails, and shuts down within grace.
// It returns nil for a clean end by ctx.
func (g *Group) Run(ctx context.Context, grace time.Duration) error {
	err := g.start(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-g.failed:
		}
	} else if ctx.Err() != nil {
		err = nil // told to stop while starting: not a failure
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(err, g.Shutdown(stop))
}

// start starts the group; a failure in the background ends it, for what a part waits for in its
// Start may be what failed.
func (g *Group) start(ctx context.Context) error {
	// Canceled only by a failure: a part may hold on to the context of its start.
	starting, cancel := context.WithCancelCause(ctx)
	started, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case err := <-g.failed:
			cancel(err)
		case <-started:
		}
	}()
	err := g.Start(starting)
	close(started)
	<-watched
	if starting.Err() != nil && ctx.Err() == nil {
		return context.Cause(starting)
	}
	return err
}
