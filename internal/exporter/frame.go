package exporter

const (
	protocolTCP = 6
	protocolUDP = 17
)

// LeastIPLength is the IP total length of a packet of f that has headers only.
func LeastIPLength(f *Flow) uint64 {
	n := uint64(20)
	if !f.Src.Is4() {
		n = 40
	}
	switch f.Proto {
	case protocolTCP:
		n += 20
	case protocolUDP:
		n += 8
	}
	return n
}

// appendFrame writes the first captured bytes of the Ethernet frame that carries a packet of f:
// addresses and lengths are right, the IPv4 checksum too; payload is zeros.
func appendFrame(b []byte, f *Flow, captured int) []byte {
	start := len(b)
	b = appendMAC(appendMAC(b, f.DstMAC), f.SrcMAC)
	if f.Src.Is4() {
		b = appendIPv4(b, f)
	} else {
		b = appendIPv6(b, f)
	}
	payload := uint16(f.Octets - LeastIPLength(f))
	switch f.Proto {
	case protocolTCP:
		b = be.AppendUint16(be.AppendUint16(b, f.SrcPort), f.DstPort)
		b = be.AppendUint32(be.AppendUint32(b, uint32(f.Octets)*2654435761), 1) // sequence, acknowledgement
		b = append(b, 5<<4, f.TCPFlags)
		b = be.AppendUint16(b, 65535)
		b = append(b, 0, 0, 0, 0) // checksum left to the network card, urgent pointer
	case protocolUDP:
		b = be.AppendUint16(be.AppendUint16(b, f.SrcPort), f.DstPort)
		b = be.AppendUint32(b, uint32(8+payload)<<16)
	}
	for len(b)-start < captured {
		b = append(b, 0)
	}
	return b[:start+captured]
}

func appendIPv4(b []byte, f *Flow) []byte {
	b = be.AppendUint16(b, 0x0800)
	ip := len(b)
	b = append(b, 0x45, 0)
	b = be.AppendUint16(b, uint16(f.Octets))
	b = append(b, 0, 0, 0x40, 0, 64, f.Proto, 0, 0) // identification, do not fragment, TTL, checksum
	b = appendAddr(appendAddr(b, f.Src), f.Dst)
	sum := uint32(0)
	for i := ip; i < len(b); i += 2 {
		sum += uint32(be.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	be.PutUint16(b[ip+10:], ^uint16(sum))
	return b
}

func appendIPv6(b []byte, f *Flow) []byte {
	b = be.AppendUint16(b, 0x86dd)
	b = be.AppendUint32(b, 6<<28)
	b = be.AppendUint16(b, uint16(f.Octets-40)) // payload length: without this header
	b = append(b, f.Proto, 64)
	return appendAddr(appendAddr(b, f.Src), f.Dst)
}
