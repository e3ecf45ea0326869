-- One day of the table of days, from its hours, with the states of distinct handsets and endpoints
-- that so many flows have. Above 3,000 a state does not grow any more.
INSERT INTO residency_day (bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict, revision, generation,
    flows, bytes_up, bytes_down, packets_up, packets_down, variance_low_up, variance_low_down,
    variance_high_up, variance_high_down, variance_packets_up, variance_packets_down, sampling_interval_max, last_change,
    handsets, endpoints)
WITH
    toUInt32(substring(vendor, 8)) AS rank,
    sipHash64(day, vendor, asn, country_code, subdivision_code) AS seed,
    toUInt32(greatest(1, {subscribers:UInt32} * pow(rank, -{vendor_skew:Float64}) / 2.2)) AS handsets_of_vendor,
    toUInt32(greatest(4, {endpoints:UInt32} * pow(asn - 1000, -{asn_skew:Float64}) / 3)) AS endpoints_of_network
SELECT toStartOfDay(r.bucket, 'UTC') AS day, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict, 0 AS revision, 0 AS generation,
    sum(r.flows) AS n, sum(r.bytes_up), sum(r.bytes_down), sum(r.packets_up), sum(r.packets_down),
    sum(r.variance_low_up), sum(r.variance_low_down), sum(r.variance_high_up), sum(r.variance_high_down),
    sum(r.variance_packets_up), sum(r.variance_packets_down), max(r.sampling_interval_max), max(r.last_change),
    arrayReduce('uniqCombinedState(12)', arrayMap(i -> intHash64(rank * 1000000 + intHash64(seed + i) % handsets_of_vendor), range(toUInt32(least(n, 3000))))),
    arrayReduce('uniqCombinedState(12)', arrayMap(i -> toIPv6(toIPv4(toUInt32(intHash64(asn * 1000000 + intHash64(seed + i) % endpoints_of_network)))), range(toUInt32(least(n, 3000)))))
FROM residency_hour AS r
WHERE r.bucket >= toDateTime({day:UInt32}, 'UTC') AND r.bucket < toDateTime({day:UInt32} + 86400, 'UTC')
GROUP BY day, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict
