// Package e2e runs the landfall binary as a user does, with real datagrams, a real Kafka protocol
// and a real ClickHouse, and compares what it answers with what is known to have been sent.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limit bounds one test that hangs; nothing waits for it to pass.
const limit = 4 * time.Minute

var program, root string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if root, err = repository(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if program = os.Getenv("LANDFALL_BINARY"); program == "" {
		dir, err := os.MkdirTemp("", "landfall-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "landfall")
		build := exec.Command("go", "build", "-o", program, "./cmd/landfall")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build landfall: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// repository returns the folder that holds go.work.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.work above the test")
		}
	}
}

// need skips the test where something is absent, and fails it where that must not be.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not here", what)
	}
	t.Skipf("%s is not here", what)
}

func needData(t *testing.T) {
	t.Helper()
	_, err := os.Stat(filepath.Join(root, "data", "engine", "libchdb.so"))
	need(t, err == nil, "the data folder (make data)")
}

// system is one installation: a configuration with ports and folders of its own.
type system struct {
	t         *testing.T
	dir       string
	config    string
	ports     map[string]int
	processes []*process
}

// newSystem writes a configuration; extra is YAML appended section by section.
func newSystem(t *testing.T, brokers string, extra ...string) *system {
	t.Helper()
	needData(t)
	s := &system{t: t, dir: t.TempDir(), ports: map[string]int{}}
	for _, name := range []string{"netflow", "ipfix", "sflow"} {
		s.ports[name] = freeUDP(t)
	}
	for _, name := range []string{"kafka", "native", "http", "page"} {
		s.ports[name] = freeTCP(t)
	}
	prefix := "landfall"
	if brokers == "" {
		brokers = fmt.Sprintf("127.0.0.1:%d", s.ports["kafka"])
	} else {
		prefix = fmt.Sprintf("e2e-%d", time.Now().UnixNano())
	}
	text := fmt.Sprintf(`data_dir: %[1]s/data
state_dir: %[2]s/state
telemetry: {listen: ""}
kafka: {brokers: ["%[3]s"], topic_prefix: %[4]s, partitions: 2, session_timeout: 6s}
clickhouse: {addresses: ["127.0.0.1:%[5]d"]}
reporter: {listen: "127.0.0.1:%[6]d"}
embedded:
  broker: {port: %[7]d}
  clickhouse: {native_port: %[5]d, http_port: %[8]d}
collector:
  listen:
    - {address: "127.0.0.1:%[9]d", protocol: netflow}
    - {address: "127.0.0.1:%[10]d", protocol: netflow}
    - {address: "127.0.0.1:%[11]d", protocol: sflow}
`, root, s.dir, brokers, prefix, s.ports["native"], s.ports["page"], s.ports["kafka"], s.ports["http"],
		s.ports["netflow"], s.ports["ipfix"], s.ports["sflow"])
	s.config = filepath.Join(s.dir, "landfall.yaml")
	if err := os.WriteFile(s.config, []byte(text+strings.Join(extra, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stopAll)
	return s
}

// process is one running landfall.
type process struct {
	name   string
	cmd    *exec.Cmd
	stderr *os.File
	done   chan struct{}
	err    error
}

// start starts landfall with arguments; its log goes to a file that a failing test shows.
func (s *system) start(name string, args ...string) *process {
	s.t.Helper()
	logFile, err := os.CreateTemp(s.dir, name+"-*.log")
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"--config", s.config}, args...)...)
	cmd.Dir, cmd.Stderr, cmd.Stdout = s.dir, logFile, logFile
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &process{name: name, cmd: cmd, stderr: logFile, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	s.processes = append(s.processes, p)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// stop ends the process as Ctrl-C does and returns how it ended.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
	select {
	case <-p.done:
		return p.err
	case <-time.After(30 * time.Second):
		p.kill()
		return fmt.Errorf("%s did not stop within 30 s", p.name)
	}
}

func (s *system) stopAll() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		p := s.processes[i]
		if err := p.stop(); err != nil && !strings.Contains(err.Error(), "signal: killed") {
			s.t.Errorf("%s: %v", p.name, err)
		}
		if s.t.Failed() {
			text, _ := os.ReadFile(p.stderr.Name())
			s.t.Logf("%s said:\n%s", p.name, tail(text, 6000))
		}
		p.stderr.Close()
	}
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

// up starts all services and waits until they are ready.
func (s *system) up(args ...string) *process {
	s.t.Helper()
	p := s.start("up", append([]string{"up"}, args...)...)
	s.eventually("landfall up", func() (bool, string) {
		text, err := os.ReadFile(p.stderr.Name())
		if err != nil {
			s.t.Fatal(err)
		}
		select {
		case <-p.done:
			s.t.Fatalf("landfall up ended: %v\n%s", p.err, tail(text, 4000))
		default:
		}
		return bytes.Contains(text, []byte("landfall is up")), string(tail(text, 500))
	})
	return p
}

// eventually asks until the answer is yes, and fails the test with the last detail at the limit.
func (s *system) eventually(what string, ask func() (bool, string)) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, detail := ask()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s: not within %s; last: %s", what, limit, detail)
		case <-tick.C:
		}
	}
}

// landfall runs a command to its end and returns its standard output.
func (s *system) landfall(args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), program, append([]string{"--config", s.config}, args...)...)
	cmd.Dir = s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("landfall %s: %w\n%s", strings.Join(args, " "), err, &errs)
	}
	return out.String(), nil
}

// figures are the sums of an answer's rows.
type figures struct{ flows, up, down uint64 }

// total asks for everything that has been counted.
func (s *system) total(args ...string) figures {
	s.t.Helper()
	out, err := s.landfall(append([]string{"query", "residency", "--format", "json"}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct {
		Rows []struct {
			Flows uint64 `json:"flows"`
			Up    uint64 `json:"bytes_up"`
			Down  uint64 `json:"bytes_down"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	var f figures
	for _, r := range answer.Rows {
		f.flows, f.up, f.down = f.flows+r.Flows, f.up+r.Up, f.down+r.Down
	}
	return f
}

func freeTCP(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func freeUDP(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}
