package chaos

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes TCP connections on, until it is told to break them.
type proxy struct {
	address, target string

	up, down fuse
	cuts     atomic.Int64

	mu        sync.Mutex
	listener  net.Listener // nil while connections are refused
	conns     map[*net.TCPConn]struct{}
	stalled   chan struct{} // closed when bytes pass; open while they do not
	closed    bool
	goroutine sync.WaitGroup
}

// fuse blows after so many bytes of one direction, whatever connection they are of; 0: it is not set.
type fuse struct{ bytes atomic.Int64 }

// burn tells how many of n bytes may still pass, and whether the fuse blows there.
func (f *fuse) burn(n int) (pass int, blown bool) {
	for {
		left := f.bytes.Load()
		switch {
		case left <= 0:
			return n, false
		case int64(n) < left:
			if f.bytes.CompareAndSwap(left, left-int64(n)) {
				return n, false
			}
		default:
			if f.bytes.CompareAndSwap(left, 0) {
				return int(left), true
			}
		}
	}
}

// newProxy listens on a port of its own for connections to target.
func newProxy(target string) (*proxy, error) {
	p := &proxy{address: "127.0.0.1:0", target: target, conns: make(map[*net.TCPConn]struct{}), stalled: make(chan struct{})}
	close(p.stalled)
	if err := p.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *proxy) listen() error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", p.address)
	if err != nil {
		return fmt.Errorf("proxy for %s: %w", p.target, err)
	}
	p.mu.Lock()
	p.listener, p.address = l, l.Addr().String()
	p.mu.Unlock()
	p.goroutine.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // refuse and close end it
			}
			p.goroutine.Go(func() { p.serve(client.(*net.TCPConn)) })
		}
	})
	return nil
}

func (p *proxy) serve(client *net.TCPConn) {
	upstream, err := (&net.Dialer{Timeout: 2 * time.Second}).Dial("tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	server := upstream.(*net.TCPConn)
	p.mu.Lock()
	if p.listener == nil {
		p.mu.Unlock()
		reset(client)
		reset(server)
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client, &p.up) })
	both.Go(func() { p.pass(client, server, &p.down) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
	client.Close()
	server.Close()
}

// pass copies until an end is gone or the fuse blows; then both ends go.
func (p *proxy) pass(to, from *net.TCPConn, f *fuse) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		stalled := p.stalled
		p.mu.Unlock()
		<-stalled
		if n > 0 {
			pass, blown := f.burn(n)
			_, werr := to.Write(buf[:pass])
			if blown {
				p.cuts.Add(1)
				reset(from)
				reset(to)
				return
			}
			if err == nil {
				err = werr
			}
		}
		if err != nil {
			_ = to.CloseWrite() // the other side reads what is left
			_ = from.CloseRead()
			return
		}
	}
}

// reset ends a connection with RST, as a crashed peer or a firewall does.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // it may be closed already
	c.Close()
}

// refuse breaks all connections and accepts no more until accept is called.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		reset(c)
	}
}

func (p *proxy) accept() error {
	p.mu.Lock()
	listening := p.listener != nil || p.closed
	p.mu.Unlock()
	if listening {
		return nil
	}
	return p.listen()
}

// stall lets no byte pass, without an error for anybody, until flow is called.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.stalled:
		p.stalled = make(chan struct{})
	default:
	}
}

func (p *proxy) flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.stalled:
	default:
		close(p.stalled)
	}
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.flow()
	p.refuse()
	p.goroutine.Wait()
}
