package query

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Client asks one ClickHouse database. It is safe for concurrent use.
type Client struct {
	conn     driver.Conn
	database string
}

// New returns a client for the rollups in database.
func New(conn driver.Conn, database string) *Client {
	return &Client{conn: conn, database: database}
}

// Residency answers a question from the coarsest rollup that can. A question that makes no sense is
// an *InvalidError.
func (c *Client) Residency(ctx context.Context, q Residency) (ResidencyAnswer, error) {
	return ResidencyAnswer{}, errors.ErrUnsupported
}

// VendorTotal is what a vendor's handsets sent and received in all that is kept.
type VendorTotal struct {
	Vendor    string `json:"vendor"`
	Flows     uint64 `json:"flows"`
	BytesUp   uint64 `json:"bytes_up"`
	BytesDown uint64 `json:"bytes_down"`
}

// Vendors returns the totals of every vendor, most bytes up first.
func (c *Client) Vendors(ctx context.Context) ([]VendorTotal, error) {
	return nil, errors.ErrUnsupported
}

// Totals is what has been counted so far.
type Totals struct {
	Flows        uint64          `json:"flows"` // with and without a handset side
	BytesUp      uint64          `json:"bytes_up"`
	BytesDown    uint64          `json:"bytes_down"`
	PacketsUp    uint64          `json:"packets_up"`
	PacketsDown  uint64          `json:"packets_down"`
	FirstFlow    time.Time       `json:"first_flow,omitzero"`    // start of the day of the first flow
	LastFlow     time.Time       `json:"last_flow,omitzero"`     // start of the minute of the last flow
	LastReceived time.Time       `json:"last_received,omitzero"` // arrival of the last flow
	Exporters    []ExporterTotal `json:"exporters"`
}

// ExporterTotal is what one exporter sent within the retention of the flows table.
type ExporterTotal struct {
	Exporter       string    `json:"exporter"` // IP address
	ExportProtocol string    `json:"export_protocol"`
	Flows          uint64    `json:"flows"`
	LastReceived   time.Time `json:"last_received"`
}

// Totals returns what has been counted so far. It is cheap enough to be asked every two seconds.
func (c *Client) Totals(ctx context.Context) (Totals, error) {
	return Totals{}, errors.ErrUnsupported
}
