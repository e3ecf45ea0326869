package exporter

import (
	"encoding/binary"
	"net/netip"
)

var be = binary.BigEndian

// field is one element of a template: its number, width, and enterprise (0: IANA's).
type field struct {
	id, length uint16
	enterprise uint32
}

// size is the length of a data record of these fields.
func size(fields []field) int {
	n := 0
	for _, f := range fields {
		n += int(f.length)
	}
	return n
}

// appendFields writes field specifiers: RFC 7011 section 3.2.
func appendFields(b []byte, fields []field) []byte {
	for _, f := range fields {
		if f.enterprise == 0 {
			b = be.AppendUint16(be.AppendUint16(b, f.id), f.length)
			continue
		}
		b = be.AppendUint16(be.AppendUint16(b, f.id|0x8000), f.length)
		b = be.AppendUint32(b, f.enterprise)
	}
	return b
}

// appendTemplate writes a template record.
func appendTemplate(b []byte, id uint16, fields []field) []byte {
	b = be.AppendUint16(be.AppendUint16(b, id), uint16(len(fields)))
	return appendFields(b, fields)
}

// message is a datagram of sets under construction, as NetFlow v9 and IPFIX have them alike.
type message struct {
	b       []byte
	header  int    // length of the message header, filled in at the end
	set     int    // where the open set begins; 0: none is open
	setID   uint16 // of the open set
	records int    // data records in it, of flows and of options
	flows   int    // of these, the flow records
	all     int    // records of every kind, templates too: NetFlow v9's count
}

func newMessage(header int) message {
	return message{b: make([]byte, 0, MaxDatagram+64), header: header}
}

func (m *message) empty() bool { return len(m.b) == 0 }

func (m *message) begin() { m.b = m.b[:m.header] }

func (m *message) reset() {
	*m = message{b: m.b[:0], header: m.header}
}

// fits tells whether a record of n bytes in the set with that id still has room, with the set's
// header and its padding.
func (m *message) fits(id uint16, n int) bool {
	need := n + 3
	if m.set == 0 || m.setID != id {
		need += 4 + 3 // a new set; the one that ends may be padded
	}
	return len(m.b)+need <= MaxDatagram
}

// open makes id the open set.
func (m *message) open(id uint16) {
	if m.set != 0 && m.setID == id {
		return
	}
	m.close()
	m.set, m.setID = len(m.b), id
	m.b = be.AppendUint32(m.b, uint32(id)<<16)
}

// close pads the open set to four bytes and writes its length.
func (m *message) close() {
	if m.set == 0 {
		return
	}
	for (len(m.b)-m.set)%4 != 0 {
		m.b = append(m.b, 0)
	}
	be.PutUint16(m.b[m.set+2:], uint16(len(m.b)-m.set))
	m.set = 0
}

func appendMAC(b []byte, mac uint64) []byte {
	return append(b, byte(mac>>40), byte(mac>>32), byte(mac>>24), byte(mac>>16), byte(mac>>8), byte(mac))
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		v4 := a.As4()
		return append(b, v4[:]...)
	}
	v6 := a.As16()
	return append(b, v6[:]...)
}
