package aggregator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/policy"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// policySet is the name under which batches have the policy among their data sets.
const policySet = "policy"

// maxRecorded bounds the data sets that are remembered, whatever batches name.
const maxRecorded = 10_000

// recorder writes down the data sets that batches name and the policy's own words, beside the inserts
// and not before them. Whoever names a data set twice changes nothing: the tables keep one row of it.
type recorder struct {
	conn       driver.Conn
	log        *slog.Logger
	metrics    *metrics
	policyPath string

	mu      sync.Mutex
	known   map[dataSet]bool // recorded or waiting
	waiting []recordedSet
	policy  bool // the document is to be read
	full    bool // that no more are remembered has been said
	wake    chan struct{}
}

// dataSet is the key of a row of data_sets.
type dataSet struct {
	name, version, sha256 string
	inForceMs             int64
}

// recordedSet is a row of data_sets.
type recordedSet struct {
	dataSet
	builtMs, receivedMs     int64
	license, source, credit string
}

func newRecorder(conn driver.Conn, log *slog.Logger, m *metrics, policyPath string) *recorder {
	return &recorder{
		conn: conn, log: log, metrics: m, policyPath: policyPath,
		known: make(map[dataSet]bool), policy: policyPath != "", wake: make(chan struct{}, 1),
	}
}

// note takes down what a batch names. It is a look into a map for each data set of a batch that
// names nothing new, and does not wait for the server. It is safe for concurrent use.
func (r *recorder) note(p *landfallv1.EnrichedBatch) {
	r.mu.Lock()
	fresh := r.noteSets(p.DataSets, p.ReceivedMs)
	for _, older := range p.OlderDataSets {
		fresh = r.noteSets(older.Sets, p.ReceivedMs) || fresh
	}
	r.mu.Unlock()
	if !fresh {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

func (r *recorder) noteSets(sets []*landfallv1.DataSetVersion, receivedMs int64) (fresh bool) {
	for _, d := range sets {
		key := dataSet{d.Name, d.Version, d.Sha256, d.InForceMs}
		if r.known[key] {
			continue
		}
		if len(r.known) >= maxRecorded {
			if !r.full {
				r.full = true
				r.log.Error("too many data sets; those that come are not recorded", "recorded", maxRecorded, "name", d.Name, "version", d.Version)
			}
			continue
		}
		r.known[key] = true
		r.waiting = append(r.waiting, recordedSet{key, d.BuiltMs, receivedMs, d.License, d.Source, d.Credit})
		r.policy = r.policy || d.Name == policySet && r.policyPath != ""
		fresh = true
	}
	return fresh
}

// run records until ctx ends, and tries once more what is waiting then, until last ends.
func (r *recorder) run(ctx, last context.Context) {
	wait := clickhouse.NewWait(r.log, "the data sets' names")
	for {
		err := r.record(ctx)
		if err == nil {
			wait.Over()
			select {
			case <-r.wake:
				continue
			case <-ctx.Done():
			}
		} else if wait.Retry(ctx, err) {
			continue
		}
		if err := r.record(last); err != nil {
			r.log.Warn("data sets are not recorded; the next start does it when a batch names them again", "error", err)
		}
		return
	}
}

// record writes what is waiting. What the server does not take waits on.
func (r *recorder) record(ctx context.Context) error {
	r.mu.Lock()
	sets, document := r.waiting, r.policy
	r.waiting, r.policy = nil, false
	r.mu.Unlock()
	if len(sets) == 0 && !document {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := r.writeSets(ctx, sets)
	if err == nil {
		sets = nil
		if document {
			err = r.writePolicy(ctx)
		}
	}
	if err != nil {
		r.metrics.recordErrors.Inc()
		r.mu.Lock()
		r.waiting = append(sets, r.waiting...)
		r.policy = r.policy || document
		r.mu.Unlock()
	}
	return err
}

func (r *recorder) writeSets(ctx context.Context, sets []recordedSet) error {
	if len(sets) == 0 {
		return nil
	}
	batch, err := r.conn.PrepareBatch(ctx, "INSERT INTO data_sets (name, version, sha256, in_force_from, built, license, source, credit, first_used)")
	if err != nil {
		return fmt.Errorf("record data sets: %w", err)
	}
	defer func() { _ = batch.Close() }() // nothing was sent, or all was
	for i := range sets {
		s := &sets[i]
		if err := batch.Append(s.name, s.version, s.sha256, time.UnixMilli(s.inForceMs), time.UnixMilli(s.builtMs), s.license, s.source, s.credit, time.UnixMilli(s.receivedMs)); err != nil {
			return fmt.Errorf("record data set %s %s: %w", s.name, s.version, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("record data sets: %w", err)
	}
	r.metrics.dataSetsRecorded.Add(float64(len(sets)))
	return nil
}

// writePolicy records the file as it is now. One that is no policy is said and left: the enricher does
// not judge by it either, and a better one is looked for when a batch names it.
func (r *recorder) writePolicy(ctx context.Context) error {
	text, err := os.ReadFile(r.policyPath)
	if err != nil {
		r.log.Error("the policy is not recorded", "error", err)
		return nil
	}
	p, err := policy.Parse(r.policyPath, text)
	if err != nil {
		r.log.Error("the policy is not recorded", "error", err)
		return nil
	}
	sum := sha256.Sum256(text)
	if err := r.conn.Exec(ctx, "INSERT INTO policies (version, sha256, document, first_seen) SELECT ?, ?, ?, now64(3)", p.Version, hex.EncodeToString(sum[:]), string(text)); err != nil {
		return fmt.Errorf("record the policy %s: %w", r.policyPath, err)
	}
	return nil
}
