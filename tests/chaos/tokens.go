package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
)

// TokensResult is what killing ClickHouse alone has found. A row of a table is one insert.
type TokensResult struct {
	Kills    int      `json:"kills"`
	Inserts  uint64   `json:"inserts"` // made, one after the other by each writer
	Parts    uint64   `json:"parts"`   // that these had to put in place, in all tables
	Repeated uint64   `json:"repeated"`
	Lost     int      `json:"lost"`    // parts: their token was noted, they were not there
	Doubled  int      `json:"doubled"` // the other way round
	Wrong    []string `json:"wrong"`
	Seed     uint64   `json:"seed"`
	Seconds  float64  `json:"duration_s"`
}

const (
	tokenWriters = 4 // each with tables of its own, so that they do not wait for each other
	tokenLevels  = 6 // of each: one table and views into the others, one after the other
)

// RunTokens kills ClickHouse again and again while small inserts go on, each under a token and repeated
// until it is made, as an aggregator does. It looks for the moment between noting a token and putting
// the part in place (docs/decisions/0002-exactly-once.md).
func RunTokens(ctx context.Context, c Config, kills int) (result TokensResult, err error) {
	dir, err := os.MkdirTemp(c.Dir, "landfall-tokens-")
	if err != nil {
		return result, err
	}
	defer func() {
		if err == nil && result.Lost+result.Doubled == 0 {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(c.Log, "everything is kept in", dir)
		}
	}()
	s, err := newSystem(c, dir)
	if err != nil {
		return result, err
	}
	defer s.close()
	engine, err := s.start(roleEngine)
	if err != nil {
		return result, err
	}
	if err := await(ctx, s.engineAt, engine); err != nil {
		return result, err
	}
	t := &tokens{system: s, result: &result, reported: make(map[string]bool)}
	begin := time.Now()
	err = t.run(ctx, engine, kills)
	result.Seed, result.Seconds = c.Seed, time.Since(begin).Seconds()
	result.Inserts, result.Repeated = t.inserts.Load(), t.repeated.Load()
	result.Parts = result.Inserts * tokenLevels
	return result, err
}

type tokens struct {
	*system
	result            *TokensResult
	inserts, repeated atomic.Uint64
	reported          map[string]bool
	// made is the number of the last insert of each writer that is made.
	made [tokenWriters]atomic.Uint64
}

func (t *tokens) run(ctx context.Context, engine *process, kills int) error {
	conn, err := t.connect("system")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := t.makeTables(ctx, conn); err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var writers sync.WaitGroup
	pause := make(chan struct{}) // closed in the end
	for w := range tokenWriters {
		writers.Go(func() { t.write(inner, w, pause) })
	}
	random := rand.New(rand.NewPCG(t.c.Seed, 2))
	for t.result.Kills < kills && err == nil {
		if err = t.killOne(ctx, engine, random); err == nil {
			err = t.check(ctx, conn, false)
		}
		if t.result.Kills%25 == 0 {
			fmt.Fprintf(t.c.Log, "%d kills, %d inserts, %d repeated, %d parts lost, %d doubled\n", t.result.Kills, t.inserts.Load(), t.repeated.Load(), t.result.Lost, t.result.Doubled)
		}
	}
	close(pause)
	if err != nil {
		cancel()
	}
	writers.Wait()
	if err != nil {
		return err
	}
	return t.check(ctx, conn, true)
}

func tokenTable(writer, level int) string { return fmt.Sprintf("landfall.tokens_%d_%d", writer, level) }

func (t *tokens) makeTables(ctx context.Context, conn driver.Conn) error {
	statements := []string{"CREATE DATABASE IF NOT EXISTS landfall"}
	for w := range tokenWriters {
		for l := range tokenLevels {
			name := tokenTable(w, l)
			statements = append(statements, "CREATE TABLE "+name+" (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 20000")
			if l > 0 {
				statements = append(statements, "CREATE MATERIALIZED VIEW "+name+"_view TO "+name+" AS SELECT n FROM "+tokenTable(w, l-1))
			}
		}
	}
	for _, statement := range statements {
		if err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// write makes insert after insert, each until it is made.
func (t *tokens) write(ctx context.Context, writer int, end <-chan struct{}) {
	password, _ := os.ReadFile(filepath.Join(t.dir, "state", "secrets", "clickhouse-landfall.password")) // it was read before
	c := clickhouse.DefaultConfig()
	c.Addresses, c.Password = []string{t.engineAt}, config.Secret(strings.TrimSpace(string(password)))
	inserter, err := clickhouse.NewInserter(c)
	if err != nil {
		panic(err) // the configuration is ours
	}
	defer inserter.Close()
	for n := uint64(1); ; n++ {
		select {
		case <-end:
			return
		default:
		}
		columns := proto.Input{{Name: "n", Data: proto.ColUInt64{n}}}
		for {
			try, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := inserter.Insert(try, strings.TrimPrefix(tokenTable(writer, 0), "landfall."), columns, fmt.Sprintf("%d/%d", writer, n))
			cancel()
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			t.repeated.Add(1)
			time.Sleep(10 * time.Millisecond)
		}
		t.inserts.Add(1)
		t.made[writer].Store(n)
	}
}

// killOne waits until inserts go on, and kills the engine at some moment after.
func (t *tokens) killOne(ctx context.Context, engine *process, random *rand.Rand) error {
	var before [tokenWriters]uint64
	for w := range before {
		before[w] = t.made[w].Load()
	}
	limit := time.Now().Add(startLimit)
	for {
		all := true
		for w := range before {
			all = all && t.made[w].Load() > before[w]+1
		}
		if all {
			break
		}
		if !engine.running() || time.Now().After(limit) {
			return fmt.Errorf("ClickHouse does not come back: %s", engine.tail(2000))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	time.Sleep(time.Duration(random.Int64N(int64(60 * time.Millisecond))))
	pid := childOf(engine.pid, "clickhouse-engine")
	if pid == 0 {
		return fmt.Errorf("there is no engine: %s", engine.tail(2000))
	}
	signal(pid, syscall.SIGKILL)
	t.result.Kills++
	// The kernel takes a moment; before, the old one might answer.
	for childOf(engine.pid, "clickhouse-engine") == pid {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// check compares what is in the tables with what was made. An insert that is under way is not looked at.
func (t *tokens) check(ctx context.Context, conn driver.Conn, last bool) error {
	for w := range tokenWriters {
		made := t.made[w].Load()
		if !last && made < 3 {
			continue
		}
		for l := range tokenLevels {
			name := tokenTable(w, l)
			if err := t.checkTable(ctx, conn, name, made); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tokens) checkTable(ctx context.Context, conn driver.Conn, name string, made uint64) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := t.compareTable(ctx, conn, name, made)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // it is being started
	}
}

func (t *tokens) compareTable(ctx context.Context, conn driver.Conn, name string, made uint64) error {
	rows, err := conn.Query(ctx, fmt.Sprintf(`SELECT n, c FROM (SELECT number + 1 AS n FROM numbers(%d)) AS a
		LEFT JOIN (SELECT n, count() AS c FROM %s GROUP BY n) AS b USING n WHERE c != 1 ORDER BY n`, made, name))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n, count uint64
		if err := rows.Scan(&n, &count); err != nil {
			return err
		}
		said := fmt.Sprintf("%s: insert %d is in it %d times", name, n, count)
		if t.reported[said] {
			continue
		}
		t.reported[said] = true
		if count == 0 {
			t.result.Lost++
		} else {
			t.result.Doubled++
		}
		t.result.Wrong = append(t.result.Wrong, said)
		fmt.Fprintf(t.c.Log, "kill %d: %s\n", t.result.Kills, said)
	}
	return rows.Err()
}
