-- +goose Up
-- One row is one flow as it was exported, seen from the handset. A row is found again in Kafka by
-- source_partition and source_offset (of the enriched message).
--
-- The partition is the day of arrival and not of the flow, so that an insert touches one partition
-- however old the flows in it are.
--
-- The deduplication window counts inserted parts. It has to outlast everything that other
-- partitions' consumers insert while one of them waits to try its own insert again.
--
-- merge_selector_base 10 lets merges wait until there is more to merge at once: each row is merged a
-- third less often, and merges are the larger part of what inserts cost the server.
CREATE TABLE IF NOT EXISTS flows
(
    start              DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    end                DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received           DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    operator           LowCardinality(String) CODEC(ZSTD(1)),
    site               LowCardinality(String) CODEC(ZSTD(1)),
    exporter           IPv6 CODEC(ZSTD(1)),
    observation_domain UInt32 CODEC(ZSTD(1)),
    export_protocol    LowCardinality(String) CODEC(ZSTD(1)),
    handset_side       LowCardinality(String) CODEC(ZSTD(1)),
    subscriber         UInt64 CODEC(ZSTD(1)),
    vendor             LowCardinality(String) CODEC(ZSTD(1)),
    vendor_method      LowCardinality(String) CODEC(ZSTD(1)),
    remote_address     IPv6 CODEC(ZSTD(1)),
    remote_port        UInt16 CODEC(ZSTD(1)),
    ip_protocol        UInt8 CODEC(ZSTD(1)),
    tcp_flags          UInt8 CODEC(ZSTD(1)),
    country_code       LowCardinality(String) CODEC(ZSTD(1)),
    subdivision_code   LowCardinality(String) CODEC(ZSTD(1)),
    city               LowCardinality(String) CODEC(ZSTD(1)),
    cloud_provider     LowCardinality(String) CODEC(ZSTD(1)),
    cloud_region       LowCardinality(String) CODEC(ZSTD(1)),
    place_method       LowCardinality(String) CODEC(ZSTD(1)),
    confidence         LowCardinality(String) CODEC(ZSTD(1)),
    -- Codes of the other places that sources say, joined by |; empty: none disagrees.
    place_alternatives LowCardinality(String) CODEC(ZSTD(1)),
    jurisdiction       LowCardinality(String) CODEC(ZSTD(1)),
    asn                UInt32 CODEC(ZSTD(1)),
    as_organization    LowCardinality(String) CODEC(ZSTD(1)),
    -- As exported: not multiplied by the sampling interval.
    octets_up          UInt64 CODEC(T64, ZSTD(1)),
    packets_up         UInt64 CODEC(T64, ZSTD(1)),
    octets_down        UInt64 CODEC(T64, ZSTD(1)),
    packets_down       UInt64 CODEC(T64, ZSTD(1)),
    sampling_interval  UInt32 CODEC(T64, ZSTD(1)),
    application_name   LowCardinality(String) CODEC(ZSTD(1)),
    domain_name        LowCardinality(String) CODEC(ZSTD(1)),
    -- How domain_name is known: none, exporter, dns or dns_ambiguous.
    domain_source      LowCardinality(String) CODEC(ZSTD(1)),
    -- Those that judged this flow: "city 2.3.1, asn 2.3.2".
    data_sets          LowCardinality(String) CODEC(ZSTD(1)),
    source_partition   Int32 CODEC(ZSTD(1)),
    source_offset      Int64 CODEC(Delta, ZSTD(1)),
    verdict            LowCardinality(String) CODEC(ZSTD(1)),
    -- When the aggregator planned the insert of the row.
    inserted           DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    -- The newest revision that does not have this row; see revisions.
    generation         UInt16 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (vendor, country_code, start)
SETTINGS non_replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

-- +goose Down
DROP TABLE IF EXISTS flows;
