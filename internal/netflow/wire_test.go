package netflow

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// A small writer of datagrams, for the inputs that no capture has.

var arrived = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func be(width int, v uint64) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint64(b, v)
	return b[8-width:]
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func setOf(id uint16, parts ...[]byte) []byte {
	body := join(parts...)
	return join(be(2, uint64(id)), be(2, uint64(len(body)+4)), body)
}

// field is an element and its length; enterprise 0 is IANA.
type field struct {
	id, length uint16
	enterprise uint32
}

func fieldsOf(fields []field) []byte {
	var b []byte
	for _, f := range fields {
		if f.enterprise != 0 {
			b = append(b, join(be(2, uint64(f.id|0x8000)), be(2, uint64(f.length)), be(4, uint64(f.enterprise)))...)
		} else {
			b = append(b, join(be(2, uint64(f.id)), be(2, uint64(f.length)))...)
		}
	}
	return b
}

func templateOf(id uint16, fields ...field) []byte {
	return join(be(2, uint64(id)), be(2, uint64(len(fields))), fieldsOf(fields))
}

func options9(id uint16, scopes, options []field) []byte {
	return join(be(2, uint64(id)), be(2, uint64(4*len(scopes))), be(2, uint64(4*len(options))), fieldsOf(scopes), fieldsOf(options))
}

func optionsIPFIX(id uint16, scopes, options []field) []byte {
	return join(be(2, uint64(id)), be(2, uint64(len(scopes)+len(options))), be(2, uint64(len(scopes))), fieldsOf(scopes), fieldsOf(options))
}

const uptime = 100_000_000

func message9(domain, sequence uint32, sets ...[]byte) []byte {
	return join(be(2, 9), be(2, uint64(len(sets))), be(4, uptime), be(4, uint64(arrived.Unix())), be(4, uint64(sequence)), be(4, uint64(domain)), join(sets...))
}

func messageIPFIX(domain, sequence uint32, sets ...[]byte) []byte {
	body := join(sets...)
	return join(be(2, 10), be(2, uint64(len(body)+16)), be(4, uint64(arrived.Unix())), be(4, uint64(sequence)), be(4, uint64(domain)), body)
}

// harness decodes datagrams of one exporter, and fails the test where the result is not as said.
type harness struct {
	t       *testing.T
	d       *Decoder
	from    netip.Addr
	arrived time.Time
}

func newHarness(t *testing.T) *harness {
	return &harness{t, New(DefaultLimits()), router, arrived}
}

func (h *harness) decode(datagram []byte) ([]flow.Record, Result) {
	h.t.Helper()
	var batch flow.Batch
	result := h.d.Decode(datagram, h.from, h.arrived, &batch)
	records := make([]flow.Record, batch.Len())
	for i := range records {
		batch.At(i, &records[i])
	}
	if len(records) != result.Flows {
		h.t.Fatalf("%d flows in the batch, %d in the result", len(records), result.Flows)
	}
	return records, result
}

// clean decodes and wants no refusal.
func (h *harness) clean(datagram []byte) []flow.Record {
	h.t.Helper()
	records, result := h.decode(datagram)
	if result.Refused != ([ReasonCount]uint32{}) {
		h.t.Fatalf("refused: %s", describeResult(&result))
	}
	return records
}

func (h *harness) refused(datagram []byte, reason Reason, n uint32) []flow.Record {
	h.t.Helper()
	records, result := h.decode(datagram)
	want := [ReasonCount]uint32{}
	want[reason] = n
	if result.Refused != want {
		h.t.Fatalf("want %s=%d, got %s", reason, n, describeResult(&result))
	}
	return records
}

// one decodes a template with the fields and one record with the values (each as wide as its
// field), and returns the flow.
func (h *harness) one(version int, fields []field, values ...[]byte) flow.Record {
	h.t.Helper()
	var records []flow.Record
	if version == versionIPFIX {
		records = h.clean(messageIPFIX(1, 0, setOf(2, templateOf(300, fields...)), setOf(300, values...)))
	} else {
		records = h.clean(message9(1, 0, setOf(0, templateOf(300, fields...)), setOf(300, values...)))
	}
	if len(records) != 1 {
		h.t.Fatalf("%d flows", len(records))
	}
	return records[0]
}

func f(id, length uint16) field { return field{id: id, length: length} }

// Elements that make a record a flow in its own time.
var (
	ends      = []field{f(8, 4), f(12, 4), f(152, 8), f(153, 8)}
	endValues = join(be(4, 0xc0000201), be(4, 0xcb007101), be(8, uint64(arrived.UnixMilli()-2000)), be(8, uint64(arrived.UnixMilli()-1000)))
)
