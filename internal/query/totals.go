package query

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// VendorTotal is what a vendor's handsets sent and received in all that is kept.
type VendorTotal struct {
	Vendor    string `json:"vendor"`
	Flows     uint64 `json:"flows"`
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
}

// Vendors returns the totals of every vendor, most bytes up first.
func (c *Client) Vendors(ctx context.Context) ([]VendorTotal, error) {
	a, err := c.Residency(ctx, Residency{By: []Dimension{ByVendor}, FiguresOnly: true})
	if err != nil {
		return nil, err
	}
	totals := make([]VendorTotal, len(a.Rows))
	for i, r := range a.Rows {
		totals[i] = VendorTotal{Vendor: r.Vendor, Flows: r.Flows, BytesUp: r.BytesUp, BytesDown: r.BytesDown}
	}
	return totals, nil
}

// Totals is what has been counted since the beginning, with and without a handset side.
type Totals struct {
	Flows        uint64          `json:"flows"`
	BytesUp      uint64          `json:"bytes_up"`
	BytesDown    uint64          `json:"bytes_down"`
	PacketsUp    uint64          `json:"packets_up"`
	PacketsDown  uint64          `json:"packets_down"`
	FirstFlow    time.Time       `json:"first_flow,omitzero"` // start of the first flow
	LastFlow     time.Time       `json:"last_flow,omitzero"`  // start of the last flow
	LastReceived time.Time       `json:"last_received,omitzero"`
	Exporters    []ExporterTotal `json:"exporters"` // most flows first
}

// ExporterTotal is what one exporter sent by one protocol.
type ExporterTotal struct {
	Exporter       string    `json:"exporter"` // IP address
	ExportProtocol string    `json:"export_protocol"`
	Flows          uint64    `json:"flows"`
	LastReceived   time.Time `json:"last_received"`
}

const totalsSQL = `SELECT exporter, toString(export_protocol) AS protocol,
       sum(r.flows), sum(r.bytes_up), sum(r.bytes_down), sum(r.packets_up), sum(r.packets_down),
       min(r.first_flow), max(r.last_flow), max(r.last_received)
FROM $database.$table AS r
WHERE $where
GROUP BY exporter, protocol
ORDER BY sum(r.flows) DESC, exporter, protocol`

// Totals returns what has been counted so far. It reads a table of a row per exporter and day, so it
// may be asked every two seconds.
func (c *Client) Totals(ctx context.Context) (Totals, error) {
	t := Totals{Exporters: []ExporterTotal{}}
	s := c.statement("totals", "exporter_day")
	s.write(c.database, totalsSQL)
	var ip net.IP
	var e ExporterTotal
	var r Totals
	err := c.ask(ctx, s, []any{
		&ip, &e.ExportProtocol, &r.Flows, &r.BytesUp, &r.BytesDown, &r.PacketsUp, &r.PacketsDown,
		&r.FirstFlow, &r.LastFlow, &e.LastReceived,
	}, func() error {
		e.Exporter, e.Flows = address(ip), r.Flows
		t.Exporters = append(t.Exporters, e)
		t.Flows += r.Flows
		t.BytesUp += r.BytesUp
		t.BytesDown += r.BytesDown
		t.PacketsUp += r.PacketsUp
		t.PacketsDown += r.PacketsDown
		if t.FirstFlow.IsZero() || r.FirstFlow.Before(t.FirstFlow) {
			t.FirstFlow = r.FirstFlow
		}
		if r.LastFlow.After(t.LastFlow) {
			t.LastFlow = r.LastFlow
		}
		if e.LastReceived.After(t.LastReceived) {
			t.LastReceived = e.LastReceived
		}
		return nil
	})
	return t, err
}

// address writes a column of addresses as people do: IPv4 as such.
func address(ip net.IP) string {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return ""
	}
	return a.Unmap().String()
}
