// Package migrations holds the ClickHouse schema as numbered goose migrations.
//
// The statements name no database: they run on a connection whose default database is the one that
// Landfall is configured to use. Retention is not in them either; internal/clickhouse sets it from
// the configuration.
package migrations

import "embed"

// FS holds the migrations, NNNNN_name.sql.
//
//go:embed *.sql
var FS embed.FS
