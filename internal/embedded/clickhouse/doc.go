// Package clickhouse runs a real single-node ClickHouse server as a supervised
// child process of the landfall binary.
//
// The engine is one shared library (libchdb.so, the whole ClickHouse server).
// It is never loaded into a service: the parent starts its own executable again
// with the hidden command [ChildCommand], and that child loads the library,
// opens the native and the HTTP listener on a loopback address and stays until
// it is told to stop. To everybody else it is a ClickHouse server at an
// address.
//
// This package must not know tables, migrations, downloads or services. It
// takes the path of the library and gives back two addresses.
package clickhouse
