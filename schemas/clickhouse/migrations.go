// Package migrations holds the ClickHouse schema as numbered goose migrations.
//
// The statements name no database: they run on a connection whose default database is the one that
// Landfall is configured to use. ClickHouse has no transactions for them, so every statement can run
// twice: a migration that was cut short, or that two processes run at once, ends well. Retention is
// not in them either; internal/clickhouse sets it from the configuration.
package migrations

import "embed"

// FS holds the migrations, NNNNN_name.sql.
//
//go:embed *.sql
var FS embed.FS
