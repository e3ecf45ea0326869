package sflow

import (
	"encoding/binary"
	"net/netip"
)

// packet is what the headers of a sampled packet say.
type packet struct {
	sourceMAC, destinationMAC uint64
	vlan                      uint16
	source, destination       netip.Addr
	// length is that of the IP packet in octets, headers included, however much of it was sampled.
	length                      uint32
	protocol                    uint8
	classOfService              uint8
	sourcePort, destinationPort uint16
	tcpFlags                    uint8
}

// Header protocols of sampled headers (enum header_protocol).
const (
	headerEthernet = 1
	headerIPv4     = 11
	headerIPv6     = 12
)

// EtherTypes (IEEE 802, IANA).
const (
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	etherVLAN     = 0x8100
	etherQinQ     = 0x88a8
	etherQinQOld  = 0x9100
	etherMPLS     = 0x8847
	maxVLANTags   = 4
	maxMPLSLabels = 8
)

// parse reads the headers of a packet of which at least the beginning is there; frameLength is the
// length that it had on the wire, without the trailer. It reports whether it is an IP packet.
func parse(protocol uint32, b []byte, frameLength uint32) (p packet, ok bool) {
	onWire := frameLength
	switch protocol {
	case headerIPv4, headerIPv6:
	case headerEthernet:
		if len(b) < 14 {
			return p, false
		}
		p.destinationMAC, p.sourceMAC = mac(b), mac(b[6:])
		kind := binary.BigEndian.Uint16(b[12:])
		size := len(b)
		b = b[14:]
		for range maxVLANTags {
			if kind != etherVLAN && kind != etherQinQ && kind != etherQinQOld {
				break
			}
			if len(b) < 4 {
				return p, false
			}
			// The innermost tag is the subscriber's.
			p.vlan = binary.BigEndian.Uint16(b) & 0xfff
			kind = binary.BigEndian.Uint16(b[2:])
			b = b[4:]
		}
		switch kind {
		case etherIPv4, etherIPv6:
		case etherMPLS:
			bottom := false
			for range maxMPLSLabels {
				if len(b) < 4 {
					return p, false
				}
				bottom = b[2]&1 != 0
				if b = b[4:]; bottom {
					break
				}
			}
			if !bottom {
				return p, false
			}
		default:
			return p, false
		}
		onWire -= min(onWire, uint32(size-len(b)))
	default:
		return p, false
	}
	if len(b) == 0 {
		return p, false
	}
	switch b[0] >> 4 {
	case 4:
		return p, p.ipv4(b, onWire)
	case 6:
		return p, p.ipv6(b, onWire)
	}
	return p, false
}

// ipv4 reads RFC 791.
func (p *packet) ipv4(b []byte, onWire uint32) bool {
	if len(b) < 20 {
		return false
	}
	header := int(b[0]&0xf) * 4
	if header < 20 {
		return false
	}
	p.classOfService = b[1]
	p.length = uint32(binary.BigEndian.Uint16(b[2:]))
	if p.length == 0 { // cut into segments by the card, after the sampling
		p.length = onWire
	}
	p.protocol = b[9]
	p.source, p.destination = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	if fragment := binary.BigEndian.Uint16(b[6:]) & 0x1fff; fragment == 0 && len(b) > header {
		p.transport(b[header:])
	}
	return true
}

// ipv6 reads RFC 8200 and the extension headers that stand before the transport's.
func (p *packet) ipv6(b []byte, onWire uint32) bool {
	if len(b) < 40 {
		return false
	}
	p.classOfService = b[0]<<4 | b[1]>>4
	if p.length = uint32(binary.BigEndian.Uint16(b[4:])) + 40; p.length == 40 && b[6] == 0 {
		p.length = onWire // jumbogram
	}
	p.source, p.destination = netip.AddrFrom16([16]byte(b[8:])).Unmap(), netip.AddrFrom16([16]byte(b[24:])).Unmap()
	p.protocol = b[6]
	b = b[40:]
	for range 8 {
		if len(b) < 8 {
			break
		}
		switch p.protocol {
		case 0, 43, 60: // hop by hop, routing, destination options
			size := (int(b[1]) + 1) * 8
			p.protocol = b[0]
			b = b[min(size, len(b)):]
			continue
		case 44: // fragment
			first := binary.BigEndian.Uint16(b[2:])&0xfff8 == 0
			p.protocol = b[0]
			if b = b[8:]; !first {
				return true
			}
			continue
		}
		break
	}
	p.transport(b)
	return true
}

func (p *packet) transport(b []byte) {
	switch p.protocol {
	case 6, 17, 33, 132, 136: // TCP, UDP, DCCP, SCTP, UDP-Lite
		if len(b) >= 4 {
			p.sourcePort, p.destinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		}
		if p.protocol == 6 && len(b) >= 14 {
			p.tcpFlags = b[13]
		}
	}
}

func mac(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}
