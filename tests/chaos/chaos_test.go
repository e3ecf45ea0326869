package chaos

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
)

// TestNothingIsLostOrDoubled is the short form of the soak, on both brokers at the same time: what takes
// long is waiting for sessions to end.
func TestNothingIsLostOrDoubled(t *testing.T) {
	root := repository(t)
	_, err := os.Stat(filepath.Join(root, "data", "engine", "libchdb.so"))
	need(t, err == nil, "the data folder (make data)")
	program := os.Getenv("LANDFALL_BINARY")
	if program == "" {
		program = filepath.Join(t.TempDir(), "landfall")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/landfall")
		build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build landfall: %v\n%s", err, out)
		}
	}
	for name, c := range map[string]Config{
		"embedded broker": {Seed: 3},
		"Apache Kafka":    {Seed: 4, Kafka: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.Kafka {
				_, err := exec.LookPath("java")
				need(t, err == nil, "java")
				_, err = os.Stat(filepath.Join(root, "data", "kafka", "libs", ".from-pom"))
				need(t, err == nil, "data/kafka/libs (make kafka-libs)")
			}
			c.Program, c.Root = program, root
			c.Duration, c.Pace, c.Rate = 12*time.Second, 600*time.Millisecond, 3000
			c.Log = t.Output()
			result, err := Run(t.Context(), c)
			if err != nil {
				t.Fatalf("%v; everything is kept in %s", err, result.Dir)
			}
			if !result.OK() {
				t.Errorf("lost %d, doubled %d, %d cells wrong; everything is kept in %s\n%s", result.Lost, result.Doubled, result.CellsWrong, result.Dir, strings.Join(result.Wrong, "\n"))
			}
			if len(result.Exits) > 0 {
				t.Errorf("ended by themselves: %v", result.Exits)
			}
			if result.Copies == 0 || len(result.Kills) == 0 {
				t.Errorf("nothing was broken: %+v", result)
			}
			for _, table := range flowstest.Tables {
				if !slices.Contains(result.Tables, table) {
					t.Errorf("table %s was not compared", table)
				}
			}
		})
	}
}

func TestDifferencesAreFoundInEveryFigure(t *testing.T) {
	at := func(place, week string) cell {
		return cell{site: siteWriters, vendor: "Xiaomi", place: place, time: week}
	}
	one := counts{1, 10, 20, 3, 4}
	want := map[cell]counts{at("CN-BJ", "2026-01-05"): one, at("SG", "2026-01-05"): one, at("SG", "2026-01-12"): one}
	full := table{name: "full", bytes: []string{"", ""}, packets: []string{"", ""}}
	if d := full.differences(want, want); len(d) != 0 {
		t.Errorf("the same differs: %v", d)
	}
	for name, change := range map[string]func(map[cell]counts){
		"lost":         func(m map[cell]counts) { delete(m, at("SG", "2026-01-12")) },
		"doubled":      func(m map[cell]counts) { m[at("SG", "2026-01-12")] = counts{2, 20, 40, 6, 8} },
		"bytes up":     func(m map[cell]counts) { m[at("SG", "2026-01-12")] = counts{1, 11, 20, 3, 4} },
		"packets down": func(m map[cell]counts) { m[at("SG", "2026-01-12")] = counts{1, 10, 20, 3, 5} },
		"elsewhere":    func(m map[cell]counts) { m[at("US-OR", "2026-01-05")] = one },
	} {
		got := make(map[cell]counts)
		for c, n := range want {
			got[c] = n
		}
		change(got)
		d := full.differences(want, got)
		if len(d) != 1 {
			t.Errorf("%s: %v", name, d)
		}
		lost, doubled := lostAndDoubled(d)
		if name == "lost" && (lost != 1 || doubled != 0) || name == "doubled" && (lost != 0 || doubled != 1) {
			t.Errorf("%s: %d lost, %d doubled", name, lost, doubled)
		}
	}
	coarse := sum(want, columns{vendor: true, week: true}, siteWriters)
	if got := coarse[cell{site: siteWriters, vendor: "Xiaomi", time: "2026-01-05"}]; got != (counts{2, 20, 40, 6, 8}) || len(coarse) != 2 {
		t.Errorf("by week: %v", coarse)
	}
}

// TestProxyCutsAtTheByte: what came before the cut is passed on, and then both ends are gone.
func TestProxyCutsAtTheByte(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := make(chan int, 2)
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			n, _ := io.Copy(io.Discard, c)
			c.Close()
			got <- int(n)
		}
	}()
	p, err := newProxy(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	send := func(n int) error {
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write(make([]byte, n)); err != nil {
			return err
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1))
		return err
	}
	if err := send(100_000); !errors.Is(err, io.EOF) || <-got != 100_000 {
		t.Fatalf("whole: %v", err)
	}
	p.up.bytes.Store(70_001)
	if err := send(100_000); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("cut: %v", err)
	}
	if n := <-got; n > 70_001 || p.cuts.Load() != 1 {
		t.Errorf("%d bytes came before the cut, %d cuts", n, p.cuts.Load())
	}
	p.refuse()
	if err := send(1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("refused: %v", err)
	}
	if err := p.accept(); err != nil {
		t.Fatal(err)
	}
	if err := send(5); !errors.Is(err, io.EOF) || <-got != 5 {
		t.Errorf("again: %v", err)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.work")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = fmt.Errorf("no go.work above the test")
		}
	}
	t.Fatal(err)
	return ""
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
