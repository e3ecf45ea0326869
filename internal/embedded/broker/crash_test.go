package broker_test

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/landfall-telemetry/landfall/internal/embedded/broker"
	"github.com/landfall-telemetry/landfall/internal/testkit/kafkatest"
)

// brokerCommand makes the test binary a broker, to be killed.
const brokerCommand = "broker-to-be-killed"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == brokerCommand {
		os.Exit(brokerMain(os.Args[2]))
	}
	os.Exit(m.Run())
}

func brokerMain(dir string) int {
	c := broker.DefaultConfig()
	c.Port, c.Dir = 0, dir
	c.SegmentBytes = 1 << 20 // so that a few messages fill more than one
	b, err := broker.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err == nil {
		err = b.Start(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(b.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// process is a broker in a process of its own.
type process struct {
	cmd  *exec.Cmd
	addr string
}

func spawn(t testing.TB, dir string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(self, brokerCommand, dir)}
	p.cmd.Stderr = t.Output()
	if _, err := p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the broker's process: %v", err)
	}
	p.addr = strings.TrimSpace(line)
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// What was acknowledged before a kill -9 is there after it, again and again,
// with the same offsets.
func TestKilledBrokerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	p := spawn(t, dir)
	topic := kafkatest.Topic(t, p.addr, "crash", 2)
	group := kafkatest.Name("group")
	value := make([]byte, 150<<10)
	acknowledged := int64(0)
	for round := range 4 {
		c := kafkatest.Client(t, p.addr)
		// Written without pause until the kill comes, in the middle of a write.
		killed := make(chan struct{})
		var first sync.Once
		killSoon := func() {
			defer close(killed)
			time.Sleep(time.Duration(10+40*round) * time.Millisecond)
			p.kill()
		}
		for {
			offset, err := kafkatest.Produce(t.Context(), c, topic, 1, kafka.Zstd, nil, append(fmt.Appendf(nil, "%d ", acknowledged), value...))
			if err != nil {
				break
			}
			if offset != acknowledged {
				t.Fatalf("round %d: message %d got offset %d", round, acknowledged, offset)
			}
			acknowledged++
			if err := kafkatest.Commit(t.Context(), c, group, topic, 1, acknowledged, fmt.Sprintf("after %d", acknowledged)); err != nil {
				break
			}
			first.Do(func() { go killSoon() })
		}
		<-killed
		p = spawn(t, dir)
		c = kafkatest.Client(t, p.addr)
		offset, metadata, err := kafkatest.Committed(t.Context(), c, group, topic, 1)
		// A message or a commit may have been written without its answer.
		if err != nil || offset < acknowledged-1 || offset > acknowledged+1 || metadata != fmt.Sprintf("after %d", offset) {
			t.Fatalf("round %d: %d acknowledged, committed %d, %q, %v", round, acknowledged, offset, metadata, err)
		}
		values, err := kafkatest.Fetch(t.Context(), c, topic, 1, 0, int(acknowledged))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for i, v := range values {
			if !strings.HasPrefix(string(v[:20]), fmt.Sprintf("%d ", i)) || len(v) < len(value) {
				t.Fatalf("round %d: offset %d holds %q of %d bytes", round, i, v[:10], len(v))
			}
		}
		acknowledged = int64(len(values))
		if end := endOffset(t, c, topic, 1); end > acknowledged {
			acknowledged = end
		}
	}
	t.Logf("%d messages over four kills", acknowledged)
	if acknowledged < 10 {
		t.Errorf("only %d messages were written: the test shows little", acknowledged)
	}
}

func endOffset(t testing.TB, c *kafka.Client, topic string, partition int) int64 {
	t.Helper()
	resp, err := c.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[topic][0].LastOffset
}

// A torn entry at the end of the file of offsets, as a power cut leaves it,
// must not hide what is committed after it. kfake alone fails this.
func TestTornOffsetsFile(t *testing.T) {
	dir := t.TempDir()
	p := spawn(t, dir)
	topic, group := kafkatest.Topic(t, p.addr, "torn", 1), kafkatest.Name("group")
	commit := func(offset int64) {
		t.Helper()
		if err := kafkatest.Commit(t.Context(), kafkatest.Client(t, p.addr), group, topic, 0, offset, "m"); err != nil {
			t.Fatal(err)
		}
	}
	commit(1)
	p.kill()
	f, err := os.OpenFile(filepath.Join(dir, "groups.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{90, 0, 0, 0, 1, 2, 3, 4, 1, 0, '{', '"'}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	p = spawn(t, dir)
	commit(2)
	p.kill()
	p = spawn(t, dir)
	if offset, _, err := kafkatest.Committed(t.Context(), kafkatest.Client(t, p.addr), group, topic, 0); err != nil || offset != 2 {
		t.Errorf("committed 2 after the torn entry, got %d, %v", offset, err)
	}
}

// A clean restart keeps offsets, metadata and messages, and a consumer joins
// at once although the last one never left its group.
func TestCleanRestart(t *testing.T) {
	c := testConfig(t)
	b, _ := start(t, c)
	topic, group := kafkatest.Topic(t, b.Addr(), "clean", 1), kafkatest.Name("group")
	client := kafkatest.Client(t, b.Addr())
	if _, err := kafkatest.Produce(t.Context(), client, topic, 0, kafka.Lz4, nil, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := kafkatest.Commit(t.Context(), client, group, topic, 0, 1, "meta"); err != nil {
		t.Fatal(err)
	}
	join := func(addr string) *kafka.Generation {
		g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: []string{addr}, Topics: []string{topic}, SessionTimeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for {
			generation, err := g.Next(ctx)
			if err == nil {
				return generation
			}
			if ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed) {
				t.Fatalf("join: %v", err)
			}
		}
	}
	join(b.Addr())
	shutdown(t, b)
	b, _ = start(t, c)
	g := join(b.Addr())
	if a := g.Assignments[topic]; len(a) != 1 || a[0].Offset != 1 {
		t.Errorf("assigned %v, want partition 0 at 1", a)
	}
	offset, metadata, err := kafkatest.Committed(t.Context(), kafkatest.Client(t, b.Addr()), group, topic, 0)
	if err != nil || offset != 1 || metadata != "meta" {
		t.Errorf("%d, %q, %v", offset, metadata, err)
	}
	values, err := kafkatest.Fetch(t.Context(), kafkatest.Client(t, b.Addr()), topic, 0, 0, 1)
	if err != nil || string(values[0]) != "kept" {
		t.Errorf("%q, %v", values, err)
	}
}
