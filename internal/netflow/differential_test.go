package netflow

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"testing"

	gonetflow "github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"
	"github.com/netsampler/goflow2/v2/producer"
	protoproducer "github.com/netsampler/goflow2/v2/producer/proto"
	"pgregory.net/rapid"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// goflow2Faults are the captures on which goflow2's own pipeline (decoder and producer, v2.2.6) is
// known to differ, and in what.
var goflow2Faults = map[string]string{
	"yaf":        "counts only totals (85, 86): zero octets; and octets of the way back (PEN 29305) are lost",
	"cisco_asa":  "counts only octetTotalCount (85): zero octets",
	"invalid_v5": "a count that is larger than the datagram: flows are made up",
	"invalid_v9": "the header counts two records, four sets follow: those after the second are lost",
}

// TestAgainstGoflow2 decodes the captures with goflow2's whole pipeline too: same flows, same
// values, except for its known faults.
func TestAgainstGoflow2(t *testing.T) {
	config, err := (&protoproducer.ProducerConfig{}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			d, templates := New(DefaultLimits()), gonetflow.CreateTemplateSystem()
			samplers := protoproducer.CreateSamplingSystem()
			var ours, theirs []string
			for _, file := range c.files {
				datagram := readCapture(t, file)
				var batch flow.Batch
				d.Decode(datagram, router, exportTime(datagram), &batch)
				for i := range batch.Len() {
					var r flow.Record
					batch.At(i, &r)
					ours = append(ours, fmt.Sprint(r.SourceAddress, r.SourcePort, r.DestinationAddress, r.DestinationPort, r.IPProtocol,
						r.Octets, r.Packets, r.IngressInterface, r.EgressInterface, r.IPClassOfService))
				}
				var messages []producer.ProducerMessage
				if datagram[1] == versionNetFlow5 {
					var p netflowlegacy.PacketNetFlowV5
					if err := netflowlegacy.DecodeMessageVersion(bytes.NewBuffer(datagram), &p); err == nil {
						messages, _ = protoproducer.ProcessMessageNetFlowLegacy(&p)
					}
				} else {
					var p9 gonetflow.NFv9Packet
					var p10 gonetflow.IPFIXPacket
					_ = gonetflow.DecodeMessageVersion(bytes.NewBuffer(datagram), templates, &p9, &p10)
					if datagram[1] == versionIPFIX {
						messages, _ = protoproducer.ProcessMessageIPFIXConfig(&p10, samplers, config)
					} else {
						messages, _ = protoproducer.ProcessMessageNetFlowV9Config(&p9, samplers, config)
					}
				}
				for _, message := range messages {
					m, ok := message.(*protoproducer.ProtoProducerMessage)
					if !ok {
						t.Fatalf("%T", message)
					}
					src, _ := netip.AddrFromSlice(m.SrcAddr)
					dst, _ := netip.AddrFromSlice(m.DstAddr)
					theirs = append(theirs, fmt.Sprint(src, uint16(m.SrcPort), dst, uint16(m.DstPort), uint8(m.Proto),
						m.Bytes, m.Packets, m.InIf, m.OutIf, uint8(m.IpTos)))
				}
			}
			differ := len(ours) != len(theirs)
			for i := 0; i < min(len(ours), len(theirs)); i++ {
				if ours[i] != theirs[i] {
					differ = true
					if goflow2Faults[c.name] == "" {
						t.Errorf("flow %d: %s, goflow2 %s", i, ours[i], theirs[i])
					}
				} else {
					compared++
				}
			}
			switch {
			case differ && goflow2Faults[c.name] == "":
				t.Errorf("%d flows, goflow2 %d", len(ours), len(theirs))
			case !differ && goflow2Faults[c.name] != "":
				t.Errorf("no difference, but it is listed as one: %s", goflow2Faults[c.name])
			case differ:
				t.Logf("differs, as known: %s", goflow2Faults[c.name])
			}
		})
	}
	t.Logf("%d flows are equal", compared)
}

// TestRandomTemplates decodes records of random templates: known elements in any order and width,
// between elements that nobody knows, of fixed and of variable length.
func TestRandomTemplates(t *testing.T) {
	type known struct {
		id       uint16
		min, max int
		limit    uint64
		set      func(*flow.Record, uint64)
	}
	elements := []known{
		{1, 1, 8, 1 << 50, func(r *flow.Record, v uint64) { r.Octets = v }},
		{2, 1, 8, 1 << 50, func(r *flow.Record, v uint64) { r.Packets = v }},
		{4, 1, 1, math.MaxUint8, func(r *flow.Record, v uint64) { r.IPProtocol = uint8(v) }},
		{6, 1, 2, math.MaxUint8, func(r *flow.Record, v uint64) { r.TCPFlags = uint8(v) }},
		{7, 2, 2, math.MaxUint16, func(r *flow.Record, v uint64) { r.SourcePort = uint16(v) }},
		{8, 4, 4, math.MaxUint32, func(r *flow.Record, v uint64) { r.SourceAddress = address4(uint32(v)) }},
		{10, 1, 4, math.MaxUint32, func(r *flow.Record, v uint64) { r.IngressInterface = uint32(v) }},
		{11, 2, 2, math.MaxUint16, func(r *flow.Record, v uint64) { r.DestinationPort = uint16(v) }},
		{12, 4, 4, math.MaxUint32, func(r *flow.Record, v uint64) { r.DestinationAddress = address4(uint32(v)) }},
		{16, 2, 4, math.MaxUint32, func(r *flow.Record, v uint64) { r.BGPSourceAS = uint32(v) }},
		{56, 6, 6, macMask, func(r *flow.Record, v uint64) { r.SourceMAC = v }},
		{80, 6, 6, macMask, func(r *flow.Record, v uint64) { r.DestinationMAC = v }},
		{58, 2, 2, 0xfff, func(r *flow.Record, v uint64) { r.VLANID = uint16(v) }},
	}
	rapid.Check(t, func(t *rapid.T) {
		var fields []field
		type column struct {
			known *known
			width int
		}
		var columns []column
		for _, i := range rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).Draw(t, "order") {
			for range rapid.IntRange(0, 1).Draw(t, "unknown before") {
				width := rapid.SampledFrom([]int{0, 1, 3, 9, 17, variableLength}).Draw(t, "unknown width")
				fields = append(fields, field{uint16(rapid.IntRange(1, 0x7fff).Draw(t, "id")), uint16(width), 99999})
				columns = append(columns, column{nil, width})
			}
			e := &elements[i]
			width := rapid.IntRange(e.min, e.max).Draw(t, "width")
			fields = append(fields, f(e.id, uint16(width)))
			columns = append(columns, column{e, width})
		}
		fields = append(fields, f(152, 8), f(153, 8))
		var want []flow.Record
		var data []byte
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			r := flow.Record{Exporter: router, ObservationDomain: 3, ExportProtocol: 3, StartMs: arrived.UnixMilli(), EndMs: arrived.UnixMilli()}
			for _, c := range columns {
				switch {
				case c.known == nil && c.width == variableLength:
					n := rapid.SampledFrom([]int{0, 1, 254, 255, 300}).Draw(t, "length")
					if n < 255 {
						data = append(data, byte(n))
					} else {
						data = append(data, 255, byte(n>>8), byte(n))
					}
					data = append(data, bytes.Repeat([]byte{0xee}, n)...)
				case c.known == nil:
					data = append(data, bytes.Repeat([]byte{0xee}, c.width)...)
				default:
					limit := c.known.limit
					if c.width < 8 {
						limit = min(limit, 1<<(8*c.width)-1)
					}
					v := rapid.Uint64Range(1, limit).Draw(t, "value")
					data = append(data, be(c.width, v)...)
					c.known.set(&r, v)
				}
			}
			data = append(data, join(be(8, uint64(r.StartMs)), be(8, uint64(r.EndMs)))...)
			want = append(want, r)
		}
		d := New(DefaultLimits())
		var batch flow.Batch
		result := d.Decode(messageIPFIX(3, 0, setOf(2, templateOf(256, fields...)), setOf(256, data)), router, arrived, &batch)
		if result.Flows != len(want) || result.Refused != ([ReasonCount]uint32{}) {
			t.Fatalf("want %d flows, got %s", len(want), describeResult(&result))
		}
		for i := range want {
			var got flow.Record
			if batch.At(i, &got); got != want[i] {
				t.Fatalf("flow %d: got %swant %s", i, describe(&got), describe(&want[i]))
			}
		}
	})
}
