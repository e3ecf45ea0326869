package device

import (
	"fmt"
	"net"
)

// MAC is a 48-bit IEEE 802 address in the low bits, first octet highest: the
// way that flow records carry it.
type MAC uint64

const (
	broadcast    MAC = 0xffff_ffff_ffff
	bitGroup     MAC = 1 << 40 // I/G of the first octet (IEEE 802, clause 8.2)
	bitLocal     MAC = 1 << 41 // U/L
	beyond48Bits     = ^broadcast
)

// ParseMAC reads the usual notations of a 48-bit address.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil {
		return 0, fmt.Errorf("parse MAC address: %w", err)
	}
	if len(hw) != 6 {
		return 0, fmt.Errorf("parse MAC address %q: it has %d octets, not 6", s, len(hw))
	}
	var m MAC
	for _, b := range hw {
		m = m<<8 | MAC(b)
	}
	return m, nil
}

func (m MAC) String() string {
	return net.HardwareAddr{byte(m >> 40), byte(m >> 32), byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}.String()
}

// OUI gives the first three octets.
func (m MAC) OUI() OUI { return OUI(m >> 24 & 0xffffff) }

// LocallyAdministered reports whether the address was made up by its user, as
// handsets do on every network since Android 10 and iOS 14.
func (m MAC) LocallyAdministered() bool { return m&bitLocal != 0 }

// single reports whether the address can be one station's.
func (m MAC) single() bool { return m != 0 && m&bitGroup == 0 && m&beyond48Bits == 0 }

// OUI is a 24-bit block of addresses (IEEE MA-L) in the low bits.
type OUI uint32

func (o OUI) String() string { return fmt.Sprintf("%02x:%02x:%02x", byte(o>>16), byte(o>>8), byte(o)) }

// MAC gives the block's address with a serial number; only its low 24 bits
// count.
func (o OUI) MAC(serial uint32) MAC { return MAC(o)<<24 | MAC(serial&0xffffff) }
