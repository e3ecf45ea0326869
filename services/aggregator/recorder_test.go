package aggregator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// recorded are the rows of data_sets and of policies, as text.
func (r *rig) recorded() []string {
	r.t.Helper()
	rows, err := r.conn.Query(r.t.Context(), `SELECT concat(toString(name), ' ', version, ' ', sha256, ' ', toString(toUnixTimestamp64Milli(in_force_from)), ' ', toString(toUnixTimestamp64Milli(built)), ' ',
license, ' ', source, ' ', credit, ' ', toString(toUnixTimestamp64Milli(first_used))) FROM data_sets FINAL
UNION ALL SELECT concat('document ', version, ' ', sha256, ' ', document) FROM policies FINAL`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			r.t.Fatal(err)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

const document = `version: "%s"
operator: Example
home: [EEA]
jurisdictions:
  - {name: EEA, places: ["NO"], reference: none}
rules:
  - {vendor: any, jurisdiction: any, verdict: restricted, reference: none}
`

// What batches name is recorded once, also by several aggregators and when it is named again; the
// policy's words are, those of a newer one too; and a server that does not take it holds no flows up.
func TestDataSetsAreRecorded(t *testing.T) {
	r := newRig(t, 1)
	config := r.config()
	config.PolicyPath = filepath.Join(t.TempDir(), "policy.yaml")
	write := func(version string) (line string) {
		t.Helper()
		text := fmt.Sprintf(document, version)
		if err := os.WriteFile(config.PolicyPath, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return "document " + version + " " + hex.EncodeToString(sum[:]) + " " + text
	}
	first := write("1")
	if err := clickhouse.Migrate(t.Context(), r.ch, clickhouse.Retention{}, r.log); err != nil {
		t.Fatal(err)
	}
	r.exec("ALTER TABLE data_sets ADD CONSTRAINT refused CHECK version != 'older'")
	send := func(sets []*landfallv1.DataSetVersion, older ...*landfallv1.DataSets) (received string) {
		t.Helper()
		p, fs := r.batch(20)
		p.DataSets, p.OlderDataSets, p.DataSet = sets, older, make([]uint32, 20)
		if len(older) > 0 {
			p.DataSet[7] = 1
		}
		r.want.Add(fs...)
		r.produce(0, flowstest.Message(t, p))
		return fmt.Sprint(p.ReceivedMs)
	}
	city := &landfallv1.DataSetVersion{Name: "city", Version: "2", BuiltMs: 5000, Sha256: "aa,bb", License: "CC-BY-4.0", Source: "npm", Credit: "DB-IP", InForceMs: 7000}
	again := &landfallv1.DataSetVersion{Name: "city", Version: "2", Sha256: "other", InForceMs: 7000}
	older := &landfallv1.DataSets{Sets: []*landfallv1.DataSetVersion{{Name: "city", Version: "older"}}}
	received := send([]*landfallv1.DataSetVersion{city, again}, older)
	send([]*landfallv1.DataSetVersion{city})

	s, reg := r.start(config)
	r.settle() // although the data sets are refused
	until(t, reg, "landfall_aggregator_record_errors_total", "", 1)
	r.exec("ALTER TABLE data_sets DROP CONSTRAINT refused")
	until(t, reg, "landfall_aggregator_data_sets_recorded_total", "", 3)
	second := write("2")
	send([]*landfallv1.DataSetVersion{city, {Name: "policy", Version: "2"}})
	until(t, reg, "landfall_aggregator_data_sets_recorded_total", "", 4)
	r.settle()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Another process begins anew, and names what is there.
	s, reg = r.start(config)
	send([]*landfallv1.DataSetVersion{city, again}, older)
	until(t, reg, "landfall_aggregator_data_sets_recorded_total", "", 3)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"city 2 aa,bb 7000 5000 CC-BY-4.0 npm DB-IP " + received,
		"city 2 other 7000 0    " + received,
		"city older  0 0    " + received,
		first, "policy 2  0 0    " + received, second,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, r.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// What is remembered is bounded, and a batch that names nothing new costs no allocation.
func TestRecorderIsBounded(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	rec := newRecorder(nil, slog.New(slog.NewTextHandler(&said, nil)), m, "")
	for i := range maxRecorded + 5 {
		rec.note(&landfallv1.EnrichedBatch{DataSets: []*landfallv1.DataSetVersion{{Name: "city", Version: fmt.Sprint(i)}}})
	}
	if len(rec.known) != maxRecorded || len(rec.waiting) != maxRecorded || strings.Count(said.String(), "too many data sets") != 1 {
		t.Errorf("%d known, %d waiting; the log says %.300s", len(rec.known), len(rec.waiting), said.String())
	}
	p := &landfallv1.EnrichedBatch{DataSets: []*landfallv1.DataSetVersion{{Name: "city", Version: "7"}, {Name: "city", Version: "8"}}}
	if n := testing.AllocsPerRun(100, func() { rec.note(p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
