package udp

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// oobSize is the room for the control messages that are asked for.
const oobSize = 64

// prepare asks for the receive buffer and for the count of what the kernel drops.
func prepare(fd, bufferBytes int) error {
	if bufferBytes > 0 {
		// The first goes beyond the system's limit, and needs CAP_NET_ADMIN.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferBytes) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes); err != nil {
				return err
			}
		}
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
}

// receiveBuffer returns the receive buffer as it was asked for: the kernel doubles it.
func receiveBuffer(fd int) int {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0
	}
	return n / 2
}

// overflow finds the kernel's count of dropped datagrams in control messages. The kernel sends none
// as long as the count is zero.
func overflow(oob []byte) (uint32, bool) {
	for len(oob) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0, false
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			return binary.NativeEndian.Uint32(data), true
		}
		oob = rest
	}
	return 0, false
}
