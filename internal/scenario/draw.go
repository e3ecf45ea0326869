package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/landfall-telemetry/landfall/internal/exporter"
)

// conversation is a flow with what the truth says of it.
type conversation struct {
	exporter.Flow
	vendor  uint8
	place   int
	inbound bool // the remote side is Flow.Src
}

// draw makes one conversation of a station's subscribers.
func (p *Player) draw(s *station, c *conversation) {
	r := s.rng.Uint64()
	// The smaller of two draws: some handsets talk more than others.
	n := len(s.handsets)
	h := &s.handsets[min(below(s.rng, n), below(s.rng, n))]
	to := p.choosers[h.brand].pick(uint32(r))
	service := p.services[r>>32&7]
	port := uint16(r >> 48)
	if port < 32768 {
		port += 32768
	}

	local, remote := h.v4, pickAddr(p.remotes[to].v4, r>>35)
	if v6 := p.remotes[to].v6; h.v6.IsValid() && !s.noIPv6 && len(v6) > 0 && r>>44&1 == 1 {
		local, remote = h.v6, pickAddr(v6, r>>35)
	}
	access := 100 + uint32(h.mac&3) // one of four ports towards the handsets

	c.vendor, c.place = h.vendor, to
	c.inbound = s.reversed > 0 && below(s.rng, 1000) < s.reversed
	c.Proto, c.TCPFlags = service.proto, service.flags
	c.VLAN = uint16(200 + h.brand)
	c.Sampler = int(r >> 45 & 1)
	c.Src, c.Dst = local, remote
	c.SrcPort, c.DstPort = port, service.port
	c.SrcMAC, c.DstMAC = h.mac, s.router
	c.Input, c.Output = access, 1
	c.Upstream = true
	up, down := p.drawSizes(s, c)
	c.Octets, c.Packets, c.ReverseOctets, c.ReversePackets = up.octets, up.packets, down.octets, down.packets
	if c.inbound {
		c.Src, c.Dst = remote, local
		c.SrcPort, c.DstPort = service.port, port
		c.SrcMAC, c.DstMAC = s.router, h.mac
		c.Input, c.Output = 1, access
		c.Upstream = false
		c.Octets, c.Packets, c.ReverseOctets, c.ReversePackets = down.octets, down.packets, up.octets, up.packets
	}
}

func pickAddr(list []netip.Addr, bits uint64) netip.Addr {
	return list[(bits&0x1ff)*uint64(len(list))>>9]
}

type amount struct{ octets, packets uint64 }

// drawSizes gives what was metered in each direction. At least one direction has a packet.
func (p *Player) drawSizes(s *station, c *conversation) (up, down amount) {
	r := s.rng.Uint64()
	if s.onePacket {
		least := exporter.LeastIPLength(&c.Flow)
		one := func(r uint64) amount {
			if r&3 == 0 {
				return amount{least, 1} // an acknowledgement: its frame is padded
			}
			return amount{least + (r>>2&0xfff)*(1500-least)>>12, 1}
		}
		if r>>60&1 == 0 {
			return one(r), amount{}
		}
		return amount{}, one(r)
	}
	if s.exporter.Interval(&c.Flow) == 1 {
		up.octets = uint64(p.shapes.up[r&4095]) + r>>24&0xff
		down.octets = uint64(p.shapes.down[r>>12&4095]) + r>>32&0xff
		up.packets, down.packets = 1+up.octets/900, 1+down.octets/1300
		return up, down
	}
	up.packets = uint64(p.shapes.sampled[r&4095])
	up.octets = up.packets * (60 + r>>24&0x3ff)
	switch r >> 60 & 7 {
	case 0, 1: // nothing seen of what came back
	case 2: // nothing seen of what was sent
		up, down = down, up
	default:
		down.packets = uint64(p.shapes.sampled[r>>12&4095])
		down.octets = down.packets * (100 + r>>34&0x3ff)
	}
	return up, down
}

// send sends records of a station's that start between from and to (ms) and are over by limit, evenly
// spread, and adds them to the truth.
func (p *Player) send(ctx context.Context, s *station, records int, from, to, limit int64) error {
	if records <= 0 {
		return nil
	}
	var c conversation
	for sent := 0; sent < records; {
		p.draw(s, &c)
		r := s.rng.Uint64()
		start := from + (to-from)*int64(sent)/int64(records)
		start = min(start+int64(r&0x1ff), to-1)
		duration := 40 + int64(r>>9&0x3fff)
		if r>>24&15 == 0 {
			duration *= 1 + int64(r>>28&15) // long ones, of up to four minutes
		}
		if records-sent <= 3 && (to-p.start.UnixMilli())%weekMs == 0 {
			// The week's last flows end in the next: they count where they start.
			start, duration = to-1-int64(r&0x1ff), duration+1000
		}
		end := max(min(start+duration, limit-1), start)
		c.Start, c.End = time.UnixMilli(start), time.UnixMilli(end)
		if !s.bidirectional && records-sent == 1 && c.Packets > 0 {
			c.ReverseOctets, c.ReversePackets = 0, 0 // no room for the other direction's record
		}
		// The exporter tells of a flow a while after its end, on a whole second.
		s.clock = max(s.clock, min((end+15_999)/1000*1000, (limit+999)/1000*1000))
		n, err := s.exporter.Add(ctx, time.UnixMilli(s.clock), &c.Flow)
		if err != nil {
			return fmt.Errorf("exporter %s: %w", s.name, err)
		}
		p.count(s, &c, start, n)
		sent += n
	}
	if err := s.exporter.Flush(ctx, time.UnixMilli(s.clock)); err != nil {
		return fmt.Errorf("exporter %s: %w", s.name, err)
	}
	return nil
}

// count adds a conversation that became n records to the truth.
func (p *Player) count(s *station, c *conversation, start int64, n int) {
	p.flows += uint64(n)
	if p.tally == nil {
		return
	}
	interval := s.exporter.Interval(&c.Flow)
	cell := p.tally.cell(c.vendor, c.place, start)
	up, down := amount{c.Octets, c.Packets}, amount{c.ReverseOctets, c.ReversePackets}
	if c.inbound {
		up, down = down, up
	}
	cell.flows += uint64(n)
	cell.bytesUp += up.octets * interval
	cell.bytesDown += down.octets * interval
	cell.packetsUp += up.packets * interval
	cell.packetsDown += down.packets * interval
}
