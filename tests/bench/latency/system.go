package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// system is one landfall with its engine, in a folder that goes with it.
type system struct {
	dir    string
	log    string
	cmd    *exec.Cmd
	done   chan struct{}
	native string
	target netip.AddrPort // of NetFlow and IPFIX
}

// subscribers are all handsets' addresses; each vendor has a /16 of them, and the probes' vendor one
// address.
const (
	subscribers = "100.64.0.0/10"
	vendors     = 20
	probeVendor = "Probe"
)

var probeHandset = netip.MustParseAddr("100.127.0.1")

func start(ctx context.Context, binary, data string) (*system, error) {
	dir, err := os.MkdirTemp("", "landfall-latency-")
	if err != nil {
		return nil, err
	}
	s := &system{dir: dir, log: filepath.Join(dir, "landfall.log"), done: make(chan struct{})}
	if err := s.launch(ctx, binary, data); err != nil {
		s.tell()
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *system) launch(ctx context.Context, binary, data string) error {
	absolute, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	var ports [4]int
	for i := range ports {
		if ports[i], err = freePort(ctx); err != nil {
			return err
		}
	}
	s.native = fmt.Sprintf("127.0.0.1:%d", ports[0])
	s.target = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(ports[3]))
	table := "prefix,vendor\n" + probeHandset.String() + "/32," + probeVendor + "\n"
	for v := range vendors {
		table += fmt.Sprintf("100.%d.0.0/16,Vendor %02d\n", 64+v, v+1)
	}
	text := fmt.Sprintf(`data_dir: %[1]s
state_dir: %[2]s/state
telemetry: {listen: ""}
embedded:
  broker: {port: %[5]d}
  clickhouse: {native_port: %[3]d, http_port: %[4]d}
collector:
  listen: [{address: "%[6]s", protocol: netflow}]
enricher: {subscriber_prefixes: ["%[7]s"], static_vendors_file: %[2]s/vendors.csv}
`, absolute, s.dir, ports[0], ports[1], ports[2], s.target, subscribers)
	for name, content := range map[string]string{"vendors.csv": table, "landfall.yaml": text} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	// It ends in its own time, after ctx: what it has is flushed.
	s.cmd = exec.Command(binary, "--config", filepath.Join(s.dir, "landfall.yaml"), "up", "--services", "broker,clickhouse,collector,enricher,aggregator")
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is in its log
		close(s.done)
	}()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		said, err := os.ReadFile(s.log)
		switch {
		case err != nil:
			return err
		case bytes.Contains(said, []byte("landfall is up")):
			return nil
		case time.Now().After(deadline):
			return errors.New("landfall is not up after two minutes")
		}
		select {
		case <-s.done:
			return errors.New("landfall ended at its start")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// stop ends landfall as Ctrl-C does, and removes its folder.
func (s *system) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
		select {
		case <-s.done:
		case <-time.After(time.Minute):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
	}
}

// tell shows the end of landfall's log.
func (s *system) tell() {
	text, _ := os.ReadFile(s.log)
	fmt.Fprintf(os.Stderr, "landfall said:\n%s\n", text[max(0, len(text)-4000):])
}

// connect logs in as one of landfall's users.
func (s *system) connect(ctx context.Context, user string) (driver.Conn, error) {
	password, err := os.ReadFile(filepath.Join(s.dir, "state", "secrets", "clickhouse-"+user+".password"))
	if err != nil {
		return nil, err
	}
	conn, err := clickhousego.Open(&clickhousego.Options{
		Addr: []string{s.native},
		Auth: clickhousego.Auth{Database: "landfall", Username: user, Password: strings.TrimSpace(string(password))},
	})
	if err != nil {
		return nil, err
	}
	return conn, conn.Ping(ctx)
}

// used is CPU time in seconds.
type used struct{ landfall, clickhouse, own float64 }

func (s *system) cpu() used {
	u := used{landfall: cpuOf(s.cmd.Process.Pid), own: cpuOf(os.Getpid())}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.cmd.Process.Pid, s.cmd.Process.Pid))
	all := strings.Fields(string(children))
	// The thread that started the engine need not be the first one.
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		all = append(all, strings.Fields(string(children))...)
	}
	seen := make(map[string]bool)
	for _, child := range all {
		if pid, err := strconv.Atoi(child); err == nil && !seen[child] {
			seen[child] = true
			u.clickhouse += cpuOf(pid)
		}
	}
	return u
}

// cpuOf is the user and system time of a process so far, in seconds; proc_pid_stat(5), fields 14 and
// 15, in hundredths.
func cpuOf(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}
