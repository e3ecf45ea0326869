package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"
)

type fake struct {
	name       string
	calls      *[]string
	start, end error
}

func (f *fake) Start(context.Context) error {
	*f.calls = append(*f.calls, "+"+f.name)
	return f.start
}

func (f *fake) Shutdown(context.Context) error {
	*f.calls = append(*f.calls, "-"+f.name)
	return f.end
}

func group(parts ...*fake) (*Group, *[]string) {
	g, calls := NewGroup(slog.New(slog.DiscardHandler)), new([]string)
	for _, p := range parts {
		p.calls = calls
		g.Add(p.name, p)
	}
	return g, calls
}

func TestRunStopsInReverse(t *testing.T) {
	g, calls := group(&fake{name: "a"}, &fake{name: "b"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx, time.Second); err != nil {
		t.Error(err)
	}
	if want := []string{"+a", "+b", "-b", "-a"}; !slices.Equal(*calls, want) {
		t.Errorf("%v, want %v", *calls, want)
	}
}

func TestFailedStartStopsWhatHadBegun(t *testing.T) {
	boom := errors.New("boom")
	g, calls := group(&fake{name: "a"}, &fake{name: "b", start: boom}, &fake{name: "c"})
	if err := g.Run(t.Context(), time.Second); !errors.Is(err, boom) {
		t.Error(err)
	}
	if want := []string{"+a", "+b", "-b", "-a"}; !slices.Equal(*calls, want) {
		t.Errorf("%v, want %v", *calls, want)
	}
}

func TestBackgroundFailureEndsTheRun(t *testing.T) {
	boom, late := errors.New("boom"), errors.New("late")
	g, _ := group(&fake{name: "a", end: errors.New("stuck")})
	g.Fail(boom)
	g.Fail(late)
	err := g.Run(t.Context(), time.Second)
	if !errors.Is(err, boom) || errors.Is(err, late) {
		t.Error(err)
	}
	if err.Error() != "boom\nstop a: stuck" {
		t.Errorf("%q", err)
	}
}

// waiting is a part that waits for a peer that never comes.
type waiting struct{}

func (waiting) Start(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (waiting) Shutdown(context.Context) error { return nil }

// TestBackgroundFailureEndsTheStart: what a part waits for may be the part that failed.
func TestBackgroundFailureEndsTheStart(t *testing.T) {
	boom := errors.New("boom")
	g, calls := group(&fake{name: "a"})
	g.Add("waiting", waiting{})
	g.Add("b", &fake{name: "b", calls: calls})
	g.Fail(boom)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := g.Run(ctx, time.Second); !errors.Is(err, boom) || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if want := []string{"+a", "-a"}; !slices.Equal(*calls, want) {
		t.Errorf("%v, want %v", *calls, want)
	}
}
