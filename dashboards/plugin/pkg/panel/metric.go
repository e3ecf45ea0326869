package panel

import (
	"github.com/landfall-telemetry/landfall/internal/estimate"
	"github.com/landfall-telemetry/landfall/internal/query"
)

// What a figure is of.
const (
	metricBytes       = "bytes"
	metricPackets     = "packets"
	metricFlows       = "flows"
	metricShare       = "share"
	metricHandsets    = "handsets"
	metricUploadRatio = "upload_ratio"
)

// Grafana's names of units.
const (
	unitBytes  = "decbytes"
	unitNumber = "short"
	unitShare  = "percentunit"
)

// metric is one figure of an answer.
type metric struct {
	field, title, unit string
	description        string
	// of gives the figure of a cell; without an interval, one of no width.
	of func(c *query.Cell) (float64, estimate.Interval)
	// atMost is what the figure of a key without a row may be at most, given what may have been sent
	// unseen and what all keys of the bucket sent; nil: the figure has no interval.
	atMost func(bound query.UpperBound, all float64) float64
}

// whole is what a share of the cell is part of: the bytes up, or down.
func (m metric) whole(c *query.Cell) float64 {
	if m.field == "share_down" {
		return float64(c.BytesDown)
	}
	return float64(c.BytesUp)
}

func exact(v uint64) (float64, estimate.Interval) {
	return float64(v), estimate.Interval{Low: float64(v), High: float64(v)}
}

const sampled = " With sampling it is an estimate, and lower and upper are its 95 % interval."

var boundOfShare = func(b query.UpperBound, all float64) float64 {
	if b.Bytes+all == 0 {
		return 0
	}
	return b.Bytes / (b.Bytes + all)
}

// figure is the metric that a query asks for.
func (q *Query) figure() metric {
	down := q.Direction == "down"
	switch q.Metric {
	case metricPackets:
		m := metric{"packets_up", "Packets up", unitNumber, "Packets from handsets to remote ends." + sampled, func(c *query.Cell) (float64, estimate.Interval) {
			return float64(c.PacketsUp), c.PacketsUpInterval
		}, func(b query.UpperBound, _ float64) float64 { return b.Packets }}
		if down {
			m.field, m.title, m.description = "packets_down", "Packets down", "Packets from remote ends to handsets."+sampled
			m.of = func(c *query.Cell) (float64, estimate.Interval) {
				return float64(c.PacketsDown), c.PacketsDownInterval
			}
		}
		return m
	case metricFlows:
		return metric{"flows", "Flows", unitNumber, "Flows as exported, not scaled up.", func(c *query.Cell) (float64, estimate.Interval) { return exact(c.Flows) }, nil}
	case metricHandsets:
		return metric{"handsets", "Handsets", unitNumber, "Distinct handsets: over several weeks, those of the week with the most.", func(c *query.Cell) (float64, estimate.Interval) { return exact(c.Handsets) }, nil}
	case metricUploadRatio:
		return metric{"upload_ratio", "Upload ratio", unitShare, "Bytes up of all bytes, up and down." + sampled, uploadRatio, nil}
	case metricShare:
		m := metric{"share_up", "Share up", unitShare, "Share of the bytes up of the same time." + sampled, func(c *query.Cell) (float64, estimate.Interval) {
			return c.ShareUp, c.ShareUpInterval
		}, boundOfShare}
		if down {
			m.field, m.title, m.description = "share_down", "Share down", "Share of the bytes down of the same time."+sampled
			m.of = func(c *query.Cell) (float64, estimate.Interval) { return c.ShareDown, c.ShareDownInterval }
		}
		return m
	}
	m := metric{"bytes_up", "Bytes up", unitBytes, "Bytes from handsets to remote ends, IP headers included." + sampled, func(c *query.Cell) (float64, estimate.Interval) {
		return float64(c.BytesUp), c.BytesUpInterval
	}, func(b query.UpperBound, _ float64) float64 { return b.Bytes }}
	if down {
		m.field, m.title, m.description = "bytes_down", "Bytes down", "Bytes from remote ends to handsets, IP headers included."+sampled
		m.of = func(c *query.Cell) (float64, estimate.Interval) {
			return float64(c.BytesDown), c.BytesDownInterval
		}
	}
	return m
}

// uploadRatio is up by up and down; its interval takes the ends of both, which is wider than 95 %.
func uploadRatio(c *query.Cell) (float64, estimate.Interval) {
	of := func(up, down float64) float64 {
		if up+down == 0 {
			return 0
		}
		return up / (up + down)
	}
	return of(float64(c.BytesUp), float64(c.BytesDown)), estimate.Interval{
		Low:  of(c.BytesUpInterval.Low, c.BytesDownInterval.High),
		High: of(c.BytesUpInterval.High, c.BytesDownInterval.Low),
	}
}
