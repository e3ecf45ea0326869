-- +goose Up
-- Bytes and packets by all that a residency question can ask for, by minute, hour and day. A flow
-- belongs to the bucket of its start. Counters are multiplied by the sampling interval here, and
-- nowhere else. Each level is fed by the one before it, so that a block is grouped only once.
CREATE TABLE IF NOT EXISTS residency_minute
(
    bucket           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    site             LowCardinality(String),
    handset_side     LowCardinality(String),
    vendor           LowCardinality(String),
    vendor_method    LowCardinality(String),
    country_code     LowCardinality(String),
    subdivision_code LowCardinality(String),
    cloud_provider   LowCardinality(String),
    cloud_region     LowCardinality(String),
    asn              UInt32 CODEC(ZSTD(1)),
    as_organization  LowCardinality(String),
    place_method     LowCardinality(String),
    confidence       LowCardinality(String),
    flows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, as_organization)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_hour
(
    bucket           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    site             LowCardinality(String),
    handset_side     LowCardinality(String),
    vendor           LowCardinality(String),
    vendor_method    LowCardinality(String),
    country_code     LowCardinality(String),
    subdivision_code LowCardinality(String),
    cloud_provider   LowCardinality(String),
    cloud_region     LowCardinality(String),
    asn              UInt32 CODEC(ZSTD(1)),
    as_organization  LowCardinality(String),
    place_method     LowCardinality(String),
    confidence       LowCardinality(String),
    flows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, as_organization)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_day
(
    bucket           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    site             LowCardinality(String),
    handset_side     LowCardinality(String),
    vendor           LowCardinality(String),
    vendor_method    LowCardinality(String),
    country_code     LowCardinality(String),
    subdivision_code LowCardinality(String),
    cloud_provider   LowCardinality(String),
    cloud_region     LowCardinality(String),
    asn              UInt32 CODEC(ZSTD(1)),
    as_organization  LowCardinality(String),
    place_method     LowCardinality(String),
    confidence       LowCardinality(String),
    flows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, site, vendor_method,
          cloud_provider, cloud_region, place_method, confidence, as_organization)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_minute_view TO residency_minute AS
SELECT toStartOfMinute(toDateTime(start, 'UTC')) AS bucket,
       site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence,
       count() AS flows,
       sum(octets_up * sampling_interval) AS bytes_up,
       sum(octets_down * sampling_interval) AS bytes_down,
       sum(packets_up * sampling_interval) AS packets_up,
       sum(packets_down * sampling_interval) AS packets_down
FROM flows
GROUP BY bucket, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_hour_view TO residency_hour AS
SELECT toStartOfHour(r.bucket, 'UTC') AS bucket,
       site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up, sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up, sum(r.packets_down) AS packets_down
FROM residency_minute AS r
GROUP BY bucket, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence;

CREATE MATERIALIZED VIEW IF NOT EXISTS residency_day_view TO residency_day AS
SELECT toStartOfDay(r.bucket, 'UTC') AS bucket,
       site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up, sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up, sum(r.packets_down) AS packets_down
FROM residency_hour AS r
GROUP BY bucket, site, handset_side, vendor, vendor_method, country_code, subdivision_code,
       cloud_provider, cloud_region, asn, as_organization, place_method, confidence;

-- +goose Down
DROP VIEW IF EXISTS residency_day_view;
DROP VIEW IF EXISTS residency_hour_view;
DROP VIEW IF EXISTS residency_minute_view;
DROP TABLE IF EXISTS residency_day;
DROP TABLE IF EXISTS residency_hour;
DROP TABLE IF EXISTS residency_minute;
