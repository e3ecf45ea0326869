package clickhouse

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	migrations "github.com/landfall-telemetry/landfall/schemas/clickhouse"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string // name of its file, without the ending
}

// Migrations are those that this version of Landfall knows, oldest first. A database is at the
// version of the last of them, or was made by another Landfall.
func Migrations() ([]Migration, error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]Migration, 0, len(files))
	for _, file := range files {
		number := numberPattern.FindStringSubmatch(file)
		if number == nil {
			return nil, fmt.Errorf("migration %s has no number", file)
		}
		version, err := strconv.ParseInt(number[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		all = append(all, Migration{Version: version, Name: strings.TrimSuffix(file, ".sql")})
	}
	return all, nil
}

// SchemaVersion reads the version that a database is at: that of the last migration that was made,
// 0 if none was. The user needs the right to read schema_migrations, which is in the database that
// the aggregator writes to, also in a cluster.
func SchemaVersion(ctx context.Context, conn driver.Conn, database string) (version int64, err error) {
	row := conn.QueryRow(ctx, "SELECT max(version_id) FROM `"+database+"`.`"+versionTable+"` WHERE is_applied = 1")
	if err := row.Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema version of database %s: %w", database, err)
	}
	return version, nil
}
