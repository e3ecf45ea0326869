package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Cell is what one vendor's handsets exchanged with one place in one ISO week.
type Cell struct {
	Vendor      string `json:"vendor"`
	Place       string `json:"place"`
	Week        string `json:"week"` // date of its Monday, 2006-01-02; a flow belongs to the week it starts in
	Flows       uint64 `json:"flows"`
	BytesUp     uint64 `json:"bytes_up"`   // handset to remote; octets × sampling interval
	BytesDown   uint64 `json:"bytes_down"` // remote to handset
	PacketsUp   uint64 `json:"packets_up"`
	PacketsDown uint64 `json:"packets_down"`
}

// Truth is what was sent: what a system that counts right must show. Bytes and packets are multiplied
// by each flow's sampling interval.
type Truth struct {
	Scenario     string          `json:"scenario"`
	Seed         uint64          `json:"seed"`
	HistoryStart time.Time       `json:"history_start"`
	HistoryEnd   time.Time       `json:"history_end"`
	FlowsSent    uint64          `json:"flows_sent"`
	BytesSent    uint64          `json:"bytes_sent"` // up and down
	BytesUp      uint64          `json:"bytes_up"`
	BytesDown    uint64          `json:"bytes_down"`
	PacketsUp    uint64          `json:"packets_up"`
	PacketsDown  uint64          `json:"packets_down"`
	Datagrams    uint64          `json:"datagrams"`
	Exporters    []ExporterTruth `json:"exporters"`
	Cells        []Cell          `json:"cells"` // by vendor, place, week; none is empty
}

// ExporterTruth is what one exporter exported. What was dropped on purpose is in it, as it is in the
// cells: it was exported, and lost on the way.
type ExporterTruth struct {
	Name      string `json:"name"`
	Protocol  string `json:"protocol"` // as the flows table names it: netflow_v5, netflow_v9, ipfix, sflow
	Address   string `json:"address"`  // that it sends from
	Flows     uint64 `json:"flows"`
	Datagrams uint64 `json:"datagrams"`

	// Only where something is dropped or silent on purpose.
	DroppedFlows     uint64      `json:"dropped_flows,omitempty"`
	DroppedDatagrams uint64      `json:"dropped_datagrams,omitempty"`
	UnseenFlows      uint64      `json:"unseen_flows,omitempty"` // of these, those after which nothing was sent: no number shows them
	UnseenDatagrams  uint64      `json:"unseen_datagrams,omitempty"`
	SilentFrom       *time.Time  `json:"silent_from,omitempty"`
	SilentTo         *time.Time  `json:"silent_to,omitempty"`
	Hours            []HourTruth `json:"hours,omitempty"` // in which something was exported, in their order
}

// counts of a cell.
type counts struct{ flows, bytesUp, bytesDown, packetsUp, packetsDown uint64 }

// tally sums the truth. Weeks are counted from the begin of history.
type tally struct {
	start   int64 // ms
	vendors []string
	weeks   [][]counts // by week, then vendor × place; nil where there is none
}

const weekMs = 7 * 24 * 3600 * 1000

func newTally(start time.Time) *tally {
	return &tally{start: start.UnixMilli(), vendors: append(Brands(), Randomised)}
}

// cell gives the counts to add to for a flow that starts at that time, which must not be before the
// begin of history.
func (t *tally) cell(vendor uint8, place int, startMs int64) *counts {
	week := int((startMs - t.start) / weekMs)
	for week >= len(t.weeks) {
		t.weeks = append(t.weeks, nil)
	}
	if t.weeks[week] == nil {
		t.weeks[week] = make([]counts, len(t.vendors)*placeCount)
	}
	return &t.weeks[week][int(vendor)*placeCount+place]
}

// truth writes the cells out, in the order of vendor, place, week.
func (t *tally) truth() Truth {
	truth := Truth{Scenario: "migration"}
	for v, vendor := range t.vendors {
		for p, where := range places() {
			for w, cells := range t.weeks {
				if cells == nil {
					continue
				}
				c := cells[v*placeCount+p]
				if c.flows == 0 {
					continue
				}
				week := time.UnixMilli(t.start + int64(w)*weekMs).UTC().Format(time.DateOnly)
				truth.Cells = append(truth.Cells, Cell{
					Vendor: vendor, Place: where.code, Week: week, Flows: c.flows,
					BytesUp: c.bytesUp, BytesDown: c.bytesDown, PacketsUp: c.packetsUp, PacketsDown: c.packetsDown,
				})
				truth.FlowsSent += c.flows
				truth.BytesUp += c.bytesUp
				truth.BytesDown += c.bytesDown
				truth.PacketsUp += c.packetsUp
				truth.PacketsDown += c.packetsDown
			}
		}
	}
	truth.BytesSent = truth.BytesUp + truth.BytesDown
	return truth
}

// Write writes the truth to a file as JSON; the file is whole or not there.
func (t Truth) Write(path string) error {
	text, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	if err := writeFile(path, append(text, '\n')); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

// ReadTruth reads a file that Write wrote.
func ReadTruth(path string) (Truth, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Truth{}, fmt.Errorf("read truth: %w", err)
	}
	var t Truth
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return Truth{}, fmt.Errorf("read truth %s: %w", path, err)
	}
	return t, nil
}

// writeFile writes beside the target, then renames.
func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when it has been renamed, as it should
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
