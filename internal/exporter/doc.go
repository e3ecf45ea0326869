// Package exporter holds simulated flow exporters: IPFIX (RFC 7011), NetFlow v9 (RFC 3954), NetFlow
// v5 and sFlow v5. Each behaves on the wire as a router or switch of its kind does: templates and
// options resent, sequence numbers counted in its own unit, its own idea of time, a bound on the size
// of a datagram.
//
// It is written from the protocols' texts and must not know internal/netflow or any other decoder of
// ours: a test that sends with the one and reads with the other means something only while the two
// share no code.
package exporter
