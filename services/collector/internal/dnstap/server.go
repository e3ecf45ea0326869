// Package dnstap takes what resolvers answered their clients, in dnstap messages over frame streams
// (https://dnstap.info, https://farsightsec.github.io/fstrm), and hands it to a table of names. It
// logs neither a client nor a name.
package dnstap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"

	"github.com/landfall-telemetry/landfall/services/collector/internal/names"
)

// Config is what a Server needs. Allowed empty: every sender.
type Config struct {
	UnixSocket string
	Listen     string
	TLS        *tls.Config
	Allowed    []netip.Prefix
	Keep       time.Duration
}

// Metrics are told what comes.
type Metrics interface {
	Message()
	Answers(n int)
	Refused(why Reason)
	Connections(change int)
	Entries(n int)
}

const (
	maxConnections = 64
	// maxFrame is more than a dnstap message with the longest DNS query and response takes.
	maxFrame = 1 << 18
	// patience is how long a handshake or a frame that has begun may take.
	patience = 10 * time.Second
	// socketMode lets the resolver's group write.
	socketMode = 0o660
)

// Server receives from resolvers.
type Server struct {
	config  Config
	table   *names.Table
	metrics Metrics
	log     *slog.Logger

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[net.Conn]bool
	stop      chan struct{}
	running   sync.WaitGroup
}

// Start opens the sockets and receives.
func Start(ctx context.Context, config Config, table *names.Table, m Metrics, log *slog.Logger) (*Server, error) {
	s := &Server{config: config, table: table, metrics: m, log: log, conns: make(map[net.Conn]bool), stop: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	for _, l := range s.listeners {
		s.running.Go(func() { s.accept(l) })
		log.Info("receiving", "address", l.Addr().String(), "protocol", "dnstap")
	}
	s.running.Go(s.expire)
	return s, nil
}

func (s *Server) open(ctx context.Context) error {
	var lc net.ListenConfig
	if path := s.config.UnixSocket; path != "" {
		if err := clearSocket(ctx, path); err != nil {
			return err
		}
		l, err := lc.Listen(ctx, "unix", path)
		if err != nil {
			return fmt.Errorf("unix_socket: %w", err)
		}
		s.listeners = append(s.listeners, l)
		if err := os.Chmod(path, socketMode); err != nil {
			return fmt.Errorf("unix_socket: %w", err)
		}
	}
	if s.config.Listen != "" {
		l, err := lc.Listen(ctx, "tcp", s.config.Listen)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if s.config.TLS != nil {
			l = tls.NewListener(l, s.config.TLS)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// clearSocket removes a socket that a process which was killed has left.
func clearSocket(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unix_socket: %w", err)
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("unix_socket: %s is there and is no socket", path)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("unix_socket: %s is in use by another process", path)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("unix_socket: %w", err)
		}
	}
	return nil
}

// Addresses are those that are received on.
func (s *Server) Addresses() []net.Addr {
	var all []net.Addr
	for _, l := range s.listeners {
		all = append(all, l.Addr())
	}
	return all
}

// Close ends all connections, and returns when nothing runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *Server) expire() {
	tick := time.NewTicker(max(s.config.Keep/16, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			s.table.Expire(now.UnixMilli())
			s.metrics.Entries(s.table.Len())
		}
	}
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			select {
			case <-s.stop:
				return
			case <-time.After(100 * time.Millisecond): // too many open files, or a connection that broke off
				continue
			}
		}
		if why := s.admit(c); why != "" {
			s.metrics.Refused(why)
			_ = c.Close()
			continue
		}
		s.running.Go(func() {
			s.metrics.Connections(1)
			if why := s.receive(c); why != "" {
				s.metrics.Refused(why)
			}
			_ = c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			s.metrics.Connections(-1)
		})
	}
}

// admit notes a connection, or says why it is not taken.
func (s *Server) admit(c net.Conn) Reason {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok && len(s.config.Allowed) > 0 {
		from, _ := netip.AddrFromSlice(tcp.IP)
		from, allowed := from.Unmap(), false
		for _, p := range s.config.Allowed {
			allowed = allowed || p.Contains(from)
		}
		if !allowed {
			return ReasonSender
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stop:
		return ReasonConnections
	default:
	}
	if len(s.conns) >= maxConnections {
		return ReasonConnections
	}
	s.conns[c] = true
	return ""
}

// receive reads a stream to its end. A resolver may be silent for as long as it likes between two
// frames, not inside of one.
func (s *Server) receive(c net.Conn) Reason {
	r := bufio.NewReaderSize(c, 1<<16)
	_ = c.SetDeadline(time.Now().Add(patience))
	bidirectional, ok := handshake(r, c)
	if !ok {
		return ReasonHandshake
	}
	_ = c.SetDeadline(time.Time{})
	var frame []byte
	for {
		if _, err := r.Peek(1); err != nil {
			return ""
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		head, err := r.Peek(4)
		if err != nil {
			return s.cut()
		}
		n := int(binary.BigEndian.Uint32(head))
		if n > maxFrame {
			return ReasonTooLarge
		}
		_, _ = r.Discard(4)
		if n == 0 {
			var control framestream.ControlFrame
			if control.Decode(r) != nil || control.ControlType != framestream.CONTROL_STOP {
				return ReasonHandshake
			}
			if bidirectional {
				_ = c.SetWriteDeadline(time.Now().Add(patience))
				finish := framestream.ControlFrame{ControlType: framestream.CONTROL_FINISH}
				_ = finish.Encode(c)
			}
			return ""
		}
		if cap(frame) < n {
			frame = make([]byte, n)
		}
		if _, err := io.ReadFull(r, frame[:n]); err != nil {
			return s.cut()
		}
		_ = c.SetReadDeadline(time.Time{})
		s.take(frame[:n])
	}
}

// cut is the reason for a frame that did not end: none if it was we who ended it.
func (s *Server) cut() Reason {
	select {
	case <-s.stop:
		return ""
	default:
		return ReasonCut
	}
}

// handshake takes a stream that begins with READY (both sides speak) or START (the sender alone).
func handshake(r *bufio.Reader, w io.Writer) (bidirectional, ok bool) {
	var first framestream.ControlFrame
	if first.DecodeEscape(r) != nil {
		return false, false
	}
	if first.ControlType == framestream.CONTROL_READY {
		if !offers(&first) {
			return true, false
		}
		var reply bytes.Buffer
		accept := framestream.ControlFrame{ControlType: framestream.CONTROL_ACCEPT, ContentTypes: [][]byte{dnstap.FSContentType}}
		if accept.Encode(&reply) != nil {
			return true, false
		}
		if _, err := w.Write(reply.Bytes()); err != nil {
			return true, false
		}
		first, bidirectional = framestream.ControlFrame{}, true
		if first.DecodeEscape(r) != nil {
			return true, false
		}
	}
	return bidirectional, first.ControlType == framestream.CONTROL_START && offers(&first)
}

// offers reports whether a control frame names dnstap, or nothing.
func offers(c *framestream.ControlFrame) bool {
	return len(c.ContentTypes) == 0 || c.MatchContentType(dnstap.FSContentType)
}

func (s *Server) take(frame []byte) {
	s.metrics.Message()
	a, why := parse(frame, time.Now(), s.config.Keep)
	if why != "" {
		s.metrics.Refused(why)
		return
	}
	if len(a.addresses) == 0 {
		return
	}
	for _, address := range a.addresses {
		s.table.Add(a.client, address, a.name, a.ms)
	}
	s.metrics.Answers(len(a.addresses))
	s.metrics.Entries(s.table.Len())
}
