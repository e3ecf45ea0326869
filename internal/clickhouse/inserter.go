package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Inserter is one native connection for inserts of whole blocks. It connects when it is first
// used and again after every error. It is for one goroutine at a time.
type Inserter struct {
	config Config
	tls    *tls.Config
	client *ch.Client
	next   int // index of the address to try first
}

// NewInserter makes an inserter; it does not connect.
func NewInserter(c Config) (*Inserter, error) {
	if c.Protocol != ProtocolNative {
		return nil, fmt.Errorf("clickhouse.protocol is %s: inserts need native", c.Protocol)
	}
	tls, err := c.TLS.Client()
	if err != nil {
		return nil, fmt.Errorf("clickhouse tls: %w", err)
	}
	return &Inserter{config: c, tls: tls}, nil
}

// Insert sends the columns as one block, which the server inserts as one block into table and into
// everything that its materialized views feed, once for each token however often it is tried. It
// tries once, for as long as ctx allows: give it a deadline. After an error the rows may have been inserted, in all of the tables or some: only
// another try with the same rows and the same token is right then.
func (i *Inserter) Insert(ctx context.Context, table string, columns proto.Input, token string) error {
	if err := i.connect(ctx); err != nil {
		return err
	}
	err := i.client.Do(ctx, ch.Query{Body: columns.Into(table), Input: columns, Settings: insertSettings(token)})
	if err != nil {
		// What an insert that broke off has left in the stream is not worth finding out.
		i.Close()
		return fmt.Errorf("insert %d rows into %s as %q: %w", columns[0].Data.Rows(), table, token, err)
	}
	return nil
}

// noticeCancel is how soon an insert notices that its context has ended. The library's read timeout
// does not end a query; a deadline of the context does.
const noticeCancel = 250 * time.Millisecond

// insertSettings make an insert count once at every level.
func insertSettings(token string) []ch.Setting {
	settings := []ch.Setting{
		{Key: "insert_deduplicate", Value: "1"},
		{Key: "deduplicate_blocks_in_dependent_materialized_views", Value: "1"},
		{Key: "insert_deduplication_token", Value: token},
		// Asynchronous inserts are gathered with others and lose their identity.
		{Key: "async_insert", Value: "0"},
		// Rows are added up when parts are merged. Before the insert they are already, as far as that
		// is worth it: see docs/decisions/0010-rollups.md.
		{Key: "optimize_on_insert", Value: "0"},
		// One block as sent must stay one block at every level: a part of a block has an identity
		// of its own, and how a block is cut is not the same at the next try.
		{Key: "max_insert_threads", Value: "1"},
		{Key: "max_threads", Value: "1"}, // the rows of a view come in the same order at every try
		{Key: "max_block_size", Value: "1048576"},
		{Key: "max_insert_block_size", Value: "1048576"},
		{Key: "min_insert_block_size_rows", Value: "1048576"},
		{Key: "min_insert_block_size_bytes", Value: "1073741824"},
		{Key: "min_insert_block_size_rows_for_materialized_views", Value: "1048576"},
		{Key: "min_insert_block_size_bytes_for_materialized_views", Value: "1073741824"},
		{Key: "parallel_view_processing", Value: "0"},
		{Key: "materialized_views_ignore_errors", Value: "0"},
		// A backlog holds flows of many months.
		{Key: "max_partitions_per_insert_block", Value: "1000"},
	}
	for i := range settings {
		settings[i].Important = true // a server that does not know one must refuse, not ignore it
	}
	return settings
}

func (i *Inserter) connect(ctx context.Context) error {
	if i.client != nil && !i.client.IsClosed() {
		return nil
	}
	var errs []error
	for range i.config.Addresses {
		address := i.config.Addresses[i.next%len(i.config.Addresses)]
		client, err := ch.Dial(ctx, ch.Options{
			Address:          address,
			Database:         i.config.Database,
			User:             i.config.User,
			Password:         i.config.Password.Reveal(),
			ClientName:       "landfall",
			Compression:      compression(address),
			TLS:              i.tls,
			DialTimeout:      i.config.DialTimeout,
			HandshakeTimeout: i.config.DialTimeout,
			ReadTimeout:      noticeCancel,
		})
		if err == nil {
			i.client = client
			return nil
		}
		errs = append(errs, fmt.Errorf("connect to ClickHouse at %s: %w", address, err))
		i.next++
	}
	return errors.Join(errs...)
}

// compression is for the network only: on the same machine it costs both ends more than it saves.
func compression(address string) ch.Compression {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ch.CompressionLZ4
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return ch.CompressionDisabled
	}
	return ch.CompressionLZ4
}

// Close closes the connection; the next use opens another.
func (i *Inserter) Close() {
	if i.client != nil {
		_ = i.client.Close() // it may be closed already
		i.client = nil
	}
}

// ContentRefused reports whether err is the server's refusal of the rows themselves, which no
// further try will change. Everything else (no connection, no memory, no space, too many parts, no
// such table yet) may pass.
func ContentRefused(err error) bool {
	return ch.IsErr(err,
		proto.ErrViolatedConstraint, proto.ErrTypeMismatch, proto.ErrIllegalColumn, proto.ErrCannotConvertType,
		proto.ErrIncorrectData, proto.ErrCannotReadAllData, proto.ErrCannotParseText, proto.ErrValueIsOutOfRangeOfDataType,
		proto.ErrTooLargeArraySize, proto.ErrTooLargeStringSize, proto.ErrSizesOfColumnsDoesntMatch,
		proto.ErrNumberOfColumnsDoesntMatch,
		proto.ErrFunctionThrowIfValueIsNonZero, proto.ErrDecimalOverflow)
}

// FromServer reports whether err was said by the server, as opposed to a connection that failed.
func FromServer(err error) bool { return ch.IsException(err) }
