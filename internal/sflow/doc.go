// Package sflow decodes sFlow version 5 datagrams into flow records: one flow for each sampled
// packet.
//
// It knows the wire format (sflow.org/sflow_version_5.txt) and the headers of the sampled packets;
// the records inside a sample are parsed by goflow2 (decoders/sflow), one at a time behind length
// checks of our own, so that a bad record costs only itself. It does no I/O, reads no clock, and
// knows nothing of metrics or Kafka. What became of a datagram is said in the words of package
// netflow.
package sflow
