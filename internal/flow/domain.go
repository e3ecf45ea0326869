package flow

import (
	"strings"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// MaxDomainName is the length of the longest domain name, in bytes (RFC 1035, 2.3.4).
const MaxDomainName = 255

// DomainName returns a host name in the form in which names are kept: lower case, without the dot at
// its end and without a port (as a HTTP host may have one). It reports false for what is none: empty
// or longer than MaxDomainName, with an empty label or one of more than 63 bytes, or with bytes other
// than letters, digits, hyphen and underscore (which service names begin with). It allocates where
// there are capitals only.
func DomainName(s string) (string, bool) {
	if len(s) > MaxDomainName+len(".:65535") {
		return "", false
	}
	if colon := strings.LastIndexByte(s, ':'); colon >= 0 && len(s)-colon <= len(":65535") {
		port := s[colon+1:]
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
		s = s[:colon]
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > MaxDomainName {
		return "", false
	}
	label, capitals := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case c >= 'A' && c <= 'Z':
			capitals = true
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
	}
	if label == 0 {
		return "", false
	}
	if capitals {
		s = strings.ToLower(s)
	}
	return s, true
}

// SetDomain gives flow i a name, in the form that DomainName gives, and says how it is known. Where
// there is no room for another name in the batch, the flow stays without.
func (b *Batch) SetDomain(i int, name string, source landfallv1.DomainSource) {
	p := &b.pb
	n := int(p.Count)
	p.DomainName = grow(p.DomainName, n)
	p.DomainSource = grow(p.DomainSource, n)
	p.DomainName[i], p.DomainSource[i] = b.domain(name, source)
}

// domain is a name's and its source's columns.
func (b *Batch) domain(name string, source landfallv1.DomainSource) (index, from uint32) {
	if name == "" {
		return 0, 0
	}
	name, ok := DomainName(name)
	if !ok {
		return 0, 0
	}
	if index = b.intern(name); index == 0 {
		return 0, 0
	}
	if source == landfallv1.DomainSource_DOMAIN_SOURCE_UNSPECIFIED {
		source = landfallv1.DomainSource_DOMAIN_SOURCE_EXPORTER
	}
	return index, uint32(source)
}

// grow makes a column that was left out as long as the batch.
func grow(column []uint32, n int) []uint32 {
	for len(column) < n {
		column = append(column, 0)
	}
	return column
}
