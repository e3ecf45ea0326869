package scenario

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tape keeps what is sent, datagram by datagram.
type tape struct {
	source    netip.Addr
	datagrams [][]byte
	records   []int
}

func (w *tape) Send(_ context.Context, datagram []byte, records int) error {
	w.datagrams, w.records = append(w.datagrams, bytes.Clone(datagram)), append(w.records, records)
	return nil
}
func (w *tape) Source() netip.AddrPort { return netip.AddrPortFrom(w.source, 50000) }
func (w *tape) Close() error           { return nil }

// tapes plays a scenario and returns what each exporter sent.
func tapes(t *testing.T, cfg Config) ([]*tape, Truth) {
	t.Helper()
	p, err := newPlayer(cfg, testOUIs, slog.New(slog.DiscardHandler), testRemotes())
	if err != nil {
		t.Fatal(err)
	}
	p.now = func() time.Time { return testNow }
	var all []*tape
	p.dial = func(source netip.Addr, _ netip.AddrPort) (sender, error) {
		all = append(all, &tape{source: source})
		return all[len(all)-1], nil
	}
	var last Progress
	truth, err := p.Run(t.Context(), func(now Progress) { last = now })
	if err != nil {
		t.Fatal(err)
	}
	if last.Flows != last.Total || last.Flows != truth.FlowsSent {
		t.Errorf("progress ends at %d of %d flows, the truth has %d", last.Flows, last.Total, truth.FlowsSent)
	}
	return all, truth
}

// hourAndUnits reads what a test must know of a datagram: its hour, and how much it adds to the
// sequence.
func hourAndUnits(protocol string, b []byte, next []byte) (hour time.Time, units uint64) {
	seconds := func(i int) time.Time {
		return time.Unix(int64(binary.BigEndian.Uint32(b[i:])), 0).UTC().Truncate(time.Hour)
	}
	switch protocol {
	case "netflow_v5":
		return seconds(8), uint64(binary.BigEndian.Uint16(b[2:]))
	case "netflow_v9":
		return seconds(8), 1
	case "ipfix":
		if next == nil {
			return seconds(4), 0
		}
		return seconds(4), uint64(binary.BigEndian.Uint32(next[8:]) - binary.BigEndian.Uint32(b[8:]))
	}
	return testNow.Truncate(time.Hour), 1
}

// TestDrop compares, datagram by datagram, with what the same seed sends when nothing is dropped.
func TestDrop(t *testing.T) {
	cfg := testConfig()
	whole, wholeTruth := tapes(t, cfg)
	cfg.Drop = 0.02
	cfg.TruthFile = filepath.Join(t.TempDir(), "truth.json")
	sent, truth := tapes(t, cfg)
	if diff := cmp.Diff(wholeTruth.Cells, truth.Cells); diff != "" || truth.FlowsSent != wholeTruth.FlowsSent || truth.Datagrams != wholeTruth.Datagrams {
		t.Errorf("what was exported changes with what is lost on the way: %s", diff)
	}
	for i, e := range truth.Exporters {
		all := whole[i]
		hours := map[time.Time]*HourTruth{}
		var order []time.Time
		var gap, unseen, unseenFlows uint64
		at := 0
		for k, datagram := range all.datagrams {
			var next []byte
			if k+1 < len(all.datagrams) {
				next = all.datagrams[k+1]
			}
			hour, units := hourAndUnits(e.Protocol, datagram, next)
			if hours[hour] == nil {
				hours[hour] = &HourTruth{Hour: hour}
				order = append(order, hour)
			}
			h := hours[hour]
			if at == len(sent[i].datagrams) || !bytes.Equal(sent[i].datagrams[at], datagram) {
				h.DroppedDatagrams++
				h.DroppedFlows += uint64(all.records[k])
				gap, unseen, unseenFlows = gap+units, unseen+1, unseenFlows+uint64(all.records[k])
				continue
			}
			at++
			h.Datagrams++
			h.Flows += uint64(all.records[k])
			h.Gap += gap
			gap, unseen, unseenFlows = 0, 0, 0
		}
		want := wholeTruth.Exporters[i]
		want.UnseenFlows, want.UnseenDatagrams = unseenFlows, unseen
		for _, hour := range order {
			want.Hours = append(want.Hours, *hours[hour])
			want.DroppedDatagrams += hours[hour].DroppedDatagrams
			want.DroppedFlows += hours[hour].DroppedFlows
		}
		if diff := cmp.Diff(want, e); diff != "" || at != len(sent[i].datagrams) {
			t.Errorf("%s: %d of %d datagrams are of the whole: %s", e.Name, at, len(sent[i].datagrams), diff)
		}
		if share := float64(e.DroppedDatagrams) / float64(e.Datagrams); e.Protocol != "sflow" && (share < 0.01 || share > 0.03) {
			t.Errorf("%s: a share of %.3f was dropped", e.Name, share)
		}
		if !bytes.Equal(sent[i].datagrams[0], all.datagrams[0]) {
			t.Errorf("%s: the first datagram was dropped", e.Name)
		}
	}
	if kept, err := ReadTruth(cfg.TruthFile); err != nil || cmp.Diff(truth, kept) != "" {
		t.Errorf("the file differs: %v", err)
	}
	_, again := tapes(t, cfg)
	if diff := cmp.Diff(truth, again); diff != "" {
		t.Errorf("the same seed drops others: %s", diff)
	}
}

// TestSilence: a dead exporter sends nothing, numbers nothing, and is back after it; the others do not
// notice.
func TestSilence(t *testing.T) {
	cfg := testConfig()
	whole, wholeTruth := tapes(t, cfg)
	cfg.Silence = "netflow9:1000-1006"
	sent, truth := tapes(t, cfg)
	for i, e := range truth.Exporters {
		if e.Name != "netflow9" {
			if !slices.EqualFunc(whole[i].datagrams, sent[i].datagrams, bytes.Equal) || e.SilentFrom != nil {
				t.Errorf("%s sends something else", e.Name)
			}
			continue
		}
		from := truth.HistoryStart.Add(1000 * time.Hour)
		if e.SilentFrom == nil || !e.SilentFrom.Equal(from) || !e.SilentTo.Equal(from.Add(6*time.Hour)) {
			t.Errorf("silent from %v to %v", e.SilentFrom, e.SilentTo)
		}
		before, after := 0, 0
		var next uint32
		for k, b := range sent[i].datagrams {
			hour, _ := hourAndUnits(e.Protocol, b, nil)
			switch {
			case hour.Before(from):
				before++
			case hour.Before(from.Add(6 * time.Hour)):
				t.Errorf("a datagram of %s", hour)
			default:
				after++
			}
			if number := binary.BigEndian.Uint32(b[12:]); k > 0 && number != next {
				t.Errorf("datagram %d has number %d, not %d", k, number, next)
			}
			next = binary.BigEndian.Uint32(b[12:]) + 1
		}
		if before < 500 || after < 500 || e.Flows >= wholeTruth.Exporters[i].Flows {
			t.Errorf("%d datagrams before, %d after, %d flows", before, after, e.Flows)
		}
	}
	if wholeTruth.FlowsSent <= truth.FlowsSent {
		t.Errorf("%d flows, %d without the silence", truth.FlowsSent, wholeTruth.FlowsSent)
	}
	for _, bad := range []string{"netflow9", "netflow9:", "netflow9:5", "netflow9:6-6", "netflow9:-1-6", "netflow9:0-2017", "sflow:1-2", "x:1-2"} {
		cfg.Silence = bad
		if cfg.Validate() == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
