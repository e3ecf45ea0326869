package netflow

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"

	"github.com/landfall-telemetry/landfall/internal/flow"
)

// Decoder decodes datagrams and remembers what their exporters said before. It is for one goroutine.
type Decoder struct {
	limits    Limits
	exporters map[netip.Addr]*exporter
	fields    int // of all templates
	samplers  int // of all exporters
	nameBytes int // likewise
	sweptMs   int64

	m       message // the datagram being decoded
	result  Result
	missing []Template
}

// New returns a decoder that has heard of no exporter.
func New(limits Limits) *Decoder {
	return &Decoder{limits: limits, exporters: make(map[netip.Addr]*exporter)}
}

// message is the datagram being decoded.
type message struct {
	exporterAddress netip.Addr
	exporter        *exporter
	domain          *domain
	domainID        uint32
	version         uint16
	protocol        landfallv1.ExportProtocol
	receivedMs      int64
	exportMs        int64
	uptime          uint32 // v5, v9
	out             *flow.Batch
	result          *Result
	records         uint32 // data records, options too: what IPFIX sequence numbers count
	uncounted       bool   // some set's records could not be counted
	work            int
	reader          bytes.Buffer // what goflow2 reads from
	values          values
	record          flow.Record
}

// The versions in the headers.
const (
	versionNetFlow5 = 5
	versionNetFlow9 = 9
	versionIPFIX    = 10
)

// Decode appends the flows of a datagram from exporter, which arrived at received, to out. It
// appends at most Limits.RecordsPerDatagram flows, and keeps nothing of datagram.
func (d *Decoder) Decode(datagram []byte, exporter netip.Addr, received time.Time, out *flow.Batch) Result {
	d.result = Result{Exporter: exporter.Unmap(), ExportMs: received.UnixMilli()}
	result := &d.result
	if len(datagram) < 2 {
		result.Refuse(ReasonShort)
		return *result
	}
	d.missing = d.missing[:0]
	m := &d.m
	m.exporterAddress, m.receivedMs = result.Exporter, received.UnixMilli()
	m.out, m.result = out, result
	m.records, m.uncounted, m.work = 0, false, 0
	m.version = binary.BigEndian.Uint16(datagram)
	result.Version = m.version
	switch m.version {
	case versionNetFlow5:
		d.netflow5(datagram)
	case versionNetFlow9:
		d.netflow9(datagram)
	case versionIPFIX:
		d.ipfix(datagram)
	default:
		result.Refuse(ReasonUnknownVersion)
	}
	m.out, m.result, m.exporter, m.domain = nil, nil, nil, nil
	result.Missing = d.missing
	return *result
}

// enter finds the state of the message's observation domain; it reports whether there is room.
func (d *Decoder) enter(id uint32) bool {
	m := &d.m
	m.domainID, m.result.Domain = id, id
	m.exporter, m.domain = d.domainOf(m.exporterAddress, domainKey{m.version, id}, m.receivedMs)
	if m.domain == nil {
		m.result.Refuse(ReasonStateLimit)
	}
	return m.domain != nil
}

const headerNetFlow9 = 20

// netflow9 decodes RFC 3954, section 5.
func (d *Decoder) netflow9(datagram []byte) {
	m := &d.m
	m.result.Unit = UnitDatagrams
	if len(datagram) < headerNetFlow9 {
		m.result.Refuse(ReasonShort)
		return
	}
	// The count of records is not looked at: exporters disagree on what it counts.
	m.protocol = landfallv1.ExportProtocol_EXPORT_PROTOCOL_NETFLOW_V9
	m.uptime = binary.BigEndian.Uint32(datagram[4:])
	m.exported(binary.BigEndian.Uint32(datagram[8:]), 0)
	if !d.enter(binary.BigEndian.Uint32(datagram[16:])) {
		return
	}
	d.sets(datagram[headerNetFlow9:])
	m.observe(binary.BigEndian.Uint32(datagram[12:]), 1, false, m.rebooted())
}

const headerIPFIX = 16

// ipfix decodes RFC 7011, section 3.
func (d *Decoder) ipfix(datagram []byte) {
	m := &d.m
	if len(datagram) < headerIPFIX {
		m.result.Refuse(ReasonShort)
		return
	}
	m.protocol = landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerIPFIX {
		m.result.Refuse(ReasonMalformed)
		return
	}
	if length != len(datagram) {
		m.result.Refuse(ReasonMalformed)
		m.uncounted = length > len(datagram)
		datagram = datagram[:min(length, len(datagram))]
	}
	m.exported(binary.BigEndian.Uint32(datagram[4:]), 0)
	if !d.enter(binary.BigEndian.Uint32(datagram[12:])) {
		return
	}
	d.sets(datagram[headerIPFIX:])
	m.observe(binary.BigEndian.Uint32(datagram[8:]), m.records, m.uncounted, false)
}

// observe compares the message's sequence number with what is expected.
func (m *message) observe(number, amount uint32, uncounted, restarted bool) {
	r := m.result
	r.SequenceLost, r.Late, r.Restarted = m.domain.sequence.Observe(number, amount, uncounted, restarted)
	if r.Late {
		r.SequenceLate = amount
	}
}

// rebooted reports whether the exporter's clock of uptime was set back since the last message, and
// not because its 32 bits ran over or a message came late.
func (m *message) rebooted() bool {
	const late = 10_000
	last, known := m.domain.uptime, m.domain.hasUptime
	m.domain.uptime, m.domain.hasUptime = m.uptime, true
	return known && m.uptime < last && last-m.uptime > late && last-m.uptime < 1<<31
}

// sets decodes one set after the other; a bad one costs only itself.
func (d *Decoder) sets(rest []byte) {
	m := &d.m
	for len(rest) >= 4 {
		id, length := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if length < 4 || length > len(rest) {
			// Nobody knows where the next set begins. Zeros to the end are padding.
			if !zero(rest) {
				m.result.Refuse(ReasonMalformed)
				m.uncounted = true
			}
			return
		}
		set := rest[4:length]
		rest = rest[length:]
		switch {
		case id >= 256:
			d.data(id, set)
		case m.version == versionNetFlow9 && id == 0, m.version == versionIPFIX && id == 2:
			d.templates(set, false)
		case m.version == versionNetFlow9 && id == 1, m.version == versionIPFIX && id == 3:
			d.templates(set, true)
		default:
			m.result.Refuse(ReasonMalformed)
		}
	}
	if !zero(rest) {
		m.result.Refuse(ReasonMalformed)
	}
}

func zero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}
