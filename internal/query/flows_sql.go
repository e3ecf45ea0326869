package query

import (
	"time"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
)

// The days of arrival on which flows came that began in the time, as the exporters' own table has them.
// flows is partitioned by these days and not by the flows' own time, so that without them a flow could
// be in any part of it.
const arrivalSQL = `SELECT DISTINCT r.bucket AS arrival
FROM $database.$table AS r
WHERE $where
  AND r.last_flow >= fromUnixTimestamp64Milli({flow_since:Int64}, 'UTC')
  AND r.first_flow < fromUnixTimestamp64Milli({flow_until:Int64}, 'UTC')
ORDER BY arrival`

const flowsSQL = `SELECT r.start, r.end, r.received, toString(r.operator), toString(r.site), r.exporter, toString(r.export_protocol),
       toString(r.handset_side), if(r.subscriber = 0, '', leftPad(lower(hex(r.subscriber)), 16, '0')), toString(r.vendor), toString(r.vendor_method),
       r.remote_address, r.remote_port, r.ip_protocol, r.tcp_flags,
       toString(r.domain_name), if(r.domain_source = 'none', '', toString(r.domain_source)), toString(r.application_name),
       $place, $country, toString(r.city), toString(r.cloud_provider), toString(r.cloud_region), r.asn, toString(r.as_organization),
       toString(r.place_method), toString(r.confidence), splitByChar('|', toString(r.place_alternatives)), $regime, toString(r.verdict),
       r.sampling_interval, toString(r.data_sets), r.octets_up, r.octets_down, r.packets_up, r.packets_down
FROM $database.$table AS r
WHERE toDate(r.received) IN {arrival:Array(Date)}
  AND r.start >= fromUnixTimestamp64Milli({flow_since:Int64}, 'UTC')
  AND r.start < fromUnixTimestamp64Milli({flow_until:Int64}, 'UTC')
  AND $where
ORDER BY $order, r.source_partition, r.source_offset, r.remote_address, r.remote_port, r.octets_up, r.subscriber
LIMIT {limit:UInt64}`

// Whether the table still has a day.
const keptFlowsSQL = `SELECT r.received
FROM $database.$table AS r
WHERE toDate(r.received) = {arrival:Date}
  AND $where
LIMIT 1`

// What is compared is what is shown: scaled by the sampling interval.
var flowOrders = map[FlowOrder]string{
	FlowsNewest:    "r.start DESC",
	FlowsBytesUp:   "r.octets_up * greatest(r.sampling_interval, 1) DESC, r.start DESC",
	FlowsBytesDown: "r.octets_down * greatest(r.sampling_interval, 1) DESC, r.start DESC",
}

// from narrows a statement to where flows were counted.
func (s *statement) from(exporters, operators, sites []string) {
	s.in("r.operator", "operators", operators)
	s.in("r.site", "sites", sites)
	if len(exporters) > 0 {
		s.and("r.exporter IN {exporters:Array(IPv6)}")
		s.set("exporters", exporters)
	}
}

func (q Flows) bounds(s *statement) {
	s.set("flow_since", q.Since.UnixMilli())
	s.set("flow_until", q.Until.UnixMilli())
}

func (c *Client) arrivalStatement(q Flows) *statement {
	s := c.statement("days of arrival", "exporter_day")
	s.from(q.Exporters, q.Operators, q.Sites)
	q.bounds(s)
	s.write(c.database, arrivalSQL)
	return s
}

// flowsStatement asks for the flows; the days of their arrival are set when they are known.
func (c *Client) flowsStatement(q Flows) *statement {
	s := c.statement("flows", "flows")
	s.among(q.Filter)
	s.in("r.handset_side", "sides", q.Sides)
	if len(q.Exporters) > 0 {
		s.and("r.exporter IN {exporters:Array(IPv6)}")
		s.set("exporters", q.Exporters)
	}
	q.bounds(s)
	s.set("limit", uint64(q.Top+1))
	s.write(c.database, flowsSQL, "$place", place, "$country", country, "$regime", regime, "$order", flowOrders[q.Order])
	return s
}

func (c *Client) keptFlowsStatement(q Flows) *statement {
	s := c.statement("days kept", "flows")
	s.from(q.Exporters, q.Operators, q.Sites)
	s.write(c.database, keptFlowsSQL)
	return s
}

// on is the statement asked of one more parameter.
func (s *statement) on(name string, value any) *statement {
	asked := *s
	asked.parameters = append(append([]any(nil), s.parameters...), clickhousego.Named(name, value))
	return &asked
}

// dates are days as parameters.
func dates(days []time.Time) []string {
	out := make([]string, len(days))
	for i, d := range days {
		out[i] = d.Format(time.DateOnly)
	}
	return out
}
