package query

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharing[int]
		var times atomic.Int32
		release := make(chan struct{})
		ask := func(ctx context.Context) (int, error) {
			times.Add(1)
			select {
			case <-release:
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		type result struct {
			n   int
			err error
		}
		got := make(chan result, 4)
		begin := func(ctx context.Context, key string) {
			go func() {
				n, err := s.ask(ctx, key, ask)
				got <- result{n, err}
			}()
			synctest.Wait()
		}
		first, leave := context.WithCancel(t.Context())
		begin(first, "a")
		begin(t.Context(), "a")
		begin(t.Context(), "b")
		if n := times.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		// Who asked first goes away; the other still gets its answer.
		leave()
		if r := <-got; !errors.Is(r.err, context.Canceled) {
			t.Errorf("the one that left got %+v", r)
		}
		close(release)
		for range 2 {
			if r := <-got; r.n != 7 || r.err != nil {
				t.Errorf("got %+v", r)
			}
		}
		// Nothing is kept for later.
		synctest.Wait()
		if n, err := s.ask(t.Context(), "a", ask); n != 7 || err != nil || times.Load() != 3 || len(s.under) != 0 {
			t.Errorf("later: %d, %v, asked %d times, %d kept", n, err, times.Load(), len(s.under))
		}
		// What nobody waits for ends.
		release = make(chan struct{})
		last, leave := context.WithCancel(t.Context())
		begin(last, "a")
		leave()
		<-got
		synctest.Wait()
		if len(s.under) != 0 {
			t.Error("it goes on for nobody")
		}
	})
}
