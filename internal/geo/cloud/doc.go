// Package cloud reads the lists in which cloud providers publish their
// prefixes, and says in which country, subdivision and city each provider's
// regions are.
//
// It knows nothing of city tables, addresses looked up, or how to fetch a
// list: it turns bytes into prefixes with a region, or refuses them.
package cloud
