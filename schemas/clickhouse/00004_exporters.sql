-- +goose Up
-- What each exporter sent, by the day of arrival: a small table that answers "what came in" without
-- reading flows. Bytes are scaled as in the residency tables.
CREATE TABLE IF NOT EXISTS exporter_day
(
    bucket             DateTime('UTC') CODEC(Delta, ZSTD(1)),
    exporter           IPv6 CODEC(ZSTD(1)),
    export_protocol    LowCardinality(String),
    operator           LowCardinality(String),
    site               LowCardinality(String),
    flows              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_up           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_down         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_up         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_down       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    first_flow         SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_flow          SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    last_received      SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site)
SETTINGS non_replicated_deduplication_window = 20000;

CREATE MATERIALIZED VIEW IF NOT EXISTS exporter_day_view TO exporter_day AS
SELECT toStartOfDay(toDateTime(f.received, 'UTC'), 'UTC') AS bucket,
       exporter, export_protocol, operator, site,
       count() AS flows,
       sum(f.octets_up * f.sampling_interval) AS bytes_up,
       sum(f.octets_down * f.sampling_interval) AS bytes_down,
       sum(f.packets_up * f.sampling_interval) AS packets_up,
       sum(f.packets_down * f.sampling_interval) AS packets_down,
       min(f.start) AS first_flow,
       max(f.start) AS last_flow,
       max(f.received) AS last_received
FROM flows AS f
GROUP BY bucket, exporter, export_protocol, operator, site;

-- The data sets that judged the flows of a day.
CREATE TABLE IF NOT EXISTS data_set_day
(
    bucket     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator   LowCardinality(String),
    site       LowCardinality(String),
    revision   UInt16 CODEC(ZSTD(1)),
    generation UInt16 CODEC(ZSTD(1)),
    data_sets  LowCardinality(String),
    flows      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, operator, site, data_sets, revision, generation)
SETTINGS non_replicated_deduplication_window = 20000;

CREATE MATERIALIZED VIEW IF NOT EXISTS data_set_day_view TO data_set_day AS
SELECT toStartOfDay(toDateTime(f.start, 'UTC'), 'UTC') AS bucket,
       operator, site, toUInt16(0) AS revision, generation, data_sets,
       count() AS flows
FROM flows AS f
GROUP BY bucket, operator, site, revision, generation, data_sets;

-- +goose Down
DROP VIEW IF EXISTS data_set_day_view;
DROP TABLE IF EXISTS data_set_day;
DROP VIEW IF EXISTS exporter_day_view;
DROP TABLE IF EXISTS exporter_day;
