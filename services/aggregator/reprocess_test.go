package aggregator

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/reprocess"
)

// everywhere places all addresses in one country.
type everywhere struct{ country string }

func (e everywhere) Lookup(netip.Addr) geo.Answer {
	return geo.Answer{Place: &geo.Place{CountryCode: e.country}, Method: geo.MethodOverride, Confidence: geo.Published}
}

func (e everywhere) Versions() []geo.Version { return []geo.Version{{Name: "city", Version: "anew"}} }

// Flows of a period that two aggregators insert while it is computed anew count once in what was and
// once in what is new.
func TestReprocessWhileFlowsComeIn(t *testing.T) {
	r := newRig(t, 2)
	r.start(r.config())
	r.start(r.config())
	r.send(8, 200)
	r.settle()
	before := r.bytesUp(nil)

	o := reprocess.Options{
		Since: week, Until: week.AddDate(0, 0, 7), Places: everywhere{"SG"}, Ahead: 24 * time.Hour, Note: "a test",
		Lead: maxListAge + 2*time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Outstanding: func(ctx context.Context, cutoff time.Time) (int, error) {
			return Outstanding(ctx, r.bus, r.config().Group, cutoff)
		},
	}
	done := make(chan struct{})
	stages := make(map[string]bool)
	o.Progress = func(p reprocess.Progress) { stages[p.Stage] = true }
	var g errgroup.Group
	g.Go(func() error {
		defer close(done)
		_, err := reprocess.Run(t.Context(), r.conn, o)
		return err
	})
	sent := 0
	for sending := true; sending; {
		select {
		case <-done:
			sending = false
		default:
			r.send(1, 20)
			sent++
			pause(t.Context(), 100*time.Millisecond)
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	r.send(4, 50)
	if sent < 20 || !stages["computing"] {
		t.Fatalf("%d batches were sent while it ran, in the stages %v", sent, stages)
	}

	// Rows of both are in the tables now: a level is not the sum of its rows.
	zero := uint16(0)
	deadline := time.Now().Add(time.Minute)
	for r.bytesUp(nil) != r.want.BytesUp && time.Now().Before(deadline) {
		pause(t.Context(), 50*time.Millisecond)
	}
	if now, was := r.bytesUp(nil), r.bytesUp(&zero); now != r.want.BytesUp || was != r.want.BytesUp || before >= now {
		t.Errorf("%d bytes count now and %d as it was, before it was %d; sent were %d", now, was, before, r.want.BytesUp)
	}
}

// bytesUp is the answer's sum at a revision; nil: what is in force.
func (r *rig) bytesUp(revision *uint16) uint64 {
	r.t.Helper()
	q := query.Residency{Bucket: query.BucketDay, Since: week, Until: week.AddDate(0, 0, 84), Revision: revision}
	a, err := query.New(r.conn, r.ch.Database, query.Options{}).Residency(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	var sum uint64
	for _, row := range a.Rows {
		sum += row.BytesUp
	}
	return sum
}
