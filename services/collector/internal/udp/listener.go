// Package udp receives datagrams into a bounded queue of reused buffers, and counts what the queue
// or the kernel had to drop. It does not know what the datagrams are.
package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	// readBatch is how many datagrams one system call receives at most.
	readBatch = 32
	// slotSize is the room that a datagram of the usual size (an Ethernet frame) needs. The rest of
	// a larger one is received into a buffer beside, and the two are joined in memory of their own.
	slotSize = 2048
	// maxDatagram is more than UDP can carry.
	maxDatagram = 1 << 16
)

// Datagram is what one sender sent at once. It is to be given back by Release.
type Datagram struct {
	Data     []byte
	From     netip.AddrPort
	Received time.Time

	slot []byte
}

// Lost is told of datagrams that were lost, from the listener's goroutine.
type Lost interface {
	// QueueFull counts datagrams that arrived when the queue was full.
	QueueFull(n int)
	// Kernel counts datagrams that the kernel dropped because the socket's buffer was full.
	Kernel(n uint32)
}

// Listener receives from one socket.
type Listener struct {
	conn    *net.UDPConn
	packets *ipv4.PacketConn
	free    chan *Datagram
	full    chan *Datagram
	lost    Lost

	// ReceiveBuffer is the room that the kernel gave, in bytes.
	ReceiveBuffer int
}

// Listen opens the socket; Run receives. bufferBytes is the room asked of the kernel, queue how many
// datagrams wait here.
func Listen(ctx context.Context, address string, bufferBytes, queue int, lost Lost) (*Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var inner error
		if err := raw.Control(func(fd uintptr) { inner = prepare(int(fd), bufferBytes) }); err != nil {
			return err
		}
		return inner
	}}
	conn, err := config.ListenPacket(ctx, "udp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen on udp %s: the port is in use by another process: %w", address, err)
		}
		return nil, fmt.Errorf("listen on udp %s: %w", address, err)
	}
	u, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen on udp %s: not a UDP socket", address), conn.Close())
	}
	l := &Listener{
		conn: u,
		// It receives by recvmmsg, which knows both families.
		packets: ipv4.NewPacketConn(u),
		free:    make(chan *Datagram, queue+readBatch),
		full:    make(chan *Datagram, queue),
		lost:    lost,
	}
	if raw, err := u.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { l.ReceiveBuffer = receiveBuffer(int(fd)) })
	}
	slots := make([]Datagram, queue+readBatch)
	memory := make([]byte, len(slots)*slotSize)
	for i := range slots {
		slots[i].slot = memory[i*slotSize : (i+1)*slotSize : (i+1)*slotSize]
		l.free <- &slots[i]
	}
	return l, nil
}

// Addr returns the address that is listened on.
func (l *Listener) Addr() netip.AddrPort {
	a, _ := netip.ParseAddrPort(l.conn.LocalAddr().String())
	return a
}

// Datagrams yields what is received; it is closed when Run has ended.
func (l *Listener) Datagrams() <-chan *Datagram { return l.full }

// Release gives a datagram's buffer back.
func (l *Listener) Release(d *Datagram) {
	d.Data = nil
	l.free <- d
}

// Run receives until Stop or Close; it returns the error that ended it otherwise.
func (l *Listener) Run() error {
	defer close(l.full)
	current := make([]*Datagram, readBatch)
	messages := make([]ipv4.Message, readBatch)
	for i := range messages {
		current[i] = <-l.free
		messages[i].Buffers = [][]byte{current[i].slot, make([]byte, maxDatagram-slotSize)}
		messages[i].OOB = make([]byte, oobSize)
	}
	var kernelLost uint32
	for {
		n, err := l.packets.ReadBatch(messages, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			var e syscall.Errno
			if errors.As(err, &e) && e.Temporary() {
				continue
			}
			return fmt.Errorf("receive on udp %s: %w", l.conn.LocalAddr(), err)
		}
		now := time.Now()
		dropped := 0
		for i := range messages[:n] {
			m := &messages[i]
			if total, ok := overflow(m.OOB[:m.NN]); ok && total != kernelLost {
				l.lost.Kernel(total - kernelLost) // the kernel's counter runs over, and so does this
				kernelLost = total
			}
			d := current[i]
			if m.N <= slotSize {
				d.Data = d.slot[:m.N]
			} else {
				d.Data = append(append(make([]byte, 0, m.N), d.slot...), m.Buffers[1][:m.N-slotSize]...)
			}
			if a, ok := m.Addr.(*net.UDPAddr); ok {
				d.From = a.AddrPort()
			}
			d.Received = now
			select {
			case fresh := <-l.free:
				l.full <- d // there is room: it has as many places as there are buffers beyond ours
				current[i] = fresh
				m.Buffers[0] = fresh.slot
			default:
				dropped++
			}
		}
		if dropped > 0 {
			l.lost.QueueFull(dropped)
		}
	}
}

// lastReads is how long Stop goes on reading, so that what the kernel holds is not lost.
const lastReads = 100 * time.Millisecond

// Stop ends Run within lastReads; what is in the queue can still be taken.
func (l *Listener) Stop() error { return l.conn.SetReadDeadline(time.Now().Add(lastReads)) }

// Close closes the socket, and ends Run.
func (l *Listener) Close() error { return l.conn.Close() }
