// Package dataset keeps the data sets that Landfall needs (the ClickHouse
// engine, the city table, the AS table, the OUI list) in one folder: it
// fetches them, checks them against pinned checksums, puts them in place
// whole, and says what state they are in.
//
// It knows packages, files and checksums. It must not know what is inside a
// data set, who reads it, or the address of any registry: the user's own npm
// client is asked for that.
package dataset
