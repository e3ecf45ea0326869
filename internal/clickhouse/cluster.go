package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	migrations "github.com/landfall-telemetry/landfall/schemas/clickhouse"
)

// sharedTables tell every shard the same.
var sharedTables = []string{"revisions", "data_sets", "policies"}

var (
	createPattern = regexp.MustCompile(`^CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)`)
	enginePattern = regexp.MustCompile(`ENGINE = (\w*)MergeTree(?:\((\w+)\))?`)
	numberPattern = regexp.MustCompile(`^(\d+)_`)
)

// ReadDatabase is the database that questions are asked of: in a cluster the one whose tables are
// distributed over all shards, else the one that is inserted into.
func (c Config) ReadDatabase() string {
	if c.Cluster == "" {
		return c.Database
	}
	return c.Database + "_all"
}

// numbered is one migration as statements.
type numbered struct {
	version    int64
	statements []string
}

// clusterSchema is the schema in its form for a cluster: the same tables, replicated within a shard,
// made on every server, and beside them a database of distributed tables with the same names.
//
// The servers' configuration must have the macros {shard} and {replica}.
func clusterSchema(cluster, database string) ([]numbered, error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return nil, err
	}
	var out []numbered
	for _, file := range files {
		text, err := migrations.FS.ReadFile(file)
		if err != nil {
			return nil, err
		}
		number := numberPattern.FindStringSubmatch(path.Base(file))
		if number == nil {
			return nil, fmt.Errorf("migration %s has no number", file)
		}
		m := numbered{}
		if m.version, err = strconv.ParseInt(number[1], 10, 64); err != nil {
			return nil, fmt.Errorf("migration %s: %w", file, err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		for _, statement := range strings.Split(up, ";\n") {
			made, err := clustered(statement, cluster, database)
			if err != nil {
				return nil, fmt.Errorf("migration %s: %w", file, err)
			}
			m.statements = append(m.statements, made...)
		}
		out = append(out, m)
	}
	return out, nil
}

// clustered rewrites one statement; of a table it makes two.
func clustered(statement, cluster, database string) ([]string, error) {
	lines := strings.Split(strings.TrimSpace(statement), "\n")
	for len(lines) > 0 && (strings.HasPrefix(lines[0], "--") || lines[0] == "") {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return nil, nil
	}
	statement = strings.Join(lines, "\n")
	made := createPattern.FindStringSubmatch(statement)
	if made == nil {
		return nil, fmt.Errorf("there is no clustered form of %q", lines[0])
	}
	on := " ON CLUSTER '" + cluster + "'"
	statement = createPattern.ReplaceAllString(statement, "$0"+on)
	if made[1] != "TABLE" {
		return []string{statement}, nil
	}
	table, place := made[2], "{shard}"
	shared := slices.Contains(sharedTables, table)
	if shared {
		place = "all"
	}
	if len(enginePattern.FindAllString(statement, -1)) != 1 {
		return nil, fmt.Errorf("table %s has not one engine of the MergeTree family", table)
	}
	statement = enginePattern.ReplaceAllStringFunc(statement, func(engine string) string {
		parts := enginePattern.FindStringSubmatch(engine)
		arguments := fmt.Sprintf("'/clickhouse/tables/%s/%s/%s', '{replica}'", place, database, table)
		if parts[2] != "" {
			arguments += ", " + parts[2]
		}
		return fmt.Sprintf("ENGINE = Replicated%sMergeTree(%s)", parts[1], arguments)
	})
	statement = strings.ReplaceAll(statement, "non_replicated_deduplication_window", "replicated_deduplication_window")
	read := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s_all.%s%s AS %s.%s\nENGINE = Distributed('%s', '%s', '%s')",
		database, table, on, database, table, cluster, database, table)
	if shared {
		read = fmt.Sprintf("CREATE VIEW IF NOT EXISTS %s_all.%s%s AS SELECT * FROM %s.%s FINAL", database, table, on, database, table)
	}
	return []string{statement, read}, nil
}

// clusterProvider runs the clustered form under the same numbers.
func clusterProvider(db *sql.DB, cluster, database string) (*goose.Provider, error) {
	schema, err := clusterSchema(cluster, database)
	if err != nil {
		return nil, err
	}
	var all []*goose.Migration
	for _, m := range schema {
		all = append(all, goose.NewGoMigration(m.version, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			for _, statement := range m.statements {
				if _, err := db.ExecContext(ctx, statement); err != nil {
					line, _, _ := strings.Cut(statement, "\n")
					return fmt.Errorf("%s: %w", line, err)
				}
			}
			return nil
		}}, &goose.GoFunc{RunDB: func(context.Context, *sql.DB) error { return errors.New("a cluster's schema is not taken back") }}))
	}
	return goose.NewProvider(goose.DialectClickHouse, db, nil, goose.WithGoMigrations(all...),
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
}
