package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"
)

// atHand is an engine whose process and files can be reached. A nil one cannot.
type atHand struct {
	conn driver.Conn
	dir  string
	pid  func() int
}

// forget takes the tables out of memory: out of the engine's caches and, file by file, out of the
// kernel's.
func (e *atHand) forget(ctx context.Context) error {
	for _, cache := range []string{"MARK CACHE", "UNCOMPRESSED CACHE", "PRIMARY INDEX CACHE", "QUERY CONDITION CACHE"} {
		if err := e.conn.Exec(ctx, "SYSTEM DROP "+cache); err != nil {
			return fmt.Errorf("drop the %s: %w", cache, err)
		}
	}
	return filepath.WalkDir(filepath.Join(e.dir, "store"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreGone(err)
		}
		f, err := os.Open(path)
		if err != nil {
			return ignoreGone(err)
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// ignoreGone: the engine removes old parts whenever it likes.
func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// cpuMs is the engine's CPU time so far; proc_pid_stat(5), fields 14 and 15, in hundredths of a second.
func (e *atHand) cpuMs() float64 {
	if e == nil {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.pid()))
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
	return 10 * (user + system)
}
