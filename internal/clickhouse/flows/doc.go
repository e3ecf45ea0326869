// Package flows turns enriched batches into rows of ClickHouse's flows table: it checks a batch,
// appends its columns to a native block, and keeps the block's memory. It knows the batch's layout
// and the table's columns, and nothing of Kafka, of connections or of what makes an insert count
// once.
package flows
