// Package clickhouse connects to ClickHouse: for queries, for the hot inserts, and to bring the
// schema up to date. It knows where the server is and how to wait for it, and nothing of what the
// rows mean; the flows table's block is in flows beside it.
package clickhouse
