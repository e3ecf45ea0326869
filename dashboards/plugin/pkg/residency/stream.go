package residency

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
)

// Streams of new endpoints. A panel's answer names the channel on which more will come; the key of the
// channel stands for the query, which this instance remembers.
const (
	streamPrefix = "new_endpoints/"
	pollEvery    = 3 * time.Second
	// Flows may arrive so late and still be told.
	lateness = time.Hour
	// How many queries and rows are remembered.
	mostStreams = 1000
	mostShown   = 50_000
)

// live are the queries that can be streamed.
type live struct {
	mu      sync.Mutex
	streams map[string]*stream
	order   []string // oldest first
	ended   chan struct{}
	once    sync.Once
}

type stream struct {
	query   panel.Query
	since   time.Time       // of first contact
	shown   map[string]bool // rows that were sent
	running int
}

func newLive() *live { return &live{streams: map[string]*stream{}, ended: make(chan struct{})} }

func (l *live) end() { l.once.Do(func() { close(l.ended) }) }

// offer remembers a query whose answer names its channel. What the answer shows is not sent again.
func (d *Datasource) offer(q panel.Query, within backend.TimeRange, answer *data.Frame) {
	if time.Since(within.To) > lateness {
		return // a panel of the past
	}
	text, err := json.Marshal(q)
	if err != nil {
		return
	}
	sum := sha256.Sum256(text)
	key := hex.EncodeToString(sum[:8])
	if answer.Meta == nil {
		answer.Meta = &data.FrameMeta{}
	}
	answer.Meta.Channel = "ds/" + d.uid + "/" + streamPrefix + key

	l := d.live
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[key]
	if s != nil && s.running > 0 {
		return // it knows what it sent
	}
	if s == nil {
		if len(l.order) == mostStreams {
			delete(l.streams, l.order[0])
			l.order = l.order[1:]
		}
		l.order = append(l.order, key)
	}
	// The newest first: what is new must not be pushed out by what is large.
	q.Order = "first_seen"
	s = &stream{query: q, since: within.To.Add(-lateness), shown: map[string]bool{}}
	for i := range answer.Rows() {
		s.shown[row(answer, i)] = true
	}
	l.streams[key] = s
}

// take returns the stream of a path, nil if nobody was offered it.
func (l *live) take(path string, running int) *stream {
	key, ok := strings.CutPrefix(path, streamPrefix)
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[key]
	if s != nil {
		s.running += running
	}
	return s
}

// row tells rows apart: by what they are of, not by their figures.
func row(f *data.Frame, i int) string {
	var id strings.Builder
	for _, field := range f.Fields {
		if slices.Contains([]string{"vendor", "address", "network", "asn", "place", "country"}, field.Name) {
			value, _ := field.ConcreteAt(i)
			fmt.Fprintf(&id, "%v\x00", value)
		}
	}
	return id.String()
}

// SubscribeStream lets in who was told of the channel by an answer.
func (d *Datasource) SubscribeStream(_ context.Context, request *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	status := backend.SubscribeStreamStatusOK
	if d.refused != nil || d.live.take(request.Path, 0) == nil {
		status = backend.SubscribeStreamStatusNotFound
	}
	return &backend.SubscribeStreamResponse{Status: status}, nil
}

// PublishStream refuses: nobody but this data source says what is new.
func (d *Datasource) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream sends rows that were not sent yet until nobody listens any more. Grafana runs one for all
// who listen to a channel. A ClickHouse that goes away is waited for.
func (d *Datasource) RunStream(ctx context.Context, request *backend.RunStreamRequest, sender *backend.StreamSender) error {
	s := d.live.take(request.Path, 1)
	if s == nil || d.refused != nil {
		return backend.PluginErrorf("nobody was offered the stream %q by this data source", request.Path)
	}
	defer d.live.take(request.Path, -1)
	ctx = comment{Source: d.uid, QueryType: s.query.Type, From: "stream"}.with(ctx, request.PluginContext)
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.live.ended:
			return nil
		case <-timer.C:
		}
		began := time.Now()
		fresh, err := d.fresh(ctx, s)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failing:
			d.log.Warn("a stream of new endpoints waits for ClickHouse", "error", err)
			failing = true
		case err == nil:
			failing = false
			if fresh.Rows() > 0 {
				if err := sender.SendFrame(fresh, data.IncludeAll); err != nil {
					return err
				}
			}
		}
		// A slow server is not asked more than a tenth of the time.
		timer.Reset(max(pollEvery, 10*time.Since(began)))
	}
}

// fresh asks for the rows that were not sent yet.
func (d *Datasource) fresh(ctx context.Context, s *stream) (*data.Frame, error) {
	ctx, done := within(ctx, d.timeout+grace)
	defer done()
	all, err := panel.NewEndpoints(ctx, d.env(false), s.query, s.since)
	if err != nil {
		return nil, err
	}
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	fresh := all.EmptyCopy()
	for i := range all.Rows() {
		if id := row(all, i); !s.shown[id] {
			s.shown[id] = true
			fresh.AppendRow(all.RowCopy(i)...)
		}
	}
	if len(s.shown) > mostShown {
		s.shown = map[string]bool{}
		s.since = cmp.Or(newest(all), s.since)
	}
	return fresh, nil
}

// newest is just after the latest first contact of a frame's rows.
func newest(f *data.Frame) (latest time.Time) {
	for _, field := range f.Fields {
		if field.Name != "first_seen" {
			continue
		}
		for i := range field.Len() {
			if v, _ := field.ConcreteAt(i); v != nil {
				if at, ok := v.(time.Time); ok && at.After(latest) {
					latest = at.Add(time.Second)
				}
			}
		}
	}
	return latest
}
