-- +goose Up
-- Who is talked to: an endpoint is a remote address as one vendor's handsets see it. Flows without a
-- handset side or without the remote's address are not in these tables. They keep the attribution of
-- the time at which they were written; a reprocess does not change them.
CREATE TABLE IF NOT EXISTS endpoint_day
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    remote_address          IPv6 CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String) CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
    cloud_provider          LowCardinality(String) CODEC(ZSTD(1)),
    cloud_region            LowCardinality(String) CODEC(ZSTD(1)),
    place_method            LowCardinality(String) CODEC(ZSTD(1)),
    confidence              LowCardinality(String) CODEC(ZSTD(1)),
    place_alternatives      LowCardinality(String) CODEC(ZSTD(1)),
    jurisdiction            LowCardinality(String) CODEC(ZSTD(1)),
    verdict                 LowCardinality(String) CODEC(ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
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
    -- Inserted but not kept: what the state is made of.
    handset_ids             Array(UInt64) EPHEMERAL,
    handsets                AggregateFunction(uniqCombined(12), UInt64) DEFAULT arrayReduce('uniqCombinedState(12)', handset_ids) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, vendor, country_code, subdivision_code, asn, remote_address)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, remote_address, operator, site, cloud_provider,
          cloud_region, place_method, confidence, place_alternatives, jurisdiction, verdict, as_organization)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

-- The life of an endpoint, whatever is known of its place now and then.
CREATE TABLE IF NOT EXISTS endpoint_seen
(
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    remote_address          IPv6 CODEC(LZ4),
    asn                     UInt32 CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
    first_seen              SimpleAggregateFunction(min, DateTime('UTC')) CODEC(LZ4),
    last_seen               SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1)),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (vendor, country_code, subdivision_code, asn, remote_address, operator, site)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10;

-- +goose Down
DROP TABLE IF EXISTS endpoint_seen;
DROP TABLE IF EXISTS endpoint_day;
