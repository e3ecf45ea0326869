-- Endpoints that were contacted once, before the time of the tables, and never since.
INSERT INTO endpoint_seen (operator, site, vendor, remote_address, asn, country_code, subdivision_code,
    first_seen, last_seen, flows, bytes_up, bytes_down)
WITH
    sipHash64(n.number, 8) AS h,
    least({vendors:UInt32}, floor(pow(1 + (pow(1. + {vendors:UInt32}, 1 - {vendor_skew:Float64}) - 1) * (sipHash64(n.number, 9) / 18446744073709551616), 1 / (1 - {vendor_skew:Float64})))) AS rank
SELECT 'operator', 'site', concat('Vendor ', leftPad(toString(toUInt32(rank)), 2, '0')),
    toIPv6(concat('::ffff:', IPv4NumToString(toUInt32(16777216 + (sipHash64(p.asn, h % 23) % 56000) * 65536 + intDiv(h, 65536) % 65536)))),
    p.asn, p.country_code, p.subdivision_code,
    toDateTime({since:UInt32} - 86400 * 30 - h % (370 * 86400), 'UTC') AS seen, seen + 60, 1 + h % 5, 1000 * (40 + h % 60000), 1000 * (200 + h % 90000)
FROM numbers({past_endpoints:UInt64}) AS n
INNER JOIN bench_slot AS p ON toUInt32(sipHash64(n.number, 10) % 65536) = p.slot
