package netflow

import (
	"bytes"
	"encoding/binary"

	gonetflow "github.com/netsampler/goflow2/v2/decoders/netflow"
)

// template is a checked (options) template and what becomes of each of its fields.
type template struct {
	wire     []byte // as it came, to see whether one that is sent again has changed
	fields   []gonetflow.Field
	elements []element // of the fields
	scopes   int       // how many of the fields are scopes; only in options templates
	options  bool
	least    int  // bytes of the shortest record
	variable bool // whether there are fields of variable length
	seen     int64

	// How many records had equal and unequal counts in and out: see bothWays.
	equal, unequal int
}

// width is what the template counts for in the limits on fields.
func (t *template) width() int { return len(t.fields) }

// variableLength is the length of a field that says its own length (RFC 7011, 7; H3C uses it in v9).
const variableLength = 0xffff

// templates learns from a set of templates, or of options templates.
func (d *Decoder) templates(set []byte, options bool) {
	m := &d.m
	for len(set) >= 4 && !zero(set) {
		id := binary.BigEndian.Uint16(set)
		if m.version == versionIPFIX && binary.BigEndian.Uint16(set[2:]) == 0 {
			d.withdraw(id, options)
			set = set[4:]
			continue
		}
		size, ok := templateSize(m.version, set, options)
		if !ok {
			// Where the next one begins is not known. What was known of this id is not true any more.
			m.result.Refuse(ReasonTemplateRefused)
			d.forget(m.exporter, m.domain, id)
			return
		}
		d.learn(id, set[:size], options)
		set = set[size:]
	}
}

// templateSize returns the bytes of the template at the beginning of set: RFC 3954, 5.2 and 6.1;
// RFC 7011, 3.4.1 and 3.4.2.2.
func templateSize(version uint16, set []byte, options bool) (int, bool) {
	count, size := int(binary.BigEndian.Uint16(set[2:])), 4
	if options {
		if size = 6; len(set) < size {
			return 0, false
		}
		second := int(binary.BigEndian.Uint16(set[4:]))
		if version == versionNetFlow9 { // both are lengths in bytes
			size += count + second
			return size, count%4 == 0 && second%4 == 0 && size <= len(set)
		}
		if second > count { // of count fields, so many are scopes
			return 0, false
		}
	}
	for range count {
		if size+4 > len(set) {
			return 0, false
		}
		enterprise := version == versionIPFIX && set[size]&0x80 != 0
		size += 4
		if enterprise {
			size += 4
		}
	}
	return size, size <= len(set)
}

// withdraw forgets templates (RFC 7011, 8.1). Over UDP nobody should send that, but some do; and a
// template without fields, which has the same form, describes nothing.
func (d *Decoder) withdraw(id uint16, options bool) {
	m := &d.m
	if (id == 2 && !options) || (id == 3 && options) { // all of the kind
		for i, t := range m.domain.templates {
			if t.options == options {
				d.forget(m.exporter, m.domain, i)
			}
		}
		return
	}
	if m.domain.templates[id] == nil { // nothing known, or no template's id at all
		m.result.Refuse(ReasonTemplateRefused)
	}
	d.forget(m.exporter, m.domain, id)
}

// learn checks one template and keeps it. A template that is refused takes the place of the one
// before all the same: that one is not valid any more.
func (d *Decoder) learn(id uint16, wire []byte, options bool) {
	m := &d.m
	if old := m.domain.templates[id]; old != nil && old.options == options && bytes.Equal(old.wire, wire) {
		old.seen = m.receivedMs
		return
	}
	t := d.compile(id, wire, options)
	if t == nil {
		m.result.Refuse(ReasonTemplateRefused)
		d.forget(m.exporter, m.domain, id)
		return
	}
	if !d.remember(m.exporter, m.domain, id, t) {
		m.result.Refuse(ReasonStateLimit)
	}
}

// compile parses a template and decides what becomes of its fields; nil if it cannot describe a
// record.
func (d *Decoder) compile(id uint16, wire []byte, options bool) *template {
	version := d.m.version
	if id < 256 || len(wire)/4 > 2*d.limits.TemplateFields+2 {
		return nil
	}
	t := &template{options: options, seen: d.m.receivedMs}
	var err error
	d.m.reader = *bytes.NewBuffer(wire)
	switch {
	case !options:
		var records []gonetflow.TemplateRecord
		if records, err = gonetflow.DecodeTemplateSet(version, &d.m.reader); err == nil && len(records) == 1 {
			t.fields = records[0].Fields
		}
	case version == versionNetFlow9:
		var records []gonetflow.NFv9OptionsTemplateRecord
		if records, err = gonetflow.DecodeNFv9OptionsTemplateSet(&d.m.reader); err == nil && len(records) == 1 {
			t.scopes = len(records[0].Scopes)
			t.fields = append(records[0].Scopes, records[0].Options...)
		}
	default:
		var records []gonetflow.IPFIXOptionsTemplateRecord
		if records, err = gonetflow.DecodeIPFIXOptionsTemplateSet(&d.m.reader); err == nil && len(records) == 1 {
			t.scopes = len(records[0].Scopes)
			t.fields = append(records[0].Scopes, records[0].Options...)
		}
	}
	if err != nil || len(t.fields) == 0 || len(t.fields) > d.limits.TemplateFields {
		return nil
	}
	t.elements = make([]element, len(t.fields))
	for i := range t.fields {
		f := &t.fields[i]
		if f.PenProvided {
			f.Type &^= 0x8000 // goflow2 leaves the bit in options templates
		}
		if i < t.scopes {
			t.elements[i] = lookupScope(version, f.Pen, f.Type)
		} else {
			t.elements[i] = lookup(version, f.Pen, f.Type)
		}
		if f.Length == variableLength {
			t.variable = true
			t.least++ // its length
		} else {
			t.least += int(f.Length)
		}
	}
	if t.least == 0 || t.least > 1<<16 {
		return nil // a record without size is never at its end
	}
	t.wire = bytes.Clone(wire)
	return t
}

// recordSize returns the bytes of the record at the beginning of b, which has at least t.least.
func (t *template) recordSize(b []byte) (int, bool) {
	if !t.variable {
		return t.least, true
	}
	size := 0
	for i := range t.fields {
		length := int(t.fields[i].Length)
		if length == variableLength {
			if size >= len(b) {
				return 0, false
			}
			length = int(b[size])
			size++
			if length == 0xff {
				if size+2 > len(b) {
					return 0, false
				}
				length = int(binary.BigEndian.Uint16(b[size:]))
				size += 2
			}
		}
		if size += length; size > len(b) {
			return 0, false
		}
	}
	return size, true
}
