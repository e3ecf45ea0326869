// Package outbox writes batches to Kafka in the order in which they were put in, each until it
// succeeds. What cannot be written now waits in memory, and on disk as soon as Kafka is known to be
// gone. It does not know what is in a batch.
//
// Order is kept by one rule: nothing waits in memory behind something on disk. Memory is moved to
// the spool as a whole, and as long as the spool holds anything, everything new goes there.
package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/services/collector/internal/spool"
)

// Producer writes to Kafka: bus.Client.
type Producer interface {
	EnsureTopics(ctx context.Context, topics ...string) (partitions int, err error)
	Produce(ctx context.Context, topic string, partition int, value []byte, headers ...bus.Header) (offset int64, err error)
}

// Batch is what is written at once.
type Batch struct {
	// Epoch and Sequence are those of the batch's origin. The sequence decides the partition.
	Epoch, Sequence uint64
	// Flows is how many are lost if the batch is.
	Flows int
	Value []byte

	// partitions is how many the topic had when the batch was spooled; 0: not known then. A batch
	// that may have been written once must go to the same partition when it is tried again.
	partitions int
}

// Config says where the batches go and wait.
type Config struct {
	Topic         string
	SpoolDir      string
	SpoolMaxBytes int64
	// Queue is how many batches wait in memory.
	Queue int
}

// Loss says why flows were lost.
type Loss string

// Why flows are lost.
const (
	LossSpoolFull    Loss = "spool_full"
	LossSpoolFailed  Loss = "spool_failed"
	LossTooLarge     Loss = "too_large"     // Kafka will never take it
	LossSpoolDamaged Loss = "spool_damaged" // counts batches, not flows: their number is not known
)

// Metrics is told what happens.
type Metrics interface {
	Wrote(flows int, took time.Duration)
	WriteFailed()
	// Lost is told of a batch that is lost, which it may not keep.
	Lost(why Loss, b *Batch)
	// Damaged is told of batches that could not be read from the disk.
	Damaged(batches int)
	Spool(batches int, bytes int64)
}

// Outbox is the queue and its one sender.
type Outbox struct {
	config   Config
	producer Producer
	log      *slog.Logger
	metrics  Metrics
	fail     func(error)

	mu         sync.Mutex
	memory     []Batch
	spool      *spool.Spool
	down       bool // Kafka did not take the last write: everything goes to disk
	closing    bool
	partitions int // of the topic; 0: not known yet
	lastLossAt time.Time

	wake   chan struct{} // there is something to do for the sender
	cancel context.CancelFunc
	done   chan struct{}
}

// patience is how long Kafka may take to answer at the start before what waits goes to disk.
const patience = 2 * time.Second

// Start opens the spool and starts the sender. fail is called for a failure that waiting cannot
// mend.
func Start(config Config, producer Producer, log *slog.Logger, metrics Metrics, fail func(error)) (*Outbox, error) {
	s, err := spool.Open(config.SpoolDir, config.SpoolMaxBytes, log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &Outbox{
		config: config, producer: producer, log: log, metrics: metrics, fail: fail,
		spool: s, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	if n := s.Len(); n > 0 {
		log.Info("batches of an earlier run are in the spool and go first", "batches", n, "bytes", s.Bytes(), "dir", config.SpoolDir)
	}
	metrics.Spool(s.Len(), s.Bytes())
	go func() {
		defer close(o.done)
		o.send(ctx)
	}()
	return o, nil
}

// Put adds a batch. It waits for the disk at most, never for Kafka; a batch for which there is no
// room is lost, counted and said.
func (o *Outbox) Put(b Batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down && o.spool.Len() == 0 {
		if len(o.memory) < o.config.Queue {
			o.memory = append(o.memory, b)
			o.poke()
			return
		}
		// The sender is too slow for memory alone.
	}
	o.spill()
	if len(o.memory) > 0 { // the disk did not take it, and nothing may overtake it
		if len(o.memory) < o.config.Queue {
			o.memory = append(o.memory, b)
			o.poke()
			return
		}
		o.lose(LossSpoolFull, b, spool.ErrFull)
		return
	}
	o.toSpool(b, true)
	o.poke()
}

func (o *Outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// spill moves memory to the spool, all or nothing; o.mu is held.
func (o *Outbox) spill() {
	bytes := 0
	for i := range o.memory {
		bytes += entryHeader + len(o.memory[i].Value)
	}
	if len(o.memory) == 0 || !o.spool.Fits(len(o.memory), bytes) {
		return
	}
	for i := range o.memory {
		if !o.toSpool(o.memory[i], i > 0) {
			return
		}
	}
	o.memory = nil
}

// toSpool writes a batch to disk. One that the disk does not take is lost if so said; else it
// reports false.
func (o *Outbox) toSpool(b Batch, orLose bool) bool {
	if b.partitions == 0 {
		b.partitions = o.partitions
	}
	err := o.spool.Append(b.entry())
	o.metrics.Spool(o.spool.Len(), o.spool.Bytes())
	switch {
	case err == nil:
	case !orLose:
		return false
	case errors.Is(err, spool.ErrFull):
		o.lose(LossSpoolFull, b, err)
	default:
		o.lose(LossSpoolFailed, b, err)
	}
	return true
}

// lose counts a batch as lost and says so, at most every 30 seconds; o.mu is held.
func (o *Outbox) lose(why Loss, b Batch, err error) {
	o.metrics.Lost(why, &b)
	if now := time.Now(); now.Sub(o.lastLossAt) >= sayEvery {
		o.lastLossAt = now
		o.log.Error("flows are lost: neither Kafka nor the spool takes them", "reason", string(why), "flows", b.Flows,
			"spool_bytes", o.spool.Bytes(), "spool_max_bytes", o.config.SpoolMaxBytes, "error", err)
	}
}

// Shutdown writes what waits in memory if Kafka takes it before ctx's deadline, and puts the rest on
// disk. Nothing may be Put any more.
func (o *Outbox) Shutdown(ctx context.Context) error {
	o.mu.Lock()
	o.closing = true
	o.mu.Unlock()
	o.poke()
	grace := ctx.Done()
	if deadline, ok := ctx.Deadline(); ok {
		// A second is kept for the disk.
		early, cancel := context.WithDeadline(ctx, deadline.Add(-min(time.Second, time.Until(deadline)/4)))
		defer cancel()
		grace = early.Done()
	}
	select {
	case <-o.done:
	case <-grace:
	}
	o.cancel()
	<-o.done
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spill()
	for _, b := range o.memory {
		o.lose(LossSpoolFull, b, spool.ErrFull)
	}
	o.memory = nil
	if n := o.spool.Len(); n > 0 {
		o.log.Warn("batches stay in the spool; the next run sends them", "batches", n, "bytes", o.spool.Bytes(), "dir", o.config.SpoolDir)
	}
	if err := o.spool.Close(); err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return nil
}

// entryHeader is what stands before a batch's value on disk: epoch, sequence, flows, partitions.
const entryHeader = 8 + 8 + 4 + 4

func (b *Batch) entry() []byte {
	e := make([]byte, 0, entryHeader+len(b.Value))
	e = binary.BigEndian.AppendUint64(e, b.Epoch)
	e = binary.BigEndian.AppendUint64(e, b.Sequence)
	e = binary.BigEndian.AppendUint32(e, uint32(b.Flows))
	e = binary.BigEndian.AppendUint32(e, uint32(b.partitions))
	return append(e, b.Value...)
}

func parseEntry(e []byte) (Batch, bool) {
	if len(e) < entryHeader {
		return Batch{}, false
	}
	return Batch{
		Epoch:      binary.BigEndian.Uint64(e),
		Sequence:   binary.BigEndian.Uint64(e[8:]),
		Flows:      int(binary.BigEndian.Uint32(e[16:])),
		partitions: int(binary.BigEndian.Uint32(e[20:])),
		Value:      e[entryHeader:],
	}, true
}
