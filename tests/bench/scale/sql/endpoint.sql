-- One day's contacts of vendors' handsets with endpoints, beside the table that they go into: flows
-- drawn one in six by Zipf's law, and the few thousand endpoints that nobody had contacted before.
CREATE TABLE bench_contact ENGINE = Memory AS
WITH
    if(new, 100000000 + nth, toUInt64(floor(pow(1 + (pow({endpoints:Float64}, -0.15) - 1) * (sipHash64(nth, {day:UInt32}, 1) / 18446744073709551616), 1 / -0.15)))) AS endpoint,
    pow(1 + (pow(1. + {vendors:UInt32}, 1 - {vendor_skew:Float64}) - 1) * (sipHash64(nth % if(new, {new_a_day:UInt32}, 4294967295), {day:UInt32}, 2) / 18446744073709551616), 1 / (1 - {vendor_skew:Float64})) AS rank,
    drawn AS
    (
        SELECT number AS nth, 0 AS new, toUInt64({day:UInt32}) AS seed FROM numbers({draws_a_day:UInt64})
        UNION ALL
        -- Each new one is drawn one to three times; its number is never drawn again.
        SELECT toUInt64({day:UInt32}) / 86400 * {new_a_day:UInt32} + number % {new_a_day:UInt32}, 1, number FROM numbers(2 * {new_a_day:UInt32})
    )
SELECT toUInt64(endpoint) AS e, toUInt32(least({vendors:UInt32}, floor(rank))) AS v, max(new) AS is_new,
       sum(1 + sipHash64(nth, {day:UInt32}, 3) % 10) AS k
FROM drawn GROUP BY e, v;

CREATE TABLE bench_day ENGINE = Memory AS
WITH
    sipHash64(c.e, 4) AS h, sipHash64(c.e, c.v, {day:UInt32}, 5) AS s, sipHash64(c.e, c.v, {day:UInt32}, 6) AS t,
    1000 * toUInt64(round(c.k * (1 + 3 * pow((s % 65536) / 65536, 2)))) AS packets_out,
    1000 * toUInt64(round(c.k * (1 + 3 * pow((intDiv(s, 65536) % 65536) / 65536, 2)))) AS packets_in,
    packets_out * (40 + t % 900) AS octets_out, packets_in * (200 + intDiv(t, 1024) % 1200) AS octets_in,
    toUInt32({subscribers:UInt32} * pow(c.v, -{vendor_skew:Float64}) / 2.2) AS handsets_of_vendor
SELECT toDateTime({day:UInt32}, 'UTC') AS bucket, 'operator' AS operator, 'site' AS site, v.vendor AS vendor,
       -- One in seven is IPv6; the prefixes of a network are few.
       toIPv6(if(h % 7 = 0,
           concat('2a00:', lower(hex(toUInt16(p.asn))), ':', lower(hex(toUInt16(h % 13))), '::', lower(hex(toUInt16(intDiv(h, 65536)))), ':', lower(hex(toUInt16(intDiv(h, 4294967296))))),
           concat('::ffff:', IPv4NumToString(toUInt32(16777216 + (sipHash64(p.asn, h % 23) % 56000) * 65536 + intDiv(h, 65536) % 65536))))) AS remote_address,
       p.asn AS asn, p.as_organization AS as_organization, p.country_code AS country_code, p.subdivision_code AS subdivision_code,
       p.cloud_provider AS cloud_provider, p.cloud_region AS cloud_region, p.place_method AS place_method, p.confidence AS confidence,
       p.place_alternatives AS place_alternatives, p.jurisdiction AS jurisdiction,
       if(p.confidence IN ('indeterminate', 'disputed'), 'indeterminate', 'allowed') AS verdict,
       c.k AS flows, octets_out AS bytes_up, octets_in AS bytes_down, packets_out AS packets_up, packets_in AS packets_down,
       999. * octets_out * octets_out / packets_out * (1 + (s % 997) / 2000) AS variance_low_up,
       999. * octets_in * octets_in / packets_in * (1 + (t % 997) / 2000) AS variance_low_down,
       999. * octets_out AS variance_high_up, 999. * octets_in AS variance_high_down,
       999. * packets_out AS variance_packets_up, 999. * packets_in AS variance_packets_down,
       1000 AS sampling_interval_max, toDateTime({day:UInt32} + 86400, 'UTC') AS last_change,
       toDateTime({day:UInt32} + toUInt32(86400 * pow((h % 1000) / 1000, sqrt(c.k))), 'UTC') AS first_seen,
       toDateTime(toUInt32(first_seen) + toUInt32(({day:UInt32} + 86399 - toUInt32(first_seen)) * (1 - 1 / c.k)), 'UTC') AS last_seen,
       arrayReduce('uniqCombinedState(12)', arrayMap(i -> intHash64(c.v * 1000000 + intHash64(s + i) % greatest(1, handsets_of_vendor)), range(toUInt32(least(c.k, 3000))))) AS handsets,
       c.is_new AS is_new, h AS hash
FROM bench_contact AS c
INNER JOIN bench_slot AS p ON toUInt32(sipHash64(c.e, 7) % 65536) = p.slot
INNER JOIN bench_vendor AS v ON c.v = v.v;

INSERT INTO endpoint_day (bucket, operator, site, vendor, remote_address, asn, as_organization, country_code, subdivision_code,
    cloud_provider, cloud_region, place_method, confidence, place_alternatives, jurisdiction, verdict, flows, bytes_up, bytes_down, packets_up, packets_down,
    variance_low_up, variance_low_down, variance_high_up, variance_high_down, variance_packets_up, variance_packets_down,
    sampling_interval_max, last_change, first_seen, last_seen, handsets)
SELECT * EXCEPT (is_new, hash) FROM bench_day;

-- All but the new ones were first seen in the 400 days before the time of the tables.
INSERT INTO endpoint_seen (operator, site, vendor, remote_address, asn, country_code, subdivision_code,
    first_seen, last_seen, flows, bytes_up, bytes_down)
SELECT operator, site, vendor, remote_address, asn, country_code, subdivision_code,
    if(is_new, d.first_seen, toDateTime({since:UInt32} - hash % (400 * 86400), 'UTC')), d.last_seen, flows, bytes_up, bytes_down
FROM bench_day AS d;

DROP TABLE bench_day;

DROP TABLE bench_contact
