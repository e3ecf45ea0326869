package exportertest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

func (r *Reader) netflow9(datagram []byte) ([]Record, error) {
	var p netflow.NFv9Packet
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(datagram), r.templates, &p, nil); err != nil {
		return nil, err
	}
	if err := r.sequence(p.SequenceNumber, 1); err != nil {
		return nil, err
	}
	r.uptime(p.SystemUptime)
	r.LastExport = p.UnixSeconds
	records, data, templates, err := r.sets(p.FlowSets)
	if err != nil {
		return nil, err
	}
	if int(p.Count) != data+templates {
		return nil, fmt.Errorf("header counts %d records, there are %d and %d templates", p.Count, data, templates)
	}
	// FIRST and LAST_SWITCHED were kept as uptimes.
	for i := range records {
		at := int64(p.UnixSeconds) * 1000
		records[i].StartMs = at - int64(p.SystemUptime-uint32(records[i].StartMs))
		records[i].EndMs = at - int64(p.SystemUptime-uint32(records[i].EndMs))
	}
	return records, nil
}

func (r *Reader) ipfix(datagram []byte) ([]Record, error) {
	if length := int(binary.BigEndian.Uint16(datagram[2:])); length != len(datagram) {
		return nil, fmt.Errorf("length %d of %d", length, len(datagram))
	}
	var p netflow.IPFIXPacket
	if err := netflow.DecodeMessageVersion(bytes.NewBuffer(datagram), r.templates, nil, &p); err != nil {
		return nil, err
	}
	r.LastExport = p.ExportTime
	records, data, _, err := r.sets(p.FlowSets)
	if err != nil {
		return nil, err
	}
	// RFC 7011 section 3.1: data records count, of options too; templates do not.
	return records, r.sequence(p.SequenceNumber, uint32(data))
}

// sets reads the sets of a message and counts its data records and its templates.
func (r *Reader) sets(sets []any) (records []Record, data, templates int, err error) {
	for _, set := range sets {
		switch set := set.(type) {
		case netflow.TemplateFlowSet:
			templates += len(set.Records)
		case netflow.NFv9OptionsTemplateFlowSet:
			templates += len(set.Records)
		case netflow.IPFIXOptionsTemplateFlowSet:
			templates += len(set.Records)
		case netflow.OptionsDataFlowSet:
			for _, o := range set.Records {
				data++
				r.Options++
				if err := r.options(o); err != nil {
					return nil, 0, 0, err
				}
			}
		case netflow.DataFlowSet:
			for _, d := range set.Records {
				data++
				record, err := r.data(d)
				if err != nil {
					return nil, 0, 0, err
				}
				records = append(records, record)
			}
		default:
			return nil, 0, 0, fmt.Errorf("set of type %T", set)
		}
	}
	r.Templates += templates
	return records, data, templates, nil
}

// options learns a sampler.
func (r *Reader) options(o netflow.OptionsDataRecord) error {
	var id, interval, space uint64
	for _, f := range append(o.ScopesValues, o.OptionsValues...) {
		v := number(f.Value.([]byte))
		switch f.Type {
		case 302, 48:
			id = v
		case 50, 305:
			interval = v
		case 306:
			space = v
		case 304, 49, 1:
		default:
			return fmt.Errorf("option %d", f.Type)
		}
	}
	if interval == 0 {
		return fmt.Errorf("options record without an interval: %+v", o)
	}
	if space > 0 {
		interval = (interval + space) / interval // so many packets of that many
	}
	r.samplers[id] = interval
	return nil
}

const reverse = 29305 // enterprise of RFC 5103

func (r *Reader) data(d netflow.DataRecord) (Record, error) {
	record := Record{Direction: -1, Interval: 1}
	for _, f := range d.Values {
		b := f.Value.([]byte)
		v := number(b)
		if f.PenProvided {
			switch {
			case f.Pen == reverse && f.Type == 1:
				record.ReverseOctets = v
			case f.Pen == reverse && f.Type == 2:
				record.ReversePackets = v
			default:
				return record, fmt.Errorf("element %d/%d", f.Pen, f.Type)
			}
			continue
		}
		switch f.Type {
		case 8, 27:
			record.Src = addr(b)
		case 12, 28:
			record.Dst = addr(b)
		case 7:
			record.SrcPort = uint16(v)
		case 11:
			record.DstPort = uint16(v)
		case 4:
			record.Proto = uint8(v)
		case 6:
			record.TCPFlags = uint8(v)
		case 58:
			record.VLAN = uint16(v)
		case 56:
			record.SrcMAC = v
		case 80:
			record.DstMAC = v
		case 10:
			record.Input = uint32(v)
		case 14:
			record.Output = uint32(v)
		case 61:
			record.Direction = int(v)
		case 1:
			record.Octets = v
		case 2:
			record.Packets = v
		case 23:
			record.ReverseOctets = v
		case 24:
			record.ReversePackets = v
		case 152, 22:
			record.StartMs = int64(v)
		case 153, 21:
			record.EndMs = int64(v)
		case 302, 48:
			interval, ok := r.samplers[v]
			if !ok {
				return record, fmt.Errorf("sampler %d is not known", v)
			}
			record.Interval = interval
		case 239:
		default:
			return record, fmt.Errorf("element %d", f.Type)
		}
	}
	return record, nil
}
