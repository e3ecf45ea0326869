package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// process is one running program; its output goes to a file of its own.
type process struct {
	name string // of its role and number: "aggregator 3"
	log  string
	pid  int
	done chan struct{}
	err  error // once done

	ending bool // we have ended it
	frozen bool
	// fragile: its ClickHouse was killed while it started for the first time, which may end it.
	fragile bool
}

// spawner starts processes that the kernel ends with us, however we end. The kernel binds a child to
// the thread that started it, so one thread does so, and lives as long as the spawner.
type spawner struct {
	jobs chan func()
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func())}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

func (s *spawner) close() { close(s.jobs) }

// start starts a program with further environment variables.
func (s *spawner) start(name, dir string, env []string, argv ...string) (*process, error) {
	out, err := os.CreateTemp(dir, strings.ReplaceAll(name, " ", "-")+"-*.log")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...) // a process outlives the call
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	s.jobs <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, log: out.Name(), pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process as kill -9 does, frozen or not.
func (p *process) kill() {
	p.ending = true
	signal(p.pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) freeze() { p.frozen = true; signal(p.pid, syscall.SIGSTOP) }

func (p *process) thaw() {
	if p.frozen {
		p.frozen = false
		signal(p.pid, syscall.SIGCONT)
	}
}

// tail is the end of what the process said.
func (p *process) tail(n int) string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-n):])
}

func signal(pid int, s syscall.Signal) {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) { // it may have ended
		panic(fmt.Sprintf("signal %v to our own process %d: %v", s, pid, err))
	}
}

// childOf returns the pid of the child of parent whose command line has word in it; 0: there is none
// at the moment.
func childOf(parent int, word string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || !bytes.Contains(command, []byte(word)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			return pid
		}
	}
	return 0
}
