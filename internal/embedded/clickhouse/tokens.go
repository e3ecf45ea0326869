package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The engine notes the deduplication token of an insert a moment before it puts the insert's part in
// place (MergeTreeSink, MergeTreeDeduplicationLog). Killed in between, it would take the repetition of
// that insert for a duplicate, and its rows would be lost. Before each start, therefore, tokens whose
// parts are not there are taken back.
//
// A table's log is text, deduplication_logs/deduplication_log_N.txt in the table's folder, a record a
// line: operation (1 add, 2 drop), part, token's hash, with tabs between. Part names are
// partition_firstblock_lastblock_level, perhaps with _mutation. Blocks that are being put in place are
// not merged over, so a part that covers a block, in the state that a killed engine leaves, says that
// the block was put in place.

const (
	addRecord  = "1"
	dropRecord = "2"

	// Each insert under way leaves one token at most without its part, and no more inserts than this are
	// under way at a time. What is older had its part, whatever has become of it.
	lastTokens = 512
	// lastBytes holds as many records.
	lastBytes = 256 << 10
)

// takeBackTokens takes back the last tokens of every table in dir that have no part. No engine may work
// on dir. It returns how many there were.
func takeBackTokens(dir string) (int, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "store", "*", "*", "deduplication_logs"))
	if err != nil {
		return 0, err
	}
	total := 0
	var errs []error
	for _, l := range logs {
		n, err := takeBackTableTokens(filepath.Dir(l))
		if err != nil {
			errs = append(errs, fmt.Errorf("deduplication tokens of %s: %w", filepath.Dir(l), err))
		}
		total += n
	}
	return total, errors.Join(errs...)
}

type token struct{ part, hash string }

func takeBackTableTokens(table string) (int, error) {
	logs, err := newestLogs(filepath.Join(table, "deduplication_logs"))
	if err != nil {
		return 0, err
	}
	var tokens []token
	for _, path := range logs {
		if tokens, err = appendLast(tokens, path); err != nil {
			return 0, err
		}
	}
	if len(tokens) == 0 {
		return 0, nil
	}
	entries, err := os.ReadDir(table)
	if err != nil {
		return 0, err
	}
	there := make(map[string][]part)
	for _, e := range entries {
		if p, ok := parsePart(e.Name()); ok && e.IsDir() {
			there[p.partition] = append(there[p.partition], p)
		}
	}
	var drops bytes.Buffer
	dropped := 0
	for _, t := range tokens {
		p, ok := parsePart(t.part)
		if !ok || slices.ContainsFunc(there[p.partition], func(q part) bool { return q.first <= p.first && p.last <= q.last }) {
			continue
		}
		fmt.Fprintf(&drops, "%s\t%s\t%s\n", dropRecord, t.part, t.hash)
		dropped++
	}
	if dropped == 0 {
		return 0, nil
	}
	f, err := os.OpenFile(logs[len(logs)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return 0, err
	}
	_, err = f.Write(drops.Bytes())
	return dropped, errors.Join(err, f.Sync(), f.Close())
}

// newestLogs are the log of a table that is written and the one before it, which may have been ended by
// the record in question; the written one comes last.
func newestLogs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	type log struct {
		path   string
		number int
	}
	var logs []log
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "deduplication_log_")
		digits, text := strings.CutSuffix(digits, ".txt")
		if n, err := strconv.Atoi(digits); ok && text && err == nil {
			logs = append(logs, log{filepath.Join(dir, e.Name()), n})
		}
	}
	slices.SortFunc(logs, func(a, b log) int { return a.number - b.number })
	var paths []string
	for _, l := range logs[max(0, len(logs)-2):] {
		paths = append(paths, l.path)
	}
	return paths, nil
}

// appendLast adds the last tokens of a log, and takes away what it drops.
func appendLast(tokens []token, path string) ([]token, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from := max(0, size-lastBytes)
	text := make([]byte, size-from)
	if _, err := f.ReadAt(text, from); err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	if from > 0 {
		lines = lines[1:] // the first is cut
	}
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	for _, line := range lines[max(0, len(lines)-lastTokens):] {
		record, whole := strings.CutSuffix(line, "\n")
		fields := strings.Split(record, "\t")
		if !whole || len(fields) != 3 { // cut short by a power failure, or another engine's
			return nil, fmt.Errorf("%s has a record of another form: %q", path, line)
		}
		// A hash that comes again has another part now.
		tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.hash == fields[2] })
		if fields[0] == addRecord {
			tokens = append(tokens, token{fields[1], fields[2]})
		}
	}
	return tokens, nil
}

// part is what a part's name says.
type part struct {
	partition   string
	first, last uint64 // blocks
}

func parsePart(name string) (part, bool) {
	fields := strings.Split(name, "_")
	if len(fields) != 4 && len(fields) != 5 {
		return part{}, false
	}
	for _, number := range fields[1:] {
		if _, err := strconv.ParseUint(number, 10, 64); err != nil {
			return part{}, false
		}
	}
	p := part{partition: fields[0]}
	p.first, _ = strconv.ParseUint(fields[1], 10, 64) // as above
	p.last, _ = strconv.ParseUint(fields[2], 10, 64)
	return p, p.first <= p.last
}
