-- +goose Up
-- Bytes and packets by all that a residency question can ask for, by minute, hour and day. A flow
-- belongs to the bucket of its start. The aggregator rolls flows up and inserts into every table
-- (internal/clickhouse/flows); rows with the same key are added up here, when parts are merged.
--
-- Counters are multiplied by the sampling interval N. The variances are the terms of the estimate's
-- error, of B octets in P packets as observed: low is N(N-1)B²/P, high is N(N-1)B and still has to be
-- multiplied by the largest packet size.
--
-- Minutes lie together by the hour and hours by the day: a vendor over some days costs a third of
-- what it did with the bucket first, and the table is smaller.
CREATE TABLE IF NOT EXISTS residency_minute
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    handset_side            LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    vendor_method           LowCardinality(String) CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
    cloud_provider          LowCardinality(String) CODEC(ZSTD(1)),
    cloud_region            LowCardinality(String) CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String) CODEC(ZSTD(1)),
    place_method            LowCardinality(String) CODEC(ZSTD(1)),
    confidence              LowCardinality(String) CODEC(ZSTD(1)),
    jurisdiction            LowCardinality(String) CODEC(ZSTD(1)),
    verdict                 LowCardinality(String) CODEC(ZSTD(1)),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
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
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (toStartOfHour(bucket), vendor, country_code, subdivision_code, asn)
ORDER BY (toStartOfHour(bucket), vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation, bucket)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_hour
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    handset_side            LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    vendor_method           LowCardinality(String) CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
    cloud_provider          LowCardinality(String) CODEC(ZSTD(1)),
    cloud_region            LowCardinality(String) CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String) CODEC(ZSTD(1)),
    place_method            LowCardinality(String) CODEC(ZSTD(1)),
    confidence              LowCardinality(String) CODEC(ZSTD(1)),
    jurisdiction            LowCardinality(String) CODEC(ZSTD(1)),
    verdict                 LowCardinality(String) CODEC(ZSTD(1)),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
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
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (toStartOfDay(bucket), vendor, country_code, subdivision_code, asn)
ORDER BY (toStartOfDay(bucket), vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation, bucket)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS residency_day
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    handset_side            LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    vendor_method           LowCardinality(String) CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
    cloud_provider          LowCardinality(String) CODEC(ZSTD(1)),
    cloud_region            LowCardinality(String) CODEC(ZSTD(1)),
    asn                     UInt32 CODEC(ZSTD(1)),
    as_organization         LowCardinality(String) CODEC(ZSTD(1)),
    place_method            LowCardinality(String) CODEC(ZSTD(1)),
    confidence              LowCardinality(String) CODEC(ZSTD(1)),
    jurisdiction            LowCardinality(String) CODEC(ZSTD(1)),
    verdict                 LowCardinality(String) CODEC(ZSTD(1)),
    revision                UInt16 CODEC(ZSTD(1)),
    generation              UInt16 CODEC(ZSTD(1)),
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
    -- Inserted but not kept: what the states are made of.
    handset_ids             Array(UInt64) EPHEMERAL,
    handsets                AggregateFunction(uniqCombined(12), UInt64) DEFAULT arrayReduce('uniqCombinedState(12)', handset_ids) CODEC(ZSTD(1)),
    endpoint_addresses      Array(IPv6) EPHEMERAL,
    endpoints               AggregateFunction(uniqCombined(12), IPv6) DEFAULT arrayReduce('uniqCombinedState(12)', endpoint_addresses) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, vendor, country_code, subdivision_code, asn)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

-- +goose Down
DROP TABLE IF EXISTS residency_day;
DROP TABLE IF EXISTS residency_hour;
DROP TABLE IF EXISTS residency_minute;
