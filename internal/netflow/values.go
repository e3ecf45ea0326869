package netflow

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// values are those of one record, before they become a flow.
type values struct {
	set       uint64 // bit of each number slot that the record has
	n         [numberSlots]uint64
	addresses [slotNATDestination - slotSource + 1]netip.Addr
	names     [slotDomainName - slotApplicationName + 1][]byte
	unknown   int
}

func (v *values) reset() {
	v.set = 0
	v.n = [numberSlots]uint64{}
	v.addresses = [len(v.addresses)]netip.Addr{}
	v.names = [len(v.names)][]byte{}
	v.unknown = 0
}

func (v *values) has(s slot) bool { return v.set&(1<<s) != 0 }

func (v *values) address(s slot) netip.Addr { return v.addresses[s-slotSource] }

func (v *values) name(s slot) []byte { return v.names[s-slotApplicationName] }

// first returns the value of the first slot that the record has.
func (v *values) first(candidates ...slot) uint64 {
	for _, s := range candidates {
		if v.has(s) {
			return v.n[s]
		}
	}
	return 0
}

// firstNonZero returns the first of the slots' values that is not zero.
func (v *values) firstNonZero(candidates ...slot) uint64 {
	for _, s := range candidates {
		if v.n[s] != 0 {
			return v.n[s]
		}
	}
	return 0
}

// put keeps the bytes of one element. A value that its element cannot have counts as unknown.
func (v *values) put(e element, b []byte) {
	switch e.kind {
	case kindIgnored:
		return
	case kindNumber:
		if n, ok := unsigned(b); ok {
			v.number(e.slot, n)
			return
		}
	case kindSeconds:
		if n, ok := unsigned(b); ok && n < 1<<40 {
			v.number(e.slot, n*1000)
			return
		}
	case kindMicros:
		if n, ok := unsigned(b); ok {
			v.number(e.slot, n/1000)
			return
		}
	case kindNTP:
		if len(b) == 8 {
			v.number(e.slot, ntpMs(b))
			return
		}
	case kindProbability:
		if len(b) == 8 {
			p := math.Float64frombits(binary.BigEndian.Uint64(b))
			if p > 0 && p <= 1 {
				v.number(e.slot, uint64(min(math.Round(1/p), math.MaxUint32)))
				return
			}
		}
	case kindAddress:
		if a, ok := netip.AddrFromSlice(b); ok {
			// A template may have IPv4 and IPv6 fields, of which one is zero.
			if !a.IsUnspecified() || !v.addresses[e.slot-slotSource].IsValid() {
				v.addresses[e.slot-slotSource] = a.Unmap()
			}
			return
		}
	case kindText:
		if len(b) <= maxText {
			if len(v.names[e.slot-slotApplicationName]) == 0 {
				v.names[e.slot-slotApplicationName] = b
			}
			return
		}
	}
	if len(b) > 0 {
		v.unknown++
	}
}

func (v *values) number(s slot, n uint64) {
	v.n[s] = n
	v.set |= 1 << s
}

// unsigned reads an unsigned integer of 1 to 8 bytes: reduced-size encoding (RFC 7011, 6.2).
func unsigned(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, true
}

// maxText bounds a name; longer ones are left out.
const maxText = 255

// text cleans a name: fixed-length fields are padded with zeros or spaces, and nobody checks the
// characters.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	s := strings.TrimSpace(string(b))
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}
