-- +goose Up
-- Bytes and packets by all that a residency question can ask for, by minute, hour and day. A flow
-- belongs to the bucket of its start. Counters are multiplied by the sampling interval N here, and
-- nowhere else. The variances are the terms of the estimate's error: low is N(N-1)B²/P, high is
-- N(N-1)B and still has to be multiplied by the largest packet size.
CREATE TABLE IF NOT EXISTS residency_minute
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String),
    site                    LowCardinality(String),
    handset_side            LowCardinality(String),
    vendor                  LowCardinality(String),
    vendor_method           LowCardinality(String),
    country_code            LowCardinality(String),
    subdivision_code        LowCardinality(String),
    cloud_provider          LowCardinality(String),
    cloud_region            LowCardinality(String),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String),
    place_method            LowCardinality(String),
    confidence              LowCardinality(String),
    verdict                 LowCardinality(String),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    variance_low_up         SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_low_down       SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_up        SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_down      SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_up     SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_down   SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    sampling_interval_max   SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, operator, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, verdict, as_organization, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_hour
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String),
    site                    LowCardinality(String),
    handset_side            LowCardinality(String),
    vendor                  LowCardinality(String),
    vendor_method           LowCardinality(String),
    country_code            LowCardinality(String),
    subdivision_code        LowCardinality(String),
    cloud_provider          LowCardinality(String),
    cloud_region            LowCardinality(String),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String),
    place_method            LowCardinality(String),
    confidence              LowCardinality(String),
    verdict                 LowCardinality(String),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    variance_low_up         SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_low_down       SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_up        SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_down      SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_up     SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_down   SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    sampling_interval_max   SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, operator, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, verdict, as_organization, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_day
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String),
    site                    LowCardinality(String),
    handset_side            LowCardinality(String),
    vendor                  LowCardinality(String),
    vendor_method           LowCardinality(String),
    country_code            LowCardinality(String),
    subdivision_code        LowCardinality(String),
    cloud_provider          LowCardinality(String),
    cloud_region            LowCardinality(String),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String),
    place_method            LowCardinality(String),
    confidence              LowCardinality(String),
    verdict                 LowCardinality(String),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    variance_low_up         SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_low_down       SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_up        SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_high_down      SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_up     SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    variance_packets_down   SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
    sampling_interval_max   SimpleAggregateFunction(max, UInt32) CODEC(ZSTD(1)),
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    handsets                AggregateFunction(uniqCombined(12), UInt64) CODEC(ZSTD(1)),
    endpoints               AggregateFunction(uniqCombined(12), IPv6) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, operator, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, verdict, as_organization, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_minute_view TO residency_minute AS
WITH toFloat64(f.sampling_interval) AS n
SELECT toStartOfMinute(toDateTime(f.start, 'UTC')) AS bucket,
       operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, toUInt16(0) AS revision, generation,
       count() AS flows,
       sum(f.octets_up * f.sampling_interval) AS bytes_up,
       sum(f.octets_down * f.sampling_interval) AS bytes_down,
       sum(f.packets_up * f.sampling_interval) AS packets_up,
       sum(f.packets_down * f.sampling_interval) AS packets_down,
       sum(if(f.packets_up = 0, 0., n * (f.sampling_interval - 1) * f.octets_up * f.octets_up / f.packets_up)) AS variance_low_up,
       sum(if(f.packets_down = 0, 0., n * (f.sampling_interval - 1) * f.octets_down * f.octets_down / f.packets_down)) AS variance_low_down,
       sum(n * (f.sampling_interval - 1) * f.octets_up) AS variance_high_up,
       sum(n * (f.sampling_interval - 1) * f.octets_down) AS variance_high_down,
       sum(n * (f.sampling_interval - 1) * f.packets_up) AS variance_packets_up,
       sum(n * (f.sampling_interval - 1) * f.packets_down) AS variance_packets_down,
       max(f.sampling_interval) AS sampling_interval_max,
       max(toDateTime(f.inserted, 'UTC')) AS last_change
FROM flows AS f
GROUP BY bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_hour_view TO residency_hour AS
SELECT toStartOfHour(r.bucket, 'UTC') AS bucket,
       operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up,
       sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up,
       sum(r.packets_down) AS packets_down,
       sum(r.variance_low_up) AS variance_low_up,
       sum(r.variance_low_down) AS variance_low_down,
       sum(r.variance_high_up) AS variance_high_up,
       sum(r.variance_high_down) AS variance_high_down,
       sum(r.variance_packets_up) AS variance_packets_up,
       sum(r.variance_packets_down) AS variance_packets_down,
       max(r.sampling_interval_max) AS sampling_interval_max,
       max(r.last_change) AS last_change
FROM residency_minute AS r
GROUP BY bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_day_view TO residency_day AS
SELECT toStartOfDay(r.bucket, 'UTC') AS bucket,
       operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up,
       sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up,
       sum(r.packets_down) AS packets_down,
       sum(r.variance_low_up) AS variance_low_up,
       sum(r.variance_low_down) AS variance_low_down,
       sum(r.variance_high_up) AS variance_high_up,
       sum(r.variance_high_down) AS variance_high_down,
       sum(r.variance_packets_up) AS variance_packets_up,
       sum(r.variance_packets_down) AS variance_packets_down,
       max(r.sampling_interval_max) AS sampling_interval_max,
       max(r.last_change) AS last_change
FROM residency_hour AS r
GROUP BY bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation;

-- The second way into residency_day: who and to whom.
CREATE MATERIALIZED VIEW IF NOT EXISTS residency_day_sets_view TO residency_day AS
SELECT toStartOfDay(toDateTime(f.start, 'UTC'), 'UTC') AS bucket,
       operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, toUInt16(0) AS revision, generation,
       max(toDateTime(f.inserted, 'UTC')) AS last_change,
       uniqCombinedStateIf(12)(f.subscriber, f.subscriber != 0) AS handsets,
       uniqCombinedStateIf(12)(f.remote_address, f.remote_address != toIPv6('::')) AS endpoints
FROM flows AS f
GROUP BY bucket, operator, site, handset_side, vendor, vendor_method, country_code, subdivision_code, cloud_provider,
       cloud_region, asn, as_organization, place_method, confidence, verdict, revision, generation;

-- +goose Down
DROP VIEW IF EXISTS residency_day_sets_view;
DROP VIEW IF EXISTS residency_day_view;
DROP VIEW IF EXISTS residency_hour_view;
DROP VIEW IF EXISTS residency_minute_view;
DROP TABLE IF EXISTS residency_day;
DROP TABLE IF EXISTS residency_hour;
DROP TABLE IF EXISTS residency_minute;
