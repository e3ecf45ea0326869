package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/landfall-telemetry/landfall/internal/bus"
)

// sayEvery is how often it is said that Kafka is waited for.
const sayEvery = 30 * time.Second

// send is the one sender: the oldest batch, until it is written, then the next.
func (o *Outbox) send(ctx context.Context) {
	if !o.findTopic(ctx) {
		return
	}
	for {
		b, entry, ok := o.oldest(ctx)
		if !ok {
			return
		}
		if !o.write(ctx, b) {
			return
		}
		o.written(b, entry)
	}
}

// findTopic waits for Kafka and the topic. What is put in meanwhile goes to disk after patience.
func (o *Outbox) findTopic(ctx context.Context) bool {
	late := time.AfterFunc(patience, func() { o.setDown(true) })
	defer late.Stop()
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { // on shutdown, do not wait for a Kafka that is known to be gone, or for nothing
		for {
			select {
			case <-ctx.Done():
				return
			case <-o.wake:
				o.mu.Lock()
				stop := o.closing && (o.down || len(o.memory) == 0)
				o.mu.Unlock()
				if stop {
					cancel()
				}
			}
		}
	})
	partitions, err := o.producer.EnsureTopics(ctx, o.config.Topic)
	if err != nil {
		if ctx.Err() == nil {
			o.fail(err)
		}
		return false
	}
	o.mu.Lock()
	o.partitions = partitions
	o.mu.Unlock()
	late.Stop()
	o.setDown(false)
	return true
}

// setDown notes whether Kafka is gone. When it goes, memory goes to disk: the process may end too.
func (o *Outbox) setDown(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down = down; down {
		o.spill()
		o.poke()
	}
}

// oldest waits for a batch and returns it, with its entry if it is on disk. False: the outbox is
// closing, and everything is sent or safe on disk.
func (o *Outbox) oldest(ctx context.Context) (Batch, []byte, bool) {
	for {
		o.mu.Lock()
		if len(o.memory) > 0 {
			b := o.memory[0]
			o.mu.Unlock()
			return b, nil, true
		}
		if o.closing {
			o.mu.Unlock()
			return Batch{}, nil, false
		}
		entry, ok := o.spool.Peek()
		if n := o.spool.Damaged(); n > 0 {
			o.metrics.Damaged(n)
			o.metrics.Spool(o.spool.Len(), o.spool.Bytes())
		}
		if ok {
			b, valid := parseEntry(entry)
			if !valid {
				o.spool.Pop(entry)
				o.metrics.Damaged(1)
				o.mu.Unlock()
				continue
			}
			o.mu.Unlock()
			return b, entry, true
		}
		o.mu.Unlock()
		select {
		case <-o.wake:
		case <-ctx.Done():
			return Batch{}, nil, false
		}
	}
}

// write tries until Kafka has the batch, and says what it waits for. False: ctx has ended, or the
// outbox is closing and the batch is on disk.
func (o *Outbox) write(ctx context.Context, b Batch) bool {
	partitions := o.partitions // set before the sender's first write, by the sender
	if b.partitions > 0 && b.partitions < partitions {
		partitions = b.partitions
	}
	partition := int((b.Sequence - 1) % uint64(partitions))
	var since, said, ensure time.Time
	delay := 100 * time.Millisecond
	for {
		begin := time.Now()
		_, err := o.producer.Produce(ctx, o.config.Topic, partition, b.Value)
		if err == nil {
			o.metrics.Wrote(b.Flows, time.Since(begin))
			if !since.IsZero() {
				o.log.Info("Kafka is back", "after", time.Since(since).Round(time.Millisecond))
			}
			o.setDown(false)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if errors.Is(err, bus.ErrTooLarge) { // at every try; what is behind it must not wait for ever
			o.mu.Lock()
			o.lose(LossTooLarge, b, err)
			o.mu.Unlock()
			return true
		}
		o.metrics.WriteFailed()
		o.setDown(true)
		now := time.Now()
		if since.IsZero() {
			since, ensure = now, now.Add(patience)
		}
		if now.Sub(said) >= sayEvery {
			said = now
			o.mu.Lock()
			batches, bytes := o.spool.Len(), o.spool.Bytes()
			o.mu.Unlock()
			o.log.Warn("waiting for Kafka; flows go to the spool", "topic", o.config.Topic, "partition", partition,
				"since", now.Sub(since).Round(time.Second), "spool_batches", batches, "spool_bytes", bytes, "error", err)
		}
		if now.After(ensure) { // a Kafka that answers may have lost the topic
			ensure = now.Add(sayEvery)
			if n := o.ensureTopic(ctx); n > 0 && n < partitions {
				partitions = n
				partition = int((b.Sequence - 1) % uint64(partitions))
			}
		}
		timer := time.NewTimer(delay)
		delay = min(2*delay, 2*time.Second)
		for waiting := true; waiting; {
			select {
			case <-timer.C:
				waiting = false
			case <-o.wake:
				if o.safe() {
					timer.Stop()
					return false
				}
			case <-ctx.Done():
				timer.Stop()
				return false
			}
		}
		if o.safe() {
			return false
		}
	}
}

// ensureTopic makes the topic again if it has vanished from a Kafka that answers, and returns its
// number of partitions; 0: not known.
func (o *Outbox) ensureTopic(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	partitions, err := o.producer.EnsureTopics(ctx, o.config.Topic)
	if err != nil {
		return 0 // what is waited for is said already
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partitions = min(o.partitions, partitions)
	return partitions
}

// safe reports whether the outbox is closing and everything is on disk.
func (o *Outbox) safe() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing && len(o.memory) == 0
}

// written removes a batch that Kafka has. It may have been moved to disk in the meantime.
func (o *Outbox) written(b Batch, entry []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry == nil && len(o.memory) > 0 && o.memory[0].Epoch == b.Epoch && o.memory[0].Sequence == b.Sequence {
		o.memory[0] = Batch{}
		o.memory = o.memory[1:]
		return
	}
	if entry == nil {
		var ok bool
		if entry, ok = o.spool.Peek(); !ok {
			return
		}
		if first, valid := parseEntry(entry); !valid || first.Epoch != b.Epoch || first.Sequence != b.Sequence {
			return // the disk did not take it
		}
	}
	o.spool.Pop(entry)
	o.metrics.Spool(o.spool.Len(), o.spool.Bytes())
}
