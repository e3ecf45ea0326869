-- +goose Up
-- What most questions need, by far fewer rows: residency_day without networks, clouds and methods, and
-- the ledger by the hour. Views fill them from the tables that the aggregator inserts into; the
-- deduplication of those inserts holds here, too.
CREATE TABLE IF NOT EXISTS place_day
(
    bucket                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator                LowCardinality(String) CODEC(ZSTD(1)),
    site                    LowCardinality(String) CODEC(ZSTD(1)),
    handset_side            LowCardinality(String) CODEC(ZSTD(1)),
    vendor                  LowCardinality(String) CODEC(ZSTD(1)),
    country_code            LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code        LowCardinality(String) CODEC(ZSTD(1)),
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
DROP VIEW IF EXISTS place_day_view;
DROP TABLE IF EXISTS place_day;
