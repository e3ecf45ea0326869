package chtest_test

import (
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	a, b := chtest.Start(t), chtest.Start(t)
	if a.Native != b.Native {
		t.Errorf("two engines: %s and %s", a.Native, b.Native)
	}
	if a.Database == b.Database {
		t.Errorf("one database for both: %s", a.Database)
	}
	conn := a.Conn(t)
	for _, q := range []string{
		"CREATE TABLE t (x UInt64) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO t VALUES (1), (2)",
	} {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	pid := a.Pid()
	a.Kill(t)
	var n uint64
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "SELECT sum(x) FROM t").Scan(&n)
		if err == nil && a.Pid() != pid {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the engine did not come back: %v", err)
		}
	}
	if n != 3 {
		t.Errorf("sum is %d after a kill, want 3", n)
	}
}
