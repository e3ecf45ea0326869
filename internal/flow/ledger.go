package flow

import (
	"errors"
	"fmt"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds on the ledger of one batch, and with it on what a hostile message can make us allocate or
// add up.
const (
	// MaxLedger is the number of entries.
	MaxLedger = 1 << 12
	// maxLedgerPairs is the number of counts of one entry; the schema has fewer than half of it.
	maxLedgerPairs = 64
	// MaxLedgerAmount is one amount: more than a collector can count between two batches, and so
	// little that it takes a million such for a sum to run over.
	MaxLedgerAmount = 1 << 44
)

// The minutes that an entry can be of: 2000 to 2100, in milliseconds since 1970.
const (
	minLedgerMs = 946_684_800_000
	maxLedgerMs = 4_102_444_800_000
	minuteMs    = 60_000
)

// ledgerField is the number of the ledger in FlowBatch and in EnrichedBatch.
const ledgerField = 70

// ScanLedger refuses a message (FlowBatch or EnrichedBatch) with more than MaxLedger entries before
// it is decoded: an empty entry takes three bytes there, and fifty times as much in memory. What is
// no message at all is left to the decoder.
func ScanLedger(message []byte) error {
	for entries := 0; len(message) > 0; {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil
		}
		message = message[n:]
		if number != ledgerField {
			continue
		}
		if entries++; entries > MaxLedger {
			return fmt.Errorf("more than %d ledger entries", MaxLedger)
		}
	}
	return nil
}

// ValidateLedger checks the ledger of a FlowBatch or an EnrichedBatch: what it accepts can be read
// pair by pair and added up. A count of a kind that this version does not know is accepted, so that a
// newer collector's flows are; readers pass over it.
func ValidateLedger(ledger []*landfallv1.LedgerEntry) error {
	if len(ledger) > MaxLedger {
		return fmt.Errorf("%d ledger entries, at most %d are read", len(ledger), MaxLedger)
	}
	for i, e := range ledger {
		if err := validateEntry(e); err != nil {
			return fmt.Errorf("ledger entry %d: %w", i, err)
		}
	}
	return nil
}

func validateEntry(e *landfallv1.LedgerEntry) error {
	switch {
	case e == nil:
		return errors.New("is not there")
	case len(e.Exporter) != AddrSize:
		return fmt.Errorf("exporter of %d bytes", len(e.Exporter))
	case e.ExportProtocol < 0 || e.ExportProtocol > landfallv1.ExportProtocol_EXPORT_PROTOCOL_SFLOW:
		return fmt.Errorf("export protocol %d", e.ExportProtocol)
	case e.MinuteMs < minLedgerMs || e.MinuteMs > maxLedgerMs || e.MinuteMs%minuteMs != 0:
		return fmt.Errorf("minute_ms %d is not a minute of the years 2000 to 2100", e.MinuteMs)
	case len(e.What) != len(e.Amount):
		return fmt.Errorf("%d kinds of count, %d amounts", len(e.What), len(e.Amount))
	case len(e.What) > maxLedgerPairs:
		return fmt.Errorf("%d counts, at most %d are read", len(e.What), maxLedgerPairs)
	}
	for i, what := range e.What {
		if what <= landfallv1.LedgerCount_LEDGER_COUNT_UNSPECIFIED {
			return fmt.Errorf("count of kind %d", what)
		}
		if e.Amount[i] > MaxLedgerAmount {
			return fmt.Errorf("amount %d, at most %d is believed", e.Amount[i], uint64(MaxLedgerAmount))
		}
	}
	return nil
}
