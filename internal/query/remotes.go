package query

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Remote is what went to and came from one remote address in a time.
type Remote struct {
	Address netip.Addr
	Bytes   uint64 // both ways
}

const remotesSQL = `SELECT r.remote_address, sum(r.bytes_up) + sum(r.bytes_down) AS bytes
FROM $database.$table AS r
WHERE $where
GROUP BY r.remote_address`

// Remotes calls each for every remote address of the whole days with since ≤ day < until, in no
// order. A zero time is open. There may be very many, and none is kept.
func (c *Client) Remotes(ctx context.Context, since, until time.Time, each func(Remote) error) error {
	s := c.statement("remote addresses", "endpoint_day")
	s.span(since, until)
	s.and("r.remote_address != " + nowhere)
	s.write(c.database, remotesSQL)
	var ip net.IP
	var bytes uint64
	return c.ask(ctx, s, []any{&ip, &bytes}, func() error {
		a, _ := netip.AddrFromSlice(ip)
		return each(Remote{a.Unmap(), bytes})
	})
}
