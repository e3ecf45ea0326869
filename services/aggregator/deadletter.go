package aggregator

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
)

// deadLetter puts a message that cannot be inserted into the dead-letter topic, with where it came
// from and why, and counts it. After a crash it may be there twice.
func (w *worker) deadLetter(ctx context.Context, m bus.Message, reason string, why error) error {
	headers := []bus.Header{
		{Key: "reason", Value: []byte(reason)},
		{Key: "error", Value: []byte(why.Error())},
		{Key: "topic", Value: []byte(w.topic)},
		{Key: "partition", Value: []byte(strconv.Itoa(w.id))},
		{Key: "offset", Value: []byte(strconv.FormatInt(m.Offset, 10))},
	}
	delay := 50 * time.Millisecond
	for {
		_, err := w.bus.Produce(ctx, bus.TopicDeadLetter, w.id, m.Value, headers...)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.metrics.deadLetterErrors.Inc()
		w.log.Warn("cannot write to the dead-letter topic, trying again", "offset", m.Offset, "error", err)
		if !pause(ctx, delay) {
			return ctx.Err()
		}
		delay = min(2*delay, 5*time.Second)
	}
	w.metrics.messagesRefused.WithLabelValues(reason).Inc()
	w.log.Error("a message was refused and is in the dead-letter topic", "offset", m.Offset, "bytes", len(m.Value), "reason", reason, "error", why)
	return nil
}

// deadLetterRange does so for the messages of an insert that the server refuses. It reads them
// again, since an insert that goes well has no need to keep them.
func (w *worker) deadLetterRange(ctx context.Context, g *gathered, refused *refusedError) error {
	w.partition.SeekTo(g.from)
	filter := w.seen.clone()
	for at := g.from; at < g.to; {
		m, err := w.partition.Fetch(ctx)
		if err != nil {
			return err
		}
		at = m.Offset + 1
		if m.Offset >= g.to {
			break
		}
		if flows.Decode(m.Value, &w.batch) != nil || filter.add(&w.batch) != "" {
			continue // it is in the dead-letter topic already, or was never part of the insert
		}
		if err := w.deadLetter(ctx, m, reasonInsertRefused, fmt.Errorf("insert of messages %d to %d: %w", g.from, g.to, refused)); err != nil {
			return err
		}
	}
	w.partition.SeekTo(g.to)
	return nil
}
