package exporter

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Socket sends an exporter's datagrams to one target over UDP.
type Socket struct {
	conn   *net.UDPConn
	target netip.AddrPort
	pacer  *Pacer
}

// Dial opens a socket to target. Where target is a loopback address of IPv4 the socket is bound to
// source, so that each exporter of one machine has its own address as on a real network; where the
// system does not have source (only Linux has all of 127.0.0.0/8), and towards other targets, the
// system chooses.
func Dial(source netip.Addr, target netip.AddrPort, pacer *Pacer) (*Socket, error) {
	remote := net.UDPAddrFromAddrPort(target)
	if source.IsValid() && source.Is4() && target.Addr().Is4() && target.Addr().IsLoopback() {
		local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		if conn, err := net.DialUDP("udp4", local, remote); err == nil {
			return &Socket{conn: conn, target: target, pacer: pacer}, nil
		}
	}
	conn, err := net.DialUDP("udp", nil, remote)
	if err != nil {
		return nil, fmt.Errorf("open UDP socket to %s: %w", target, err)
	}
	return &Socket{conn: conn, target: target, pacer: pacer}, nil
}

// Source is the address that the collector sees.
func (s *Socket) Source() netip.AddrPort {
	return s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Send implements Sender, in the pacer's time.
func (s *Socket) Send(ctx context.Context, datagram []byte, records int) error {
	if err := s.pacer.Before(ctx, s.target, len(datagram), records); err != nil {
		return err
	}
	if _, err := s.conn.Write(datagram); err != nil {
		return fmt.Errorf("send datagram to %s: %w", s.target, err)
	}
	return nil
}

// Close closes the socket.
func (s *Socket) Close() error { return s.conn.Close() }
