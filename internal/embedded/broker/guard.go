package broker

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxRequest is the largest request in bytes; a larger size field is not one.
const maxRequest = 64 << 20

// minRequest is what every request has: key, version and correlation id.
const minRequest = 8

// guardListener hands out connections that check the head of each request.
// kfake trusts it: it allocates whatever the size field says and ends the
// process on an unknown key, so one HTTP request to the port would be enough.
type guardListener struct {
	net.Listener
	refused *prometheus.CounterVec
}

func (l guardListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardConn{Conn: conn, refused: l.refused}, nil
}

type guardConn struct {
	net.Conn
	refused *prometheus.CounterVec

	head    [8]byte // size, key and version of the current request
	pending []byte  // the part of head not yet handed on
	left    int     // bytes of the current request still to come
}

// Read hands the stream on unchanged, up to the first request that is none.
func (c *guardConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.pending) == 0 && c.left == 0 {
		if _, err := io.ReadFull(c.Conn, c.head[:]); err != nil {
			return 0, err
		}
		size := binary.BigEndian.Uint32(c.head[:])
		if reason := refusal(size, int16(binary.BigEndian.Uint16(c.head[4:])), int16(binary.BigEndian.Uint16(c.head[6:]))); reason != "" {
			c.refused.WithLabelValues(reason).Inc()
			return 0, fmt.Errorf("request refused: %s", reason)
		}
		c.pending = c.head[:]
		c.left = int(size) - 4
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// refusal gives the reason why a request with this head is not for the
// broker, or "".
func refusal(size uint32, key, version int16) string {
	if size < minRequest || size > maxRequest {
		return reasonSize
	}
	request := kmsg.RequestForKey(key)
	if request == nil {
		return reasonKey
	}
	if version < 0 || version > request.MaxVersion() {
		return reasonVersion
	}
	return ""
}
