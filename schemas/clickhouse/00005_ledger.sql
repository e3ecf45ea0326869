-- +goose Up
-- The completeness ledger: what the collectors counted of each exporter and minute, and what the
-- aggregator corrected. A row is here if and only if the flows of its batch are in the tables.
CREATE TABLE IF NOT EXISTS ledger_minute
(
    bucket          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator        LowCardinality(String) CODEC(ZSTD(1)),
    site            LowCardinality(String) CODEC(ZSTD(1)),
    collector       LowCardinality(String) CODEC(ZSTD(1)),
    exporter        IPv6 CODEC(ZSTD(1)),
    export_protocol LowCardinality(String) CODEC(ZSTD(1)),
    -- The name of a LedgerCount in lower case, without LEDGER_COUNT_.
    what            LowCardinality(String) CODEC(ZSTD(1)),
    amount          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    last_change     SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site, collector, what)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

-- +goose Down
DROP TABLE IF EXISTS ledger_minute;
