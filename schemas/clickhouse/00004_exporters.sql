-- +goose Up
-- What each exporter sent, by the day of arrival: a small table that answers "what came in" without
-- reading flows. Bytes are scaled as in the residency tables.
CREATE TABLE IF NOT EXISTS exporter_day
(
    bucket             DateTime('UTC') CODEC(Delta, ZSTD(1)),
    exporter           IPv6 CODEC(ZSTD(1)),
    export_protocol    LowCardinality(String) CODEC(ZSTD(1)),
    operator           LowCardinality(String) CODEC(ZSTD(1)),
    site               LowCardinality(String) CODEC(ZSTD(1)),
    flows              SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_up           SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    bytes_down         SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    packets_up         SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    packets_down       SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1)),
    first_flow         SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_flow          SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    last_received      SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10;

-- The data sets that judged the flows of a day.
CREATE TABLE IF NOT EXISTS data_set_day
(
    bucket     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator   LowCardinality(String) CODEC(ZSTD(1)),
    site       LowCardinality(String) CODEC(ZSTD(1)),
    revision   UInt16 CODEC(ZSTD(1)),
    generation UInt16 CODEC(ZSTD(1)),
    data_sets  LowCardinality(String) CODEC(ZSTD(1)),
    flows      SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, operator, site, data_sets, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10;

-- +goose Down
DROP TABLE IF EXISTS data_set_day;
DROP TABLE IF EXISTS exporter_day;
