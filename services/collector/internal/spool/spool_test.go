package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, dir string, max int64) *Spool {
	t.Helper()
	s, err := Open(dir, max, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func drain(t testing.TB, s *Spool) []string {
	t.Helper()
	var got []string
	for {
		m, ok := s.Peek()
		if !ok {
			return got
		}
		got = append(got, string(m))
		s.Pop(m)
	}
}

func TestFirstInFirstOutAcrossSegmentsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	s.segmentSize = 100
	var want []string
	put := func(n int) {
		for range n {
			m := fmt.Sprintf("message %d", len(want))
			want = append(want, m)
			if err := s.Append([]byte(m)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(50)
	if s.Len() != 50 || len(s.segments) < 5 {
		t.Fatalf("%d messages in %d segments", s.Len(), len(s.segments))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	s.segmentSize = 100
	put(20)
	if got := drain(t, s); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", got)
	}
	if s.Len() != 0 || s.Bytes() != 0 {
		t.Errorf("%d messages, %d bytes left", s.Len(), s.Bytes())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)); len(left) != 0 {
		t.Errorf("files left: %v", left)
	}
}

// TestModel compares the spool with a slice, under any order of writing, reading and reopening.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "spool")
		if err != nil {
			rt.Fatal(err)
		}
		reopen := func() *Spool {
			s, err := Open(dir, 1<<20, quiet)
			if err != nil {
				rt.Fatal(err)
			}
			s.segmentSize = 64
			return s
		}
		s := reopen()
		var model []string
		var popped []string // since the last reopening: those of the first segment may come again
		written := 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0, 1, 2:
				written++
				m := fmt.Sprintf("%d-%s", written, strings.Repeat("x", rapid.IntRange(0, 40).Draw(rt, "size")))
				if err := s.Append([]byte(m)); err != nil {
					rt.Fatal(err)
				}
				model = append(model, m)
			case 3:
				m, ok := s.Peek()
				if ok != (len(model) > 0) || (ok && string(m) != model[0]) {
					rt.Fatalf("peek: %q %t, want %q", m, ok, model)
				}
				if ok {
					s.Pop(m)
					popped = append(popped, model[0])
					model = model[1:]
				}
			case 4:
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				s = reopen()
				if again := s.Len() - len(model); again < 0 || again > len(popped) {
					rt.Fatalf("%d messages, want %d and at most %d again", s.Len(), len(model), len(popped))
				} else {
					model = append(append([]string{}, popped[len(popped)-again:]...), model...)
				}
				popped = nil
			}
			if s.Len() != len(model) {
				rt.Fatalf("%d messages, want %d", s.Len(), len(model))
			}
		}
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestEveryCutOfTheLastWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	for _, m := range []string{"one", "two", "three"} {
		if err := s.Append([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	path := s.segments[0].path
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o640); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, 1<<20)
		want := 0
		for _, end := range []int{11, 22} {
			if n >= end {
				want++
			}
		}
		if err := s.Append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		got := drain(t, s)
		if len(got) != want+1 || got[want] != "after" || s.Damaged() != 0 {
			t.Fatalf("cut to %d bytes: got %q", n, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestZerosAtTheEnd: a power cut can leave a file as long as the write would have made it, and none
// of its bytes. They are no messages, lost or other.
func TestZerosAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	if err := s.Append([]byte("one")); err != nil {
		t.Fatal(err)
	}
	path, size := s.segments[0].path, s.segments[0].size
	if err := s.Append(nil); err == nil {
		t.Error("an empty message, which looks like such zeros, was taken")
	}
	if err := errors.Join(s.Close(), os.Truncate(path, size+4096)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	if got := drain(t, s); len(got) != 1 || got[0] != "one" || s.Damaged() != 0 {
		t.Errorf("got %d messages, the first %q; %d damaged", len(got), got[0], s.Damaged())
	}
}

func TestDamageCostsTheRestOfItsSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	s.segmentSize = 30
	for _, m := range []string{"one", "two", "three", "four", "five", "six"} {
		if err := s.Append([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	first := s.segments[0]
	b, err := os.ReadFile(first.path)
	if err != nil {
		t.Fatal(err)
	}
	b[headerSize+3+headerSize] ^= 1 // in "two"
	if err := os.WriteFile(first.path, b, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, s); strings.Join(got, " ") != "one four five six" {
		t.Errorf("got %q", got)
	}
	if n := s.Damaged(); n != 2 {
		t.Errorf("%d messages given up, want 2", n)
	}
}

func TestFull(t *testing.T) {
	s := open(t, t.TempDir(), 30)
	if err := s.Append(make([]byte, 22)); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(nil); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	drain(t, s)
	if err := s.Append(make([]byte, 22)); err != nil {
		t.Error(err)
	}
}

func TestFolderOfAnother(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, 1<<20)
	if _, err := Open(dir, 1<<20, quiet); err == nil || !strings.Contains(err.Error(), "another collector is using it") {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, 1<<20, quiet); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// TestKilledWhileWriting kills a process that writes, at a moment that nobody chose, and wants every
// message whose Append had returned, in order.
func TestKilledWhileWriting(t *testing.T) {
	const env = "SPOOL_TEST_WRITE_TO"
	if dir := os.Getenv(env); dir != "" {
		s, err := Open(dir, 1<<30, quiet)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			if err := s.Append(append([]byte(strconv.Itoa(i)+" "), bytes.Repeat([]byte("x"), 10_000)...)); err != nil {
				t.Fatal(err)
			}
			fmt.Println("wrote", i)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		dir := t.TempDir()
		c := exec.Command(exe, "-test.run", "^TestKilledWhileWriting$")
		c.Env = append(os.Environ(), env+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := -1
		lines := bufio.NewScanner(out)
		killed := false
		for lines.Scan() {
			if _, n, ok := strings.Cut(lines.Text(), "wrote "); ok {
				acknowledged, _ = strconv.Atoi(n)
			}
			if acknowledged >= 10+round*7 && !killed {
				killed = true
				time.AfterFunc(time.Duration(round)*time.Millisecond, func() { _ = c.Process.Kill() })
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = c.Wait()
		s := open(t, dir, 1<<30)
		got := drain(t, s)
		if len(got) <= acknowledged {
			t.Errorf("%d messages, %d had been acknowledged", len(got), acknowledged+1)
		}
		for i, m := range got {
			if n, _, _ := strings.Cut(m, " "); n != strconv.Itoa(i) {
				t.Fatalf("message %d is %q", i, n)
			}
		}
	}
}
