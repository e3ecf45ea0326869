-- +goose Up
-- What most questions need, by far fewer rows: residency_day without networks, clouds and methods, the
-- same without vendors, and the ledger by the hour. LZ4, as these are read whole and are small. Views
-- fill them from the tables that the aggregator inserts into; the
-- deduplication of those inserts holds here, too.
CREATE TABLE IF NOT EXISTS place_day
(
    bucket                  DateTime('UTC') CODEC(Delta, LZ4),
    operator                LowCardinality(String) CODEC(LZ4),
    site                    LowCardinality(String) CODEC(LZ4),
    handset_side            LowCardinality(String) CODEC(LZ4),
    vendor                  LowCardinality(String) CODEC(LZ4),
    country_code            LowCardinality(String) CODEC(LZ4),
    subdivision_code        LowCardinality(String) CODEC(LZ4),
    jurisdiction            LowCardinality(String) CODEC(LZ4),
    verdict                 LowCardinality(String) CODEC(LZ4),
    revision                UInt16 CODEC(LZ4),
    generation              UInt16 CODEC(LZ4),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    variance_low_up         SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_low_down       SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_high_up        SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_high_down      SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_packets_up     SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_packets_down   SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    sampling_interval_max   SimpleAggregateFunction(max, UInt32) CODEC(LZ4),
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (vendor, bucket, country_code, subdivision_code)
ORDER BY (vendor, bucket, country_code, subdivision_code, handset_side, operator, site, jurisdiction, verdict, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS place_day_view TO place_day AS
SELECT r.bucket AS bucket, operator, site, handset_side, vendor, country_code, subdivision_code, jurisdiction, verdict, revision, generation,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up, sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up, sum(r.packets_down) AS packets_down,
       sum(r.variance_low_up) AS variance_low_up, sum(r.variance_low_down) AS variance_low_down,
       sum(r.variance_high_up) AS variance_high_up, sum(r.variance_high_down) AS variance_high_down,
       sum(r.variance_packets_up) AS variance_packets_up, sum(r.variance_packets_down) AS variance_packets_down,
       max(r.sampling_interval_max) AS sampling_interval_max,
       max(r.last_change) AS last_change
FROM residency_day AS r
GROUP BY bucket, operator, site, handset_side, vendor, country_code, subdivision_code, jurisdiction, verdict, revision, generation;

CREATE TABLE IF NOT EXISTS destination_day
(
    bucket                  DateTime('UTC') CODEC(Delta, LZ4),
    operator                LowCardinality(String) CODEC(LZ4),
    site                    LowCardinality(String) CODEC(LZ4),
    handset_side            LowCardinality(String) CODEC(LZ4),
    country_code            LowCardinality(String) CODEC(LZ4),
    subdivision_code        LowCardinality(String) CODEC(LZ4),
    jurisdiction            LowCardinality(String) CODEC(LZ4),
    verdict                 LowCardinality(String) CODEC(LZ4),
    revision                UInt16 CODEC(LZ4),
    generation              UInt16 CODEC(LZ4),
    flows                   SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    bytes_up                SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    bytes_down              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    packets_up              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    packets_down            SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, LZ4),
    variance_low_up         SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_low_down       SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_high_up        SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_high_down      SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_packets_up     SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    variance_packets_down   SimpleAggregateFunction(sum, Float64) CODEC(LZ4),
    sampling_interval_max   SimpleAggregateFunction(max, UInt32) CODEC(LZ4),
    last_change             SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, country_code, subdivision_code)
ORDER BY (bucket, country_code, subdivision_code, handset_side, operator, site, jurisdiction, verdict, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS destination_day_view TO destination_day AS
SELECT r.bucket AS bucket, operator, site, handset_side, country_code, subdivision_code, jurisdiction, verdict, revision, generation,
       sum(r.flows) AS flows,
       sum(r.bytes_up) AS bytes_up, sum(r.bytes_down) AS bytes_down,
       sum(r.packets_up) AS packets_up, sum(r.packets_down) AS packets_down,
       sum(r.variance_low_up) AS variance_low_up, sum(r.variance_low_down) AS variance_low_down,
       sum(r.variance_high_up) AS variance_high_up, sum(r.variance_high_down) AS variance_high_down,
       sum(r.variance_packets_up) AS variance_packets_up, sum(r.variance_packets_down) AS variance_packets_down,
       max(r.sampling_interval_max) AS sampling_interval_max,
       max(r.last_change) AS last_change
FROM residency_day AS r
GROUP BY bucket, operator, site, handset_side, country_code, subdivision_code, jurisdiction, verdict, revision, generation;

CREATE TABLE IF NOT EXISTS ledger_hour
(
    bucket          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator        LowCardinality(String) CODEC(ZSTD(1)),
    site            LowCardinality(String) CODEC(ZSTD(1)),
    collector       LowCardinality(String) CODEC(ZSTD(1)),
    exporter        IPv6 CODEC(ZSTD(1)),
    export_protocol LowCardinality(String) CODEC(ZSTD(1)),
    what            LowCardinality(String) CODEC(ZSTD(1)),
    amount          SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    last_change     SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site, collector, what)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_hour_view TO ledger_hour AS
SELECT toStartOfHour(r.bucket, 'UTC') AS bucket, operator, site, collector, exporter, export_protocol, what,
       sum(r.amount) AS amount, max(r.last_change) AS last_change
FROM ledger_minute AS r
GROUP BY bucket, operator, site, collector, exporter, export_protocol, what;

-- +goose Down
DROP VIEW IF EXISTS ledger_hour_view;
DROP TABLE IF EXISTS ledger_hour;
DROP VIEW IF EXISTS destination_day_view;
DROP TABLE IF EXISTS destination_day;
DROP VIEW IF EXISTS place_day_view;
DROP TABLE IF EXISTS place_day;
