package scenario

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// HourTruth is what one exporter did in one hour of its own clock (sFlow, which tells no time: of its
// sending).
type HourTruth struct {
	Hour             time.Time `json:"hour"`      // its begin
	Flows            uint64    `json:"flows"`     // that were sent
	Datagrams        uint64    `json:"datagrams"` // that were sent
	DroppedFlows     uint64    `json:"dropped_flows,omitempty"`
	DroppedDatagrams uint64    `json:"dropped_datagrams,omitempty"`
	// Gap is what the numbers of the hour's datagrams show to be missing before them, in the protocol's
	// unit: datagrams for NetFlow v9 and sFlow, records for NetFlow v5 and IPFIX. IPFIX numbers records
	// of options too.
	Gap uint64 `json:"gap,omitempty"`
}

// lossy is a network that loses a share of the datagrams, and remembers which.
type lossy struct {
	sender
	protocol string
	share    float64
	draws    *rand.PCG
	now      func() time.Time // for the protocol without a time

	hours   map[int64]*HourTruth // by begin, ms
	begun   bool
	missing bool                              // something was lost since the last datagram that was sent
	first   uint32                            // number of the first that was
	unseen  struct{ flows, datagrams uint64 } // lost since then
}

func newLossy(out sender, l layout, cfg Config, now func() time.Time) *lossy {
	return &lossy{
		sender: out, protocol: l.protocol, share: cfg.Drop, draws: stream(cfg.Seed, "drops "+l.name), now: now,
		hours: make(map[int64]*HourTruth),
	}
}

// Send implements exporter.Sender.
func (n *lossy) Send(ctx context.Context, datagram []byte, records int) error {
	at, number := n.header(datagram)
	// The first one has the templates, without which nothing that follows can be read.
	lost := n.begun && float64(n.draws.Uint64()) < n.share*math.MaxUint64
	if !lost {
		if err := n.sender.Send(ctx, datagram, records); err != nil {
			return err
		}
	}
	n.begun = true
	begin := at.Truncate(time.Hour)
	hour := n.hours[begin.UnixMilli()]
	if hour == nil {
		hour = &HourTruth{Hour: begin.UTC()}
		n.hours[begin.UnixMilli()] = hour
	}
	if lost {
		hour.DroppedDatagrams++
		hour.DroppedFlows += uint64(records)
		n.unseen.datagrams++
		n.unseen.flows += uint64(records)
		if !n.missing {
			n.missing, n.first = true, number
		}
		return nil
	}
	hour.Datagrams++
	hour.Flows += uint64(records)
	if n.missing {
		hour.Gap += uint64(number - n.first) // modulo 2^32, as the numbers are
		n.missing, n.unseen.flows, n.unseen.datagrams = false, 0, 0
	}
	return nil
}

// header reads the time of export and the sequence number.
func (n *lossy) header(b []byte) (at time.Time, number uint32) {
	at32 := func(i int) uint32 { return binary.BigEndian.Uint32(b[i:]) }
	seconds := func(i int) time.Time { return time.Unix(int64(at32(i)), 0) }
	switch n.protocol {
	case "netflow_v5":
		return seconds(8), at32(16)
	case "netflow_v9":
		return seconds(8), at32(12)
	case "ipfix":
		return seconds(4), at32(8)
	}
	if at32(4) == 1 { // sFlow: the agent's address is one of IPv4
		return n.now(), at32(16)
	}
	return n.now(), at32(28)
}

// addTo writes down what was sent and lost.
func (n *lossy) addTo(e *ExporterTruth) {
	for _, h := range n.hours {
		e.Hours = append(e.Hours, *h)
		e.DroppedFlows += h.DroppedFlows
		e.DroppedDatagrams += h.DroppedDatagrams
	}
	slices.SortFunc(e.Hours, func(a, b HourTruth) int { return a.Hour.Compare(b.Hour) })
	e.UnseenFlows, e.UnseenDatagrams = n.unseen.flows, n.unseen.datagrams
}

// silence is when one exporter is dead, in hours of history.
type silence struct {
	exporter string
	from, to int
}

// has reports whether the exporter is dead in that hour.
func (s silence) has(exporter string, hour int) bool {
	return exporter == s.exporter && hour >= s.from && hour < s.to
}

// silence reads the setting.
func (c Config) silence() (silence, error) {
	var s silence
	if c.Silence == "" {
		return s, nil
	}
	name, hours, _ := strings.Cut(c.Silence, ":")
	first, last, _ := strings.Cut(hours, "-")
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || from < 0 || to <= from || to > c.Weeks*7*24 {
		return s, fmt.Errorf("%q is not NAME:FROM-TO, in hours of history", c.Silence)
	}
	var names []string
	for _, l := range layouts() {
		if l.history > 0 {
			names = append(names, l.name)
		}
	}
	if !slices.Contains(names, name) {
		return s, fmt.Errorf("there is no exporter %q; there are %s", name, strings.Join(names, ", "))
	}
	return silence{name, from, to}, nil
}
