package flow

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"testing"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"google.golang.org/protobuf/proto"
)

const flowsCounted = landfallv1.LedgerCount_LEDGER_COUNT_FLOWS

func entry() *landfallv1.LedgerEntry {
	return &landfallv1.LedgerEntry{
		Exporter: append(bytes.Repeat([]byte{0}, 15), 1), ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX,
		MinuteMs: 1_800_000_000_000, What: []landfallv1.LedgerCount{flowsCounted, 900}, Amount: []uint64{7, 8},
	}
}

// TestLedgerTravelsWithTheFlows, and without any.
func TestLedgerTravelsWithTheFlows(t *testing.T) {
	for flows := range 3 {
		var b Batch
		for range flows {
			b.Append(&Record{Octets: 1})
		}
		second := entry()
		second.Exporter = make([]byte, AddrSize)
		b.AppendLedger(entry(), second)
		b.Stamp(origin(), "operator", "site", 99)
		message, err := b.AppendMarshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		var read Batch
		for range 2 { // into what an earlier one has left
			if err := read.Unmarshal(message); err != nil {
				t.Fatal(err)
			}
			ledger := read.Columns().Ledger
			if read.Len() != flows || len(ledger) != 2 || !proto.Equal(ledger[0], entry()) || !proto.Equal(ledger[1], second) {
				t.Fatalf("%d flows, ledger %v", read.Len(), ledger)
			}
		}
		read.Reset()
		if len(read.Columns().Ledger) != 0 {
			t.Error("the ledger is left after Reset")
		}
	}
}

func TestUnmarshalRefusesLedgers(t *testing.T) {
	for name, change := range map[string]func(e *landfallv1.LedgerEntry){
		"exporter":    func(e *landfallv1.LedgerEntry) { e.Exporter = e.Exporter[:4] },
		"no exporter": func(e *landfallv1.LedgerEntry) { e.Exporter = nil },
		"protocol":    func(e *landfallv1.LedgerEntry) { e.ExportProtocol = 5 },
		"negative":    func(e *landfallv1.LedgerEntry) { e.ExportProtocol = -1 },
		"kinds":       func(e *landfallv1.LedgerEntry) { e.What = e.What[:1] },
		"amounts":     func(e *landfallv1.LedgerEntry) { e.Amount = nil },
		"kind 0":      func(e *landfallv1.LedgerEntry) { e.What[0] = 0 },
		"kind -3":     func(e *landfallv1.LedgerEntry) { e.What[1] = -3 },
		"amount":      func(e *landfallv1.LedgerEntry) { e.Amount[1] = MaxLedgerAmount + 1 },
		"no minute":   func(e *landfallv1.LedgerEntry) { e.MinuteMs = 0 },
		"minute":      func(e *landfallv1.LedgerEntry) { e.MinuteMs++ },
		"before 2000": func(e *landfallv1.LedgerEntry) { e.MinuteMs = minLedgerMs - minuteMs },
		"after 2100":  func(e *landfallv1.LedgerEntry) { e.MinuteMs = maxLedgerMs + minuteMs },
		"many counts": func(e *landfallv1.LedgerEntry) {
			e.What, e.Amount = slices.Repeat(e.What, 40), slices.Repeat(e.Amount, 40)
		},
		"only amounts": func(e *landfallv1.LedgerEntry) { e.What = nil },
	} {
		bad := entry()
		change(bad)
		p := &landfallv1.FlowBatch{SchemaVersion: SchemaVersion, Origin: origin(), Count: 1, Octets: []uint64{1}, Ledger: []*landfallv1.LedgerEntry{entry(), bad}}
		message, err := p.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		if err := b.Unmarshal(message); err == nil || !strings.Contains(err.Error(), "ledger entry 1") || b.Len() != 0 {
			t.Errorf("%s: %v, %d flows", name, err, b.Len())
		}
	}
}

// TestManyLedgerEntriesCostNothing: they are refused before memory is taken for them.
func TestManyLedgerEntriesCostNothing(t *testing.T) {
	p := &landfallv1.FlowBatch{SchemaVersion: SchemaVersion, Origin: origin()}
	p.Ledger = slices.Repeat([]*landfallv1.LedgerEntry{entry()}, MaxLedger)
	message, err := p.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	var b Batch
	if err := b.Unmarshal(message); err != nil {
		t.Errorf("%d entries: %v", MaxLedger, err)
	}
	empty := []byte{0xb2, 0x04, 0} // field 70, no bytes
	message = append(message, bytes.Repeat(empty, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := b.Unmarshal(message); err == nil || !strings.Contains(err.Error(), "ledger entries") {
		t.Errorf("got %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}
