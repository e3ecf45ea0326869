package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ClickHouse/ch-go/proto"
	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Open returns connections for queries, with the configured database as default. It waits for the
// server, and for the database to be created, until ctx ends, and says what it waits for. A refused
// login is an error at once.
func Open(ctx context.Context, c Config, log *slog.Logger) (driver.Conn, error) {
	return open(ctx, c, c.Database, log)
}

// Connect returns connections that can only read and set what a statement may cost. They are made
// with the first statements; it does not wait for the server.
func Connect(c Config) (driver.Conn, error) {
	return connect(c, c.Database, true)
}

func connect(c Config, database string, readOnly bool) (driver.Conn, error) {
	tls, err := c.TLS.Client()
	if err != nil {
		return nil, fmt.Errorf("clickhouse tls: %w", err)
	}
	options := c.options(tls, database)
	if readOnly {
		if options.Settings == nil {
			options.Settings = clickhousego.Settings{}
		}
		// What was set before stays as it is if it is the same: a user of such a profile may say it again.
		// Over HTTP the server ends statements whose client is gone only under this setting.
		options.Settings["readonly"] = 2
	}
	conn, err := clickhousego.Open(options)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse at %v: %w", c.Addresses, err)
	}
	return conn, nil
}

func open(ctx context.Context, c Config, database string, log *slog.Logger) (driver.Conn, error) {
	conn, err := connect(c, database, false)
	if err != nil {
		return nil, err
	}
	if err := reach(ctx, c, conn.Ping, log); err != nil {
		_ = conn.Close() // the first error is the one that tells
		return nil, fmt.Errorf("reach ClickHouse at %v: %w", c.Addresses, err)
	}
	return conn, nil
}

func reach(ctx context.Context, c Config, ping func(context.Context) error, log *slog.Logger) error {
	wait := NewWait(log.With("addresses", c.Addresses, "database", c.Database), "a connection")
	for {
		err := ping(ctx)
		if err == nil {
			wait.Over()
			return nil
		}
		if LoginRefused(err) {
			return err
		}
		if !wait.Retry(ctx, err) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// LoginRefused reports whether the server answered, and did not accept the user or the password.
func LoginRefused(err error) bool {
	var e *clickhousego.Exception
	if !errors.As(err, &e) {
		return false
	}
	switch proto.Error(e.Code) {
	case proto.ErrAuthenticationFailed, proto.ErrUnknownUser, proto.ErrWrongPassword, proto.ErrRequiredPassword, proto.ErrIPAddressNotAllowed:
		return true
	}
	return false
}
