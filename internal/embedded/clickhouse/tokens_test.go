package clickhouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	engine "github.com/landfall-telemetry/landfall/internal/embedded/clickhouse"
)

// TestTokenWithoutPartIsTakenBack makes what a kill leaves that hits the engine between noting an
// insert's token and putting its part in place: the token is there, the part is not.
func TestTokenWithoutPartIsTakenBack(t *testing.T) {
	c := testConfig(t)
	c.ExtraGrants = []string{"GRANT ALL ON tokens.*"}
	first, _ := newServer(t, c)
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer shutdown(t, first)
	conn := connect(t, first, c.ServiceUser, c.ServicePassword)
	for _, statement := range []string{
		"CREATE DATABASE tokens",
		"CREATE TABLE tokens.a (month UInt32, n UInt64) ENGINE = MergeTree PARTITION BY month ORDER BY n SETTINGS non_replicated_deduplication_window = 100",
		"CREATE TABLE tokens.b (month UInt32, n UInt64) ENGINE = MergeTree PARTITION BY month ORDER BY n SETTINGS non_replicated_deduplication_window = 100",
		"CREATE MATERIALIZED VIEW tokens.v TO tokens.b AS SELECT * FROM tokens.a",
	} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 5 {
		insertAs(t, conn, n)
	}
	if err := conn.Exec(t.Context(), "OPTIMIZE TABLE tokens.a PARTITION 0 FINAL"); err != nil {
		t.Fatal(err)
	}
	for n := 5; n < 8; n++ {
		insertAs(t, conn, n)
	}
	shutdown(t, first)
	// The last part of the second partition of one table of the two.
	parts, err := filepath.Glob(filepath.Join(c.Dir, "data", "tokens", "b", "1_*_0"))
	if err != nil || len(parts) == 0 {
		t.Fatal(parts, err)
	}
	block := func(path string) (n int) {
		if _, err := fmt.Sscanf(filepath.Base(path), "1_%d_", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	lost := slices.MaxFunc(parts, func(a, b string) int { return block(a) - block(b) })
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}

	second, _ := newServer(t, c)
	start(t, second)
	conn = connect(t, second, c.ServiceUser, c.ServicePassword)
	if got := sums(t, conn); got != "a 8 28, b 7 21" {
		t.Fatalf("after the loss: %s", got)
	}
	for n := range 8 {
		insertAs(t, conn, n) // repetitions, as far as the tables have them
	}
	if got := sums(t, conn); got != "a 8 28, b 8 28" {
		t.Errorf("after the repetition: %s", got)
	}
	// It is a token like any other again, over a kill, too.
	pid := second.Pid()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitRestart(t, second, pid, conn)
	for n := range 8 {
		insertAs(t, conn, n)
	}
	if got := sums(t, conn); got != "a 8 28, b 8 28" {
		t.Errorf("after a kill and another repetition: %s", got)
	}
}

// insertAs inserts n under a token of its own, as the aggregator does.
func insertAs(t *testing.T, conn driver.Conn, n int) {
	t.Helper()
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate": 1, "insert_deduplication_token": fmt.Sprint("token ", n),
		"deduplicate_blocks_in_dependent_materialized_views": 1, "async_insert": 0,
	}))
	if err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO tokens.a VALUES (%d, %d)", n%2, n)); err != nil {
		t.Fatal(err)
	}
}

func sums(t *testing.T, conn driver.Conn) string {
	t.Helper()
	var said []string
	for _, table := range []string{"a", "b"} {
		var rows, sum uint64
		if err := conn.QueryRow(t.Context(), "SELECT count(), sum(n) FROM tokens."+table).Scan(&rows, &sum); err != nil {
			t.Fatal(err)
		}
		said = append(said, fmt.Sprint(table, " ", rows, " ", sum))
	}
	return strings.Join(said, ", ")
}

// waitRestart waits until the engine that was killed answers again.
func waitRestart(t *testing.T, s *engine.Server, killed int, conn driver.Conn) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if pid := s.Pid(); pid != killed && pid != 0 && conn.Ping(t.Context()) == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine did not come back")
		}
	}
}
