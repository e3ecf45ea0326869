package netflow

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// TestEveryTruncation cuts every datagram of every capture at every length. Nothing panics, the
// flows that are decoded are the first of the whole datagram's, and what follows is not harmed.
func TestEveryTruncation(t *testing.T) {
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			for i, file := range c.files {
				datagram := readCapture(t, file)
				prepared := func() *Decoder {
					d := New(DefaultLimits())
					for _, before := range c.files[:i] {
						b := readCapture(t, before)
						d.Decode(b, router, exportTime(b), new(flow.Batch))
					}
					return d
				}
				at := exportTime(datagram)
				var whole flow.Batch
				prepared().Decode(datagram, router, at, &whole)
				for n := range datagram {
					d := prepared()
					var cut flow.Batch
					result := d.Decode(datagram[:n], router, at, &cut)
					if cut.Len() > whole.Len() || cut.Len() != result.Flows {
						t.Fatalf("%s cut to %d bytes: %d flows, %d in all", file, n, cut.Len(), whole.Len())
					}
					for k := range cut.Len() {
						var a, b flow.Record
						cut.At(k, &a)
						whole.At(k, &b)
						if a.Octets != b.Octets || a.SourceAddress != b.SourceAddress || a.DestinationAddress != b.DestinationAddress {
							t.Fatalf("%s cut to %d bytes: flow %d is %swant %s", file, n, k, describe(&a), describe(&b))
						}
					}
					// The whole datagram after it gives all its flows.
					var again flow.Batch
					if result := d.Decode(datagram, router, at, &again); result.Flows != whole.Len() {
						t.Fatalf("%s after it was cut to %d bytes: %d flows, want %d", file, n, result.Flows, whole.Len())
					}
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(testdata(f), "*.dat"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, c := range captures { // templates and data in one input
		var stream []byte
		for _, file := range c.files {
			b := readCapture(f, file)
			stream = append(binary.BigEndian.AppendUint16(stream, uint16(len(b))), b...)
		}
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := New(DefaultLimits())
		var batch flow.Batch
		decode := func(datagram []byte) {
			before := batch.Len()
			result := d.Decode(datagram, router, arrived, &batch)
			if batch.Len()-before != result.Flows || result.Flows > DefaultLimits().RecordsPerDatagram {
				t.Fatalf("%d flows, result %s", batch.Len()-before, describeResult(&result))
			}
		}
		decode(data)
		// The same bytes as a stream of datagrams with their lengths.
		for rest := data; len(rest) >= 2; {
			n := min(int(binary.BigEndian.Uint16(rest)), len(rest)-2)
			decode(rest[2 : 2+n])
			rest = rest[2+n:]
		}
		var r flow.Record
		for i := range batch.Len() {
			batch.At(i, &r)
			if Absurd(&r) || r.EndMs < r.StartMs || r.Exporter != router {
				t.Fatalf("flow %s", describe(&r))
			}
		}
		if fields := 0; true {
			for _, e := range d.exporters {
				for _, o := range e.domains {
					for _, t := range o.templates {
						fields += len(t.fields)
					}
				}
			}
			if fields != d.fields {
				t.Fatalf("%d fields remembered, %d counted", fields, d.fields)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name  string
		files []string
	}{
		{"v5", []string{"netflow5_test_microtik"}},
		{"v9_asr9k", []string{"netflow9_test_cisco_asr9k_tpl260", "netflow9_test_cisco_asr9k_data260"}},
		{"ipfix_mikrotik", []string{"ipfix_test_mikrotik_tpl", "ipfix_test_mikrotik_data258"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := New(DefaultLimits())
			var batch flow.Batch
			var datagram []byte
			for _, file := range c.files {
				datagram = readCapture(b, file)
				d.Decode(datagram, router, exportTime(datagram), &batch)
			}
			at, flows := exportTime(datagram), 0
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				result := d.Decode(datagram, router, at, &batch)
				flows += result.Flows
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(flows), "ns/flow")
			b.ReportMetric(float64(flows)/b.Elapsed().Seconds(), "flows/s")
		})
	}
}

// TestAllocations holds the parts that are ours to none: walking the sets, resending templates, and
// making a flow of a record's values. What is left is goflow2's.
func TestAllocations(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4), f(2, 4), f(56, 6), f(7, 2)}, ends...)
	tmpl := setOf(0, templateOf(300, fields...))
	h.clean(message9(1, 0, tmpl))
	var batch flow.Batch
	zero := func(name string, run func()) {
		t.Helper()
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for name, datagram := range map[string][]byte{
		"templates again":  message9(1, 0, tmpl, tmpl, tmpl),
		"template missing": message9(1, 0, setOf(999, make([]byte, 100))),
		"unknown version":  be(8, 1<<48),
		"padding":          message9(1, 0, make([]byte, 8)),
	} {
		zero(name, func() { h.d.Decode(datagram, router, arrived, &batch) })
	}
	m := &h.d.m
	result := Result{}
	m.exporterAddress, m.receivedMs, m.out, m.result, m.version = router, arrived.UnixMilli(), &batch, &result, versionNetFlow9
	h.d.enter(1)
	template := m.domain.templates[300]
	value := make([]byte, 8)
	zero("a record's values to a flow", func() {
		batch.Reset()
		m.values.reset()
		for i, e := range template.elements {
			m.values.put(e, value[:fields[i].length])
		}
		m.flow(template)
	})
}
