package query

import (
	"context"
	"sync"
)

// sharing lets those who ask the same at the same time have one answer: the panels of a dashboard all
// want the completeness of the same time. An answer is kept for nobody who asks later.
type sharing[T any] struct {
	mu    sync.Mutex
	under map[string]*asked[T] // way, by what is asked
}

type asked[T any] struct {
	done    chan struct{}
	waiting int
	cancel  context.CancelFunc
	answer  T
	err     error
}

// ask returns what ask does, or has done for another with the same key meanwhile. It must not be changed.
// It is given up when the last who waits for it has gone.
func (s *sharing[T]) ask(ctx context.Context, key string, ask func(context.Context) (T, error)) (T, error) {
	s.mu.Lock()
	a := s.under[key]
	if a == nil {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		a = &asked[T]{done: make(chan struct{}), cancel: cancel}
		if s.under == nil {
			s.under = make(map[string]*asked[T])
		}
		s.under[key] = a
		go func() {
			defer cancel()
			a.answer, a.err = ask(own)
			s.forget(key, a)
			close(a.done)
		}()
	}
	a.waiting++
	s.mu.Unlock()
	select {
	case <-a.done:
		return a.answer, a.err
	case <-ctx.Done():
		s.leave(key, a)
		var none T
		return none, ctx.Err()
	}
}

func (s *sharing[T]) leave(key string, a *asked[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.waiting--; a.waiting == 0 {
		a.cancel()
		if s.under[key] == a {
			delete(s.under, key)
		}
	}
}

func (s *sharing[T]) forget(key string, a *asked[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under[key] == a {
		delete(s.under, key)
	}
}
