package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 5 * time.Second
)

// supervise keeps the engine running until ctx ends or until it could not be
// started too often in a row. first gets the outcome of the first start.
//
// The kernel counts the thread that started a child as its parent, so this
// goroutine keeps its thread for as long as it lives: were the thread to end,
// the engine would be killed with it.
func (s *Server) supervise(ctx context.Context, self string, first chan<- error) {
	defer close(s.stopped)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	var (
		started  = false // the first start has succeeded
		failures = 0     // starts in a row that never answered
		backoff  = backoffFirst
	)
	for {
		ready, err := s.runOnce(ctx, self, func() {
			if !started {
				started = true
				first <- nil
			}
		})
		if ctx.Err() != nil {
			if !started {
				first <- errors.New("stopped before it was ready")
			}
			return
		}
		if !started {
			first <- err
			return
		}
		if ready {
			failures, backoff = 0, backoffFirst
		} else if failures++; failures >= s.cfg.StartAttempts {
			s.fatal <- fmt.Errorf("embedded ClickHouse: %d starts in a row failed: %w", failures, err)
			return
		}
		s.restarts.Inc()
		s.log.Warn("the ClickHouse engine ended and is started again", "error", err, "after", backoff, "native", s.Native())
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, backoffMost)
	}
}

// runOnce starts one child and stays until it has ended. ready says whether
// it ever answered; onReady is called when it does. err says how it ended and
// is never nil unless ctx ended it.
func (s *Server) runOnce(ctx context.Context, self string, onReady func()) (ready bool, err error) {
	said := newTail(s.log)
	// Not bound to ctx: the child is told to stop, and given time, before it is killed.
	cmd := exec.Command(self, append([]string{ChildCommand}, s.childArgs()...)...) //nolint:noctx // see above
	// What it may know of this process's environment: no secret among it.
	cmd.Env = keepEnv("PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "GOCOVERDIR")
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = said, said
	// The pipes are the child's alone; do not wait for long once it is gone.
	cmd.WaitDelay = time.Second
	bindToParent(cmd)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start the engine's process: %w", err)
	}
	pid := cmd.Process.Pid
	s.pid.Store(int64(pid))
	defer s.pid.Store(0)

	// Everything but the start and the wait happens beside this thread.
	var (
		exited   = make(chan struct{})
		answered = make(chan error, 1)
		minded   = make(chan struct{})
	)
	probing, stopProbing := context.WithTimeoutCause(ctx, s.cfg.StartTimeout, errSlow)
	defer stopProbing()
	go func() { answered <- s.waitReady(probing) }()
	go func() {
		defer close(minded)
		probed := answered
		stop, kill := ctx.Done(), (<-chan struct{})(nil)
		for {
			select {
			case err := <-probed:
				probed = nil
				switch {
				case err == nil:
					ready = true
					said.forget()
					s.log.Info("the ClickHouse engine is ready", "native", s.Native(), "http", s.HTTP(), "pid", pid, "took", time.Since(begun).Round(time.Millisecond))
					onReady()
				case errors.Is(err, errSlow):
					_ = cmd.Process.Kill()
				}
			case <-stop:
				stop, kill = nil, s.kill
				_ = cmd.Process.Signal(syscall.SIGTERM)
			case <-kill:
				kill = nil
				_ = cmd.Process.Kill()
			case <-exited:
				return
			}
		}
	}()
	waitErr := cmd.Wait()
	close(exited)
	<-minded
	stopProbing()
	said.flush()
	switch {
	case ctx.Err() != nil:
		return ready, nil
	case !ready && errors.Is(context.Cause(probing), errSlow):
		return ready, fmt.Errorf("the engine did not answer within %s%s", s.cfg.StartTimeout, said)
	case waitErr == nil:
		waitErr = errors.New("exit status 0")
	}
	return ready, fmt.Errorf("the engine's process %d ended: %w%s", pid, waitErr, said)
}

func (s *Server) childArgs() []string {
	host, native, _ := net.SplitHostPort(s.Native())
	_, http, _ := net.SplitHostPort(s.HTTP())
	return []string{"-library", s.library, "-dir", s.dir, "-listen", host, "-native-port", native, "-http-port", http}
}
