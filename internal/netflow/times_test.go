package netflow

import (
	"math"
	"testing"
)

func TestTimes(t *testing.T) {
	arrivedMs := arrived.UnixMilli()
	ntp := func(ms int64) []byte {
		return join(be(4, uint64(ms/1000+ntpEpochSeconds)), be(4, uint64(ms%1000)<<32/1000+1))
	}
	for _, c := range []struct {
		name       string
		version    int
		fields     []field
		values     []byte
		start, end int64 // ms before arrival
	}{
		{"v9 uptime", 9, []field{f(22, 4), f(21, 4)}, join(be(4, uptime-5000), be(4, uptime-1000)), 5000, 1000},
		{"v9 uptime ran over", 9, []field{f(22, 4), f(21, 4)}, join(be(4, 1<<32-5000), be(4, uptime-1000)), uptime + 5000, 1000},
		{"v9 152 before 22", 9, []field{f(22, 4), f(21, 4), f(152, 8), f(153, 8)}, join(be(4, 1), be(4, 2), be(8, uint64(arrivedMs-777)), be(8, uint64(arrivedMs-111))), 777, 111},
		{"152 and 153", 10, []field{f(152, 8), f(153, 8)}, join(be(8, uint64(arrivedMs-777)), be(8, uint64(arrivedMs-111))), 777, 111},
		{"150 and 151", 10, []field{f(150, 4), f(151, 4)}, join(be(4, uint64(arrivedMs/1000-7)), be(4, uint64(arrivedMs/1000-3))), 7000, 3000},
		{"154 and 155", 10, []field{f(154, 8), f(155, 8)}, join(ntp(arrivedMs-777), ntp(arrivedMs-111)), 777, 111},
		{"156 and 157", 10, []field{f(156, 8), f(157, 8)}, join(ntp(arrivedMs-777), ntp(arrivedMs-111)), 777, 111},
		{"158 and 159", 10, []field{f(158, 4), f(159, 4)}, join(be(4, 777_000), be(4, 111_000)), 777, 111},
		{"21 and 22 with 160", 10, []field{f(22, 4), f(21, 4), f(160, 8)}, join(be(4, 1000), be(4, 5000), be(8, uint64(arrivedMs-10_000))), 9000, 5000},
		{"160, ran over", 10, []field{f(22, 4), f(21, 4), f(160, 8)}, join(be(4, 1<<32-3000), be(4, 500), be(8, uint64(arrivedMs-1000-1<<32))), 4000, 500},
		{"start and length", 10, []field{f(152, 8), f(161, 4)}, join(be(8, uint64(arrivedMs-777)), be(4, 600)), 777, 177},
		{"end and length in us", 10, []field{f(153, 8), f(162, 4)}, join(be(8, uint64(arrivedMs-100)), be(4, 600_000)), 700, 100},
		{"322", 10, []field{f(322, 4)}, be(4, uint64(arrivedMs/1000-7)), 7000, 7000},
		{"323", 9, []field{f(323, 8)}, be(8, uint64(arrivedMs-777)), 777, 777},
		{"152 and 323", 9, []field{f(152, 8), f(323, 8)}, join(be(8, uint64(arrivedMs-777)), be(8, uint64(arrivedMs-111))), 777, 111},
		{"324", 10, []field{f(324, 8)}, ntp(arrivedMs - 777), 777, 777},
		{"a year ago", 10, []field{f(152, 8), f(153, 8)}, join(be(8, uint64(arrivedMs-365*86400_000)), be(8, uint64(arrivedMs-365*86400_000+1))), 365 * 86400_000, 365*86400_000 - 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newHarness(t).one(c.version, append([]field{f(8, 4), f(12, 4)}, c.fields...), be(4, 0x0a000001), be(4, 0x0a000002), c.values)
			if start, end := arrivedMs-r.StartMs, arrivedMs-r.EndMs; start != c.start || end != c.end {
				t.Errorf("start %d ms, end %d ms before arrival; want %d, %d", start, end, c.start, c.end)
			}
		})
	}
	for name, times := range map[string][]byte{
		"1970":        join(be(8, 1), be(8, 2)),
		"2 hours off": join(be(8, uint64(arrivedMs+7200_000)), be(8, uint64(arrivedMs+7200_000))),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			got := h.refused(messageIPFIX(1, 0, setOf(2, templateOf(300, f(8, 4), f(152, 8), f(153, 8))), setOf(300, be(4, 0x0a000001), times)), ReasonTimeReplaced, 1)
			if len(got) != 1 || got[0].StartMs != arrivedMs || got[0].EndMs != arrivedMs {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("160 in options", func(t *testing.T) {
		h := newHarness(t)
		h.clean(messageIPFIX(1, 0, setOf(3, optionsIPFIX(400, []field{f(144, 4)}, []field{f(160, 8)})), setOf(400, be(4, 9), be(8, uint64(arrivedMs-10_000)))))
		if r := h.one(versionIPFIX, []field{f(8, 4), f(22, 4), f(21, 4)}, be(4, 1), be(4, 1000), be(4, 2000)); arrivedMs-r.StartMs != 9000 {
			t.Errorf("start %d ms before arrival", arrivedMs-r.StartMs)
		}
	})
	t.Run("no boot time", func(t *testing.T) {
		got := newHarness(t).refused(messageIPFIX(1, 0, setOf(2, templateOf(300, f(8, 4), f(22, 4), f(21, 4))), setOf(300, be(4, 1), be(4, 1000), be(4, 4000))), ReasonTimeMissing, 1)
		if len(got) != 1 || got[0].EndMs != arrivedMs || got[0].StartMs != arrivedMs-3000 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestExportTime: the header's time of export, unless it is one that no flow would be believed with.
func TestExportTime(t *testing.T) {
	header := map[string]func(seconds uint32) []byte{
		"v5": func(s uint32) []byte {
			return join(be(2, 5), be(2, 0), be(4, uptime), be(4, uint64(s)), make([]byte, 12))
		},
		"v9": func(s uint32) []byte {
			return join(be(2, 9), be(2, 0), be(4, uptime), be(4, uint64(s)), make([]byte, 8))
		},
		"IPFIX": func(s uint32) []byte { return join(be(2, 10), be(2, 16), be(4, uint64(s)), make([]byte, 8)) },
	}
	now := arrived.Unix()
	for version, datagram := range header {
		for said, want := range map[int64]int64{
			now:                       now,
			now - 84*24*3600:          now - 84*24*3600,
			now - maxAgeMs/1000:       now - maxAgeMs/1000,
			now - maxAgeMs/1000 - 1:   now,
			now + maxAheadMs/1000:     now + maxAheadMs/1000,
			now + maxAheadMs/1000 + 1: now,
			0:                         now,
			math.MaxUint32:            now,
		} {
			h := newHarness(t)
			if _, r := h.decode(datagram(uint32(said))); r.ExportMs != want*1000 {
				t.Errorf("%s, exported %d s after arrival: %d s", version, said-now, r.ExportMs/1000-now)
			}
		}
	}
	for _, datagram := range [][]byte{nil, {0}, {0, 9, 1}, {0, 77, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if _, r := newHarness(t).decode(datagram); r.ExportMs != now*1000 {
			t.Errorf("%v: exported at %d", datagram, r.ExportMs)
		}
	}
	precise := header["v5"](uint32(now))
	copy(precise[12:], be(4, 250_000_000))
	if _, r := newHarness(t).decode(precise); r.ExportMs != now*1000+250 {
		t.Errorf("v5 with nanoseconds: %d", r.ExportMs)
	}
}
