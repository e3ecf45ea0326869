-- One day of the table of hours: for every key and hour a number of flows by Poisson's law, and the
-- bytes and packets that so many sampled flows have. Keys with less than one flow in 20 hours are
-- drawn for the whole day, and their flows then put into its hours.
INSERT INTO residency_hour (bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict, revision, generation,
    flows, bytes_up, bytes_down, packets_up, packets_down, variance_low_up, variance_low_down,
    variance_high_up, variance_high_down, variance_packets_up, variance_packets_down, sampling_interval_max, last_change)
WITH
    {flows_an_hour:Float64} AS mean,
    arrayMap(h -> 1 + 0.7 * sin(2 * pi() * (h - 9) / 24), range(24)) AS curve,
    arrayCumSum(curve) AS curve_sum,
    arrayMap(i -> lgamma(i + 1), range(60)) AS log_factorial,
    -- How many flows, given their expected number and a uniform one that says "at least one".
    (lambda, u) -> if(lambda > 20,
        greatest(1, round(lambda + sqrt(lambda) * sqrt(-2 * log(u)) * cos(2 * pi() * (u * 1048576 - floor(u * 1048576))))),
        arrayCount(c -> c <= u, arrayCumSum(arrayMap((i, f) -> exp(i * log(lambda) - lambda - f),
            range(least(55, toUInt32(lambda + 6 * sqrt(lambda) + 5))), arraySlice(log_factorial, 1, least(55, toUInt32(lambda + 6 * sqrt(lambda) + 5))))))) AS poisson
SELECT toDateTime({day:UInt32} + 3600 * hour, 'UTC') AS bucket,
       operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider, cloud_region,
       asn, as_organization, place_method, confidence, jurisdiction, verdict, 0 AS revision, 0 AS generation,
       toUInt64(k) AS flows,
       toUInt64(1000 * octets_up_a + 500 * octets_up_b) AS bytes_up,
       toUInt64(1000 * octets_down_a + 500 * octets_down_b) AS bytes_down,
       toUInt64(1000 * seen_up_a + 500 * seen_up_b) AS packets_up,
       toUInt64(1000 * seen_down_a + 500 * seen_down_b) AS packets_down,
       spread * (if(seen_up_a = 0, 0, 999000 * octets_up_a * octets_up_a / seen_up_a) + if(seen_up_b = 0, 0, 249500 * octets_up_b * octets_up_b / seen_up_b)) AS variance_low_up,
       spread * (if(seen_down_a = 0, 0, 999000 * octets_down_a * octets_down_a / seen_down_a) + if(seen_down_b = 0, 0, 249500 * octets_down_b * octets_down_b / seen_down_b)) AS variance_low_down,
       999000. * octets_up_a + 249500. * octets_up_b AS variance_high_up,
       999000. * octets_down_a + 249500. * octets_down_b AS variance_high_down,
       999000. * seen_up_a + 249500. * seen_up_b AS variance_packets_up,
       999000. * seen_down_a + 249500. * seen_down_b AS variance_packets_down,
       if(flows_a > 0, 1000, 500) AS sampling_interval_max,
       bucket + 2 + toUInt32(3600 * pow(u3[4], 1 / k)) AS last_change
FROM
(
    SELECT *,
        sipHash64(id, hour, {day:UInt32}, 1) AS s1, sipHash64(id, hour, {day:UInt32}, 2) AS s2, sipHash64(id, hour, {day:UInt32}, 3) AS s3,
        arrayMap(i -> (bitAnd(bitShiftRight(s1, 16 * i), 65535) + 0.5) / 65536, range(4)) AS u1,
        arrayMap(i -> (bitAnd(bitShiftRight(s2, 16 * i), 65535) + 0.5) / 65536, range(4)) AS u2,
        arrayMap(i -> (bitAnd(bitShiftRight(s3, 16 * i), 65535) + 0.5) / 65536, range(4)) AS u3,
        handset_side = 'source' AS outward,
        -- A quarter of the flows is sampled 1 in 500, the others 1 in 1000; of those seen from the
        -- handset's side three in four have both directions in one record.
        floor(0.25 * k + u1[1]) AS flows_b, k - flows_b AS flows_a,
        outward * flows_a AS up_a, outward * flows_b AS up_b,
        if(outward, floor(0.75 * flows_a + u1[2]), flows_a) AS down_a, if(outward, floor(0.75 * flows_b + u1[3]), flows_b) AS down_b,
        -- Packets and the size of a packet: widely spread for one flow, less for the mean of many.
        up_a + floor(1.5 * up_a * (1 - (1 + log(u2[1])) / sqrt(up_a + 1))) AS seen_up_a,
        up_b + floor(1.5 * up_b * (1 - (1 + log(u2[2])) / sqrt(up_b + 1))) AS seen_up_b,
        down_a + floor(1.5 * down_a * (1 - (1 + log(u2[3])) / sqrt(down_a + 1))) AS seen_down_a,
        down_b + floor(1.5 * down_b * (1 - (1 + log(u2[4])) / sqrt(down_b + 1))) AS seen_down_b,
        floor(seen_up_a * (265 + (900 * pow(u3[1], 3) - 225) / sqrt(up_a + 1))) AS octets_up_a,
        floor(seen_up_b * (265 + (900 * pow(u3[2], 3) - 225) / sqrt(up_b + 1))) AS octets_up_b,
        floor(seen_down_a * (1013 + (1460 * sqrt(u3[3]) - 973) / sqrt(down_a + 1))) AS octets_down_a,
        floor(seen_down_b * (1013 + (1460 * sqrt(u3[4]) - 973) / sqrt(down_b + 1))) AS octets_down_b,
        if(k = 1, 1, 1 + 0.6 * u1[4]) AS spread
    FROM
    (
        SELECT *, poisson(lambda, u) AS k
        FROM (SELECT *, arrayJoin(range(24)) AS hour, mean * curve[hour + 1] * weight AS lambda,
                     (sipHash64(id, hour, {day:UInt32}) + 1) / 18446744073709551616 AS u
              FROM bench_key WHERE weight * mean >= 0.05)
        WHERE u > exp(-lambda)
        UNION ALL
        SELECT * EXCEPT (n, nth, lambda, u), arrayFirstIndex(c -> c > 24 * (sipHash64(id, nth, {day:UInt32}) / 18446744073709551616), curve_sum) - 1 AS hour, lambda, u, 1 AS k
        FROM (SELECT *, poisson(lambda, u) AS n, arrayJoin(range(toUInt32(n))) AS nth
              FROM (SELECT *, 24 * mean * weight AS lambda, (sipHash64(id, {day:UInt32}) + 1) / 18446744073709551616 AS u
                    FROM bench_key WHERE weight * mean < 0.05)
              WHERE u > exp(-lambda))
    )
)
