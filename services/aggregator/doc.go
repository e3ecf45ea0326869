// Package aggregator reads enriched batches from Kafka and inserts them into ClickHouse, each flow
// exactly once. It owns the tables: it migrates the schema and sets the retention.
//
// How once comes about: an insert covers a fixed range of offsets of one partition. Before it is
// tried, the range is committed to Kafka as a plan, together with what is needed to filter the range
// the same way again (which batches were seen before). Whoever holds the partition after a crash
// reads the plan, builds the same rows, and inserts them under the same deduplication token; the
// server drops, at every level, what it has already.
//
// It must not know how flows are measured or enriched.
package aggregator
