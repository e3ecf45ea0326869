package exporter

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// queues reads the kernel's tables of UDP sockets. A reading takes about 30 µs.
type queues struct {
	v4, v6  *os.File
	buf     []byte
	opened  bool
	missing bool
}

// supported tells whether the kernel has such a table.
func (q *queues) supported() bool {
	if !q.opened {
		q.opened = true
		var err error
		q.v4, err = os.Open("/proc/net/udp")
		q.missing = err != nil
		if v6, err := os.Open("/proc/net/udp6"); err == nil { // absent where IPv6 is off
			q.v6 = v6
		}
		q.buf = make([]byte, 64<<10)
	}
	return !q.missing
}

// look reports the queue of the socket that listens at target.
func (q *queues) look(target netip.AddrPort) (queue, bool) {
	if !q.supported() {
		return queue{}, false
	}
	var sum queue
	found := false
	for _, f := range []*os.File{q.v4, q.v6} {
		// A socket of udp6 bound to any address receives IPv4 too; one of IPv4 never receives IPv6.
		if f == nil || f == q.v4 && !target.Addr().Is4() {
			continue
		}
		table, err := q.read(f)
		if err != nil {
			q.missing = true
			return queue{}, false
		}
		if one, ok := findQueue(table, target); ok {
			found = true
			sum.bytes = max(sum.bytes, one.bytes)
			sum.drops += one.drops
			break
		}
	}
	return sum, found
}

// read gives the whole table. The kernel hands out a page at a time.
func (q *queues) read(f *os.File) ([]byte, error) {
	n := 0
	for {
		if n == len(q.buf) {
			q.buf = append(q.buf, make([]byte, len(q.buf))...)
		}
		got, err := f.ReadAt(q.buf[n:], int64(n))
		n += got
		if err == io.EOF {
			return bytes.TrimRight(q.buf[:n], "\n"), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (q *queues) close() error {
	for _, f := range []*os.File{q.v4, q.v6} {
		if f != nil {
			f.Close()
		}
	}
	q.v4, q.v6, q.opened, q.missing = nil, nil, true, true
	return nil
}

// defaultReceiveBuffer is the size of a socket's receive buffer that nobody has changed.
func defaultReceiveBuffer() int {
	if text, err := os.ReadFile("/proc/sys/net/core/rmem_default"); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n > 0 {
			return n
		}
	}
	return 212992
}
