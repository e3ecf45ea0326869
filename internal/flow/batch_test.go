package flow

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

var addrs = cmpopts.EquateComparable(netip.Addr{})

func origin() *landfallv1.Origin {
	return &landfallv1.Origin{Collector: "c1", Epoch: 7, Sequence: 1}
}

// full has a value in every field: a field that Append, At or the codec forgets shows.
func full(t testing.TB) Record {
	r := Record{
		Exporter: netip.MustParseAddr("192.0.2.1"), ObservationDomain: 1, ExportProtocol: landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX,
		SourceAddress: netip.MustParseAddr("100.64.0.1"), DestinationAddress: netip.MustParseAddr("2001:db8::1"),
		SourcePort: 2, DestinationPort: 3, IPProtocol: 4, TCPFlags: 5, IPClassOfService: 6,
		SourceMAC: 0x0123456789ab, DestinationMAC: 0xba9876543210, VLANID: 7, IngressInterface: 8, EgressInterface: 9,
		FlowDirection: landfallv1.FlowDirection_FLOW_DIRECTION_EGRESS,
		Octets:        1 << 40, Packets: 11, ReverseOctets: 12, ReversePackets: 13, StartMs: -14, EndMs: 15, SamplingInterval: 16,
		NextHopAddress: netip.MustParseAddr("192.0.2.2"), BGPSourceAS: 17, BGPDestinationAS: 4200000000,
		PostNATSourceAddress: netip.MustParseAddr("192.0.2.3"), PostNATDestinationAddress: netip.MustParseAddr("192.0.2.4"),
		PostNAPTSourcePort: 18, PostNAPTDestinationPort: 19, NATEvent: 20, ApplicationName: "app", DomainName: "example.net",
		DomainSource: landfallv1.DomainSource_DOMAIN_SOURCE_DNS_AMBIGUOUS,
	}
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the test's record has no %s", v.Type().Field(i).Name)
		}
	}
	return r
}

func TestBatchKeepsEveryField(t *testing.T) {
	want := []Record{full(t), {}, {Octets: 1}, full(t)}
	want[3].ApplicationName, want[3].DomainName, want[3].DomainSource = "example.net", "", 0
	var b Batch
	for i := range want {
		b.Append(&want[i])
	}
	b.Stamp(origin(), "operator", "site", 99)
	message, err := b.AppendMarshal([]byte("prefix"))
	if err != nil || string(message[:6]) != "prefix" {
		t.Fatalf("%q, %v", message[:6], err)
	}
	var read Batch
	if err := read.Unmarshal(message[6:]); err != nil {
		t.Fatal(err)
	}
	for _, batch := range []*Batch{&b, &read} {
		if batch.Len() != len(want) || batch.Columns().Operator != "operator" || batch.Columns().Site != "site" || batch.Columns().ReceivedMs != 99 || batch.Columns().Origin.Sequence != 1 {
			t.Errorf("batch of %d, %v", batch.Len(), batch.Columns().Origin)
		}
		for i := range want {
			var got Record
			batch.At(i, &got)
			if diff := cmp.Diff(want[i], got, addrs); diff != "" {
				t.Errorf("flow %d: %s", i, diff)
			}
		}
	}
}

func TestResetForgetsEverything(t *testing.T) {
	r := full(t)
	var b Batch
	b.Append(&r)
	b.Stamp(origin(), "operator", "site", 99)
	b.Reset()
	if b.Len() != 0 || b.Columns().Origin != nil || b.Columns().Operator != "" || b.Columns().Site != "" {
		t.Error("something is left after Reset")
	}
	r.ApplicationName = "other"
	b.Append(&r)
	var got Record
	b.At(0, &got)
	if got.ApplicationName != "other" || got.DomainName != "example.net" {
		t.Errorf("names %q, %q", got.ApplicationName, got.DomainName)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	r := full(t)
	var b Batch
	fill := func() {
		b.Reset()
		for range 1000 {
			b.Append(&r)
		}
	}
	fill()
	// Reset drops the stamped origin only; the columns and the names' map stay.
	if n := testing.AllocsPerRun(20, fill); n > 1 {
		t.Errorf("%v allocations for 1000 flows", n)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	valid := func() *landfallv1.FlowBatch {
		return &landfallv1.FlowBatch{SchemaVersion: SchemaVersion, Origin: origin(), Count: 2, Octets: []uint64{1, 2}}
	}
	for name, change := range map[string]func(*landfallv1.FlowBatch){
		"schema version":  func(p *landfallv1.FlowBatch) { p.SchemaVersion = 2 },
		"no origin":       func(p *landfallv1.FlowBatch) { p.Origin = nil },
		"no collector":    func(p *landfallv1.FlowBatch) { p.Origin.Collector = "" },
		"no sequence":     func(p *landfallv1.FlowBatch) { p.Origin.Sequence = 0 },
		"too many flows":  func(p *landfallv1.FlowBatch) { p.Count = MaxFlows + 1 },
		"column octets":   func(p *landfallv1.FlowBatch) { p.Octets = p.Octets[:1] },
		"column exporter": func(p *landfallv1.FlowBatch) { p.Exporter = make([]byte, 31) },
		"domain source 4": func(p *landfallv1.FlowBatch) {
			p.DomainName, p.DomainSource, p.Strings = []uint32{1, 1}, []uint32{0, 4}, []string{"a"}
		},
		"source of no name":    func(p *landfallv1.FlowBatch) { p.DomainSource = []uint32{1, 0} },
		"column domain_source": func(p *landfallv1.FlowBatch) { p.DomainSource = []uint32{0} },
		"name 1 of 0":          func(p *landfallv1.FlowBatch) { p.DomainName = []uint32{0, 1} },
	} {
		p := valid()
		change(p)
		message, err := p.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		if err := b.Unmarshal(message); err == nil || b.Len() != 0 {
			t.Errorf("%s: %v, %d flows", name, err, b.Len())
		} else if words := strings.Fields(name); !strings.Contains(strings.ReplaceAll(err.Error(), ",", ""), words[len(words)-1]) {
			t.Errorf("%s: the message does not say so: %v", name, err)
		}
	}
	message, _ := valid().MarshalVT()
	var b Batch
	if err := b.Unmarshal(message); err != nil {
		t.Errorf("the valid one: %v", err)
	}
	p := valid()
	p.SchemaVersion = 9
	message, _ = p.MarshalVT()
	if err := b.Unmarshal(message); !errors.Is(err, ErrSchemaVersion) {
		t.Errorf("schema version: %v", err)
	}
}

// TestUnmarshalOfAnything: what is accepted can be read to the end.
func TestUnmarshalOfAnything(t *testing.T) {
	r := full(t)
	var b Batch
	b.Append(&r)
	b.Append(&Record{})
	b.Stamp(origin(), "operator", "site", 99)
	message, err := b.AppendMarshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	readAll := func(m []byte) {
		var read Batch
		if read.Unmarshal(m) != nil {
			return
		}
		var got Record
		for i := range read.Len() {
			read.At(i, &got)
		}
	}
	for n := range message {
		readAll(message[:n])
	}
	rapid.Check(t, func(t *rapid.T) {
		m := append([]byte(nil), message...)
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			m[rapid.IntRange(0, len(m)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		readAll(m)
	})
}

func FuzzUnmarshal(f *testing.F) {
	r := full(f)
	var b Batch
	b.Append(&r)
	b.Stamp(origin(), "operator", "site", 99)
	message, err := b.AppendMarshal(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	f.Fuzz(func(t *testing.T, m []byte) {
		var read Batch
		if read.Unmarshal(m) != nil {
			return
		}
		var got Record
		for i := range read.Len() {
			read.At(i, &got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	r := full(b)
	var batch Batch
	b.ReportAllocs()
	for i := range b.N {
		if i%4096 == 0 {
			batch.Reset()
		}
		batch.Append(&r)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	const flows = 4096
	r := full(b)
	var batch, read Batch
	for i := range flows {
		r.SourcePort, r.Octets = uint16(i), uint64(i)
		batch.Append(&r)
	}
	batch.Stamp(origin(), "operator", "site", 99)
	var message []byte
	b.ReportAllocs()
	for range b.N {
		var err error
		if message, err = batch.AppendMarshal(message[:0]); err != nil {
			b.Fatal(err)
		}
		if err := read.Unmarshal(message); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
	b.ReportMetric(float64(len(message))/flows, "bytes/flow")
}
