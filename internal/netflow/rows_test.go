package netflow

import (
	"math"
	"net/netip"
	"runtime"
	"testing"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Each test here is an input that goflow2 is known to get wrong.

func TestTemplateWithoutSizeIsRefused(t *testing.T) {
	for name, template := range map[string][]byte{
		"no field":         templateOf(256),
		"zero-length only": templateOf(256, f(8, 0), f(12, 0)),
	} {
		for _, version := range []int{versionNetFlow9, versionIPFIX} {
			t.Run(name, func(t *testing.T) {
				h := newHarness(t)
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				before := m.TotalAlloc
				sets := [][]byte{setOf(0, template), setOf(256, make([]byte, 8))}
				datagram := message9(1, 0, sets...)
				if version == versionIPFIX {
					sets[0] = setOf(2, template)
					datagram = messageIPFIX(1, 0, sets...)
				}
				_, result := h.decode(datagram)
				if result.Refused[ReasonTemplateRefused] != 1 || result.Refused[ReasonTemplateMissing] != 1 || result.Flows != 0 {
					t.Errorf("got %s", describeResult(&result))
				}
				if runtime.ReadMemStats(&m); m.TotalAlloc-before > 1<<20 {
					t.Errorf("%d bytes allocated", m.TotalAlloc-before)
				}
			})
		}
	}
}

func TestRefusedTemplates(t *testing.T) {
	long := make([]field, DefaultLimits().TemplateFields+1)
	for i := range long {
		long[i] = f(8, 4)
	}
	for name, template := range map[string][]byte{
		"id below 256":        templateOf(255, f(8, 4)),
		"more than a record":  templateOf(256, f(8, 65000), f(12, 65000)),
		"more fields than in": join(be(2, 256), be(2, 60000), be(4, 0x00080004)),
		"too many fields":     templateOf(256, long...),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.refused(message9(1, 0, setOf(0, template)), ReasonTemplateRefused, 1)
			// Its neighbour in the next set is not harmed.
			fields := append([]field{f(1, 4)}, ends...)
			if got := h.one(versionNetFlow9, fields, be(4, 7), endValues); got.Octets != 7 {
				t.Errorf("octets %d", got.Octets)
			}
		})
	}
	// Options templates whose scopes do not fit.
	h := newHarness(t)
	h.refused(messageIPFIX(1, 0, setOf(3, join(be(2, 256), be(2, 1), be(2, 2), be(4, 0x00080004)))), ReasonTemplateRefused, 1)
	h.refused(message9(1, 0, setOf(1, join(be(2, 256), be(2, 3), be(2, 4), be(8, 0)))), ReasonTemplateRefused, 1)
}

func TestCountOfNetFlow5LargerThanDatagram(t *testing.T) {
	h := newHarness(t)
	record := make([]byte, 48)
	copy(record, join(be(4, 0x0a000001), be(4, 0x0a000002)))
	header := func(count uint64) []byte {
		return join(be(2, 5), be(2, count), be(4, uptime), be(4, uint64(arrived.Unix())), be(4, 0), be(4, 1000), be(4, 0))
	}
	if got := h.refused(join(header(65535), record, record[:47]), ReasonMalformed, 1); len(got) != 1 {
		t.Errorf("%d flows, want 1", len(got))
	}
	if got := h.refused(header(30), ReasonMalformed, 1); len(got) != 0 {
		t.Errorf("%d flows, want 0", len(got))
	}
}

func TestUnknownTemplateCostsOnlyItsSet(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4)}, ends...)
	good := setOf(300, be(4, 5), endValues)
	for range 2 {
		records, result := h.decode(message9(7, 0, setOf(0, templateOf(300, fields...)), setOf(999, make([]byte, 40)), good, setOf(998, make([]byte, 40)), good))
		if len(records) != 2 || result.Refused[ReasonTemplateMissing] != 2 {
			t.Fatalf("got %s", describeResult(&result))
		}
		if len(result.Missing) != 2 || result.Missing[0] != (Template{7, 999}) || result.Missing[1] != (Template{7, 998}) {
			t.Errorf("missing %v", result.Missing)
		}
	}
}

func TestReducedSizeCounters(t *testing.T) {
	for _, version := range []int{versionNetFlow9, versionIPFIX} {
		for width := 1; width <= 8; width++ {
			value := uint64(0x0102030405060708) >> (8 * (8 - width)) & (1<<48 - 1) // below what is absurd
			fields := append([]field{f(1, uint16(width)), f(2, uint16(width)), f(7, 2)}, ends...)
			got := newHarness(t).one(version, fields, be(width, value), be(width, value), be(2, 443), endValues)
			if got.Octets != value || got.Packets != value || got.SourcePort != 443 {
				t.Errorf("v%d width %d: octets %#x packets %#x, want %#x", version, width, got.Octets, got.Packets, value)
			}
		}
	}
}

func TestTemplateKey(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4)}, ends...)
	data := setOf(300, be(4, 5), endValues)
	h.clean(message9(1, 0, setOf(0, templateOf(300, fields...))))
	// Decode is not told the source port, so another one finds the template; other domains,
	// exporters and versions do not.
	if got := h.clean(message9(1, 1, data)); len(got) != 1 {
		t.Errorf("%d flows", len(got))
	}
	h.refused(message9(2, 0, data), ReasonTemplateMissing, 1)
	h.refused(messageIPFIX(1, 0, data), ReasonTemplateMissing, 1)
	h.from = netip.MustParseAddr("192.0.2.2")
	h.refused(message9(1, 0, data), ReasonTemplateMissing, 1)
	// An IPv4 exporter is the same however the socket gives its address.
	h.from = netip.MustParseAddr("::ffff:192.0.2.1")
	if got := h.clean(message9(1, 2, data)); len(got) != 1 {
		t.Errorf("%d flows", len(got))
	}
}

func TestStateIsBoundedAndExpires(t *testing.T) {
	h := newHarness(t)
	limits := DefaultLimits()
	limits.Exporters, limits.Domains, limits.Templates = 2, 2, 2
	h.d = New(limits)
	fields := append([]field{f(1, 4)}, ends...)
	tmpl := func(id uint16) []byte { return setOf(0, templateOf(id, fields...)) }
	h.clean(message9(1, 0, tmpl(300), tmpl(301)))
	h.refused(message9(1, 1, tmpl(302)), ReasonStateLimit, 1)
	h.clean(message9(2, 0))
	h.refused(message9(3, 0), ReasonStateLimit, 1)
	h.from = netip.MustParseAddr("192.0.2.2")
	h.clean(message9(1, 0, tmpl(300)))
	h.from = netip.MustParseAddr("192.0.2.3")
	h.refused(message9(1, 0, tmpl(300)), ReasonStateLimit, 1)
	// The templates that were known go on.
	h.from = router
	if got := h.clean(message9(1, 2, setOf(300, be(4, 5), endValues))); len(got) != 1 {
		t.Errorf("%d flows", len(got))
	}
	// What nobody used for Expiry makes room.
	h.arrived = h.arrived.Add(limits.Expiry + time.Second)
	h.from = netip.MustParseAddr("192.0.2.3")
	h.clean(message9(1, 0, tmpl(300)))
	if len(h.d.exporters) != 1 || h.d.fields != len(fields) {
		t.Errorf("%d exporters, %d fields remembered", len(h.d.exporters), h.d.fields)
	}
}

// TestLearnedIsBoundedOverAllDomains: domains cost a sender nothing, so a bound for each is none.
func TestLearnedIsBoundedOverAllDomains(t *testing.T) {
	h := newHarness(t)
	limits := DefaultLimits()
	limits.ExporterSamplers, limits.TotalSamplers = 2, 3
	limits.ExporterNameBytes, limits.TotalNameBytes = 2*(nameCost+3), 3*(nameCost+3)
	h.d = New(limits)
	// An options record of a sampler (48, 34) and an application (95, 96).
	learn := func(domain uint32, name string) []byte {
		template := options9(300, []field{f(1, 4)}, []field{f(48, 4), f(34, 4), f(95, 4), f(96, 3)})
		return message9(domain, 0, setOf(1, template), setOf(300, be(4, 0), be(4, 1), be(4, 100), be(4, 1), []byte(name), make([]byte, 1)))
	}
	h.clean(learn(1, "abc"))
	h.clean(learn(2, "abc"))
	h.clean(learn(2, "xyz")) // another name takes the place of the one before
	h.refused(learn(3, "abc"), ReasonStateLimit, 2)
	h.from = netip.MustParseAddr("192.0.2.2")
	h.clean(learn(1, "abc"))
	h.refused(learn(2, "abc"), ReasonStateLimit, 2)
	// What nobody used for Expiry makes room.
	h.arrived = h.arrived.Add(limits.Expiry + time.Second)
	h.clean(learn(1, "abc"))
	h.clean(learn(2, "abc"))
	if h.d.samplers != 2 || h.d.nameBytes != 2*(nameCost+3) {
		t.Errorf("%d samplers, %d bytes of names remembered", h.d.samplers, h.d.nameBytes)
	}
}

func TestBothDirections(t *testing.T) {
	reverse := func(id, length uint16) field { return field{id, length, penReverse} }
	for _, c := range []struct {
		name    string
		version int
		fields  []field
		values  []byte
		want    [4]uint64 // octets, packets, reverse octets, reverse packets
	}{
		{"in and out", 9, []field{f(1, 4), f(2, 4), f(23, 4), f(24, 4)}, join(be(4, 100), be(4, 2), be(4, 900), be(4, 3)), [4]uint64{100, 2, 900, 3}},
		{"out before in", 9, []field{f(23, 4), f(24, 4), f(1, 4), f(2, 4)}, join(be(4, 900), be(4, 3), be(4, 100), be(4, 2)), [4]uint64{100, 2, 900, 3}},
		{"out only", 9, []field{f(23, 4), f(24, 4)}, join(be(4, 900), be(4, 3)), [4]uint64{900, 3, 0, 0}},
		{"the same after a middlebox", 9, []field{f(1, 4), f(2, 4), f(23, 4), f(24, 4)}, join(be(4, 100), be(4, 2), be(4, 100), be(4, 2)), [4]uint64{100, 2, 0, 0}},
		{"ASA", 9, []field{f(231, 4), f(232, 4), f(298, 4), f(299, 4)}, join(be(4, 100), be(4, 900), be(4, 2), be(4, 3)), [4]uint64{100, 2, 900, 3}},
		{"totals", 10, []field{f(85, 8), f(86, 8)}, join(be(8, 100), be(8, 2)), [4]uint64{100, 2, 0, 0}},
		{"totals beside deltas", 10, []field{f(85, 8), f(86, 8), f(1, 8), f(2, 8)}, join(be(8, 1000), be(8, 20), be(8, 100), be(8, 2)), [4]uint64{100, 2, 0, 0}},
		{"biflow", 10, []field{f(1, 8), f(2, 8), reverse(1, 8), reverse(2, 8)}, join(be(8, 100), be(8, 2), be(8, 900), be(8, 3)), [4]uint64{100, 2, 900, 3}},
		{"biflow totals", 10, []field{f(85, 8), f(86, 8), reverse(85, 8), reverse(86, 8)}, join(be(8, 100), be(8, 2), be(8, 900), be(8, 3)), [4]uint64{100, 2, 900, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newHarness(t).one(c.version, append(c.fields, ends...), c.values, endValues)
			if got := [4]uint64{r.Octets, r.Packets, r.ReverseOctets, r.ReversePackets}; got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestSamplingInterval(t *testing.T) {
	flows := func(extra ...field) []field { return append(append([]field{}, extra...), ends...) }
	for _, c := range []struct {
		name    string
		options []field
		values  []byte
		want    uint32
	}{
		{"34 of 4 bytes", []field{f(34, 4), f(35, 1)}, join(be(4, 1000), be(1, 2)), 1000},
		{"34 of 2 bytes", []field{f(34, 2)}, be(2, 512), 512},
		{"34 of 8 bytes", []field{f(34, 8)}, be(8, 512), 512},
		{"50", []field{f(49, 1), f(50, 4)}, join(be(1, 2), be(4, 2048)), 2048},
		{"305 and 306", []field{f(304, 2), f(305, 4), f(306, 4)}, join(be(2, 1), be(4, 1), be(4, 999)), 1000},
		{"305 and 306, groups", []field{f(305, 4), f(306, 4)}, join(be(4, 10), be(4, 990)), 100},
		{"305 alone", []field{f(305, 4)}, be(4, 64), 64},
		{"309 of 310", []field{f(309, 4), f(310, 4)}, join(be(4, 2), be(4, 256)), 128},
		{"311", []field{f(311, 8)}, be(8, math.Float64bits(0.01)), 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.clean(messageIPFIX(1, 0, setOf(3, optionsIPFIX(400, []field{f(144, 4)}, c.options)), setOf(400, be(4, 9), c.values)))
			if got := h.one(versionIPFIX, flows(f(1, 4)), be(4, 5), endValues).SamplingInterval; got != c.want {
				t.Errorf("IPFIX: %d, want %d", got, c.want)
			}
			h = newHarness(t)
			h.clean(message9(1, 0, setOf(1, options9(400, []field{f(1, 4)}, c.options)), setOf(400, be(4, 9), c.values)))
			if got := h.one(versionNetFlow9, flows(f(1, 4)), be(4, 5), endValues).SamplingInterval; got != c.want {
				t.Errorf("v9: %d, want %d", got, c.want)
			}
		})
	}
	t.Run("two samplers", func(t *testing.T) {
		for _, id := range []uint16{48, 302} {
			h := newHarness(t)
			h.clean(messageIPFIX(1, 0, setOf(3, optionsIPFIX(400, []field{f(id, 2)}, []field{f(305, 4), f(306, 4)})),
				setOf(400, be(2, 1), be(4, 1), be(4, 99), be(2, 2), be(4, 1), be(4, 999))))
			for sampler, want := range map[uint64]uint32{1: 100, 2: 1000, 3: 0} {
				if got := h.one(versionIPFIX, flows(f(id, 2)), be(2, sampler), endValues).SamplingInterval; got != want {
					t.Errorf("element %d, sampler %d: %d, want %d", id, sampler, got, want)
				}
			}
			if got := h.one(versionIPFIX, flows(f(1, 4)), be(4, 9), endValues).SamplingInterval; got != 0 {
				t.Errorf("a flow of either sampler got %d", got)
			}
		}
	})
	t.Run("one sampler that flows do not name", func(t *testing.T) {
		h := newHarness(t)
		h.clean(message9(1, 0, setOf(1, options9(400, []field{f(1, 4)}, []field{f(48, 1), f(49, 1), f(50, 4)})), setOf(400, be(4, 9), be(1, 1), be(1, 2), be(4, 64))))
		if got := h.one(versionNetFlow9, flows(f(1, 4)), be(4, 5), endValues).SamplingInterval; got != 64 {
			t.Errorf("got %d", got)
		}
	})
	t.Run("in the data record", func(t *testing.T) {
		h := newHarness(t)
		h.clean(message9(1, 0, setOf(1, options9(400, []field{f(1, 4)}, []field{f(34, 4)})), setOf(400, be(4, 9), be(4, 1000))))
		if got := h.one(versionNetFlow9, flows(f(34, 4)), be(4, 10), endValues).SamplingInterval; got != 10 {
			t.Errorf("got %d, want the record's own", got)
		}
		if got := h.one(versionNetFlow9, flows(f(1, 4)), be(4, 10), endValues).SamplingInterval; got != 1000 {
			t.Errorf("got %d, want the domain's", got)
		}
	})
	t.Run("told in another domain", func(t *testing.T) {
		h := newHarness(t)
		table := func(domain uint32, interval uint64) []byte {
			return message9(domain, 0, setOf(1, options9(400, []field{f(1, 4)}, []field{f(48, 1), f(50, 4)})), setOf(400, be(4, 9), be(1, 7), be(4, interval)))
		}
		h.clean(table(5, 256))
		if got := h.one(versionNetFlow9, flows(f(48, 1)), be(1, 7), endValues).SamplingInterval; got != 256 {
			t.Errorf("got %d", got)
		}
		if got := h.one(versionNetFlow9, flows(f(48, 1)), be(1, 8), endValues).SamplingInterval; got != 0 {
			t.Errorf("another sampler: got %d", got)
		}
		h.clean(table(6, 512))
		if got := h.one(versionNetFlow9, flows(f(48, 1)), be(1, 7), endValues).SamplingInterval; got != 0 {
			t.Errorf("two domains differ: got %d", got)
		}
	})
	t.Run("by interface", func(t *testing.T) {
		h := newHarness(t)
		h.clean(message9(1, 0, setOf(1, options9(400, []field{f(2, 4)}, []field{f(34, 4)})), setOf(400, be(4, 5), be(4, 100), be(4, 6), be(4, 200))))
		if got := h.one(versionNetFlow9, flows(f(10, 4)), be(4, 6), endValues).SamplingInterval; got != 200 {
			t.Errorf("got %d", got)
		}
	})
}

func TestColumns(t *testing.T) {
	fields := []field{
		f(27, 16), f(28, 16), f(4, 1), f(5, 1), f(6, 2), f(7, 2), f(11, 2), f(252, 4), f(253, 4), f(62, 16), f(16, 4), f(17, 4),
		f(56, 6), f(57, 6), f(243, 2), f(61, 1), f(225, 4), f(226, 4), f(227, 2), f(228, 2), f(230, 1), f(152, 8), f(153, 8),
		f(460, variableLength), f(96, 8), f(136, 1), f(234, 4), f(235, 4), f(455, 8), f(456, 8),
		{4242, 4, 9},
	}
	v6 := func(last byte) []byte { return join([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 11), []byte{last}) }
	h := newHarness(t)
	records, result := h.decode(messageIPFIX(1, 0, setOf(2, templateOf(300, fields...)), setOf(300, v6(1), v6(2), be(1, 6), be(1, 0x20), be(2, 0x12), be(2, 1234), be(2, 443),
		be(4, 3), be(4, 4), v6(3), be(4, 65536), be(4, 65537), be(6, 0xaabbccddeeff), be(6, 0x112233445566), be(2, 0x0064), be(1, 1),
		be(4, 0xc6336401), be(4, 0xc6336402), be(2, 5000), be(2, 5001), be(1, 4), be(8, uint64(arrived.UnixMilli())), be(8, uint64(arrived.UnixMilli())),
		be(1, 11), []byte("example.org"), []byte("https\x00\x00\x00"), be(1, 1), be(4, 1), be(4, 2), be(8, 3), be(8, 4), be(4, 5))))
	if len(records) != 1 || result.UnknownElements != 1 {
		t.Fatalf("got %s", describeResult(&result))
	}
	const want = `ipfix 2001:db8::1:1234 > 2001:db8::2:443 proto=6 octets=0 packets=0 start=2026-11-20T12:00:00.000 end=2026-11-20T12:00:00.000 tcp=18 tos=32 smac=aabbccddeeff dmac=112233445566 vlan=100 in=3 out=4 direction=2 next_hop=2001:db8::3 as=65536>65537 nat=198.51.100.1:5000>198.51.100.2:5001 nat_event=4 application="https" domain="example.org"` + "\n"
	if got := describe(&records[0]); got != want {
		t.Errorf("got  %swant %s", got, want)
	}

	// Of two MACs the one on the end's own link; the nearer of two VLANs and next hops.
	r := newHarness(t).one(9, append([]field{f(81, 6), f(56, 6), f(57, 6), f(80, 6), f(59, 2), f(58, 2), f(18, 4), f(15, 4), f(61, 1)}, ends...),
		be(6, 1), be(6, 2), be(6, 3), be(6, 4), be(2, 5), be(2, 6), be(4, 0x0a000007), be(4, 0x0a000008), be(1, 0), endValues)
	if r.SourceMAC != 2 || r.DestinationMAC != 3 || r.VLANID != 6 || r.NextHopAddress != netip.MustParseAddr("10.0.0.8") || r.FlowDirection != landfallv1.FlowDirection_FLOW_DIRECTION_INGRESS {
		t.Errorf("got %s", describe(&r))
	}
	// A router's own MAC is not the source's, and 80 serves where 57 is not given or zero.
	r = newHarness(t).one(9, append([]field{f(81, 6), f(57, 6), f(80, 6)}, ends...), be(6, 1), be(6, 0), be(6, 4), endValues)
	if r.SourceMAC != 0 || r.DestinationMAC != 4 {
		t.Errorf("got %s", describe(&r))
	}
}

func TestApplicationNames(t *testing.T) {
	h := newHarness(t)
	h.clean(message9(1, 0, setOf(1, options9(400, []field{f(1, 4)}, []field{f(95, 4), f(96, 16)})), setOf(400, be(4, 9), be(4, 0x0d000001), []byte("youtube\x00\x00\x00\x00\x00\x00\x00\x00\x00"))))
	fields := append([]field{f(95, 4)}, ends...)
	if got := h.one(9, fields, be(4, 0x0d000001), endValues).ApplicationName; got != "youtube" {
		t.Errorf("got %q", got)
	}
	if got := h.one(9, fields, be(4, 0x0d000002), endValues).ApplicationName; got != "" {
		t.Errorf("got %q", got)
	}
}

func TestAbsurdCounter(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 8), f(34, 4)}, ends...)
	tmpl := setOf(2, templateOf(300, fields...))
	for _, c := range []struct {
		octets, interval uint64
		refused          uint32
	}{{1 << 50, 1, 0}, {1<<50 + 1, 1, 1}, {1 << 40, 1 << 10, 0}, {1 << 40, 1<<10 + 1, 1}, {math.MaxUint64, math.MaxUint32, 1}} {
		got := h.refused(messageIPFIX(1, 0, tmpl, setOf(300, be(8, c.octets), be(4, c.interval), endValues)), ReasonAbsurdCounter, c.refused)
		if len(got) != 1-int(c.refused) {
			t.Errorf("%d × %d: %d flows", c.octets, c.interval, len(got))
		}
	}
}

func TestWithdrawal(t *testing.T) {
	h := newHarness(t)
	fields := append([]field{f(1, 4)}, ends...)
	data := func(id uint16) []byte { return setOf(id, be(4, 5), endValues) }
	h.clean(messageIPFIX(1, 0, setOf(2, templateOf(300, fields...), templateOf(301, fields...))))
	h.clean(messageIPFIX(1, 0, setOf(2, templateOf(300))))
	h.refused(messageIPFIX(1, 0, data(300)), ReasonTemplateMissing, 1)
	if got := h.clean(messageIPFIX(1, 0, data(301))); len(got) != 1 {
		t.Errorf("%d flows", len(got))
	}
	h.clean(messageIPFIX(1, 0, setOf(2, templateOf(302, fields...), be(4, 2<<16))))
	h.refused(messageIPFIX(1, 0, data(301)), ReasonTemplateMissing, 1)
	if h.d.fields != 0 {
		t.Errorf("%d fields remembered", h.d.fields)
	}
}

func TestWorkIsBounded(t *testing.T) {
	// One byte a record: 60,000 of them in one datagram.
	h := newHarness(t)
	records, result := h.decode(messageIPFIX(1, 0, setOf(2, templateOf(300, f(1, 1))), setOf(300, make([]byte, 60_000))))
	if len(records) > DefaultLimits().RecordsPerDatagram || result.Refused[ReasonRecordRefused] == 0 {
		t.Errorf("%d flows, %s", len(records), describeResult(&result))
	}
	// Many fields of no length.
	fields := make([]field, 500)
	for i := range fields {
		fields[i] = f(8, 0)
	}
	fields[0] = f(1, 1)
	begin := time.Now()
	h.decode(messageIPFIX(2, 0, setOf(2, templateOf(300, fields...)), setOf(300, make([]byte, 60_000))))
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func TestDatagramsThatAreNone(t *testing.T) {
	h := newHarness(t)
	h.refused(nil, ReasonShort, 1)
	h.refused([]byte{0}, ReasonShort, 1)
	h.refused([]byte{0, 9, 0}, ReasonShort, 1)
	h.refused(be(2, 10), ReasonShort, 1)
	h.refused(be(2, 5), ReasonShort, 1)
	h.refused(be(8, 0x0001<<48), ReasonUnknownVersion, 1)
	h.refused(join(be(2, 10), be(2, 15), make([]byte, 12)), ReasonMalformed, 1)
	h.refused(message9(1, 0, join(be(2, 300), be(2, 3))), ReasonMalformed, 1)
	h.refused(message9(1, 1, setOf(7)), ReasonMalformed, 1)
	// Zeros at the end are padding.
	h.clean(message9(1, 2, make([]byte, 8)))
}
