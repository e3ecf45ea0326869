-- What the exporters say they sent, and what was lost of it: one minute in fifty of an exporter has a
-- gap, and one exporter is silent for a day.
INSERT INTO ledger_minute (bucket, operator, site, collector, exporter, export_protocol, what, amount, last_change)
WITH
    intDiv({flows:UInt64}, {minutes:UInt32} * {exporters:UInt32}) AS flows_a_minute,
    sipHash64(minute, nth) AS h,
    h % 50 = 0 AS gap
SELECT toDateTime({since:UInt32} + 60 * minute, 'UTC') AS bucket, 'operator', 'site', 'collector',
       toIPv6(concat('::ffff:10.0.0.', toString(nth + 1))) AS exporter, ['netflow9', 'ipfix'][nth % 2 + 1] AS protocol,
       said.1 AS what, toUInt64(said.2) AS amount, bucket + 90
FROM (SELECT number % {exporters:UInt32} AS nth, intDiv(number, {exporters:UInt32}) AS minute FROM numbers(toUInt64({minutes:UInt32}) * {exporters:UInt32}))
ARRAY JOIN arrayFilter(x -> x.2 > 0, [
    ('flows', flows_a_minute + h % 64), ('datagrams', intDiv(flows_a_minute, 20) + h % 4), ('datagram_bytes', flows_a_minute * 70 + h % 4096),
    (if(protocol = 'ipfix', 'lost_flows', 'lost_datagrams'), if(gap, 1 + h % 40, 0))]) AS said
WHERE NOT (nth = 3 AND intDiv(minute, 1440) = 17);

INSERT INTO exporter_day (bucket, exporter, export_protocol, operator, site, flows, bytes_up, bytes_down, packets_up, packets_down, first_flow, last_flow, last_received)
SELECT toStartOfDay(bucket, 'UTC') AS day, exporter, export_protocol, operator, site, sum(amount), sum(amount) * 500, sum(amount) * 3000,
       sum(amount) * 3, sum(amount) * 4, day, day + 86399, day + 86399
FROM ledger_minute AS l WHERE what = 'flows' GROUP BY day, exporter, export_protocol, operator, site;

INSERT INTO data_set_day (bucket, operator, site, revision, generation, data_sets, flows)
SELECT toStartOfDay(bucket, 'UTC') AS day, operator, site, 0, 0, concat('city 2026-', toString(toMonth(day)), ', asn ', toString(toISOWeek(day)), ', oui 2026-03'), sum(amount)
FROM ledger_minute AS l WHERE what = 'flows' GROUP BY day, operator, site
