// Package geo says where an address is: the place (country, subdivision,
// city) and the autonomous system, each with how that is known.
//
// A Table is built whole from files, checked, and never changed after.
// Special-purpose blocks come first, then anycast lists, the operator's
// overrides, published cloud ranges, satellite networks and the city table; a
// second city table testifies to the first. Nothing here knows of flows,
// handsets, policies, the network or the clock: a place is a fact of a data
// set, and what law holds there is another package's question.
package geo
