// Package dataset keeps the data sets that Landfall needs (the ClickHouse
// engine, the city table, the AS table, the OUI list) and those that it can
// use (a second city table, published cloud ranges, anycast lists, the
// operator's overrides) in one folder: it fetches them, checks them against
// pinned checksums or by reading them, puts them in place whole, keeps the
// versions before, and says which is in force since when.
//
// It must not know who reads a set, or the address of any registry: the user's
// own npm client is asked for that.
package dataset
