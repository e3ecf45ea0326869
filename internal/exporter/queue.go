package exporter

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// queue is the state of a socket's receive queue.
type queue struct {
	bytes int    // as the kernel accounts them, overhead included
	drops uint64 // datagrams dropped at that socket since it was opened
}

// findQueue looks for the socket that receives what is sent to target in a table as Linux prints it
// in /proc/net/udp and /proc/net/udp6 (proc_pid_net(5)): a socket bound to the address itself or to
// any. Where several share the port, the fullest counts: which one receives is the kernel's choice.
// It does not allocate.
func findQueue(table []byte, target netip.AddrPort) (q queue, found bool) {
	for len(table) > 0 {
		line := table
		if i := bytes.IndexByte(table, '\n'); i >= 0 {
			line, table = table[:i], table[i+1:]
		} else {
			table = nil
		}
		if _, line = nextField(line); line == nil { // sl
			continue
		}
		local, line := nextField(line)
		remote, line := nextField(line)
		_, line = nextField(line) // st
		queued, line := nextField(line)
		if !receives(local, target) || !unconnected(remote) {
			continue
		}
		colon := bytes.IndexByte(queued, ':')
		if colon < 0 {
			continue
		}
		n, ok := parseHex(queued[colon+1:])
		if !ok {
			continue
		}
		found = true
		q.bytes = max(q.bytes, int(n))
		last := bytes.TrimRight(line, " ")
		if i := bytes.LastIndexByte(last, ' '); i >= 0 {
			q.drops += parseDecimal(last[i+1:])
		}
	}
	return q, found
}

// nextField cuts the next blank-separated field off line. The rest is nil at the end of the line.
func nextField(line []byte) (word, rest []byte) {
	line = bytes.TrimLeft(line, " ")
	if len(line) == 0 {
		return nil, nil
	}
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i:]
	}
	return line, nil
}

// receives tells whether a socket bound to local ("0100007F:0807") gets datagrams for target.
func receives(local []byte, target netip.AddrPort) bool {
	colon := bytes.IndexByte(local, ':')
	if colon != 8 && colon != 32 {
		return false
	}
	port, ok := parseHex(local[colon+1:])
	if !ok || uint16(port) != target.Port() {
		return false
	}
	var addr [16]byte
	// Each group of eight digits is a 32-bit word of the address as the machine's integers have it.
	zero := true
	for w := 0; w*8 < colon; w++ {
		word, ok := parseHex(local[w*8 : w*8+8])
		if !ok {
			return false
		}
		zero = zero && word == 0
		binary.NativeEndian.PutUint32(addr[w*4:], uint32(word))
	}
	if zero {
		return true
	}
	bound := netip.AddrFrom16(addr)
	if colon == 8 {
		bound = netip.AddrFrom4([4]byte(addr[:4]))
	}
	return bound.Unmap() == target.Addr().Unmap()
}

// unconnected tells whether a socket has no peer: one that has is an exporter's own.
func unconnected(remote []byte) bool {
	for _, c := range remote {
		if c != '0' && c != ':' {
			return false
		}
	}
	return true
}

func parseHex(digits []byte) (uint64, bool) {
	if len(digits) == 0 || len(digits) > 16 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | uint64(c-'A'+10)
		case c >= 'a' && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

func parseDecimal(digits []byte) uint64 {
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0
		}
		v = v*10 + uint64(c-'0')
	}
	return v
}
