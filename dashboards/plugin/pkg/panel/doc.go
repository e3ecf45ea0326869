// Package panel turns what a Grafana panel asks into questions of internal/query, and their answers
// into data frames. It knows nothing of connections, settings or Grafana's protocol: whoever calls it
// brings a client that may only see what it should.
package panel
