-- One day of the table of minutes: the flows of every hour's row, put into its minutes.
INSERT INTO residency_minute (bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict, revision, generation,
    flows, bytes_up, bytes_down, packets_up, packets_down, variance_low_up, variance_low_down,
    variance_high_up, variance_high_down, variance_packets_up, variance_packets_down, sampling_interval_max, last_change)
SELECT minute, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
    cloud_provider, cloud_region, asn, as_organization, place_method, confidence, jurisdiction, verdict, revision, generation,
    greatest(1, round(part * flows)), 500 * round(part * bytes_up / 500), 500 * round(part * bytes_down / 500),
    500 * round(part * packets_up / 500), 500 * round(part * packets_down / 500),
    part * variance_low_up, part * variance_low_down,
    249500 * round(part * variance_high_up / 249500), 249500 * round(part * variance_high_down / 249500),
    249500 * round(part * variance_packets_up / 249500), 249500 * round(part * variance_packets_down / 249500),
    sampling_interval_max, last_change
FROM
(
    SELECT *, arrayDistinct(arrayMap(i -> sipHash64(vendor, asn, subdivision_code, country_code, bucket, i) % 60, range(toUInt32(least(flows, 300))))) AS minutes,
           arrayJoin(minutes) AS nth, toDateTime(toUInt32(bucket) + 60 * nth, 'UTC') AS minute,
           if(length(minutes) = 1, 1, (0.5 + sipHash64(vendor, asn, nth) % 1000 / 1000) / length(minutes)) AS part
    FROM residency_hour AS r
    WHERE r.bucket >= toDateTime({day:UInt32}, 'UTC') AND r.bucket < toDateTime({day:UInt32} + 86400, 'UTC')
)
