package flows_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func batch(n int) *landfallv1.EnrichedBatch {
	random := flowstest.Random(rand.New(rand.NewPCG(1, 2)), n, epoch, epoch.AddDate(0, 0, 7))
	return flowstest.Batch("c", 1, 5, epoch.AddDate(0, 0, 8), random...)
}

// Each fault is refused, by name.
func TestValidate(t *testing.T) {
	if err := flows.Validate(batch(10)); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*landfallv1.EnrichedBatch){
		"no schema version":                func(p *landfallv1.EnrichedBatch) { p.SchemaVersion = 0 },
		"unknown schema version 2":         func(p *landfallv1.EnrichedBatch) { p.SchemaVersion = 2 },
		"no origin":                        func(p *landfallv1.EnrichedBatch) { p.Origin.Collector = "" },
		"no source":                        func(p *landfallv1.EnrichedBatch) { p.Source = nil },
		"65537 flows":                      func(p *landfallv1.EnrichedBatch) { p.Count = 65537 },
		"received_ms":                      func(p *landfallv1.EnrichedBatch) { p.ReceivedMs = 1 << 60 },
		"column exporter has length":       func(p *landfallv1.EnrichedBatch) { p.Exporter = p.Exporter[:15] },
		"column octets_up has length 9":    func(p *landfallv1.EnrichedBatch) { p.OctetsUp = p.OctetsUp[:9] },
		"column remote_port holds 65536":   func(p *landfallv1.EnrichedBatch) { p.RemotePort[3] = 65536 },
		"column export_protocol holds 5":   func(p *landfallv1.EnrichedBatch) { p.ExportProtocol[3] = 5 },
		"column verdict holds 5":           func(p *landfallv1.EnrichedBatch) { p.Verdict[3] = 5 },
		"column domain_source holds 4":     func(p *landfallv1.EnrichedBatch) { p.DomainSource[3] = 4 },
		"column domain_source has length":  func(p *landfallv1.EnrichedBatch) { p.DomainSource = p.DomainSource[:9] },
		"column data_set points at entry":  func(p *landfallv1.EnrichedBatch) { p.DataSet[3] = uint32(len(p.OlderDataSets)) + 1 },
		"column data_set has length 9":     func(p *landfallv1.EnrichedBatch) { p.DataSet = p.DataSet[:9] },
		"data_sets: data set 1 is not":     func(p *landfallv1.EnrichedBatch) { p.DataSets[1] = nil },
		"data_sets: 65 data sets":          func(p *landfallv1.EnrichedBatch) { p.DataSets = make([]*landfallv1.DataSetVersion, 65) },
		"data set 0 has a name of 5000":    func(p *landfallv1.EnrichedBatch) { p.DataSets[0].Credit = strings.Repeat("x", 5000) },
		"data set 0 has the time -1":       func(p *landfallv1.EnrichedBatch) { p.DataSets[0].InForceMs = -1 },
		"older_data_sets 1: data set 0":    func(p *landfallv1.EnrichedBatch) { p.OlderDataSets[0].Sets[0] = nil },
		"older data sets 0 are not there":  func(p *landfallv1.EnrichedBatch) { p.OlderDataSets[0] = nil },
		"1025 sets of older data sets":     func(p *landfallv1.EnrichedBatch) { p.OlderDataSets = make([]*landfallv1.DataSets, 1025) },
		"place 0 has 17 alternatives":      func(p *landfallv1.EnrichedBatch) { p.Places[0].Alternatives = make([]string, 17) },
		`place 0 has "CN|SG" among`:        func(p *landfallv1.EnrichedBatch) { p.Places[0].Alternatives = []string{"SG", "CN|SG"} },
		`place 0 has "" among`:             func(p *landfallv1.EnrichedBatch) { p.Places[0].Alternatives = []string{""} },
		"place 1 has a name of 5000":       func(p *landfallv1.EnrichedBatch) { p.Places[1].Jurisdiction = strings.Repeat("x", 5000) },
		"ledger entry 0":                   func(p *landfallv1.EnrichedBatch) { p.Ledger = []*landfallv1.LedgerEntry{{}} },
		"column handset_side holds 4":      func(p *landfallv1.EnrichedBatch) { p.HandsetSide[3] = 4 },
		"column vendor points at entry":    func(p *landfallv1.EnrichedBatch) { p.Vendor[0] = uint32(len(p.Vendors)) },
		"column place points at entry":     func(p *landfallv1.EnrichedBatch) { p.Place[0] = 1 << 31 },
		"column network has no entry":      func(p *landfallv1.EnrichedBatch) { p.Network, p.Networks = nil, nil },
		"column domain_name points at":     func(p *landfallv1.EnrichedBatch) { p.DomainName[0] = uint32(len(p.Strings)) + 1 },
		"vendor 0 is not there":            func(p *landfallv1.EnrichedBatch) { p.Vendors[0] = nil },
		"place 0 has a name of 5000 bytes": func(p *landfallv1.EnrichedBatch) { p.Places[0].City = strings.Repeat("x", 5000) },
	} {
		p := batch(10)
		spoil(p)
		if err := flows.Validate(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
	p := batch(1)
	p.SchemaVersion = 7
	if err := flows.Validate(p); !errors.Is(err, flows.ErrSchemaVersion) {
		t.Errorf("got %v", err)
	}
}

func TestEveryTruncation(t *testing.T) {
	message := flowstest.Message(t, batch(5))
	var p landfallv1.EnrichedBatch
	block := flows.NewBlock(flowstest.Clock)
	for cut := range message {
		if flows.Decode(message[:cut], &p) == nil {
			block.Append(&p, 0, 0) // may not panic
		}
	}
	if err := flows.Decode(message, &p); err != nil {
		t.Fatal(err)
	}
}

// encoded is what the server gets of an insert.
func encoded(t *testing.T, in flows.Insert) string {
	t.Helper()
	var buffer proto.Buffer
	if err := (proto.Block{Columns: len(in.Columns), Rows: in.Rows}).EncodeBlock(&buffer, proto.Version, in.Columns); err != nil {
		t.Fatal(err)
	}
	return string(buffer.Buf)
}

func FuzzDecode(f *testing.F) {
	f.Add(flowstest.Message(f, batch(3)))
	f.Add(flowstest.Message(f, batch(0)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, message []byte) {
		var p landfallv1.EnrichedBatch
		if flows.Decode(message, &p) != nil {
			return
		}
		block := flows.NewBlock(flows.Clock{MaxAge: time.Hour})
		block.Append(&p, 0, 0)
		block.Append(&p, 0, 1)
		if block.Rows() != 2*int(p.Count) {
			t.Errorf("%d rows of 2 × %d flows", block.Rows(), p.Count)
		}
		block.Seal(epoch, nil)
		for _, in := range block.Inserts() {
			for _, c := range in.Columns {
				if c.Data.Rows() != in.Rows {
					t.Errorf("column %s of %s has %d rows of %d", c.Name, in.Table, c.Data.Rows(), in.Rows)
				}
			}
		}
	})
}

// A wrong clock moves a flow to its arrival; a column that is left out is zero.
func TestClock(t *testing.T) {
	p := batch(4)
	arrival := p.ReceivedMs
	hour := time.Hour.Milliseconds()
	p.StartMs = []int64{arrival - hour, arrival - hour - 1, arrival + hour, arrival + hour + 1}
	p.EndMs = nil
	block := flows.NewBlock(flows.Clock{MaxAge: time.Hour, MaxAhead: time.Hour})
	if c := block.Append(p, 0, 0); c != (flows.Corrected{TooOld: 1, TooNew: 1}) {
		t.Errorf("corrected %+v", c)
	}
}

// A batch costs allocations for its dictionaries at most, and none for a flow.
func TestAppendAllocatesNothing(t *testing.T) {
	p := batch(2000)
	block := flows.NewBlock(flowstest.Clock)
	block.Append(p, 0, 0)
	block.Seal(epoch, nil)
	if n := testing.AllocsPerRun(50, func() {
		block.Reset()
		block.Append(p, 0, 0)
		block.Seal(epoch, nil)
	}); n > 5 { // names that are put together, once a block each
		t.Errorf("%v allocations for 2000 flows", n)
	}
}
