package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"

	migrations "github.com/landfall-telemetry/landfall/schemas/clickhouse"
)

// ErrSchemaNewer says that the database was made by a newer version of Landfall.
var ErrSchemaNewer = errors.New("the database's schema is newer than this version of Landfall")

// ErrSchemaOlder says that the database was made by a version of Landfall before its first release.
var ErrSchemaOlder = errors.New("the database was made by a development version before the first release")

// versionTable holds which migrations were made; oldVersionTable was its name before the first release.
const (
	versionTable    = "schema_migrations"
	oldVersionTable = "schema_version"
)

// Migrate creates the database, brings its schema up to date and sets its retention. It waits for
// the server until ctx ends, also for one that goes away in the middle: every statement can be made
// again. Two processes may migrate at once. It refuses a schema that is newer than it knows with
// ErrSchemaNewer, and one from before the first release with ErrSchemaOlder.
func Migrate(ctx context.Context, c Config, r Retention, log *slog.Logger) error {
	wait := NewWait(log.With("addresses", c.Addresses, "database", c.Database), "a migration")
	for {
		err := migrateOnce(ctx, c, r, log)
		if err == nil {
			wait.Over()
			return nil
		}
		var said *clickhousego.Exception
		if errors.As(err, &said) || errors.Is(err, ErrSchemaNewer) || errors.Is(err, ErrSchemaOlder) || !wait.Retry(ctx, err) {
			return err
		}
	}
}

func migrateOnce(ctx context.Context, c Config, r Retention, log *slog.Logger) error {
	admin, err := open(ctx, c, "", log)
	if err != nil {
		return err
	}
	defer admin.Close()
	databases, on := []string{c.Database}, ""
	if c.Cluster != "" {
		databases, on = []string{c.Database, c.ReadDatabase()}, " ON CLUSTER '"+c.Cluster+"'"
	}
	for _, name := range databases {
		if err := admin.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+name+on); err != nil {
			return fmt.Errorf("create database %s: %w", name, err)
		}
	}
	tls, err := c.TLS.Client()
	if err != nil {
		return fmt.Errorf("clickhouse tls: %w", err)
	}
	db := clickhousego.OpenDB(c.options(tls, c.Database))
	defer db.Close()
	if err := migrate(ctx, db, c, log); err != nil {
		return fmt.Errorf("migrate database %s: %w", c.Database, err)
	}
	if err := r.apply(ctx, db, on, log); err != nil {
		return fmt.Errorf("set retention in database %s: %w", c.Database, err)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, c Config, log *slog.Logger) error {
	var old bool
	if err := db.QueryRowContext(ctx, "SELECT count() > 0 FROM system.tables WHERE database = currentDatabase() AND name = ?", oldVersionTable).Scan(&old); err != nil {
		return fmt.Errorf("look for the table %s: %w", oldVersionTable, err)
	}
	if old {
		return fmt.Errorf("%w (it has the table %s); use another database or drop this one", ErrSchemaOlder, oldVersionTable)
	}
	// The global registry holds Go migrations of whoever else uses goose in this process.
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, migrations.FS,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if c.Cluster != "" {
		provider, err = clusterProvider(db, c.Cluster, c.Database)
	}
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if current > newest {
		return fmt.Errorf("%w: it is at %d, this version knows %d; run a newer Landfall or use another database", ErrSchemaNewer, current, newest)
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		log.Info("migrated ClickHouse", "migration", r.Source.Path, "took", r.Duration)
	}
	return err
}
