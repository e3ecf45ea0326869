package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

type checkResult struct {
	FlowsSent    uint64   `json:"flows_sent"`
	FlowsCounted uint64   `json:"flows_counted"`
	BytesSent    uint64   `json:"bytes_sent"`
	BytesCounted uint64   `json:"bytes_counted"`
	CellsWrong   int      `json:"cells_wrong"`
	Wrong        []string `json:"wrong"`
	Seconds      float64  `json:"seconds"`
}

func (s *system) checkDemo(p *process) {
	s.t.Helper()
	s.eventually("landfall demo --check", func() (bool, string) {
		select {
		case <-p.done:
			return true, ""
		default:
			return false, "it still runs"
		}
	})
	text, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	var result checkResult
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("{")) {
			err = json.Unmarshal(line, &result)
		}
	}
	if p.err != nil || err != nil || result.FlowsSent == 0 || result.FlowsSent != result.FlowsCounted || result.BytesSent != result.BytesCounted || result.CellsWrong != 0 {
		s.t.Errorf("demo --check: exit %v, %+v, %v\n%s", p.err, result, err, tail(text, 3000))
		if log, err := os.ReadFile(filepath.Join(s.dir, "demo", "landfall.log")); err == nil {
			s.t.Logf("its log:\n%s", tail(log, 8000))
		}
	}
	s.t.Logf("%+v", result)
}

// TestDemoCheck plays the scenario at a tenth of its size on the embedded broker, and on a real
// Apache Kafka if one is named (make kafka).
func TestDemoCheck(t *testing.T) {
	t.Run("embedded broker", func(t *testing.T) {
		s := newSystem(t, "")
		s.checkDemo(s.start("demo", "demo", "--check", "--flows", "100000", "--dir", filepath.Join(s.dir, "demo")))
	})
	t.Run("Apache Kafka", func(t *testing.T) {
		kafka := os.Getenv("LANDFALL_TEST_KAFKA")
		need(t, kafka != "", "LANDFALL_TEST_KAFKA (make kafka)")
		s := newSystem(t, kafka)
		s.checkDemo(s.start("demo", "demo", "--check", "--flows", "100000", "--dir", filepath.Join(s.dir, "demo"),
			"--services", "clickhouse,collector,enricher,aggregator"))
	})
}

// TestDemoCheckSurvivesKills kills -9 the enricher, the aggregator and ClickHouse again and again
// while the scenario plays. Not a byte may be lost or doubled.
func TestDemoCheckSurvivesKills(t *testing.T) {
	const flows = 300_000
	s := newSystem(t, "", "aggregator: {insert_max_age: 100ms, insert_max_rows: 20000}\n")
	dir := filepath.Join(s.dir, "demo")
	demo := s.start("demo", "demo", "--check", "--flows", strconv.Itoa(flows), "--rate", "30000", "--dir", dir,
		"--services", "broker,clickhouse,collector")
	s.eventually("the demo's configuration", func() (bool, string) {
		_, err := os.Stat(filepath.Join(dir, "landfall.yaml"))
		return err == nil, fmt.Sprint(err)
	})
	s.config = filepath.Join(dir, "landfall.yaml")
	running := map[string]*process{"enricher": s.start("enricher", "enricher"), "aggregator": s.start("aggregator", "aggregator")}
	restart := func(role string) {
		running[role].kill()
		running[role] = s.start(role, role)
	}
	killEngine := func() { killChild(t, demo.cmd.Process.Pid, "clickhouse-engine") }

	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for at := uint64(10_000); at < flows; at += 20_000 + random.Uint64N(10_000) {
		counted := s.countedAtLeast(at, demo)
		if counted >= flows {
			break
		}
		switch kills % 4 {
		case 0:
			restart("aggregator")
		case 1:
			killEngine()
		case 2:
			restart("enricher")
		case 3:
			killEngine()
			restart("aggregator")
			restart("enricher")
		}
		kills++
	}
	if kills < 6 {
		t.Errorf("only %d kills", kills)
	}
	t.Logf("%d kills", kills)
	s.checkDemo(demo)
}

// countedAtLeast waits until so many flows are counted; while ClickHouse is gone nobody can tell.
func (s *system) countedAtLeast(flows uint64, demo *process) uint64 {
	s.t.Helper()
	var counted uint64
	s.eventually(fmt.Sprintf("%d flows counted", flows), func() (bool, string) {
		select {
		case <-demo.done:
			text, _ := os.ReadFile(demo.stderr.Name())
			s.t.Fatalf("the demo ended early: %v\n%s", demo.err, tail(text, 3000))
		default:
		}
		out, err := s.landfall("query", "residency", "--by", "vendor", "--format", "json")
		if err != nil {
			return false, err.Error()
		}
		var answer struct {
			Rows []struct {
				Flows uint64 `json:"flows"`
			} `json:"rows"`
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			s.t.Fatalf("%v: %s", err, out)
		}
		counted = 0
		for _, r := range answer.Rows {
			counted += r.Flows
		}
		return counted >= flows, fmt.Sprintf("%d counted", counted)
	})
	return counted
}

// killChild kills -9 the child of parent whose command line has word in it. That there is none at
// the moment, because it is being started again, is no fault.
func killChild(t *testing.T, parent int, word string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil || len(fields) < 2 || fields[1] != strconv.Itoa(parent) || !bytes.Contains(command, []byte(word)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		return
	}
}
