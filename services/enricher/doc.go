// Package enricher is the service that finds the handset's end of each flow, attaches the device
// vendor and the remote's place and network with the evidence for them, and replaces the
// subscriber's address by a pseudonym.
//
// It reads the flows topic and writes the enriched topic, partition by partition, in order, each
// batch with the offset that it was made from. It knows nothing of the collectors before it or of
// ClickHouse behind it.
package enricher
