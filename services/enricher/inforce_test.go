package enricher_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/landfall-telemetry/landfall/internal/bus"
	"github.com/landfall-telemetry/landfall/internal/dataset"
	"github.com/landfall-telemetry/landfall/internal/flow"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// change is when the second AS table comes into force.
var change = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

// install puts an AS table into data_dir that says asn of 8.8.8.8.
func (r *rig) install(asn int, inForceFrom *time.Time) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "asn.csv")
	if err := os.WriteFile(file, fmt.Appendf(nil, "8.8.8.0,8.8.8.255,%d,AS%d\n", asn, asn), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if _, err := dataset.Update(r.ctx, r.enricher.DataDir, []string{dataset.ASN}, dataset.Options{From: map[string]string{dataset.ASN: file}, InForceFrom: inForceFrom}); err != nil {
		r.t.Fatal(err)
	}
}

// sendAt sends a batch of flows that began at the given times.
func (r *rig) sendAt(sequence uint64, starts ...time.Time) {
	r.t.Helper()
	var b flow.Batch
	for _, start := range starts {
		b.Append(&flow.Record{SourceAddress: netip.MustParseAddr("100.64.0.1"), DestinationAddress: netip.MustParseAddr("8.8.8.8"), Octets: 1, StartMs: start.UnixMilli(), EndMs: start.UnixMilli()})
	}
	b.Stamp(&landfallv1.Origin{Collector: "c", Epoch: 1, Sequence: sequence}, "", "site", 1_800_000_000_000)
	message, err := b.AppendMarshal(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sendRaw(0, message)
}

// asns are the networks of a batch's flows.
func asns(t *testing.T, m bus.Message) (list []uint32, b *landfallv1.EnrichedBatch) {
	t.Helper()
	b = &landfallv1.EnrichedBatch{}
	if err := b.UnmarshalVT(m.Value); err != nil {
		t.Fatal(err)
	}
	for _, n := range b.Network {
		list = append(list, b.Networks[n].Asn)
	}
	return list, b
}

// until waits for the sum of a metric.
func (r *rig) until(registry *prometheus.Registry, line string) {
	r.t.Helper()
	name, _, _ := strings.Cut(line, " ")
	name, _, _ = strings.Cut(name, "{")
	for {
		text, err := testutil.GatherAndFormat(registry, expfmt.TypeTextPlain, name)
		if err == nil && strings.Contains(string(text), line+"\n") {
			return
		}
		select {
		case <-r.ctx.Done():
			r.t.Fatalf("never %s:\n%s %v", line, text, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func newDataRig(t *testing.T) *rig {
	r := newRig(t)
	r.enricher.DataDir = filepath.Join(t.TempDir(), "data")
	r.enricher.DataCheckInterval = 10 * time.Millisecond
	r.install(1, nil)
	return r
}

func TestLateFlowIsJudgedByTheDataOfItsTime(t *testing.T) {
	r := newDataRig(t)
	_, registry := r.start()
	before, after := change.Add(-time.Hour), change.Add(time.Hour)
	r.sendAt(1, before, after)
	r.read(bus.TopicEnriched, 1)
	r.install(2, &change)
	r.until(registry, "landfall_enricher_tables_reloads_total 1")
	r.sendAt(2, after, before, after)
	list := r.read(bus.TopicEnriched, 2)[0]
	if got, b := asns(t, list[0]); fmt.Sprint(got) != "[1 1]" || len(b.OlderDataSets) != 0 {
		t.Errorf("before the update: %v, older %v", got, b.OlderDataSets)
	}
	got, b := asns(t, list[1])
	if fmt.Sprint(got) != "[2 1 2]" || len(b.OlderDataSets) != 1 || len(b.DataSets) == 0 {
		t.Fatalf("after the update: %v by %v, older %v", got, b.DataSets, b.OlderDataSets)
	}
	if v := b.DataSets[0]; v.Name != "asn" || v.InForceMs != change.UnixMilli() || v.License == "" || v.Sha256 == "" {
		t.Errorf("%v", v)
	}
	// Another process has no older tables in memory, and gives the same answer.
	r.sendAt(3, before)
	_, second := r.start()
	_ = second
	if got, _ := asns(t, r.read(bus.TopicEnriched, 3)[0][2]); fmt.Sprint(got) != "[1]" {
		t.Errorf("another time: %v", got)
	}
}

func TestOlderDataAreLoadedWhenALateFlowComes(t *testing.T) {
	r := newDataRig(t)
	r.install(2, &change)
	_, registry := r.start()
	r.sendAt(1, change.Add(-time.Hour), change)
	if got, _ := asns(t, r.read(bus.TopicEnriched, 1)[0][0]); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("%v", got)
	}
	r.until(registry, "landfall_enricher_tables_older_loads_total 1")
}

// TestSwapUnderLoad: no flow is lost, doubled or judged by anything but its own time.
func TestSwapUnderLoad(t *testing.T) {
	r := newDataRig(t)
	_, registry := r.start()
	const batches = 300
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	for i := range batches {
		if i == batches/3 {
			r.install(2, &change)
		}
		if i == 2*batches/3 {
			r.until(registry, "landfall_enricher_tables_reloads_total 1")
		}
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
		r.sendAt(uint64(i+1), change.Add(-time.Second), change)
	}
	for i, m := range r.read(bus.TopicEnriched, batches)[0] {
		got, b := asns(t, m)
		if b.Origin.Sequence != uint64(i+1) || len(got) != 2 || got[0] != 1 || (i < batches/3 && got[1] > 2) || (i >= 2*batches/3 && got[1] != 2) {
			t.Fatalf("batch %d is %v: %v", i, b.Origin, got)
		}
	}
	r.until(registry, `landfall_enricher_flows_total{side="source"} 600`)
}

func TestBrokenDataAreRefusedAndTheOldStay(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	r.enricher.ASNPath, r.enricher.PolicyPath = filepath.Join(dir, "asn.csv"), filepath.Join(dir, "policy.yaml")
	r.enricher.DataCheckInterval = 10 * time.Millisecond
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(r.enricher.ASNPath, "8.8.8.0,8.8.8.255,1,one\n")
	good, err := os.ReadFile("../../deploy/policies/example-india.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(r.enricher.PolicyPath, string(good))
	_, registry := r.start()
	write(r.enricher.ASNPath, "8.8.8.0,8.8.8.25")
	r.until(registry, `landfall_enricher_tables_reload_failures_total{reason="data"} 1`)
	write(r.enricher.PolicyPath, "version: [")
	r.until(registry, `landfall_enricher_tables_reload_failures_total{reason="policy"} 1`)
	r.sendAt(1, change)
	got, b := asns(t, r.read(bus.TopicEnriched, 1)[0][0])
	if fmt.Sprint(got) != "[1]" || b.DataSets[len(b.DataSets)-1].Name != "policy" {
		t.Errorf("%v by %v", got, b.DataSets)
	}
	write(r.enricher.PolicyPath, string(good))
	write(r.enricher.ASNPath, "8.8.8.0,8.8.8.255,3,three\n")
	r.until(registry, "landfall_enricher_tables_reloads_total 1")
}
