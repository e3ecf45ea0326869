-- +goose Up
-- Who is talked to: an endpoint is a remote address as one vendor's handsets see it. Flows without a
-- handset side or without the remote's address are not in these tables. They keep the attribution of
-- the time at which they were written; a reprocess does not change them.
CREATE TABLE IF NOT EXISTS endpoint_day
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String),
    site                    LowCardinality(String),
    vendor                  LowCardinality(String),
    remote_address          IPv6 CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String),
    country_code            LowCardinality(String),
    subdivision_code        LowCardinality(String),
    cloud_provider          LowCardinality(String),
    cloud_region            LowCardinality(String),
    confidence              LowCardinality(String),
    verdict                 LowCardinality(String),
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
    first_seen              SimpleAggregateFunction(min, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    last_seen               SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    handsets                AggregateFunction(uniqCombined(12), UInt64) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, remote_address, operator, site, cloud_provider,
          cloud_region, confidence, verdict, as_organization)
SETTINGS non_replicated_deduplication_window = 20000, ttl_only_drop_parts = 1;

-- The life of an endpoint, whatever is known of its place now and then.
CREATE TABLE IF NOT EXISTS endpoint_seen
(
    operator                LowCardinality(String),
    site                    LowCardinality(String),
    vendor                  LowCardinality(String),
    remote_address          IPv6 CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    country_code            LowCardinality(String),
    subdivision_code        LowCardinality(String),
    first_seen              SimpleAggregateFunction(min, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    last_seen               SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (vendor, country_code, subdivision_code, asn, remote_address, operator, site)
SETTINGS non_replicated_deduplication_window = 20000;

CREATE MATERIALIZED VIEW IF NOT EXISTS endpoint_day_view TO endpoint_day AS
WITH toFloat64(f.sampling_interval) AS n
SELECT toStartOfDay(toDateTime(f.start, 'UTC'), 'UTC') AS bucket,
       operator, site, vendor, remote_address, asn, as_organization, country_code, subdivision_code, cloud_provider,
       cloud_region, confidence, verdict,
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
       max(toDateTime(f.inserted, 'UTC')) AS last_change,
       min(toDateTime(f.start, 'UTC')) AS first_seen,
       max(toDateTime(f.start, 'UTC')) AS last_seen,
       uniqCombinedStateIf(12)(f.subscriber, f.subscriber != 0) AS handsets
FROM flows AS f
WHERE f.handset_side != 'none' AND f.remote_address != toIPv6('::')
GROUP BY bucket, operator, site, vendor, remote_address, asn, as_organization, country_code, subdivision_code, cloud_provider,
       cloud_region, confidence, verdict;

CREATE MATERIALIZED VIEW IF NOT EXISTS endpoint_seen_view TO endpoint_seen AS
SELECT operator, site, vendor, remote_address, asn, country_code, subdivision_code,
       min(e.first_seen) AS first_seen, max(e.last_seen) AS last_seen,
       sum(e.flows) AS flows, sum(e.bytes_up) AS bytes_up, sum(e.bytes_down) AS bytes_down
FROM endpoint_day AS e
GROUP BY operator, site, vendor, remote_address, asn, country_code, subdivision_code;

-- +goose Down
DROP VIEW IF EXISTS endpoint_seen_view;
DROP VIEW IF EXISTS endpoint_day_view;
DROP TABLE IF EXISTS endpoint_seen;
DROP TABLE IF EXISTS endpoint_day;
