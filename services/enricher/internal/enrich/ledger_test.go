package enrich

import (
	"testing"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"google.golang.org/protobuf/proto"

	"github.com/landfall-telemetry/landfall/internal/flow"
	"github.com/landfall-telemetry/landfall/services/enricher/internal/pseudonym"
)

// TestLedgerAndOperatorPass, with flows and without, message after message into the same memory.
func TestLedgerAndOperatorPass(t *testing.T) {
	e, data := New(pseudonym.Key{}), tables(t)
	var in flow.Batch
	for round := range 4 {
		entry := &landfallv1.LedgerEntry{
			Exporter: make([]byte, flow.AddrSize), ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX, MinuteMs: 1_800_000_000_000,
			What: []landfallv1.LedgerCount{landfallv1.LedgerCount_LEDGER_COUNT_DATAGRAMS}, Amount: []uint64{uint64(round + 1)},
		}
		var b flow.Batch
		if round%2 == 0 {
			r := record("100.64.9.1", "1.2.3.4")
			b.Append(&r)
		}
		b.AppendLedger(entry)
		b.Stamp(&landfallv1.Origin{Collector: "c", Epoch: 1, Sequence: 2}, "operator", "site", 1000)
		message, err := b.AppendMarshal(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Unmarshal(message); err != nil {
			t.Fatal(err)
		}
		out, _ := e.Enrich(&in, &landfallv1.Source{Offset: int64(round)}, always(data))
		if out.Operator != "operator" || int(out.Count) != 1-round%2 || len(out.Ledger) != 1 || !proto.Equal(out.Ledger[0], entry) {
			t.Errorf("round %d: operator %q, %d flows, ledger %v", round, out.Operator, out.Count, out.Ledger)
		}
	}
}
