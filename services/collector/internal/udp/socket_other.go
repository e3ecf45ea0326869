//go:build unix && !linux

package udp

import "golang.org/x/sys/unix"

// oobSize is 0: only Linux tells what its kernel drops.
const oobSize = 0

func prepare(fd, bufferBytes int) error {
	if bufferBytes == 0 {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes)
}

func receiveBuffer(fd int) int {
	n, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return n
}

func overflow([]byte) (uint32, bool) { return 0, false }
