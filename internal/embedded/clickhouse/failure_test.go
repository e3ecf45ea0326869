package clickhouse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// parentMain starts an engine, says its process id and waits to be killed.
func parentMain(library, dir string) int {
	c := engine.DefaultConfig()
	c.Library, c.Dir = library, dir
	c.ServicePassword, c.ReaderPassword = "a", "b"
	s, err := engine.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Pid())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestEngineEndsWithItsParent(t *testing.T) {
	c := testConfig(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self, parentCommand, c.Library, c.Dir)
	parent.Stderr = t.Output()
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	killErr := parent.Process.Kill()
	_ = parent.Wait()
	if readErr != nil || killErr != nil {
		t.Fatal(readErr, killErr)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	// A zombie that nobody waits for still has an id, so ask for its state.
	for deadline := time.Now().Add(10 * time.Second); !gone(pid) && !zombie(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d outlived its parent", pid)
		}
	}
	// And the next engine gets the folder at once.
	s, _ := newServer(t, c)
	start(t, s)
}

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestRepeatedFailedStartsAreFatal(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := testConfig(t)
	link := filepath.Join(t.TempDir(), "engine.so")
	if err := os.Symlink(c.Library, link); err != nil {
		t.Fatal(err)
	}
	c.Library, c.StartAttempts = link, 3
	s, reg := newServer(t, c)
	start(t, s)
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.Done():
		if !strings.Contains(err.Error(), "3 starts in a row") || !strings.Contains(err.Error(), link) {
			t.Errorf("the message does not say what is wrong: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the failing engine never became fatal")
	}
	// One for the kill, two for the failures that were tried again.
	if n := testutil.ToFloat64(collector(t, reg)); n != 3 {
		t.Errorf("%v restarts counted, want 3", n)
	}
	shutdown(t, s)
}

func TestSecondEngineOnOneFolderIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the lock is given up, 5 s")
	}
	c := testConfig(t)
	first, _ := newServer(t, c)
	start(t, first)
	second, _ := newServer(t, c)
	if err := second.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "another engine works on it") {
		t.Errorf("second engine on one folder: %v", err)
	}
	if err := connect(t, first, c.ServiceUser, c.ServicePassword).Ping(t.Context()); err != nil {
		t.Errorf("the first engine suffered: %v", err)
	}
}

func TestUnusableLibrary(t *testing.T) {
	good := testConfig(t).Library
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := make([]byte, 1<<20)
	f, err := os.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadFull(f, head); err != nil {
		t.Fatal(err)
	}
	almost := filepath.Join(dir, "almost.so") // all but the last part, as a download that broke off
	out, err := os.Create(almost)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.Stat()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(out, f, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	out.Close()
	otherMachine := append([]byte(nil), head...)
	otherMachine[18] = 8 // e_machine: EM_MIPS
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, says string }{
		{"missing", filepath.Join(dir, "none.so"), "is not in " + filepath.Join(dir, "none.so") + "; run `landfall data update`"},
		{"folder", dir, "is not a file"},
		{"empty", file("empty.so", nil), "is not a shared library"},
		{"text", file("page.so", []byte("<html>404</html>")), "is not a shared library"},
		{"first 100 bytes", file("hundred.so", head[:100]), "is cut short or damaged"},
		{"first MiB", file("head.so", head), "is cut short or damaged"},
		{"half", almost, "is cut short or damaged"},
		{"other machine", file("mips.so", otherMachine), "is for EM_MIPS"},
		{"other program", self, "so it is not the engine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := testConfig(t)
			config.Library = c.path
			s, _ := newServer(t, config)
			err := s.Start(t.Context())
			if !errors.Is(err, engine.ErrNoLibrary) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
			t.Log(err)
			shutdown(t, s)
		})
	}
}

func TestValidateSaysAllFaults(t *testing.T) {
	if err := engine.DefaultConfig().Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("the default configuration lacks exactly two passwords: %v", err)
	}
	bad := engine.Config{
		Listen: "0.0.0.0", NativePort: 70000, HTTPPort: -1, MaxMemory: 1, MaxThreads: -1,
		Database: "a b", ServiceUser: "x", ReaderUser: "x", LogLevel: "loud", QueryLogDays: -1,
	}
	err := bad.Validate()
	for _, key := range []string{
		"library:", "dir:", "listen:", "native_port:", "http_port:", "max_memory:", "max_threads:", "database:",
		"reader_user:", "service_password:", "reader_password:", "log_level:", "query_log_days:", "start_timeout:", "start_attempts:",
	} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not mentioned in:\n%v", key, err)
		}
	}
	if _, err := engine.New(bad, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil {
		t.Error("New took a bad configuration")
	}
}
