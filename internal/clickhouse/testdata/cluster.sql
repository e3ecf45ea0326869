CREATE TABLE IF NOT EXISTS flows ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/landfall/flows', '{replica}')
PARTITION BY toDate(received)
ORDER BY (vendor, country_code, start)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.flows ON CLUSTER 'flows_cluster' AS landfall.flows
ENGINE = Distributed('flows_cluster', 'landfall', 'flows');

CREATE TABLE IF NOT EXISTS residency_minute ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/residency_minute', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (toStartOfHour(bucket), vendor, country_code, subdivision_code, asn)
ORDER BY (toStartOfHour(bucket), vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation, bucket)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.residency_minute ON CLUSTER 'flows_cluster' AS landfall.residency_minute
ENGINE = Distributed('flows_cluster', 'landfall', 'residency_minute');

CREATE TABLE IF NOT EXISTS residency_hour ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/residency_hour', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (toStartOfDay(bucket), vendor, country_code, subdivision_code, asn)
ORDER BY (toStartOfDay(bucket), vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation, bucket)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.residency_hour ON CLUSTER 'flows_cluster' AS landfall.residency_hour
ENGINE = Distributed('flows_cluster', 'landfall', 'residency_hour');

CREATE TABLE IF NOT EXISTS residency_day ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/residency_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, vendor, country_code, subdivision_code, asn)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, handset_side, operator, site,
          vendor_method, cloud_provider, cloud_region, place_method, confidence, jurisdiction, verdict, as_organization, revision,
          generation)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.residency_day ON CLUSTER 'flows_cluster' AS landfall.residency_day
ENGINE = Distributed('flows_cluster', 'landfall', 'residency_day');

CREATE TABLE IF NOT EXISTS endpoint_day ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/endpoint_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, vendor, country_code, subdivision_code, asn, remote_address)
ORDER BY (bucket, vendor, country_code, subdivision_code, asn, remote_address, operator, site, cloud_provider,
          cloud_region, place_method, confidence, place_alternatives, jurisdiction, verdict, as_organization)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.endpoint_day ON CLUSTER 'flows_cluster' AS landfall.endpoint_day
ENGINE = Distributed('flows_cluster', 'landfall', 'endpoint_day');

CREATE TABLE IF NOT EXISTS endpoint_seen ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/endpoint_seen', '{replica}')
ORDER BY (vendor, country_code, subdivision_code, asn, remote_address, operator, site)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS landfall_all.endpoint_seen ON CLUSTER 'flows_cluster' AS landfall.endpoint_seen
ENGINE = Distributed('flows_cluster', 'landfall', 'endpoint_seen');

CREATE TABLE IF NOT EXISTS exporter_day ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/exporter_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS landfall_all.exporter_day ON CLUSTER 'flows_cluster' AS landfall.exporter_day
ENGINE = Distributed('flows_cluster', 'landfall', 'exporter_day');

CREATE TABLE IF NOT EXISTS data_set_day ON CLUSTER 'flows_cluster'
(
    bucket     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    operator   LowCardinality(String) CODEC(ZSTD(1)),
    site       LowCardinality(String) CODEC(ZSTD(1)),
    revision   UInt16 CODEC(ZSTD(1)),
    generation UInt16 CODEC(ZSTD(1)),
    data_sets  LowCardinality(String) CODEC(ZSTD(1)),
    flows      SimpleAggregateFunction(sum, UInt64) CODEC(GCD, T64, ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/data_set_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, operator, site, data_sets, revision, generation)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10;

CREATE TABLE IF NOT EXISTS landfall_all.data_set_day ON CLUSTER 'flows_cluster' AS landfall.data_set_day
ENGINE = Distributed('flows_cluster', 'landfall', 'data_set_day');

CREATE TABLE IF NOT EXISTS ledger_minute ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/ledger_minute', '{replica}')
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site, collector, what)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.ledger_minute ON CLUSTER 'flows_cluster' AS landfall.ledger_minute
ENGINE = Distributed('flows_cluster', 'landfall', 'ledger_minute');

CREATE TABLE IF NOT EXISTS revisions ON CLUSTER 'flows_cluster'
(
    revision  UInt16,
    -- Whole days; until is excluded.
    since     DateTime('UTC'),
    until     DateTime('UTC'),
    -- Inserts planned from here on are not in the revision's own rows.
    cutoff    DateTime64(3, 'UTC'),
    -- building, active or abandoned.
    state     LowCardinality(String),
    created   DateTime64(3, 'UTC'),
    changed   DateTime64(3, 'UTC'),
    data_sets String,
    note      String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/all/landfall/revisions', '{replica}', changed)
ORDER BY revision;

CREATE VIEW IF NOT EXISTS landfall_all.revisions ON CLUSTER 'flows_cluster' AS SELECT * FROM landfall.revisions FINAL;

CREATE TABLE IF NOT EXISTS data_sets ON CLUSTER 'flows_cluster'
(
    name          LowCardinality(String),
    version       String,
    -- Of the files, joined by commas.
    sha256        String,
    -- From when on it judged; 1970: from the beginning.
    in_force_from DateTime64(3, 'UTC'),
    -- The data's own date; 1970: it has none.
    built         SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    license       SimpleAggregateFunction(max, String),
    source        SimpleAggregateFunction(max, String),
    credit        SimpleAggregateFunction(max, String),
    -- Arrival of the first batch that was seen to name it.
    first_used    SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/all/landfall/data_sets', '{replica}')
ORDER BY (name, version, sha256, in_force_from);

CREATE VIEW IF NOT EXISTS landfall_all.data_sets ON CLUSTER 'flows_cluster' AS SELECT * FROM landfall.data_sets FINAL;

CREATE TABLE IF NOT EXISTS policies ON CLUSTER 'flows_cluster'
(
    version    String,
    sha256     String,
    document   SimpleAggregateFunction(max, String),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/all/landfall/policies', '{replica}')
ORDER BY (version, sha256);

CREATE VIEW IF NOT EXISTS landfall_all.policies ON CLUSTER 'flows_cluster' AS SELECT * FROM landfall.policies FINAL;

CREATE TABLE IF NOT EXISTS place_day ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/place_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (vendor, bucket, country_code, subdivision_code)
ORDER BY (vendor, bucket, country_code, subdivision_code, handset_side, operator, site, jurisdiction, verdict, revision, generation)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.place_day ON CLUSTER 'flows_cluster' AS landfall.place_day
ENGINE = Distributed('flows_cluster', 'landfall', 'place_day');

CREATE MATERIALIZED VIEW IF NOT EXISTS place_day_view ON CLUSTER 'flows_cluster' TO place_day AS
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

CREATE TABLE IF NOT EXISTS destination_day ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/destination_day', '{replica}')
PARTITION BY toYYYYMM(bucket)
PRIMARY KEY (bucket, country_code, subdivision_code)
ORDER BY (bucket, country_code, subdivision_code, handset_side, operator, site, jurisdiction, verdict, revision, generation)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.destination_day ON CLUSTER 'flows_cluster' AS landfall.destination_day
ENGINE = Distributed('flows_cluster', 'landfall', 'destination_day');

CREATE MATERIALIZED VIEW IF NOT EXISTS destination_day_view ON CLUSTER 'flows_cluster' TO destination_day AS
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

CREATE TABLE IF NOT EXISTS ledger_hour ON CLUSTER 'flows_cluster'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/landfall/ledger_hour', '{replica}')
PARTITION BY toYYYYMM(bucket)
ORDER BY (bucket, exporter, export_protocol, operator, site, collector, what)
SETTINGS replicated_deduplication_window = 20000, merge_selector_base = 10, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS landfall_all.ledger_hour ON CLUSTER 'flows_cluster' AS landfall.ledger_hour
ENGINE = Distributed('flows_cluster', 'landfall', 'ledger_hour');

CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_hour_view ON CLUSTER 'flows_cluster' TO ledger_hour AS
SELECT toStartOfHour(r.bucket, 'UTC') AS bucket, operator, site, collector, exporter, export_protocol, what,
       sum(r.amount) AS amount, max(r.last_change) AS last_change
FROM ledger_minute AS r
GROUP BY bucket, operator, site, collector, exporter, export_protocol, what;

