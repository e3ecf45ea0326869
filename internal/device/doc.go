// Package device says which vendor's handset is behind an address: by the
// handset-side MAC and the IEEE's block lists, or by a table that the operator
// keeps, each with how that is known.
//
// A Resolver is built whole from files, checked, and never changed after. The
// package knows brands and blocks; it must not know of flows, places, policies
// or subscribers.
package device
