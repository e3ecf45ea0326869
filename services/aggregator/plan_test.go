package aggregator

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

var comparable = cmp.AllowUnexported(plan{}, seen{}, origin{})

func drawSeen(t *rapid.T) seen {
	s := seen{source: rapid.Int64Range(-1, math.MaxInt64).Draw(t, "source")}
	for range rapid.IntRange(0, maxOrigins).Draw(t, "origins") {
		s.origins = append(s.origins, origin{rapid.Uint64().Draw(t, "id"), rapid.Uint64().Draw(t, "sequence")})
	}
	return s
}

// What is committed comes back as it was, and fits.
func TestPlanComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(0, 1<<50).Draw(t, "offset")
		p := plan{seen: drawSeen(t)}
		if length := rapid.Int64Range(0, 1<<30).Draw(t, "length"); length > 0 {
			p.next = offset + length
			p.planned = time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "planned")).UTC()
			p.identity = rapid.Uint64().Draw(t, "identity")
		}
		p.seen.fit()
		metadata := p.encode(offset)
		if len(metadata) > maxMetadata {
			t.Fatalf("%d bytes of metadata, at most %d", len(metadata), maxMetadata)
		}
		back, err := decodePlan(offset, metadata)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p, back, comparable); diff != "" {
			t.Fatal(diff)
		}
		again := back.seen.clone()
		if again.fit(); len(again.origins) != len(back.seen.origins) {
			t.Fatal("what was read back is cut again")
		}
	})
}

// The golden value is what a running deployment has committed; it may not change its meaning.
func TestPlanGolden(t *testing.T) {
	p := plan{next: 130, planned: time.UnixMilli(1_800_000_000_123).UTC(), identity: 0xcafe, seen: seen{source: 99, origins: []origin{{0x1122334455667788, 300}, {1, 2}}}}
	const golden = "AgAee1BcGKMBAAD+ygAAAAAAAMYBAQAAAAAAAAACiHdmVUQzIhGsAg"
	if got := p.encode(100); got != golden {
		t.Errorf("encoded as %q, want %q", got, golden)
	}
	back, err := decodePlan(100, golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back, comparable); diff != "" {
		t.Error(diff)
	}
	for cut := 1; cut < len(golden); cut++ {
		// A cut may end between origins and pass, but it may not panic or invent a plan.
		if back, err := decodePlan(100, golden[:cut]); err == nil && back.next != 0 && back.next != 130 {
			t.Errorf("cut at %d: planned to %d", cut, back.next)
		}
	}
	if _, err := decodePlan(100, "AQ"); !errors.Is(err, errPlanVersion) {
		t.Errorf("version 1: %v", err)
	}
}

func FuzzDecodePlan(f *testing.F) {
	f.Add("AgAee1BcGKMBAAD+ygAAAAAAAMYBAQAAAAAAAAACiHdmVUQzIhGsAg")
	f.Add("")
	f.Add("AgAAAQ")
	f.Fuzz(func(t *testing.T, metadata string) {
		p, err := decodePlan(1000, metadata)
		if err != nil {
			return
		}
		if p.next != 0 && p.next <= 1000 || len(p.seen.origins) > maxOrigins {
			t.Errorf("%q was read as %+v", metadata, p)
		}
		p.seen.fit()
		if _, err := decodePlan(1000, p.encode(1000)); err != nil {
			t.Errorf("%q does not come back: %v", metadata, err)
		}
	})
}

// seen agrees with a naive one that remembers everything, while there are few origins.
func TestSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSeen()
		sources := map[int64]bool{}
		type id struct {
			collector       string
			epoch, sequence uint64
		}
		batches := map[id]bool{}
		next := map[id]uint64{}
		var sent []*landfallv1.EnrichedBatch
		source := int64(-1)
		for range rapid.IntRange(1, 60).Draw(t, "batches") {
			var p *landfallv1.EnrichedBatch
			switch action := rapid.IntRange(0, 3).Draw(t, "action"); {
			case action == 0 && len(sent) > 0: // the enricher's replay
				p = sent[rapid.IntRange(0, len(sent)-1).Draw(t, "which")]
			case action == 1 && len(sent) > 0: // the producer's retry
				old := sent[rapid.IntRange(0, len(sent)-1).Draw(t, "which")]
				source++
				p = &landfallv1.EnrichedBatch{Origin: old.Origin, Source: &landfallv1.Source{Offset: source}}
				sent = append(sent, p)
			default:
				o := id{collector: rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "collector"), epoch: rapid.Uint64Range(1, 3).Draw(t, "epoch")}
				next[o] += rapid.Uint64Range(1, 3).Draw(t, "skip")
				source++
				p = &landfallv1.EnrichedBatch{
					Source: &landfallv1.Source{Offset: source},
					Origin: &landfallv1.Origin{Collector: o.collector, Epoch: o.epoch, Sequence: next[o]},
				}
				sent = append(sent, p)
			}
			key := id{p.Origin.Collector, p.Origin.Epoch, p.Origin.Sequence}
			want := ""
			if sources[p.Source.Offset] {
				want = reasonSource
			} else if batches[key] {
				want = reasonOrigin
			}
			sources[p.Source.Offset], batches[key] = true, true
			if got := s.add(originID(p.Origin, ""), p, false); got != want {
				t.Fatalf("batch %+v of source %d: duplicate by %q, want %q", key, p.Source.Offset, got, want)
			}
		}
	})
}

// A topic of flows that was made anew numbers its messages from 0 again. What goes on in it is not
// what was seen.
func TestSeenAfterSourcesBeganAnew(t *testing.T) {
	batch := func(source int64, sequence uint64) *landfallv1.EnrichedBatch {
		return &landfallv1.EnrichedBatch{
			Source: &landfallv1.Source{Offset: source}, Origin: &landfallv1.Origin{Collector: "a", Epoch: 1, Sequence: sequence},
		}
	}
	s := newSeen()
	for i, step := range []struct {
		source   int64
		sequence uint64
		want     string
	}{
		{1000, 10, ""},
		{1001, 11, ""},
		{1000, 10, reasonSource},
		{0, 12, ""},
		{1, 13, ""},
		{0, 12, reasonSource},
		{2, 13, reasonOrigin},
		{3, 14, ""},
	} {
		b := batch(step.source, step.sequence)
		if got := s.add(originID(b.Origin, ""), b, false); got != step.want {
			t.Errorf("step %d: duplicate by %q, want %q", i, got, step.want)
		}
	}
}
