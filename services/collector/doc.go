// Package collector receives NetFlow, IPFIX and sFlow over UDP and writes batches of flow records to
// Kafka. A batch that has been made is not lost while there is room on disk: see internal/outbox.
// What could not be received, decoded or kept is counted.
//
// It knows nothing of handsets, vendors and places, and imports no other service.
package collector
